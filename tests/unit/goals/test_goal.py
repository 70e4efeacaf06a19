"""A goal: its probabilities, its record, and goals that people set themselves."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core import results
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.goals import attainment, recommend, trend_baseline

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
X, Y = range(1, 9), [57, 57, 54, 53, 50, 51, 48, 47]


@pytest.fixture(scope="module")
def baseline():
    y = [66, 65, 64, 63, 62]
    return trend_baseline(range(5), y, [0.8] * 5, scale=CSAT, horizon=2, method="ols", rng=1)


@pytest.fixture(scope="module")
def goal(baseline):
    gain = 5 + 2 * np.random.default_rng(0).standard_normal(4000)
    capacity = dr.from_array(gain, source="initiatives")
    return recommend(baseline, sd=18, cap=0.2, capacity=capacity, n_planned=400)


def test_probability_of_the_status_quo_is_exact_where_the_forecast_is():
    base = trend_baseline(X, Y, scale=CSAT, method="ols", rng=1)
    found = attainment(base, 50)
    assert found.measured == pytest.approx(0.0031903, abs=1e-7)
    assert found.measured_status_quo == found.measured
    assert found.credit == 0


def test_initiatives_get_credit_for_what_they_add(goal):
    chances = goal.attainment
    assert chances.true == pytest.approx(0.5, abs=0.03)
    assert chances.true_status_quo < 0.02
    assert chances.credit == chances.true - chances.true_status_quo


def test_false_attainment_is_the_luck_of_the_survey(baseline):
    found = attainment(baseline, 61, std_error=0.9)
    assert found.false_attainment == pytest.approx(stats.norm.sf(1 / 0.9), abs=1e-12)
    unknown = trend_baseline(X, Y, scale=CSAT, method="ols", rng=1)
    assert np.isnan(attainment(unknown, 50).false_attainment)


def test_a_noisier_survey_moves_the_measured_chance_towards_a_half(baseline):
    sure, noisy = (attainment(baseline, 63, std_error=e) for e in (0.01, 20))
    assert sure.true == noisy.true
    assert sure.measured < 0.05 < 0.4 < noisy.measured < 0.5


def test_a_goal_beyond_the_scale_is_never_attained():
    base = trend_baseline(range(5), [95, 96, 97, 98, 99], scale=CSAT, method="ols", rng=1)
    noisy = trend_baseline(X, [97, 99, 96, 98, 99, 97, 99, 98], scale=CSAT, method="ols", rng=1)
    assert attainment(base, 101).measured == attainment(noisy, 101).measured == 0


def test_adjusting_keeps_the_computed_goal_and_the_reason(goal):
    new = goal.adjusted(67, reason="the contract says so")
    again = new.adjusted(66, reason="renegotiated")
    assert (goal.rule, goal.adjustment) == ("capacity", None)
    assert (new.target, new.rule) == (67, "adjusted")
    assert again.adjustment.computed_target == goal.target
    assert again.adjustment.computed_rule == "capacity"
    assert "renegotiated" in again.explain() and "contract" not in again.explain()
    assert again.candidates["rule"].tolist().count("adjusted") == 1
    assert again.attainment.true < goal.attainment.true
    pd.testing.assert_series_equal(
        again.candidates["target"].iloc[:5], goal.candidates["target"], check_names=False
    )


@pytest.mark.parametrize(
    ("target", "problem"),
    [(95, "probability below 5%"), (55, "worse than the baseline"), (120, "outside the scale")],
)
def test_a_goal_out_of_reach_is_not_feasible_and_no_error(goal, target, problem):
    new = goal.adjusted(target, reason="ambition")
    assert not new.feasible
    assert problem in new.explain() and "not feasible" in new.headline()


def test_without_capacity_the_cap_marks_what_is_unrealistic(baseline):
    new = recommend(baseline, sd=18).adjusted(80, reason="ambition")
    assert not new.feasible
    assert "50% of the opportunity" in new.explain()


def test_an_adjustment_needs_a_reason_and_a_number(goal):
    with pytest.raises(ConfigError, match="reason is empty"):
        goal.adjusted(66, reason=" ")
    with pytest.raises(ConfigError, match="target is nan"):
        goal.adjusted(float("nan"), reason="because")


def test_capacity_must_be_one_number_a_draw(baseline):
    two = dr.from_array(np.ones((10, 2)), source="x", dims=("initiative",))
    with pytest.raises(AlignmentError, match="sum over initiatives"):
        attainment(baseline, 60, capacity=two)


def test_summary_and_tidy_show_the_score_with_and_without_initiatives(goal, baseline):
    table = goal.tidy(0.8)
    assert table["score"].tolist() == [
        "true_status_quo",
        "measured_status_quo",
        "true",
        "measured",
    ]
    assert (table["conf_level"] == 0.8).all() and (table["n"] == 5).all()
    assert table["attains"].tolist()[2] == goal.attainment.true
    assert len(recommend(baseline, sd=18).summary()) == 2


def test_the_summary_of_an_exact_forecast_is_exact():
    goal = recommend(trend_baseline(X, Y, scale=CSAT, method="ols", rng=1), sd=18)
    row = goal.summary().iloc[1]
    assert row["conf_low"] == pytest.approx(43.1022783, abs=1e-7)


def test_the_headline_says_where_from_where_to_and_how_likely(goal):
    text = goal.headline()
    assert text.startswith("Bring CSAT from 62 to 64.9 by period 6: ")
    assert "forecast is 60" in text
    assert re.search(r"with the initiatives, [45]\d%", text)
    assert "<table" in goal._repr_html_()


def test_the_plot_gets_every_candidate_and_the_draws_of_the_baseline(goal, monkeypatch):
    seen = {}

    class Plots:
        @staticmethod
        def goal_ladder(table, **options):
            seen.update(options, table=table)
            return "axes"

        scores = staticmethod(lambda table, **options: (table, options))

    monkeypatch.setattr("cximpact.goals.goal.plotting", lambda: Plots)
    assert goal.plot(unit="points") == "axes"
    assert seen["table"].columns.tolist() == ["rule", "target", "binding"]
    assert seen["table"]["binding"].sum() == 1
    assert seen["baseline"].dims == ("sample",)
    assert (seen["target"], seen["current"], seen["unit"]) == (goal.target, 62.0, "points")
    monkeypatch.setattr("cximpact.goals.baseline.plotting", lambda: Plots)
    table, options = goal.baseline.plot()
    assert options == {"x": "period", "by": "kind"}
    assert table["kind"].tolist() == ["seen"] * 5 + ["forecast"] * 2


def test_the_real_plots_draw_goal_and_baseline(goal):
    plots = results.plotting()
    assert plots.to_png(goal.plot())[:4] == b"\x89PNG"
    assert plots.to_png(goal.baseline.plot())[:4] == b"\x89PNG"
