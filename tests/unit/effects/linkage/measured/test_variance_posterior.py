import numpy as np
import pytest

from cximpact.core.errors import InsufficientDataError, RankError, ZeroVarianceError
from cximpact.effects.linkage.measured.variance_posterior import (
    UnitSums,
    draw_units,
    log_ratio_density,
    unit_sums,
)


def world(seed=1, units=8, between=1.0, slope=0.5, largest=12):
    rng = np.random.default_rng(seed)
    n = rng.integers(2, largest, units)
    unit = np.repeat(np.arange(units), n)
    x = rng.normal(size=(unit.size, 1))
    x -= x.mean(axis=0)
    u = between * rng.normal(size=units)
    y = 3 + u[unit] + slope * x[:, 0] + rng.normal(size=unit.size)
    return y, x, unit, u


def test_the_density_is_that_of_the_dense_model():
    y, x, unit, _ = world()
    sums = unit_sums(y, x, unit, np.ones(y.size), ("x",))
    ratio, within = np.array([0.0, 0.4, 3.0]), np.array([0.8, 1.3])
    means = np.stack([sums.adjusted + 1e3, sums.adjusted**2])
    found = log_ratio_density(means, within, sums.n, ratio)

    def dense(mean, sigma, r):
        v = sigma**2 * np.diag(r**2 + 1 / sums.n)
        inverse, one = np.linalg.inv(v), np.ones(sums.n.size)
        total = one @ inverse @ one
        rest = mean @ inverse @ mean - (one @ inverse @ mean) ** 2 / total
        return -0.5 * (np.linalg.slogdet(v)[1] + np.log(total) + rest) - np.log1p(r**2)

    for i in range(2):
        expected = np.array([dense(means[i], within[i], r) for r in ratio])
        np.testing.assert_allclose(np.diff(found[i]), np.diff(expected), rtol=1e-6)


def test_draws_match_the_moments_of_the_posterior():
    y, x, unit, _ = world(units=5)
    sums = unit_sums(y, x, unit, np.ones(y.size), ("x",))
    drawn = draw_units(sums, 40_000, np.random.default_rng(2))
    assert drawn.slopes.mean() == pytest.approx(float(sums.slopes[0]), abs=0.01)
    square = sums.rest / (sums.degrees - 2)
    assert (drawn.within**2).mean() == pytest.approx(square, rel=0.02)
    assert drawn.slopes.var() == pytest.approx(square * sums.inverse[0, 0], rel=0.05)
    # the ratio, by brute force over the same draws of everything else
    ratio = np.linspace(0.0, 30.0, 3001)
    adjusted = sums.y - drawn.slopes[:300] @ sums.x.T
    log = log_ratio_density(adjusted, drawn.within[:300], sums.n, ratio)
    mass = np.exp(log - log.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    below = (mass[:, ratio <= 1.0]).sum(axis=1).mean()
    assert (drawn.between / drawn.within <= 1.0).mean() == pytest.approx(below, abs=0.02)


def test_units_given_the_variances_are_normal_around_their_shrunken_means():
    sums = UnitSums(
        n=np.array([4.0, 9.0]),
        y=np.array([1.0, 3.0]),
        x=np.empty((2, 0)),
        slopes=np.empty(0),
        inverse=np.empty((0, 0)),
        rest=1e6,
    )
    drawn = draw_units(sums, 60_000, np.random.default_rng(0))
    # the difference of the units' scores, drawn by drawn variances
    square = (drawn.between / drawn.within) ** 2
    trust = square[:, None] * sums.n / (1 + square[:, None] * sums.n)
    share = sums.n / (1 + square[:, None] * sums.n)
    mean = (share @ sums.y) / share.sum(axis=1)
    expected = mean[:, None] + trust * (sums.y - mean[:, None])
    error = (drawn.units - expected) / drawn.within[:, None]
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=0.02)
    variance = trust / sums.n + (1 - trust) ** 2 / share.sum(axis=1)[:, None]
    np.testing.assert_allclose((error**2).mean(axis=0), variance.mean(axis=0), rtol=0.03)


def test_slopes_are_those_within_units():
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(30), 40)
    u = 2 * rng.normal(size=30)
    x = u[unit] + rng.normal(size=unit.size)
    y = u[unit] + 0.5 * x + 0.5 * rng.normal(size=unit.size)
    sums = unit_sums(y, (x - x.mean())[:, None], unit, np.ones(y.size), ("x",))
    assert float(sums.slopes[0]) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(sums.adjusted, u + 0.5 * x.mean(), atol=0.35)
    assert np.polyfit(x, y, 1)[0] > 1.2


def test_large_units_keep_their_mean_and_small_ones_do_not():
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(12), [3] * 6 + [2000] * 6)
    y = rng.normal(size=12)[unit] + rng.normal(size=unit.size) * 3
    sums = unit_sums(y, np.empty((y.size, 0)), unit, np.ones(y.size), ())
    drawn = draw_units(sums, 4000, rng)
    moved = np.abs(drawn.units.mean(axis=0) - sums.y)
    assert moved[6:].max() < 0.03
    assert np.std(drawn.units.mean(axis=0)[:6]) < np.std(sums.y[:6])
    assert drawn.units[:, :6].std() > 3 * drawn.units[:, 6:].std(axis=0).max()


def test_weights_lower_the_effective_answers():
    y, x, unit, _ = world()
    even = unit_sums(y, x, unit, np.full(y.size, 7.0), ("x",))
    plain = unit_sums(y, x, unit, np.ones(y.size), ("x",))
    np.testing.assert_allclose(even.n, plain.n)
    np.testing.assert_allclose(even.inverse, plain.inverse)
    assert even.rest == pytest.approx(plain.rest)
    uneven = unit_sums(y, x, unit, np.random.default_rng(0).uniform(0.1, 3, y.size), ("x",))
    assert (uneven.n < plain.n).all()


def test_the_variance_within_is_that_of_the_within_regression():
    y, x, unit, _ = world(units=6)
    sums = unit_sums(y, x, unit, np.ones(y.size), ("x",))
    center = lambda v: v - (np.bincount(unit, weights=v) / np.bincount(unit))[unit]  # noqa: E731
    a, b = center(x[:, 0]), center(y)
    rest = b - a * (a @ b) / (a @ a)
    assert sums.within == pytest.approx(rest @ rest / (y.size - 6 - 1))


@pytest.mark.parametrize(
    ("y", "x", "unit", "error"),
    [
        ([1.0, 2], np.empty((2, 0)), [0, 1], InsufficientDataError),
        ([1.0, 2, 3], np.empty((3, 0)), [0, 0, 0], InsufficientDataError),
        ([1.0, 1, 2, 2, 3, 3], np.empty((6, 0)), [0, 0, 1, 1, 2, 2], ZeroVarianceError),
        (np.arange(12.0) ** 2, np.arange(12.0)[:, None] * [1, 2], [0, 1] * 6, RankError),
        (np.arange(12.0), np.array([[-1.0], [1.0]] * 6), [0, 1] * 6, RankError),
    ],
)
def test_what_cannot_be_learned_is_refused(y, x, unit, error):
    with pytest.raises(error):
        unit_sums(np.array(y), x, np.array(unit), np.ones(len(y)), ("a", "b")[: x.shape[1]])
