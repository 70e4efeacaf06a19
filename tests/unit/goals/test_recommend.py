"""The recommended goal: the order of reasoning, rule by rule."""

import numpy as np
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AssumptionWarning, ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.goals import recommend, trend_baseline
from cximpact.scores import NPS, ces_scale

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
NOW = {"detractor": 0.15, "passive": 0.35, "promoter": 0.50}


def _baseline(y=(66, 65, 64, 63, 62), horizon=2, scale=CSAT, error=0.8, **options):
    return trend_baseline(
        range(1, len(y) + 1), y, [error] * len(y), scale=scale, horizon=horizon, rng=1, **options
    )


def _targets(goal):
    return goal.candidates.set_index("rule")["target"]


def test_worked_example():
    goal = recommend(_baseline(), sd=18, cap=0.20, capacity=5)
    targets = _targets(goal)
    assert goal.baseline.base == pytest.approx(60)
    assert targets["half_sd"] == pytest.approx(69)
    assert targets["cap"] == pytest.approx(68)
    assert targets["capacity"] == pytest.approx(65)
    assert targets["percent_of_opportunity"] == pytest.approx(64)
    assert (goal.target, goal.rule) == (pytest.approx(65), "capacity")
    assert goal.feasible
    assert goal.candidates["binding"].tolist().count(True) == 1


@pytest.mark.parametrize(
    ("options", "rule", "target"),
    [
        ({"sd": 6, "capacity": 9}, "half_sd", 63),
        ({"sd": 18, "cap": 0.1, "capacity": 9}, "cap", 64),
        ({"sd": 18, "cap": 0.2}, "cap", 68),
        ({"sd": 18, "capacity": 1.0}, "capacity", 61),
        ({}, "percent_of_opportunity", 64),
    ],
)
def test_the_smallest_step_binds(options, rule, target):
    goal = recommend(_baseline(), **options)
    assert (goal.rule, goal.target) == (rule, pytest.approx(target))


def test_goals_start_from_the_baseline_not_from_the_current_score():
    for y, target in (((58, 56, 54, 52, 50), 50), ((42, 44, 46, 48, 50), 54)):
        goal = recommend(_baseline(y, horizon=1), sd=4)
        assert goal.target == pytest.approx(target)


def test_a_decline_is_stopped_where_the_capacity_allows():
    goal = recommend(_baseline(), sd=2, capacity=5)
    assert (goal.rule, goal.target) == ("stop_the_decline", pytest.approx(62))
    weak = recommend(_baseline(), sd=2, capacity=1.5)
    assert (weak.rule, weak.target) == ("half_sd", pytest.approx(61))
    assert "too small to stop the decline" in weak.explain()


def test_without_capacity_the_cap_decides_whether_a_decline_can_be_stopped():
    steep = _baseline((90, 84, 78, 72, 66), horizon=1)
    assert recommend(steep, sd=2, cap=0.3).rule == "stop_the_decline"
    assert recommend(steep, sd=2, cap=0.1).rule == "half_sd"


def test_high_enough_means_maintain_with_half_a_detectable_change_of_margin():
    goal = recommend(_baseline((85, 85, 86, 85, 86)), sd=18, n_planned=400, ceiling=80)
    z = 1.959964 + 0.841621
    margin = z * np.hypot(0.8, 18 / 20) / 2
    assert goal.rule == "maintain"
    assert goal.target == pytest.approx(86 - margin, abs=1e-4)
    assert goal.feasible and "high enough" in goal.explain()
    assert recommend(_baseline(), sd=18, ceiling=80).rule != "maintain"


def test_lower_is_better_is_the_mirror_image():
    effort = ScoreScale(name="effort", low=0, high=100, higher_is_better=False)
    up = recommend(_baseline(), sd=18, cap=0.2, capacity=5)
    down = recommend(_baseline((34, 35, 36, 37, 38), scale=effort), sd=18, cap=0.2, capacity=-5)
    np.testing.assert_allclose(_targets(down), 100 - _targets(up))
    assert (down.target, down.rule) == (pytest.approx(35), "capacity")
    np.testing.assert_allclose(down.candidates["p_true"], up.candidates["p_true"], atol=0.05)


def test_nps_takes_its_step_on_the_latent_scale_and_shows_it():
    base = _baseline((35, 35, 35, 35), horizon=1, scale=NPS, error=3)
    goal = recommend(base, pmf=NOW, fraction=0.1, n_planned=200)
    assert goal.rule == "half_sd"
    assert goal.target == pytest.approx(41.194, abs=1e-3)
    row = goal.candidates.set_index("rule").loc["half_sd"]
    assert row["latent_shift"] == pytest.approx(0.1, abs=1e-6)
    assert row["share_passed"] > 0.03
    assert recommend(base, pmf=NOW).rule == "cap"


def test_nps_without_its_answers_leaves_the_spread_out_and_says_so():
    goal = recommend(_baseline((35, 35, 35, 35), scale=NPS), sd=72.6, n_planned=200)
    assert np.isnan(_targets(goal)["half_sd"])
    assert goal.rule == "percent_of_opportunity"
    assert "needs pmf" in goal.explain() and "smaller than the noise" in goal.explain()


def test_capacity_draws_that_share_a_source_stay_joint():
    rng = np.random.default_rng(2)
    common = rng.standard_normal((4000, 1))
    history = 60 + 3 * common + 0.1 * rng.standard_normal((4000, 4))
    scores = dr.from_array(history, source="fit", dims=("period",))
    gain = dr.from_array(5 - 3 * common[:, 0], source="fit")
    with_order = recommend(
        trend_baseline(None, scores, scale=CSAT, method="ols", rng=1), sd=18, capacity=gain
    )
    spread = float(with_order.draws["true"].std())
    assert spread < 1
    alien = dr.from_array(gain.values, source="other")
    apart = recommend(with_order.baseline, sd=18, capacity=alien)
    assert float(apart.draws["true"].std()) == pytest.approx(np.hypot(3, 3), rel=0.1)


def test_capacity_that_makes_it_worse_is_pointed_out_and_never_lowers_the_goal():
    with pytest.warns(AssumptionWarning, match="makes CSAT worse"):
        goal = recommend(_baseline(), sd=18, capacity=-3)
    assert goal.target == pytest.approx(60)


def test_a_standard_error_in_place_of_the_individual_sd_is_pointed_out():
    with pytest.warns(AssumptionWarning, match="individual answers"):
        recommend(_baseline(error=0.9), sd=0.9)


def test_at_the_best_score_there_is_nothing_to_win():
    goal = recommend(_baseline((100, 100, 100, 100), method="ols"), sd=5)
    assert goal.target == 100
    assert "already the best" in goal.explain()


def test_more_answers_do_not_change_the_goal():
    goals = [recommend(_baseline(), sd=18, n_planned=n).target for n in (100, 200, 10_000)]
    assert len(set(goals)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"percent": 10}, r"percent is 10.*Did you mean 0\.1"),
        ({"cap": 1.5}, "cap is 1.5"),
        ({"sd": -1}, "sd is -1"),
        ({"fraction": -0.5}, "fraction is -0.5"),
        ({"n_planned": 0}, "n_planned is 0"),
        ({"ceiling": float("nan")}, "ceiling is nan"),
        ({"capacity": "5"}, "capacity is '5'"),
    ],
)
def test_an_option_out_of_range_is_named(options, message):
    with pytest.raises(ConfigError, match=message):
        recommend(_baseline(), **options)


def test_a_goal_needs_a_baseline_with_a_scale():
    with pytest.raises(ConfigError, match="not from the current score"):
        recommend(62.0, sd=18)
    with pytest.raises(ConfigError, match="pass scale="):
        recommend(trend_baseline([1, 2, 3, 4], [5, 6, 5, 6]), sd=1)


def test_the_direction_of_effort_comes_from_its_scale():
    goal = recommend(
        _baseline((4.0, 4.1, 4.0, 4.1), scale=ces_scale(7, higher_is_better=False), error=0.1),
        sd=1.5,
        cap=0.5,
    )
    assert goal.target < goal.baseline.base
