from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import ConfigError, UnseenLevelError
from cximpact.core.scale import ScoreScale
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.pattern_mixture import (
    DeltaPrior,
    delta_from_contacts,
    shifted_score,
    tipping,
)

NET = ScoreScale(
    name="net",
    low=0,
    high=2,
    higher_is_better=True,
    bands={"bottom": (0, 0), "top": (2, 2)},
    weights={"bottom": -100.0, "top": 100.0},
    unit="points",
    score_range=(-100, 100),
)


@pytest.fixture(scope="module")
def silent_majority():
    """World W2: who answers depends on the score itself."""
    rng = np.random.default_rng(2)
    latent = rng.normal(size=40_000)
    answers = np.searchsorted([-0.8, 0.25], latent).astype(float)
    responds = rng.random(latent.size) < special.expit(-1 + 0.8 * latent)
    truth = 100 * ((answers == 2).mean() - (answers == 0).mean())
    frame = pd.DataFrame({"y": np.where(responds, answers, np.nan)})
    return OrdinalImputer().fit(SurveyWave(frame, answer="y", scale=NET), rng=1), truth


def test_unhappy_people_who_do_not_answer_have_the_published_size(silent_majority):
    fit, truth = silent_majority
    assert truth == pytest.approx(19.1, abs=1.5)
    assert fit.compare()["estimate"].iloc[0] == pytest.approx(52.9, abs=1.5)
    assert fit.cells.n_answered / fit.cells.n_frame == pytest.approx(0.294, abs=0.01)


def test_missing_at_random_fails_and_a_belief_that_spans_the_shift_covers(silent_majority):
    fit, truth = silent_majority
    low, _ = interval(fit.score(), 0.99)
    assert float(low) > truth + 20
    needed = tipping(fit, truth).delta
    assert -1.6 < needed < -0.8
    low, high = interval(shifted_score(fit, DeltaPrior(mean=-1.0, sd=0.4), target="finite"), 0.9)
    assert float(low) < truth < float(high)


def test_a_number_is_the_sensitivity_of_the_result(imputed):
    one = shifted_score(imputed, -0.5)
    assert float(one.mean()) == pytest.approx(imputed.sensitivity([-0.5])["estimate"].iloc[0])


def test_no_shift_is_missing_at_random(imputed):
    assert (shifted_score(imputed, 0).values == imputed.score(target="super").values).all()


def test_a_belief_moves_the_mean_by_its_own_and_widens_the_interval(imputed):
    sure = shifted_score(imputed, -0.5)
    unsure = shifted_score(imputed, DeltaPrior(mean=-0.5, sd=0.3), rng=4)
    assert float(unsure.mean()) == pytest.approx(float(sure.mean()), abs=0.5)
    slope = float(shifted_score(imputed, -0.2).mean() - shifted_score(imputed, -0.8).mean()) / 0.6
    expected = np.hypot(float(sure.std()), 0.3 * slope)
    assert float(unsure.std()) == pytest.approx(expected, rel=0.05)


def test_levels_are_shifted_by_their_own(imputed):
    delta = dict.fromkeys("abcde", 0.0) | {"b": -1.0}
    moved = shifted_score(imputed, delta, "segment", column="segment")
    still, all_moved = (
        imputed.score("segment", target="super"),
        shifted_score(imputed, -1, "segment"),
    )
    for level in "acde":
        assert moved.sel(segment=level).values == pytest.approx(still.sel(segment=level).values)
    assert moved.sel(segment="b").values == pytest.approx(all_moved.sel(segment="b").values)


def test_levels_that_do_not_fit_are_named(imputed):
    with pytest.raises(UnseenLevelError, match="does not name the levels 'c', 'd', 'e'"):
        shifted_score(imputed, {"a": 0, "b": 0}, column="segment")
    with pytest.raises(UnseenLevelError, match="names 'z'"):
        shifted_score(imputed, dict.fromkeys("abcdez", 0), column="segment")
    with pytest.raises(ConfigError, match="name the column"):
        shifted_score(imputed, {"a": 0})


def test_the_goal_is_just_met_at_the_tipping_point(imputed):
    goal = float(imputed.score(target="super").mean()) - 8
    found = tipping(imputed, goal)
    assert found.goes_ahead
    assert found.delta == pytest.approx(imputed.tipping_point(goal), abs=1e-3)
    assert found.score == pytest.approx(goal, abs=0.05)
    assert found.silent < found.silent_at_random
    assert f"lower by {abs(found.delta):.3g}" in found.explain()


def test_a_goal_to_be_met_with_a_probability_tips_earlier(imputed):
    goal = float(imputed.score(target="super").mean()) - 8
    sure = tipping(imputed, goal, probability=0.9)
    assert sure.delta > tipping(imputed, goal).delta
    score = shifted_score(imputed, sure.delta)
    assert float((score >= goal).mean()) == pytest.approx(0.9, abs=0.01)


def test_a_decision_about_money_tips_where_it_breaks_even(imputed):
    def net_value(score):
        return 1000.0 * float(score.mean()) + 5000.0

    found = tipping(imputed, decision=net_value)
    assert found.score == pytest.approx(-5.0, abs=0.05)
    assert "the decision" in found.explain()


def test_a_goal_out_of_reach_is_said_to_be(imputed):
    found = tipping(imputed, 99.9)
    assert not found.goes_ahead
    assert np.isnan(found.delta)
    assert "No shift of the silent between -4 and 4" in found.explain()
    assert len(found.tidy()) == 1


def test_shift_from_reminders():
    assert delta_from_contacts(-0.15, 2) == pytest.approx(-0.3)
    with pytest.raises(ConfigError):
        delta_from_contacts(-0.15, -1)


@pytest.mark.parametrize("options", [{}, {"threshold": 1.0, "decision": float}])
def test_one_question_at_a_time(imputed, options):
    with pytest.raises(ConfigError, match="either a threshold or a decision"):
        tipping(imputed, **options)
