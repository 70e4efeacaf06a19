"""Uplift by segment: the posterior finds what its data were made from, and its intervals cover."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import cximpact as cx
from cximpact.core import draws as dr
from cximpact.effects.uplift.hierarchical import HierarchicalUplift
from cximpact.effects.uplift.segment_cells import BINOMIAL, NORMAL, SegmentCells
from cximpact.effects.uplift.segment_model import SegmentPosterior, SegmentPriors
from cximpact.imputation.validation import sbc
from tests.support.segments import PRIORS, counted, drawn_terms

ROWS = np.array([[25, 40], [60, 30], [15, 15], [120, 90], [40, 60], [30, 20]])


def parameters(found: dict[str, np.ndarray], binomial: bool) -> dict[str, np.ndarray]:
    """Draws by name, ``draw`` first, with outcomes in place of terms."""
    control, treated = found["terms"][..., 0], found["terms"].sum(axis=-1)
    if binomial:
        control, treated = special.expit(control), special.expit(treated)
    return {
        "control": control,
        "effect": treated - control,
        "mean": found["mean"],
        "spread": found["spread"],
        "correlation": found["correlation"],
    }


def simulate(
    rng: np.random.Generator, family: str, priors: SegmentPriors = PRIORS
) -> tuple[dict[str, np.ndarray], SegmentCells]:
    """Parameters from the prior, and the cells of six segments."""
    found = drawn_terms(rng, len(ROWS), priors)
    cells = counted(rng, found["terms"], ROWS, family)
    lead = {name: value[None] for name, value in found.items()}
    return parameters(lead, family == BINOMIAL), cells


def fit(cells: SegmentCells, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The posterior as plain arrays."""
    tree = SegmentPosterior(cells, PRIORS).sample(int(rng.integers(2**31)), 1000)
    flat = dr.from_datatree(tree, source="sbc", allow_unconverged=True)
    names = ("control", "effect", "mean", "spread", "correlation")
    out = {name: flat[name].values for name in names}
    return out | {"effect": out["effect"][..., 0]}


def swapped(cells: SegmentCells, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A fit that takes each arm for the other."""
    turned = replace(
        cells, value=cells.value[:, ::-1], size=cells.size[:, ::-1], rows=cells.rows[:, ::-1]
    )
    return fit(turned, rng)


def quantities(draws: dict[str, np.ndarray], cells: SegmentCells) -> dict[str, np.ndarray]:
    """What segments share, effects of single ones and of all, and the log-likelihood."""
    both = np.stack([draws["control"], draws["control"] + draws["effect"]], axis=2)
    if cells.family == BINOMIAL:
        like = stats.binom.logpmf(cells.value, cells.size, np.clip(both, 0, 1))
    else:
        like = stats.norm.logpdf(cells.value, both, 1 / np.sqrt(cells.size))
    return {
        "mean effect": draws["mean"][:, 1],
        "spread of effects": draws["spread"][:, 1],
        "spread of baselines": draws["spread"][:, 0],
        "correlation": draws["correlation"][:, 0, 1],
        "effect of a small segment": draws["effect"][:, 2],
        "effect of a large segment": draws["effect"][:, 3],
        "population": draws["effect"] @ cells.share,
        "log_likelihood": like.sum(axis=(1, 2)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("family", [BINOMIAL, NORMAL])
def test_the_hierarchy_is_calibrated(family):
    found = sbc(partial(simulate, family=family), fit, quantities, n=120, rng=1)
    assert found.calibrated, found.explain()


@pytest.mark.slow
def test_effects_that_differ_more_than_the_prior_says_are_caught():
    wide = replace(PRIORS, effect_spread=5 * PRIORS.effect_spread)
    found = sbc(partial(simulate, family=NORMAL, priors=wide), fit, quantities, n=60, rng=2)
    assert found.summary().set_index("term").loc["spread of effects", "rejected"]


@pytest.mark.slow
def test_swapped_arms_are_caught():
    found = sbc(partial(simulate, family=NORMAL), swapped, quantities, n=60, rng=3)
    rejected = found.summary().set_index("term")["rejected"]
    assert rejected["log_likelihood"] and not found.calibrated


def experiment(
    rng: np.random.Generator, spread: float, spend: bool
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of twelve segments of unequal size, and their true effects."""
    n_segments = 12
    size = rng.integers(150, 900, n_segments)
    z = rng.normal(size=(n_segments, 2))
    baseline = -1.5 + 0.6 * z[:, 0]
    effect = 0.3 + spread * (0.5 * z[:, 0] + np.sqrt(0.75) * z[:, 1])
    segment = np.repeat(np.arange(n_segments), size)
    treated = (rng.random(len(segment)) < 0.4).astype(int)
    p = special.expit(baseline[segment] + effect[segment] * treated)
    y = (rng.random(len(segment)) < p).astype(float)
    truth = special.expit(baseline + effect) - special.expit(baseline)
    if spend:
        y, truth = y * rng.gamma(2.0, 10.0, len(segment)), 20.0 * truth
    return pd.DataFrame({"segment": segment, "t": treated, "y": y}), truth


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cximpact.core.errors.SmallSampleWarning")
@pytest.mark.parametrize(("spread", "spend"), [(0.0, False), (0.4, False), (0.4, True)])
def test_intervals_cover_and_pooling_lowers_the_error(spread, spend):
    rng, inside, errors = np.random.default_rng(4), [], []
    model = HierarchicalUplift(by="segment", draws=1000, allow_unconverged=True)
    for _ in range(60):
        table, truth = experiment(rng, spread, spend)
        data = cx.CrossSection(table, outcome="y", treatment="t", features=["segment"])
        found = model.fit(data, rng=rng)
        rows, own = found.summary(), found.details["own"]
        weight = np.array(list(found.details["customers"].values()))
        total = float(truth @ weight / weight.sum())
        low, high = np.quantile(found.details["population"], [0.05, 0.95])
        covered = ((rows["conf_low"] < truth) & (truth < rows["conf_high"])).mean()
        inside.append([covered, low < total < high])
        squares = [((table["estimate"] - truth) ** 2).mean() for table in (rows, own)]
        errors.append(squares)
    by_segment, overall = np.mean(inside, axis=0)
    assert 0.86 < by_segment < (1.0 if spread == 0 else 0.95)
    assert 0.78 < overall < 0.99
    pooled, alone = np.sqrt(np.mean(errors, axis=0))
    assert pooled < (0.6 if spread == 0 else 0.95) * alone
