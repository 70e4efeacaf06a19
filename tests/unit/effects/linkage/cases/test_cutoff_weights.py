import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from cximpact.core.errors import DesignError
from cximpact.effects.linkage.cases.cutoff_weights import (
    BiasAware,
    best_weights,
    bias_loads,
    weigh,
)
from tests.support import golden

GOLD = golden.load("recovery")["rd_cghs"]


def gold_cells():
    cells = np.array(GOLD["cells"])
    steps = (cells[:, 0] - GOLD["cutoff"]).astype(int)
    return np.abs(steps), steps >= 0, cells[:, 1], cells[:, 2], cells[:, 3] / cells[:, 1]


def test_a_local_line_has_the_bias_that_was_published():
    steps, side, n, mean, variance = gold_cells()
    kept = steps <= GOLD["bandwidth"]
    steps, side, n, mean, variance = (v[kept] for v in (steps, side, n, mean, variance))
    x = np.column_stack([side, ~side, steps * side, steps * ~side]).astype(float)
    lines = np.linalg.solve(x.T @ (n[:, None] * x), x.T * n)
    weights = lines[0] - lines[1]
    loads = bias_loads(steps, side)
    found = weigh(mean, np.diag(variance), loads, weights, GOLD["curvature"])
    low, high = found.confidence_set(GOLD["prob"]).hull
    printed = GOLD["printed"]
    shown = {"estimate": found.estimate, "std_error": found.std_error, "bias": found.bias}
    for name, value in (shown | {"conf_low": low, "conf_high": high}).items():
        assert golden.close(value, printed[name]), name


def test_the_best_weights_are_shorter_than_the_best_local_line():
    steps, side, _, mean, variance = gold_cells()
    v = np.diag(variance)
    w = best_weights(v, steps, side, GOLD["curvature"], GOLD["prob"])
    found = weigh(mean, v, bias_loads(steps, side), w, GOLD["curvature"])
    printed = (float(GOLD["printed"]["conf_high"]) - float(GOLD["printed"]["conf_low"])) / 2
    assert found.half(0.95) < 0.92 * printed
    assert float(GOLD["printed"]["conf_low"]) < found.estimate < float(GOLD["printed"]["conf_high"])


def nps_cells(seed: int = 0):
    rng = np.random.default_rng(seed)
    score = np.arange(11)
    side = score <= 6
    steps = np.abs(score - 6)
    return steps, side, np.diag(rng.uniform(0.5, 2, 11) / rng.integers(30, 300, 11))


def half(v, steps, side, w, curvature, prob=0.9):
    return weigh(np.zeros(len(w)), v, bias_loads(steps, side), w, curvature).half(prob)


@pytest.mark.parametrize("curvature", [0.003, 0.02, 0.2])
def test_no_other_minimizer_finds_a_shorter_interval(curvature):
    """Compare with the frontier of variance and bias, solved another way."""
    steps, side, v = nps_cells()
    found = half(v, steps, side, best_weights(v, steps, side, curvature, 0.9), curvature)
    loads = bias_loads(steps, side)
    exact = np.array([side, ~side, side * steps, ~side * steps], dtype=float)
    right = np.array([1.0, -1.0, 0.0, 0.0])
    base = np.linalg.lstsq(exact, right, rcond=None)[0]
    free = np.linalg.svd(exact)[2][4:].T

    def length(u):
        return half(v, steps, side, base + free @ u, curvature)

    rng = np.random.default_rng(1)
    best = min(
        optimize.minimize(
            length, rng.normal(size=free.shape[1]), method="Powell", options={"xtol": 1e-8}
        ).fun
        for _ in range(3)
    )
    assert found <= best * (1 + 1e-6)
    assert loads.shape == (5 + 3, 11)


def test_a_small_problem_is_best_on_a_grid():
    steps, side = np.array([1, 0, 1, 2, 3]), np.array([True, True, False, False, False])
    v = np.diag([0.02, 0.02, 0.01, 0.03, 0.02])
    w = best_weights(v, steps, side, 0.1, 0.9)
    own = half(v, steps, side, w, 0.1)
    # treated: sum 1 and no slope leaves (0, 1); untreated: sum -1, no slope, one free
    free = np.linspace(-3, 3, 6001)
    shortest = np.inf
    for c in free:  # weight of the score three steps away
        b = 1 - 2 * c
        candidate = np.array([0.0, 1.0, -1 - b - c, b, c])
        assert abs(candidate[2:] @ steps[2:]) < 1e-9
        shortest = min(shortest, half(v, steps, side, candidate, 0.1))
    assert own == pytest.approx(shortest, rel=1e-6)


def test_the_bias_is_reached_by_a_curve_at_the_bound_and_never_exceeded():
    steps, side, v = nps_cells()
    curvature = 0.05
    w = best_weights(v, steps, side, curvature, 0.9)
    bias = weigh(np.zeros(11), v, bias_loads(steps, side), w, curvature).bias
    worst = 0.0
    for signs in itertools.product((-1, 1), repeat=8):
        mean = np.zeros(11)
        for mine, knots, part in ((side, range(1, 6), signs[:5]), (~side, range(1, 4), signs[5:])):
            for t, sign in zip(knots, part, strict=True):
                mean += mine * sign * curvature * np.maximum(steps - t, 0)
        worst = max(worst, abs(w @ mean))
    assert worst == pytest.approx(bias, rel=1e-9)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_lines_on_both_sides_are_taken_exactly(a, b, c, d):
    steps, side, v = nps_cells()
    w = best_weights(v, steps, side, 0.02, 0.9)
    mean = np.where(side, a + b * steps, c + d * steps)
    assert w @ mean == pytest.approx(a - c, abs=1e-9)


def test_more_curvature_never_makes_the_interval_shorter():
    steps, side, v = nps_cells()
    bounds = [0.0, 0.01, 0.05, 0.2, 1.0]
    found = [half(v, steps, side, best_weights(v, steps, side, k, 0.9), k) for k in bounds]
    assert found == sorted(found)
    flat = best_weights(v, steps, side, 0.0, 0.9)
    # with no bend it is weighted least squares of two lines
    x = np.column_stack([side, ~side, steps * side, steps * ~side]).astype(float)
    precision = np.linalg.inv(v)
    lines = np.linalg.solve(x.T @ precision @ x, x.T @ precision)
    np.testing.assert_allclose(flat, lines[0] - lines[1], atol=1e-9)


def test_the_interval_covers_where_the_bias_is_largest():
    found = BiasAware(estimate=0.0, std_error=1.0, bias=2.0, weights=np.zeros(1))
    noise = 2.0 + np.random.default_rng(1).standard_normal(200_000)
    assert np.mean(np.abs(noise) <= found.half(0.9)) == pytest.approx(0.9, abs=0.003)
    assert BiasAware(estimate=1.0, std_error=0.0, bias=0.5, weights=np.zeros(1)).half(0.9) == 0.5


def test_a_side_with_too_few_scores_is_refused():
    with pytest.raises(DesignError, match="1 score without an alert are left"):
        best_weights(np.eye(3), np.array([1, 0, 1]), np.array([True, True, False]), 0.1, 0.9)
    alone = best_weights(np.eye(3), np.array([0, 1, 2]), np.array([True, False, False]), 0.1, 0.9)
    np.testing.assert_allclose(alone, [1.0, -2.0, 1.0])
