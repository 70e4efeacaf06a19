"""Coverage of honest bounds at the departures that are worst for them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.effects import honest_bounds, honest_posterior
from cximpact.effects.did.honest.restrictions import first_differences, second_differences
from tests.support.event_paths import effect_of, event_study_of

pytestmark = pytest.mark.slow
LEVEL, REPS = 0.9, 200
N_BEFORE, N_AFTER, STD_ERROR, SHARED = 3, 3, 0.1, 0.5


def covariance() -> np.ndarray:
    """Of coefficients against one reference, which all of them share."""
    n = N_BEFORE + N_AFTER
    return STD_ERROR**2 * (SHARED * np.ones((n, n)) + (1 - SHARED) * np.eye(n))


def magnitudes_departure(sign: float) -> np.ndarray:
    """Change once before, and by as much in every period after, in one direction."""
    return STD_ERROR * np.array([-1.0, -1.0, -1.0, sign, 2 * sign, 3 * sign])


def coverage(departure: np.ndarray, restriction: str, bound: float) -> tuple[float, float]:
    """Shares of robust and of naive intervals that hold the effect, which is zero."""
    noise = np.random.default_rng(7).multivariate_normal(departure, covariance(), REPS)
    z = stats.norm.ppf((1 + LEVEL) / 2)
    hits, naive = 0, 0
    for row in noise:
        path = event_study_of(row, covariance(), before=N_BEFORE)
        found = honest_bounds(
            effect_of(path), restriction=restriction, bounds=[bound], target=0, level=LEVEL
        ).table.loc[0]
        hits += found["conf_low"] <= 0 <= found["conf_high"]
        naive += found["set_low"] - z * STD_ERROR <= 0 <= found["set_high"] + z * STD_ERROR
    return hits / REPS, naive / REPS


def least(repeats: int = REPS) -> float:
    """Share that 99 of 100 runs of an exact procedure exceed."""
    return float(stats.binom.ppf(0.005, repeats, LEVEL)) / repeats


def test_hybrid_intervals_cover_where_the_set_with_standard_errors_does_not():
    """The ends of the set are estimated, too, from changes before treatment."""
    robust, naive = coverage(10 * magnitudes_departure(1.0), "relative_magnitudes", 1.0)
    assert robust >= least()
    assert naive < least()
    assert robust <= 0.95


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_hybrid_intervals_cover_when_changes_before_are_as_small_as_their_error(sign):
    robust, _ = coverage(magnitudes_departure(sign), "relative_magnitudes", 1.0)
    assert robust >= least()


def test_intervals_of_fixed_length_cover_at_the_largest_bend():
    """Naive ends are those of the set, which takes a line through few estimates for the truth."""
    steps = np.arange(1, N_AFTER + 1)
    bent = np.concatenate([np.zeros(N_BEFORE), STD_ERROR * steps * (steps + 1) / 2])
    robust, naive = coverage(bent, "smoothness", STD_ERROR)
    assert robust >= least()
    assert naive < least()
    line = STD_ERROR * np.array([-4.0, -3, -2, 1, 2, 3])
    robust, naive = coverage(line, "smoothness", 0.0)
    assert least() <= robust <= 0.95
    assert naive < least()


def test_the_posterior_covers_departures_drawn_from_its_prior():
    """A flat slope cannot be drawn; as it is flat, any slope will do."""
    repeats, bend, hits = 400, 0.7 * STD_ERROR, 0
    rng = np.random.default_rng(9)
    n = N_BEFORE + N_AFTER
    zero = event_study_of(np.zeros(n), covariance(), before=N_BEFORE)
    basis = np.linalg.inv(np.vstack([first_differences(zero)[N_BEFORE], second_differences(zero)]))
    for seed in range(repeats):
        steps = np.append(rng.uniform(-1, 1), bend * rng.standard_normal(n - 1))
        value = rng.multivariate_normal(basis @ steps, covariance())
        path = event_study_of(value, covariance(), before=N_BEFORE)
        drawn = honest_posterior(effect_of(path), bend=bend, draws=1000, rng=seed).draws
        low, high = np.quantile(drawn, [0.05, 0.95])
        hits += low <= 0 <= high
    low, high = stats.binom.interval(0.99, repeats, LEVEL)
    assert low <= hits <= high
