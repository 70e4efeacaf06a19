"""From answers to the return: intervals of the ROI in a world whose return is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from cximpact import roi
from cximpact.core import draws as dr
from cximpact.core.errors import CxImpactWarning
from cximpact.data.simulate import simulate_onboarding
from cximpact.effects import GroupTime, ImputationDiD
from tests.support.did_evidence import onboarding_means

REPEATS, JOINERS, TRUE_ROI = 200, 28_800, 0.4137
SCORE_GAIN = 0.541  # of the effort score, from 4.679 to 5.220


def return_of(effect, seed: int) -> roi.RoiResult:
    """The roll-out to all joiners of a year: margin 180, 6 a joiner and 40,000 once."""
    item = roi.Initiative(
        name="onboarding",
        n=JOINERS,
        effect=effect,
        mechanism="one_time",
        value=180.0,
        currency="EUR",
        costs={"one_off": 40_000, "per_treated": 6},
    )
    return roi.simulate(item, horizon=1, period="year", discount_rate=0.0, rng=seed)


def interval(result: roi.RoiResult) -> tuple[float, float]:
    low, high = np.quantile(result.roi_draws().values, [0.05, 0.95])
    return float(low), float(high)


def naive_effect(seed: int, adjusted: bool):
    """Retention on the effort of those who answered, times the gain in effort."""
    people = simulate_onboarding(np.random.default_rng([4, seed])).customers
    people = people[people["ces"].notna()]
    columns = [np.ones(len(people)), people["ces"].to_numpy(float)]
    columns += [people["x"].to_numpy(float)] if adjusted else []
    design, y = np.column_stack(columns), people["retained"].to_numpy(float)
    solve = np.linalg.pinv(design)
    beta = solve @ y
    rest = y - design @ beta
    error = np.sqrt(np.diag((solve * rest**2) @ solve.T))[1]
    draws = beta[1] + error * np.random.default_rng(seed).standard_normal(1000)
    return dr.from_array(SCORE_GAIN * draws, source=f"ols {seed}", attrs={"unit": "pp"})


@pytest.mark.slow
def test_the_interval_of_the_return_holds_it_as_often_as_it_says():
    estimators = {
        "imputation": ImputationDiD(draws=2000),
        "group-time": GroupTime(
            control="not_yet", small_sample=True, inference="normal", draws=2000
        ),
    }
    hits = {name: [] for name in (*estimators, "naive", "naive, adjusted")}
    means = {name: [] for name in hits}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CxImpactWarning)
        for seed in range(REPEATS):
            data = onboarding_means(seed)
            found = {
                name: estimator.fit(data, rng=seed).aggregate("simple")
                for name, estimator in estimators.items()
            }
            found |= {
                "naive": naive_effect(seed, False),
                "naive, adjusted": naive_effect(seed, True),
            }
            for name, effect in found.items():
                result = return_of(effect, seed)
                low, high = interval(result)
                hits[name].append(low <= TRUE_ROI <= high)
                means[name].append(result.roi())
    low, high = (x / REPEATS for x in stats.binom.interval(0.99, REPEATS, 0.9))
    for name in estimators:
        mean, error = np.mean(means[name]), np.std(means[name]) / np.sqrt(REPEATS)
        assert low <= np.mean(hits[name]) <= high, (name, np.mean(hits[name]))
        assert abs(mean - TRUE_ROI) < 4 * error
    widths = {name: np.std(means[name]) for name in estimators}
    assert widths["imputation"] < widths["group-time"]
    for name in ("naive", "naive, adjusted"):
        assert np.mean(hits[name]) < 0.5, (name, np.mean(hits[name]))
    assert means["naive"] and abs(np.mean(means["naive"]) - TRUE_ROI) > 0.05
