from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.errors import ConfigError, ZeroVarianceError
from cximpact.effects.linkage.importance import drivers
from cximpact.effects.linkage.importance.shares import lmg, share_variance, shifted_orders
from tests.support import golden

GOLDEN = golden.load("drivers")


def covariance(seed: int, q: int, n: int = 60) -> np.ndarray:
    """Covariances of columns that hang together, the outcome last."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, q + 1)) + rng.standard_normal((n, 1))
    return np.cov(x, rowvar=False)


def r2_of(matrix: np.ndarray, columns: list[int]) -> float:
    if not columns:
        return 0.0
    block, cross = matrix[np.ix_(columns, columns)], matrix[columns, -1]
    return float(cross @ np.linalg.solve(block, cross) / matrix[-1, -1])


def over_orders(matrix: np.ndarray, blocks: list[list[int]], first: list[int]) -> np.ndarray:
    """The definition: gains averaged over all orders."""
    k = len(blocks)
    gains = np.zeros(k)
    orders = list(permutations(range(k)))
    for order in orders:
        inside = list(first)
        for j in order:
            before = r2_of(matrix, inside)
            inside = inside + blocks[j]
            gains[j] += r2_of(matrix, inside) - before
    return gains / len(orders)


def test_two_regressors_by_hand():
    pair = GOLDEN["pair"]
    shares = lmg(pair["correlations"])
    assert all(golden.close(f, p) for f, p in zip(shares, pair["shares"], strict=True))
    assert golden.close(shares.sum(), pair["r2"])


@pytest.mark.parametrize("case", ["plain", "groups"])
def test_shares_are_those_of_other_programs(case: str):
    wanted = GOLDEN[case]
    groups = wanted.get("members", {})
    ratings = [c for name in wanted["shares"] for c in groups.get(name, [name])]
    found = drivers(
        pd.DataFrame(GOLDEN["mtcars"]), outcome="mpg", ratings=ratings, groups=groups, rng=1,
        draws=2, pairs=2, collinear=1,
    )  # fmt: skip
    assert found.drivers == tuple(wanted["shares"])
    shares = dict(zip(found.drivers, found.estimate.values, strict=True))
    assert all(golden.close(shares[name], p) for name, p in wanted["shares"].items())
    assert golden.close(found.diagnostics["r2"], wanted["r2"])


@pytest.mark.parametrize(
    ("sizes", "first"), [([1, 1, 1, 1], 0), ([2, 1, 3], 0), ([1, 2, 1], 2), ([1, 1], 1)]
)
def test_shares_are_the_definition(sizes: list[int], first: int):
    matrix = covariance(3, first + sum(sizes))
    ends = np.cumsum([first, *sizes])
    blocks = [list(range(a, b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    expected = over_orders(matrix, blocks, list(range(first)))
    np.testing.assert_allclose(lmg(matrix, sizes, first=first), expected, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 2))
def test_shares_are_not_negative_and_sum_to_r2(seed: int, k: int, first: int):
    matrix = covariance(seed, first + k)
    found = share_variance(matrix[None], np.arange(k + 1), first=first)
    assert found.shares.min() >= -1e-12
    np.testing.assert_allclose(found.r2[0], r2_of(matrix, list(range(first + k))), atol=1e-10)
    np.testing.assert_allclose(found.first[0], r2_of(matrix, list(range(first))), atol=1e-10)


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.booleans())
def test_shares_do_not_depend_on_units_or_order(seed: int, scale: float, turned: bool):
    matrix = covariance(seed, 4)
    stretch = np.array([scale, -1.0, 1.0, 2.0, 3.0 if turned else -3.0])
    np.testing.assert_allclose(
        lmg(matrix * stretch[:, None] * stretch), lmg(matrix), rtol=1e-7, atol=1e-12
    )
    order = [2, 0, 3, 1]
    moved = matrix[np.ix_([*order, 4], [*order, 4])]
    np.testing.assert_allclose(lmg(moved), lmg(matrix)[order], atol=1e-10)


def test_a_copy_shares_with_its_original_and_nothing_breaks():
    matrix = covariance(5, 3)
    doubled = matrix[np.ix_([0, 0, 1, 2, 3], [0, 0, 1, 2, 3])]
    shares = lmg(doubled)
    assert shares[0] == pytest.approx(shares[1])
    assert shares.sum() == pytest.approx(r2_of(matrix, [0, 1, 2]))


def test_sampled_orders_come_near_and_sum_exactly():
    matrices = np.stack([covariance(s, 9, 200) for s in range(20)])
    exact = share_variance(matrices, np.arange(10))
    found = share_variance(matrices, np.arange(10), orders=120, rng=1)
    np.testing.assert_allclose(found.r2, exact.r2, atol=1e-10)
    np.testing.assert_allclose(found.shares, exact.shares, atol=0.006)
    # the estimate takes ten times as many orders, and knows its error
    np.testing.assert_allclose(found.shares[0], exact.shares[0], atol=0.001)
    assert 0 < found.order_error < 0.001
    assert exact.order_error == 0


def test_each_player_is_in_each_place_equally_often():
    orders = shifted_orders(5, 11, np.random.default_rng(1))
    assert len(orders) == 20
    for place in range(5):
        assert np.bincount(orders[:, place]).tolist() == [4] * 5


def test_bad_matrices_are_refused():
    with pytest.raises(ConfigError, match="square"):
        lmg([[1, 2, 3]])
    with pytest.raises(ConfigError, match="sum to the 2 regressors"):
        lmg(covariance(1, 2), [1, 2])
    with pytest.raises(ConfigError, match="at most 15"):
        lmg(covariance(1, 16))
    flat = covariance(1, 2)
    flat[-1] = flat[:, -1] = 0
    with pytest.raises(ZeroVarianceError, match="does not vary"):
        lmg(flat)
