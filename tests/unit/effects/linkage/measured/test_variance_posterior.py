import numpy as np
import pytest

from cximpact.core.errors import InsufficientDataError, RankError, ZeroVarianceError
from cximpact.effects.linkage.measured.variance_posterior import _given, draw_units, unit_sums


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
    full = np.column_stack([np.ones(y.size), x])
    same = unit[:, None] == unit[None]

    def dense(square):
        v = np.eye(y.size) + square * same
        inverse = np.linalg.inv(v)
        xx = full.T @ inverse @ full
        slopes = np.linalg.solve(xx, full.T @ inverse @ y)
        rest = (y - full @ slopes) @ inverse @ (y - full @ slopes)
        log = np.linalg.slogdet(v)[1] + np.linalg.slogdet(xx)[1] + (y.size - 2) * np.log(rest)
        return -0.5 * log, slopes, rest

    for square in (0.0, 0.3, 4.0):
        found, expected = _given(sums, square), dense(square)
        assert found[0] == pytest.approx(expected[0], rel=1e-10)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)
        assert found[3] == pytest.approx(expected[2], rel=1e-9)


def test_draws_match_the_moments_of_the_exact_posterior():
    y, x, unit, _ = world(units=5)
    sums = unit_sums(y, x, unit, np.ones(y.size), ("x",))
    drawn = draw_units(sums, 40_000, np.random.default_rng(2))
    ratio = np.linspace(1e-6, 40, 40_000)
    fits = [_given(sums, r**2) for r in ratio[::40]]
    log = np.array([f[0] for f in fits]) - np.log1p(ratio[::40] ** 2)
    weight = np.exp(log - log.max())
    mean = np.average([f[1][1] for f in fits], weights=weight)
    assert drawn.slopes[:, 1].mean() == pytest.approx(mean, abs=0.02)
    squares = np.array([f[3] for f in fits]) / (y.size - 2 - 2)
    assert (drawn.within**2).mean() == pytest.approx(np.average(squares, weights=weight), rel=0.02)
    found = np.median(drawn.between / drawn.within)
    exact = ratio[::40][np.searchsorted(np.cumsum(weight), weight.sum() / 2)]
    assert found == pytest.approx(exact, rel=0.05)


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
    np.testing.assert_allclose(even.xx, plain.xx)
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
        (np.arange(12.0), np.ones((12, 2)) * np.arange(12)[:, None], [0, 1] * 6, RankError),
    ],
)
def test_what_cannot_be_learned_is_refused(y, x, unit, error):
    with pytest.raises(error):
        unit_sums(np.array(y), x, np.array(unit), np.ones(len(y)), ("a", "b")[: x.shape[1]])
