import warnings

import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.draws import UNRELIABLE
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DesignError,
    NoControlError,
    NoTreatedError,
    ScaleError,
    TreatmentError,
)
from cximpact.effects.linkage.cases import AlertCutoff
from tests.support.recovery import score_world

SHARP = AlertCutoff(outcome="spend", score="score", cutoff=6, curvature=0.05)


def settings(**change) -> AlertCutoff:
    return AlertCutoff(**({"outcome": "spend", "score": "score", "cutoff": 6} | change))


def world(n: int = 6000, seed: int = 1, **options) -> pd.DataFrame:
    return score_world(n, np.random.default_rng(seed), **options)


def test_it_finds_the_jump_and_the_naive_comparison_does_not():
    frame = world(jump=0.5, bend=0.05)
    found = SHARP.fit(frame, rng=1)
    row = found.tidy().iloc[0]
    assert row["conf_low"] < 0.5 < row["conf_high"]
    means = frame.groupby("alert")["spend"].mean()
    assert means[1] - means[0] < -0.3  # low scorers spend less
    assert "Beside it, not instead of it" in found.explain()
    assert is_causal(found)
    assert "customers who score 6" in str(found.estimand)


def test_the_interval_is_wider_than_the_standard_error_by_the_bias():
    found = SHARP.fit(world(), rng=1)
    row = found.summary().iloc[0]
    assert found.diagnostics["bias"] > 0
    half = row["conf_high"] - found.estimate
    assert half > 1.645 * row["std_error"]
    drawn = np.quantile(found.draws, [0.05, 0.95]) - float(found.estimate)
    np.testing.assert_allclose(drawn, [-half, half], rtol=0.06)


def test_other_bounds_are_shown_beside():
    table = SHARP.fit(world(), rng=1).details["curvature"]
    width = (table["conf_high"] - table["conf_low"]).to_numpy()
    assert table["curvature"].tolist() == [0.0, 0.025, 0.05, 0.1, 0.2]
    assert (np.diff(width) > 0).all()


def test_a_line_that_bends_at_the_bound_fools_a_naive_line_only():
    """With no jump at all, two straight lines see one."""
    frame = world(60_000, seed=2, bend=0.12)
    line = settings(curvature=0.0)
    with pytest.warns(AssumptionWarning, match="bend by more than the bound"):
        naive = line.fit(frame, rng=1).tidy().iloc[0]
    assert not naive["conf_low"] < 0 < naive["conf_high"]
    honest = settings(curvature=0.12).fit(frame, rng=1).tidy().iloc[0]
    assert honest["conf_low"] < 0 < honest["conf_high"]


def test_the_rule_of_thumb_says_that_it_is_a_guess():
    found = settings(curvature="rule of thumb").fit(world(bend=0.05), rng=1)
    assert found.diagnostics["curvature_from"] == "rule of thumb"
    assert "which is a guess" in found.explain()
    assert 0 < found.diagnostics["curvature"] < 1


def test_high_scores_can_ask_for_the_alert():
    frame = world(jump=0.5)
    mirrored = frame.assign(score=12 - frame["score"])
    one = SHARP.fit(frame, rng=1)
    two = settings(curvature=0.05, alert="high").fit(mirrored, rng=1)
    assert float(two.estimate) == pytest.approx(float(one.estimate), abs=1e-9)


def test_a_finer_step_is_a_matter_of_units():
    frame = world(jump=0.5)
    tenth = frame.assign(score=frame["score"] / 10)
    found = settings(curvature=0.05, cutoff=0.6, step=0.1).fit(tenth, rng=1)
    assert float(found.estimate) == pytest.approx(float(SHARP.fit(frame, rng=1).estimate))


def test_window_and_donut_leave_scores_out():
    frame = world()
    near = settings(curvature=0.05, window=2).fit(frame, rng=1)
    assert near.details["weights"]["score"].tolist() == [4, 5, 6, 7, 8]
    holed = settings(curvature=0.05, donut=1).fit(frame, rng=1)
    assert holed.details["weights"]["score"].tolist() == [0, 1, 2, 3, 4, 5, 8, 9, 10]
    assert holed.n == int((~frame["score"].isin([6, 7])).sum())
    widths = [np.ptp(found.confidence_set().hull) for found in (holed, SHARP.fit(frame, rng=1))]
    assert widths[0] > 1.5 * widths[1]


def test_moved_answers_are_seen_and_a_donut_heals():
    rng = np.random.default_rng(2)
    frame = world(20_000)
    # agents talk up those who are about to spend more
    moved = (frame["score"] == 6) & (frame["spend"] > 2.2) & (rng.random(20_000) < 0.6)
    frame.loc[moved, ["score", "alert"]] = 7, 0
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = SHARP.fit(frame, rng=1)
        healed = settings(curvature=0.05, donut=1).fit(frame, rng=1)
    assert sum("may have been moved" in str(w.message) for w in said) == 2
    assert not found.confidence_set().contains(0.0)
    assert found.diagnostics["mass"]["p"] < 0.05
    assert healed.confidence_set().contains(0.0)


def test_a_covariate_that_jumps_is_named():
    frame = world().assign(tenure=lambda t: t["alert"] + 0.1 * t["spend"])
    with pytest.warns(AssumptionWarning, match="'tenure' jump at the cutoff"):
        found = settings(curvature=0.05, covariates=["tenure"]).fit(frame, rng=1)
    assert found.details["covariates"]["jumps"].tolist() == [True]
    smooth = world().assign(tenure=lambda t: t["score"] + np.sin(np.arange(len(t))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calm = settings(curvature=0.05, covariates=["tenure"]).fit(smooth, rng=1)
    assert calm.assumptions[0].tested
    assert "0 of 1 covariates jump" in calm.assumptions[0].evidence


def fuzzy_world(reach: float = 0.7) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = world(20_000)
    called = frame["alert"] * (rng.random(20_000) < reach)
    return frame.assign(called=called, spend=frame["spend"] + 0.8 * called)


def test_who_is_reached_only_partly_gets_the_effect_of_being_reached():
    fuzzy = settings(curvature=0.02, treated="called", curvature_treated=0.01)
    found = fuzzy.fit(fuzzy_world(), rng=1)
    assert found.estimand.target == "late"
    row = found.tidy().iloc[0]
    assert row["conf_low"] < 0.8 < row["conf_high"]
    assert found.diagnostics["first_stage"] == pytest.approx(0.7, abs=0.1)
    jump = settings(curvature=0.02).fit(fuzzy_world(), rng=1)
    ratio = float(jump.estimate) / found.diagnostics["first_stage"]
    assert float(found.estimate) == pytest.approx(ratio, rel=1e-9)
    assert [a.name for a in found.assumptions][-1] == "exclusion and monotonicity"


def test_a_jump_of_treatment_that_may_be_bending_bounds_nothing():
    fuzzy = settings(curvature=0.02, treated="called", curvature_treated=0.3)
    found = fuzzy.fit(fuzzy_world(reach=0.2), rng=1)
    assert found.confidence_set().kind != "bounded"
    assert UNRELIABLE in found.draws.attrs
    assert found.confidence_set().words("outcome") in found.explain()


def test_the_bound_of_treatment_must_be_stated():
    with pytest.raises(ConfigError, match="curvature_treated is needed"):
        settings(curvature=0.02, treated="called").fit(fuzzy_world(), rng=1)
    guess = "rule of thumb"
    found = settings(curvature=guess, treated="called", curvature_treated=guess)
    assert found.fit(fuzzy_world(), rng=1).diagnostics["curvature_treated"] > 0


@pytest.mark.parametrize(
    ("setting", "error", "said"),
    [
        ({"cluster": "score"}, ConfigError, "do not cover"),
        ({"curvature": "rule"}, ConfigError, "curvature is 'rule'"),
        ({"curvature": -0.1}, ConfigError, "curvature is -0.1"),
        ({"cutoff": 20}, NoControlError, "a score past the cutoff"),
        ({"cutoff": -5}, NoTreatedError, "a score at the cutoff"),
        ({"cutoff": 6.5}, ScaleError, "no whole number of steps"),
        ({"window": 1, "donut": 1}, DesignError, "check cutoff="),
        ({"alert": "lower"}, ConfigError, "Did you mean 'low'"),
        ({"step": 0}, ConfigError, "step is 0"),
        ({"treated": "spend", "curvature_treated": 0.1}, ConfigError, "two roles"),
    ],
)
def test_what_cannot_be_used_is_refused(setting, error, said):
    with pytest.raises(error, match=said):
        settings(**({"curvature": 0.05} | setting)).fit(world(500), rng=1)


def test_treatment_must_be_coded_and_jump_the_right_way():
    fuzzy = settings(curvature=0.05, treated="called", curvature_treated=0.1)
    for called, said in ((2, "neither 0 nor 1 in 500 rows"), (0, "nobody was recovered")):
        with pytest.raises((TreatmentError, NoTreatedError), match=said):
            fuzzy.fit(world(500).assign(called=called), rng=1)
    with pytest.raises(TreatmentError, match="no more often 1"):
        fuzzy.fit(world(500).assign(called=lambda t: 1 - t["alert"]), rng=1)


def test_recoveries_far_from_the_cutoff_say_nothing_there():
    fuzzy = settings(curvature=0.05, treated="called", curvature_treated=0.0, window=2)
    frame = world(500).assign(called=lambda t: (t["score"] <= 3).astype(int))
    with pytest.raises(TreatmentError, match="does not jump at the cutoff 6"):
        fuzzy.fit(frame, rng=1)


def test_everybody_with_an_alert_recovered_is_the_sharp_design():
    sharp = SHARP.fit(world(2000), rng=1)
    fuzzy = settings(curvature=0.05, treated="alert", curvature_treated=0.0)
    found = fuzzy.fit(world(2000), rng=1)
    ends = [r.confidence_set().hull for r in (sharp, found)]
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-6)


def test_clusters_that_are_the_score_under_another_name_are_refused():
    frame = world(500).assign(group=lambda t: "s" + t["score"].astype(int).astype(str))
    with pytest.raises(ConfigError, match="one value of the score"):
        settings(curvature=0.05, cluster="group").fit(frame, rng=1)
    stores = world(500).assign(store=np.arange(500) % 50)
    assert settings(curvature=0.05, cluster="store").fit(stores, rng=1).n > 400


def test_same_seed_same_numbers_and_inputs_stay():
    frame = world(800)
    copy = frame.copy(deep=True)
    np.testing.assert_array_equal(SHARP.fit(frame, rng=3).draws, SHARP.fit(frame, rng=3).draws)
    pd.testing.assert_frame_equal(frame, copy)
