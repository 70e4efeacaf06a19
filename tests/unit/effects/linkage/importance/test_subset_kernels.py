import numpy as np
import pytest

from cximpact.effects.linkage.importance.subset_kernels import (
    shapley_of_values,
    subset_values,
    without_first,
)


def rows(seed: int = 1, n: int = 80, q: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, q)) + rng.standard_normal((n, 1))


def residuals(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y - x @ np.linalg.lstsq(x, y, rcond=None)[0]


def test_every_set_explains_what_least_squares_says():
    x = rows()
    x = x - x.mean(axis=0)
    matrix, edges = x.T @ x / len(x), np.array([0, 1, 3, 4])
    values = subset_values(matrix, np.diag(matrix).copy(), edges, matrix[-1, -1])
    for mask in range(8):
        inside = [c for j in range(3) if mask >> (2 - j) & 1 for c in range(edges[j], edges[j + 1])]
        left = residuals(x[:, -1], x[:, inside]) if inside else x[:, -1]
        assert values[mask] == pytest.approx(1 - left @ left / (x[:, -1] @ x[:, -1]))


def test_a_column_that_others_tell_adds_nothing():
    x = rows(q=4)
    x = np.column_stack([x[:, :3], x[:, 0] + x[:, 1], x[:, 3]])
    x = x - x.mean(axis=0)
    matrix = x.T @ x / len(x)
    values = subset_values(matrix, np.diag(matrix).copy(), np.arange(5), matrix[-1, -1])
    assert values[0b1101] == pytest.approx(values[0b1100])
    assert values[0b1111] == pytest.approx(values[0b1110])
    assert values[0b0110] < values[0b0111]


def test_shapley_values_of_a_game_by_hand():
    # the glove game: one left glove, two right ones, a pair is worth 1
    values = np.zeros(8)
    values[[0b110, 0b101, 0b111]] = 1.0
    np.testing.assert_allclose(shapley_of_values(values, 3), [2 / 3, 1 / 6, 1 / 6])


def test_the_first_columns_are_taken_out():
    x = rows(2)
    x = x - x.mean(axis=0)
    left = residuals(x[:, 2:], x[:, :2])
    found = without_first((x.T @ x)[None], 2)[0]
    np.testing.assert_allclose(found, left.T @ left, atol=1e-9)


def test_a_difference_that_is_as_small_as_rounding_tells_nothing():
    """The second column is the first and a millionth of the outcome."""
    tiny = 1e-6
    matrix = np.array([[1.0, 1.0, 0.0], [1.0, 1.0 + tiny**2, tiny], [0.0, tiny, 1.0]])
    values = subset_values(matrix, np.diag(matrix).copy(), np.arange(3), 1.0)
    assert values[0b11] < 1e-9
