"""Half a standard deviation of individuals, and whom it passes."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.goals import half_sd, opportunity_share, share_passed
from cximpact.scores import CSAT5, NPS, PSAT, ces_scale

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
NOW = {"detractor": 0.15, "passive": 0.35, "promoter": 0.50}
ANSWERS = np.array([5, 10, 25, 90, 70]) / 200


@pytest.mark.parametrize(
    ("score", "sd", "goal", "share"), [(50, 10, 55, 0.10), (50, 20, 60, 0.20), (80, 20, 90, 0.50)]
)
def test_half_sd_and_the_share_of_opportunity_that_it_is(score, sd, goal, share):
    assert half_sd(score, sd, CSAT) == goal
    assert opportunity_share(score, goal, CSAT) == pytest.approx(share)


def test_half_sd_goes_down_where_lower_is_better():
    assert half_sd(5, 1.5, ces_scale(7, higher_is_better=False)) == 4.25


def test_half_sd_stops_at_the_end_of_the_scale():
    assert half_sd(98, 20, CSAT) == 100


def test_half_sd_takes_the_spread_of_individuals_from_the_answers():
    sd = 0.949742 * np.sqrt(199 / 200)
    assert half_sd(4.05, None, CSAT5, pmf=ANSWERS) == pytest.approx(4.05 + sd / 2, abs=1e-6)


def test_twice_as_many_answers_leave_the_goal_where_it_is():
    counts = np.array([5, 10, 25, 90, 70])
    goals = [half_sd(4.05, None, CSAT5, pmf=n * counts / (n * 200)) for n in (1, 2, 100)]
    assert goals[0] == goals[1] == goals[2]


@pytest.mark.parametrize(
    ("fraction", "link", "goal"),
    [
        (0.5, "probit", 62.92),
        (0.25, "probit", 49.956),
        (0.1, "probit", 41.194),
        (0.5, "logit", 52.577),
    ],
)
def test_nps_is_shifted_on_the_latent_scale(fraction, link, goal):
    digits = len(str(goal).split(".")[1])
    found = half_sd(35, None, NPS, pmf=NOW, fraction=fraction, link=link)
    assert found == pytest.approx(goal, abs=10.0**-digits)


def test_nps_starts_from_the_score_that_was_given_not_from_the_answers():
    assert half_sd(35, None, NPS, pmf=NOW) < half_sd(40, None, NPS, pmf=NOW) < 70


def test_two_answers_are_shifted_on_the_latent_scale_too():
    assert half_sd(0.5, None, PSAT, pmf=[0.5, 0.5]) == pytest.approx(0.691462, abs=1e-6)


def test_nps_refuses_the_sd_of_its_coding():
    with pytest.raises(ConfigError, match="needs pmf"):
        half_sd(35, 72.6292, NPS)


def test_something_must_say_how_wide_the_answers_are():
    with pytest.raises(ConfigError, match="needs sd"):
        half_sd(50, None, CSAT)
    with pytest.raises(ConfigError, match="needs sd"):
        share_passed(50, 60, CSAT)


def test_an_impossible_spread_is_refused():
    with pytest.raises(ConfigError, match="standard deviation above 50"):
        half_sd(50, 180, CSAT)


@pytest.mark.parametrize(("sd", "share"), [(10, 0.3413), (20, 0.1915)])
def test_share_of_a_normal_that_is_passed(sd, share):
    assert share_passed(50, 60, CSAT, sd=sd) == pytest.approx(share, abs=1e-4)
    assert share_passed(60, 50, CSAT, sd=sd) == pytest.approx(-share, abs=1e-4)


def test_empirical_share_takes_half_of_those_who_sit_on_a_value():
    assert share_passed(4, 5, CSAT5, pmf=ANSWERS) == pytest.approx(0.45 / 2 + 0.35 / 2)
    assert share_passed(4.05, 4.5, CSAT5, pmf=ANSWERS) == 0
    assert share_passed(3.5, 4.5, CSAT5, pmf=ANSWERS) == pytest.approx(0.45)


def test_empirical_share_where_lower_is_better():
    effort = ces_scale(5, higher_is_better=False)
    assert share_passed(4.5, 3.5, effort, pmf=ANSWERS) == pytest.approx(0.45)


def test_share_of_nps_that_changes_class():
    assert share_passed(35, 45, NPS, pmf=NOW) == pytest.approx(0.034965 + 0.065035, abs=2e-6)
