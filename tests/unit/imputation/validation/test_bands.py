"""Simultaneous bands: their probability, by an exact recursion and by simulation."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.imputation.validation.bands import ecdf_test, simulated_counts, smallest_tails


def exact_coverage(n, points, low, high):
    """Probability that uniform counts stay within limits at all points, by recursion."""
    state = np.zeros(n + 1)
    state[0] = 1.0
    before = 0.0
    for z, a, b in zip(points, low, high, strict=True):
        share = (z - before) / (1 - before)
        after = np.zeros(n + 1)
        for m in range(n + 1):
            if state[m] > 0:
                after[m:] += state[m] * stats.binom.pmf(np.arange(n + 1 - m), n - m, share)
        after[: int(a)] = 0
        after[int(b) + 1 :] = 0
        state, before = after, z
    return state.sum()


@pytest.mark.parametrize(("n", "prob"), [(30, 0.9), (80, 0.9), (80, 0.5), (150, 0.95)])
def test_the_band_holds_its_probability_exactly(n, prob):
    points = np.arange(1, 25) / 25
    test = ecdf_test(np.full(n, 0.5), points=points, prob=prob, rng=1, n_sim=20_000)
    found = exact_coverage(n, points, np.round(test.low * n), np.round(test.high * n))
    assert found == pytest.approx(prob, abs=0.03)
    assert found >= prob - 0.01


def test_uniform_values_are_rejected_as_often_as_said():
    points = np.arange(1, 100) / 100
    test = ecdf_test(np.full(500, 0.5), points=points, prob=0.9, rng=2)
    rng = np.random.default_rng(3)
    counts = np.array([np.searchsorted(np.sort(rng.random(500)), points) for _ in range(4000)])
    inside = ((counts / 500 >= test.low - 1e-12) & (counts / 500 <= test.high + 1e-12)).all(axis=1)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_p_values_are_uniform_under_uniformity_and_agree_with_the_band():
    rng = np.random.default_rng(4)
    tests = [ecdf_test(rng.random(200), rng=i, n_sim=500) for i in range(60)]
    p = np.array([test.p_value for test in tests])
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert all(
        test.inside == (test.p_value > 0.1) for test in tests if abs(test.p_value - 0.1) > 0.01
    )


def test_values_that_pile_up_leave_the_band():
    rng = np.random.default_rng(5)
    narrow = ecdf_test(rng.beta(3, 3, 500), rng=1)
    shifted = ecdf_test(rng.beta(1, 1.4, 500), rng=1)
    assert not narrow.inside and narrow.p_value < 0.001
    assert not shifted.inside and shifted.largest_gap > 0.05
    table = narrow.table()
    assert table["estimate"].to_numpy() == pytest.approx(narrow.ecdf - narrow.points)
    assert (table["conf_low"] <= 0).all() and (table["conf_high"] >= 0).all()


def test_smallest_tails_are_binomial():
    """Of 10 values 9 lie below 0.5: 2 P(X >= 9) = 22/1024."""
    assert smallest_tails(np.array([[9]]), 10, np.array([0.5]))[0] == pytest.approx(22 / 1024)
    assert smallest_tails(np.array([[5]]), 10, np.array([0.5]))[0] == 1.0


def test_simulated_counts_have_binomial_margins():
    counts = simulated_counts(20, np.array([0.2, 0.7]), 20_000, np.random.default_rng(0))
    assert counts.mean(axis=0) == pytest.approx([4, 14], abs=0.06)
    assert np.cov(counts.T)[0, 1] == pytest.approx(20 * 0.2 * 0.3, abs=0.06)


def test_same_seed_same_band_and_bad_values_are_refused():
    values = np.random.default_rng(0).random(50)
    assert np.array_equal(ecdf_test(values, rng=1).low, ecdf_test(values, rng=1).low)
    with pytest.raises(ConfigError, match="expected 0 to 1"):
        ecdf_test([0.2, 1.3], rng=1)
