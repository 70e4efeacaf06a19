import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import InsufficientDataError
from cximpact.effects.linkage.cases.cutoff_curvature import (
    bends_seen,
    bounded_fit,
    curvature_by_rule,
    p_of_bound,
)

STEPS = np.array([3, 2, 1, 0, 1, 2, 3, 4, 5])
SIDE = np.arange(9) < 4


def test_the_rule_finds_the_bend_of_a_parabola():
    mean = np.where(SIDE, 0.1 * STEPS**2, 0.3 * STEPS**2)
    assert curvature_by_rule(mean, STEPS, SIDE) == pytest.approx(0.6)
    assert curvature_by_rule(2.0 + 3.0 * STEPS, STEPS, SIDE) == pytest.approx(0, abs=1e-9)


def test_too_few_scores_ask_for_a_bound():
    with pytest.raises(InsufficientDataError, match="state it"):
        curvature_by_rule(np.zeros(4), np.array([1, 0, 1, 2]), np.array([True, True, False, False]))


def test_bends_are_second_differences_on_one_side():
    mean = np.where(SIDE, 5.0, 0.3 * STEPS**2)
    bend, error = bends_seen(mean, np.eye(9), STEPS, SIDE)
    np.testing.assert_allclose(bend, [0, 0, 0.6, 0.6, 0.6], atol=1e-12)
    np.testing.assert_allclose(error, np.sqrt(6.0))


def test_a_gap_in_the_scores_hides_its_bends():
    kept = STEPS != 3
    assert len(bends_seen(np.zeros(7), np.eye(7), STEPS[kept], SIDE[kept])[0]) == 1


def test_the_bound_is_tested_once_for_all_bends():
    bend, error = np.array([0.5, -3.0]), np.array([1.0, 1.0])
    assert p_of_bound(bend, error, 1.0) == pytest.approx(2 * stats.norm.sf(2.0))
    assert p_of_bound(np.array([]), np.array([]), 1.0) == 1.0
    assert p_of_bound(bend, error, 5.0) == 1.0


def test_the_drawn_fit_bends_no_more_than_the_bound():
    mean = np.array([0.0, 1.0, 5.0, 6.0, 12.0, 13.0])
    at, fit = bounded_fit(mean, np.eye(6), np.arange(6), curvature=0.5)
    assert np.abs(np.diff(fit, 2)).max() <= 0.5 + 1e-9
    _, free = bounded_fit(mean, np.eye(6), np.arange(6), curvature=100.0)
    np.testing.assert_allclose(free, mean, atol=1e-6)
    _, line = bounded_fit(mean, np.eye(6), np.arange(6), curvature=0.0)
    np.testing.assert_allclose(line, np.polyval(np.polyfit(at, mean, 1), at), atol=1e-6)
    one = bounded_fit(np.array([2.0]), np.eye(1), np.array([0]), curvature=1.0)
    assert one[1].tolist() == [2.0]
