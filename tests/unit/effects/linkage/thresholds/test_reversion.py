import numpy as np
import pytest

from cximpact.core.errors import ConfigError, InsufficientDataError, ZeroVarianceError
from cximpact.effects.linkage.thresholds.reversion import measured, stated


def twice(n=200_000):
    """S1 = L + e1, S2 = L + e2: a reliability of one half."""
    rng = np.random.default_rng(5)
    liking = rng.normal(size=n)
    return liking + rng.normal(size=n), liking + rng.normal(size=n)


def test_the_naive_recovery_is_all_of_it_regression_to_the_mean():
    first, second = twice()
    low = first < -1.5
    naive = second[low].mean() - first[low].mean()
    assert naive == pytest.approx(1.1123, abs=0.02)
    told = stated(0.5, 0.0, np.sqrt(2))
    assert told.rise(first[low]).mean() == pytest.approx(naive, abs=0.02)
    learned = measured(first, second)
    assert learned.reliability == pytest.approx(0.5, abs=0.01)
    assert learned.rise(first[low]).mean() == pytest.approx(naive, abs=0.02)


def test_who_crosses_alone_is_counted_rightly():
    first, second = twice()
    near = np.abs(first + 1) < 0.1
    share = (second[near] >= 0.5).mean()
    found = stated(0.5, 0.0, np.sqrt(2)).reaches(np.array([-1.0]), np.array([0.5, 0.5]))
    assert found[0] == pytest.approx(share, abs=0.01)


def test_a_perfect_score_stays_where_it_is():
    found = stated(1.0, 5.0, 2.0)
    assert found.rise(np.array([1.0])) == pytest.approx([0])
    assert found.reaches(np.array([1.0, 6.0]), np.array([5.0])) == pytest.approx([0, 1])


def test_a_slope_outside_the_range_is_kept_within():
    x = np.arange(20.0)
    assert measured(x, -x).reliability == 0
    assert measured(x, 3 * x).reliability == 1


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(InsufficientDataError, match="3 customers have a second score"):
        measured(np.arange(3.0), np.arange(3.0))
    with pytest.raises(ZeroVarianceError, match="all alike"):
        measured(np.ones(20), np.arange(20.0))
    with pytest.raises(ConfigError, match="reliability"):
        stated(1.2, 0.0, 1.0)
