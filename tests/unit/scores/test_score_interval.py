import numpy as np
import pytest
from scipy import optimize

from cximpact.scores import score_interval
from cximpact.scores.score_interval import merge_equal_values, score_limits

Z = 1.6448536269514722
NET = np.array([-1.0, 0.0, 1.0])


def tango(top, bottom, n, z):
    """Tango's closed form, solved for both ends."""

    def statistic(delta):
        a, c = 2 * n, -bottom * delta * (1 - delta)
        b = -top - bottom + (2 * n - top + bottom) * delta
        q = (np.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a)
        return (top - bottom - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))

    estimate, tiny = (top - bottom) / n, 1e-12
    low = (
        -1.0
        if estimate == -1
        else optimize.brentq(lambda d: statistic(d) - z, -1 + tiny, estimate - tiny)
    )
    high = (
        1.0
        if estimate == 1
        else optimize.brentq(lambda d: statistic(d) + z, estimate + tiny, 1 - tiny)
    )
    return low, high


@pytest.mark.parametrize(
    "counts", [(1, 3, 6), (0, 0, 5), (0, 7, 0), (30, 70, 100), (3, 6, 0), (4, 0, 0), (5, 0, 1)]
)
def test_a_net_score_has_the_interval_of_tango(counts):
    n = float(sum(counts))
    found = score_limits(np.array([counts]) / n, NET, np.array([n]), Z)
    assert np.allclose(np.ravel(found), tango(counts[2], counts[0], n, Z), atol=1e-9)


@pytest.mark.parametrize("counts", [(0, 4), (4, 0), (1, 9), (37, 63)])
def test_the_general_route_agrees_with_wilson(counts):
    n, unit = np.array([float(sum(counts))]), np.array([0.0, 1.0])
    shares = np.array([counts]) / n
    low = score_interval._lower_limit(shares, unit, n, Z)
    high = 1 - score_interval._lower_limit(shares, 1 - unit, n, Z)
    assert np.allclose([low, high], score_limits(shares, unit, n, Z), atol=1e-9)


def constrained_variance(shares, values, mean):
    """Variance at the best fit with a given mean, by a general optimizer."""

    def loss(p):
        return -(shares * np.log(np.maximum(p, 1e-12))).sum()

    rules = [
        {"type": "eq", "fun": lambda p: p.sum() - 1},
        {"type": "eq", "fun": lambda p: p @ values - mean},
    ]
    start = np.full(values.size, 1 / values.size)
    options = {"ftol": 1e-14, "maxiter": 500}
    fit = optimize.minimize(
        loss, start, bounds=[(0, 1)] * values.size, constraints=rules, options=options
    )
    return fit.x @ (values - mean) ** 2


@pytest.mark.parametrize("counts", [(5, 10, 25, 90, 70), (0, 1, 0, 4, 5), (0, 0, 2, 3, 0)])
def test_the_general_limits_solve_the_score_equation(counts):
    values, n = np.arange(1.0, 6), float(sum(counts))
    shares = np.array([counts]) / n
    for end in score_limits(shares, values, np.array([n]), Z):
        mean = float(end[0])
        if mean in (1.0, 5.0):
            continue
        statistic = (shares[0] @ values - mean) ** 2 * n
        expected = Z**2 * constrained_variance(shares[0], values, mean)
        assert statistic == pytest.approx(expected, rel=1e-3)


def test_agreement_of_all_answers_still_gives_a_width():
    low, high = score_limits(np.array([[0, 0, 0, 0, 1.0]]), np.arange(1.0, 6), np.array([3.0]), Z)
    assert high[0] == 5
    assert low[0] == pytest.approx(5 - 4 * Z**2 / (3 + Z**2))


def test_everybody_answered_leaves_no_width():
    shares = np.array([[0.2, 0.3, 0.5]])
    for values in (NET, np.array([0.0, 1.0, 5.0]), np.array([0.0, 1.0, 1.0])):
        low, high = score_limits(shares, values, np.array([np.inf]), Z)
        assert low[0] == high[0] == pytest.approx(shares[0] @ values)


def test_groups_do_not_touch_each_other():
    rng = np.random.default_rng(2)
    shares, n = rng.dirichlet(np.ones(5), 6), rng.uniform(3, 80, 6)
    together = score_limits(shares, np.arange(5.0), n, Z)
    alone = [score_limits(shares[[i]], np.arange(5.0), n[[i]], Z) for i in range(6)]
    assert np.allclose(together, np.hstack(alone), atol=1e-12)


def test_answers_that_count_the_same_are_merged():
    merged, kept = merge_equal_values(np.array([[0.1, 0.2, 0.7]]), np.array([1.0, 0.0, 1.0]))
    assert kept.tolist() == [0, 1]
    assert np.allclose(merged, [[0.2, 0.8]])
