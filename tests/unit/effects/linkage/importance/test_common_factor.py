import numpy as np
import pytest

from cximpact.effects.linkage.importance.common_factor import directions, with_common_factor
from cximpact.effects.linkage.importance.rating_players import Players
from cximpact.effects.linkage.importance.shares import share_variance


def columns(n: int = 400) -> np.ndarray:
    """A covariate, three ratings with a halo, a mark, an outcome."""
    rng = np.random.default_rng(4)
    z, halo = rng.standard_normal((2, n))
    ratings = 0.5 * z[:, None] + halo[:, None] + rng.standard_normal((n, 3))
    mark = (rng.random(n) < 0.3).astype(float)
    y = halo + 0.6 * (ratings[:, 0] - halo) + 0.3 * mark + 0.4 * z + rng.standard_normal(n)
    x = np.column_stack([z, ratings, mark, y])
    return x - x.mean(axis=0)


def test_the_factor_is_the_first_component_of_what_is_left():
    x = columns()
    matrix = np.cov(x, rowvar=False, ddof=0)[None]
    found = with_common_factor(matrix, 1, [0, 1, 2])[0]
    z = x[:, :1]
    left = x[:, 1:4] - z @ np.linalg.lstsq(z, x[:, 1:4], rcond=None)[0]
    left = left / left.std(axis=0)
    factor = x[:, 1:4] @ (np.linalg.svd(left, full_matrices=False)[2][0] / 1.0)
    # the same factor up to the scales of the ratings, which differ a little
    score = left @ np.linalg.svd(left, full_matrices=False)[2][0]
    inside = found[1, [0, 2, 3, 4, 5, 6]]
    assert found.shape == (7, 7)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    np.testing.assert_allclose(np.delete(np.delete(found, 1, 0), 1, 1), matrix[0], atol=1e-12)
    rest = factor - z[:, 0] * (z[:, 0] @ factor) / (z[:, 0] @ z[:, 0])
    assert abs(np.corrcoef(rest, score)[0, 1]) > 0.99
    # covariance of the factor with every column, beyond the covariate, as from its scores
    beyond = inside - found[1, 0] / found[0, 0] * matrix[0][0]
    expected = x.T @ score / len(x)
    ratio = beyond[1:] / expected[1:]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


def test_common_and_own_parts_sum_to_the_same_r2():
    matrix = np.cov(columns(), rowvar=False)[None]
    edges = np.array([0, 1, 2, 4])
    raw = share_variance(matrix, edges, first=1)
    halo = share_variance(with_common_factor(matrix, 1, [0, 1, 2]), edges, first=2)
    assert halo.r2[0] == pytest.approx(raw.r2[0])
    assert halo.first[0] > raw.first[0] + 0.2
    assert halo.shares[0].argmax() == 0


def test_a_rating_that_covariates_tell_is_no_part_of_the_factor():
    x = columns()
    x[:, 2] = x[:, 0]
    found = with_common_factor(np.cov(x, rowvar=False)[None], 1, [0, 1, 2])
    assert np.isfinite(found).all()


def test_directions_are_signs_of_what_is_left():
    x = columns()
    x[:, -1] = x[:, 1] - x[:, 2] + 5 * x[:, 0]
    players = Players(
        names=("a", "b + c"), ratings=(("a",), ("b", "c")), columns=("a", "b", "c", "m"),
        edges=np.array([0, 1, 4]), notes=(),
    )  # fmt: skip
    matrix = np.cov(x, rowvar=False)[None]
    assert directions(matrix, 1, players).tolist() == [1, -1]
