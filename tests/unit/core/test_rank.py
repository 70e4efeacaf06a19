import numpy as np
import pytest

from cximpact.core.rank import dependent_columns


def test_independent_columns_are_all_needed():
    assert dependent_columns(np.eye(4)[:, :3]) == []


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_sum_is_found_whatever_its_scale(scale):
    x = np.random.default_rng(1).normal(size=(50, 3))
    x = np.column_stack([x, scale * (x[:, 0] - x[:, 2])])
    (found,) = dependent_columns(x)
    assert found in (0, 2, 3)
    assert dependent_columns(np.delete(x, found, axis=1)) == []


def test_more_columns_than_rows_and_columns_of_zeros():
    assert len(dependent_columns(np.random.default_rng(1).normal(size=(2, 5)))) == 3
    assert dependent_columns(np.column_stack([np.ones(3), np.zeros(3)])) == [1]
