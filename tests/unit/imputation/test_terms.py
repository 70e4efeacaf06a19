from __future__ import annotations

import numpy as np
import pytest

from cximpact.imputation.terms import crossed_basis, drift_basis, walk_basis, zero_sum_basis


def test_zero_sum_basis_is_orthonormal_and_sums_to_zero():
    basis = zero_sum_basis(np.array([5.0, 9.0, 1.0, 7.0]))
    assert basis.T @ basis == pytest.approx(np.eye(3), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_the_last_coordinate_is_that_of_the_level_with_fewest_answers():
    basis = zero_sum_basis(np.array([5.0, 9.0, 1.0, 7.0]))
    assert np.abs(basis[:, -1]).argmax() == 2


def test_walk_basis_makes_the_covariance_of_a_centered_random_walk():
    n = 6
    walk = np.minimum.outer(np.arange(n), np.arange(n)).astype(float)
    center = np.eye(n) - 1 / n
    basis = walk_basis(n)
    assert basis @ basis.T == pytest.approx(center @ walk @ center, abs=1e-12)


def test_drift_coordinates_are_second_differences():
    basis = drift_basis(6)
    assert np.diff(basis, n=2, axis=0) == pytest.approx(np.eye(4), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)


def test_interactions_sum_to_zero_along_both_columns():
    basis = crossed_basis([zero_sum_basis(np.ones(3)), zero_sum_basis(np.ones(4))])
    table = basis.reshape(3, 4, -1)
    assert table.sum(axis=0) == pytest.approx(0 * table[0], abs=1e-12)
    assert table.sum(axis=1) == pytest.approx(0 * table[:, 0], abs=1e-12)
    assert basis.T @ basis == pytest.approx(np.eye(6), abs=1e-12)
