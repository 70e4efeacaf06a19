"""High enough, detectable, and the same step on another scale."""

import numpy as np
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.goals import convert_by_range, convert_by_sd, detectability, high_enough
from cximpact.scores import ces_scale

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
WIDE = ScoreScale(name="wide", low=0, high=1000, higher_is_better=True)


def _draws(center, sd=1.0):
    values = center + sd * np.random.default_rng(1).standard_normal(10_000)
    return dr.from_array(values, source="fit")


def test_high_enough_asks_for_the_true_score_not_the_measured_one():
    assert high_enough(_draws(82), 80, CSAT).is_enough
    just_above = high_enough(_draws(80.5), 80, CSAT)
    assert not just_above.is_enough
    assert just_above.probability == pytest.approx(0.6915, abs=0.01)


def test_high_enough_where_lower_is_better():
    effort = ces_scale(7, higher_is_better=False)
    assert high_enough(_draws(1.5, 0.1), 2, effort).is_enough
    assert not high_enough(_draws(3, 0.1), 2, effort).is_enough


def test_high_enough_looks_at_one_score():
    many = dr.from_array(np.ones((5, 2)), source="fit", dims=("segment",))
    with pytest.raises(AlignmentError, match="expected sample alone"):
        high_enough(many, 1, CSAT)


@pytest.mark.parametrize(
    ("sd", "n", "least", "tolerance"), [(72.6292, 200, 20.348, 1e-3), (18, 400, 3.5658, 1e-4)]
)
def test_minimum_detectable_change(sd, n, least, tolerance):
    assert detectability(5, sd, n).minimum == pytest.approx(least, abs=tolerance)


def test_a_goal_smaller_than_noise_says_how_many_answers_it_takes():
    found = detectability(-5, 72.6292, 200)
    assert not found.is_detectable
    assert found.required_n == 3313
    assert "smaller than the noise" in found.message and "3,313" in found.message
    assert detectability(25, 72.6292, 200).is_detectable


def test_no_step_takes_infinitely_many_answers():
    assert detectability(0, 18, 400).required_n == np.inf


def test_a_step_carries_over_by_spread_or_by_range():
    assert convert_by_sd(5, sd_from=20, sd_to=160) == 40
    assert convert_by_range(5, scale_from=CSAT, scale_to=WIDE) == 50


def test_a_step_turns_around_between_scales_that_run_opposite_ways():
    effort = ces_scale(7, higher_is_better=False)
    assert convert_by_range(50, scale_from=CSAT, scale_to=effort) == -3


def test_a_spread_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="sd_from is 0"):
        convert_by_sd(5, sd_from=0, sd_to=1)
