"""Percent of opportunity, to the digits that practitioners quote, on scales of both directions."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError, DataWarning, ScaleError
from cximpact.core.scale import ScoreScale
from cximpact.goals import opportunity_share, percent_of_opportunity
from cximpact.scores import NPS, ces_scale

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)


@pytest.mark.parametrize(("score", "goal"), [(50, 55.0), (80, 82.0), (100, 100.0)])
def test_ten_percent_of_opportunity_is_exact(score, goal):
    assert percent_of_opportunity(score, 0.10, CSAT) == goal


def test_the_end_of_the_scale_is_not_hard_coded():
    assert percent_of_opportunity(0, 0.10, NPS) == pytest.approx(10, abs=1e-12)
    assert percent_of_opportunity(-100, 0.5, NPS) == 0
    assert percent_of_opportunity(5, 0.5, ces_scale(7, higher_is_better=True)) == 6


def test_lower_is_better_goes_down():
    effort = ces_scale(7, higher_is_better=False)
    assert percent_of_opportunity(5, 0.25, effort) == 4
    assert percent_of_opportunity(5, 1, effort) == 1
    assert opportunity_share(5, 4, effort) == 0.25


def test_arrays_stay_arrays_and_are_not_changed():
    scores = np.array([50.0, 80.0])
    before = scores.tobytes()
    np.testing.assert_array_equal(percent_of_opportunity(scores, 0.10, CSAT), [55, 82])
    assert scores.tobytes() == before


def test_share_of_opportunity_is_the_inverse():
    assert opportunity_share(50, 55, CSAT) == pytest.approx(0.1)
    assert opportunity_share(50, 60, CSAT) == pytest.approx(0.2)
    assert opportunity_share(80, 90, CSAT) == pytest.approx(0.5)


def test_share_of_opportunity_is_undefined_at_the_best_score():
    with pytest.warns(DataWarning, match="no opportunity"):
        assert np.isnan(opportunity_share(100, 100, CSAT))


def test_a_percentage_is_refused_with_the_fraction_that_was_meant():
    with pytest.raises(ConfigError, match=r"percent is 10.*Did you mean 0\.1"):
        percent_of_opportunity(50, 10, CSAT)


def test_a_score_off_the_scale_is_refused():
    with pytest.raises(ScaleError, match=r"from 50 to 101 .* 1 row, at position 1"):
        percent_of_opportunity([50, 101], 0.1, CSAT)


def test_a_scale_is_required():
    with pytest.raises(ConfigError, match="expected a ScoreScale"):
        percent_of_opportunity(50, 0.1, (0, 100))
