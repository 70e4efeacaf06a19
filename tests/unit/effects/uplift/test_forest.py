"""The honest forest: what a tree holds, what a forest predicts, and its errors."""

from dataclasses import replace

import numpy as np
import pytest

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.effects.uplift.forest import HonestForest, _binned, _slope
from cximpact.effects.uplift.forest_kernels import LEAF, average_in_leaves

RNG = np.random.default_rng(11)
N = 4000
X = RNG.uniform(-1, 1, (N, 3))
STEP = np.where(X[:, 0] > 0, 1.0, -1.0)
Y = STEP + RNG.normal(0, 0.5, N)
ONES = np.ones(N)
ROWS = np.arange(N)


@pytest.fixture(scope="module")
def forest():
    return HonestForest().fit(X, Y, ONES, ROWS, 1)


def leaves_of(forest, tree: int, x: np.ndarray) -> np.ndarray:
    """Send rows down one tree, in plain Python."""
    out = np.zeros(len(x), dtype=int)
    for i, row in enumerate(x):
        node = 0
        while forest.nodes[tree, node, 0] != LEAF:
            feature, cut, child = forest.nodes[tree, node, :3]
            place = np.searchsorted(forest.edges[feature], row[feature], side="right")
            node = child if place <= cut else child + 1
        out[i] = node
    return out


def test_a_step_is_found(forest):
    found = forest.point(X)
    assert np.sqrt(np.mean((found - STEP) ** 2)) < 0.15
    assert np.corrcoef(found, STEP)[0, 1] > 0.98


def test_the_kernel_goes_down_trees_as_plain_python_does(forest):
    some = X[:40]
    sums = np.zeros((40, 2))
    for tree in range(len(forest.nodes)):
        sums += forest.sums[tree, leaves_of(forest, tree, some)]
    raw = sums[:, 0] / sums[:, 1]
    expected = forest.center + forest.slope * (raw - forest.raw_center)
    np.testing.assert_allclose(forest.point(some), expected, rtol=1e-10)


def test_leaves_are_valued_by_rows_that_did_not_shape_them():
    # pure noise: a dishonest leaf would lie far from zero where it was split to look good
    noise = RNG.normal(0, 1, N)
    forest = HonestForest(trees=50, groups=10, min_leaf=5).fit(X, noise, ONES, ROWS, 2)
    values = forest.sums[..., 0][forest.sums[..., 1] > 0]
    shares = np.abs(values) > 2 / np.sqrt(5)
    assert shares.mean() < 0.12


def test_without_heterogeneity_effects_hardly_vary():
    noise = 0.3 + RNG.normal(0, 1, N)
    forest = HonestForest().fit(X, noise, ONES, ROWS, 3)
    found = forest.point(X)
    assert forest.slope < 0.6
    assert found.mean() == pytest.approx(noise.mean(), abs=0.01)
    assert found.std() < 0.06


def test_weights_count_rows():
    weight = np.where(X[:, 1] > 0, 1e-9, 1.0)
    shifted = np.where(X[:, 1] > 0, 50.0, Y)
    forest = HonestForest(features=1.0).fit(X[:, :1], shifted, weight, ROWS, 1)
    found = forest.point(X[:, :1])
    assert np.sqrt(np.mean((found - STEP) ** 2)) < 0.25


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_numbers_for_any_number_of_threads(forest, threads: int):
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    try:
        again = HonestForest().fit(X, Y, ONES, ROWS, 1)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(again.point(X[:100]), forest.point(X[:100]))
    np.testing.assert_array_equal(again.errors(X[:100]), forest.errors(X[:100]))


def test_errors_are_draws_around_zero(forest):
    drawn = forest.errors(X[:500])
    assert drawn.shape == (50, 500)
    assert np.abs(drawn.mean(axis=0)).max() < 0.2 * drawn.std(axis=0).min() + 0.05
    off = np.abs(forest.point(X[:500]) - STEP[:500])
    far = np.abs(X[:500, 0]) > 0.1
    assert (off < 1.645 * drawn.std(axis=0, ddof=1))[far].mean() > 0.8


def test_a_cluster_lies_wholly_inside_or_outside_a_group():
    cluster = np.repeat(np.arange(N // 20), 20)
    shared = RNG.normal(0, 1, N // 20)[cluster]
    target = shared + RNG.normal(0, 0.1, N)
    by_cluster = HonestForest().fit(X, target, ONES, cluster, 1)
    by_row = HonestForest().fit(X, target, ONES, ROWS, 1)
    wide = by_cluster.errors(X[:300]).std(axis=0).mean()
    assert wide > 1.5 * by_row.errors(X[:300]).std(axis=0).mean()


def test_monotone_changes_of_a_feature_change_nothing(forest):
    moved = np.column_stack([np.exp(3 * X[:, 0]), X[:, 1:]])
    again = HonestForest().fit(moved, Y, ONES, ROWS, 1)
    np.testing.assert_array_equal(again.point(moved), forest.point(X))


def test_too_few_clusters_are_refused():
    with pytest.raises(InsufficientDataError, match="at least 16"):
        HonestForest().fit(X[:15], Y[:15], ONES[:15], ROWS[:15], 1)


@pytest.mark.parametrize(
    "settings",
    [{"groups": 5}, {"trees": 60}, {"min_leaf": 0}, {"bins": 1}, {"bins": 300}, {"features": 0}],
)
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        HonestForest(**settings)


def test_an_unknown_slope_stays_near_its_prior():
    rng = np.random.default_rng(3)
    off, left = rng.normal(0, 0.01, 60), rng.normal(0, 1, 60)
    weight = rng.uniform(0.5, 2, 60)
    size = weight @ off**2
    found = weight @ (off * left) / size
    error = np.sqrt(((weight * off * (left - found * off)) ** 2).sum()) / size
    precision = 4 + 1 / error**2
    mean, deviation = _slope(off, left, weight)
    assert mean == pytest.approx(max((4 + found / error**2) / precision, 0.1))
    assert deviation == pytest.approx(precision**-0.5)
    assert abs(mean - 1) < 0.2 < abs(found - 1)


def test_the_forests_own_effects_are_averaged_in_its_leaves(forest):
    few = X[:200]
    binned, out = _binned(few, forest.edges), np.zeros_like(forest.sums)
    weight, effect = np.linspace(1, 2, 200), forest.point(few)
    average_in_leaves(binned, forest.nodes, weight * effect, weight, out)
    leaf = leaves_of(forest, 7, few)
    for node in np.unique(leaf):
        own = leaf == node
        expected = (weight * effect)[own].mean(), weight[own].mean()
        np.testing.assert_allclose(out[7, node], expected)


def test_errors_hold_the_square_of_what_is_smoothed_away(forest):
    some = X[:300]
    still = replace(forest, slope_sd=0.0)
    nothing = replace(still, again=np.zeros_like(forest.again))
    sums = np.zeros((300, 2))
    for tree in range(len(forest.nodes)):
        sums += forest.again[tree, leaves_of(forest, tree, some)]
    moved = sums[:, 0] / sums[:, 1] - forest.point(some)
    with_it, without = (f.errors(some).var(axis=0, ddof=1) for f in (still, nothing))
    np.testing.assert_allclose(with_it - without, moved**2 - forest.point(some) ** 2, atol=1e-9)
