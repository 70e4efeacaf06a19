"""Coverage of effects by segment in worlds whose effects are drawn from the prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.effects.did.hierarchical import HierarchicalDiD
from tests.support.did import (
    FEW,
    STAGGERED,
    cross_section,
    panel,
    segment_world,
    store_shares,
)

pytestmark = pytest.mark.slow
REPEATS, SEGMENTS = 200, 8


def band(repeats: int, prob: float = 0.9) -> tuple[float, float]:
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def covers(draws, truth) -> np.ndarray:
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    return (low <= truth) & (truth <= high)


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("across", [False, True])
def test_intervals_of_segments_mean_and_a_new_segment_cover(across):
    estimator = HierarchicalDiD(by="segment", omega_scale=0.5, mu_scale=1.0, draws=2000)
    hits = {"segments": [], "own": [], "population_mean": [], "new_segment": []}
    errors = {"pooled": [], "own": []}
    for seed in range(REPEATS):
        rng = np.random.default_rng([41, seed])
        mu, omega = rng.standard_normal(), 0.5 * abs(rng.standard_normal())
        effects = mu + omega * rng.standard_normal(SEGMENTS + 1)
        clusters = 30 if across else 12
        table = segment_world(
            rng, effects[:-1], clusters=clusters, per_cluster=2, shock=0.4, across=across
        )
        found = estimator.fit(panel(table, cluster="cluster"), rng=seed)
        own = found.details["own"]
        hits["segments"].append(covers(found.draws.values, effects[:-1]).mean())
        inside = (own["conf_low"] <= effects[:-1]) & (effects[:-1] <= own["conf_high"])
        hits["own"].append(inside.mean())
        hits["population_mean"].append(covers(found.details["population_mean"].values, mu))
        hits["new_segment"].append(covers(found.details["new_segment"].values, effects[-1]))
        errors["pooled"].append(np.mean((found.draws.values.mean(axis=0) - effects[:-1]) ** 2))
        errors["own"].append(np.mean((own["estimate"] - effects[:-1]) ** 2))
    low, high = band(REPEATS)
    shares = {name: float(np.mean(values)) for name, values in hits.items()}
    assert all(low <= share <= high for share in shares.values()), shares
    rmse = {name: float(np.sqrt(np.mean(values))) for name, values in errors.items()}
    assert rmse["pooled"] < 0.9 * rmse["own"], rmse


@pytest.mark.filterwarnings(FEW, STAGGERED)
def test_the_generative_form_covers_effects_on_shares_and_beats_each_segment_alone():
    worlds, segments = 24, 6
    estimator = HierarchicalDiD(by="segment", form="generative")
    hits, off, errors = [], [], {"pooled": [], "own": []}
    for seed in range(worlds):
        rng = np.random.default_rng([43, seed])
        mu, omega = 0.5 * rng.standard_normal(), 0.5 * abs(rng.standard_normal())
        rows, truth = store_shares(rng, mu + omega * rng.standard_normal(segments))
        found = estimator.fit(cross_section(rows), rng=seed)
        table, own = found.summary(), found.details["own"]
        hits.append(covers(found.draws.values, truth).mean())
        off.append((table["estimate"] - truth) / table["std_error"])
        errors["pooled"].append(np.mean((table["estimate"] - truth) ** 2))
        errors["own"].append(np.mean((own["estimate"] - truth) ** 2))
    low, high = band(3 * worlds)  # six intervals of one world hold about as much as three
    assert low <= np.mean(hits) <= high, np.mean(hits)
    assert 0.8 < np.std(off) < 1.25, np.std(off)
    rmse = {name: float(np.sqrt(np.mean(values))) for name, values in errors.items()}
    assert rmse["pooled"] < 0.75 * rmse["own"], rmse
