import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.causal import is_causal
from cximpact.core.draws import UNRELIABLE
from cximpact.core.errors import (
    ConfigError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    TreatmentError,
)
from cximpact.effects.linkage.cases import AlertHoldout
from cximpact.effects.linkage.cases.regions import ConfidenceSet
from tests.support.recovery import holdout_world, weak_world

LATE = AlertHoldout(outcome="spend", assigned="alert", treated="recovered")


def world(n: int = 4000, seed: int = 1) -> pd.DataFrame:
    return holdout_world(n, np.random.default_rng(seed))


def test_it_recovers_the_effect_that_the_naive_comparison_misses():
    frame = world(20_000)
    found = LATE.fit(frame, rng=1)
    row = found.tidy().iloc[0]
    assert row["conf_low"] < 0.5 < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] < 0.2
    means = frame.groupby("recovered")["spend"].mean()
    assert means[1] - means[0] > 0.9  # who can be recovered buys more anyway
    assert "Beside it, not instead of it" in found.explain()
    assert is_causal(found)
    assert found.details["compliers"]["with recovery"] == pytest.approx(2.3, abs=0.1)
    assert found.details["compliers"]["without recovery"] == pytest.approx(1.8, abs=0.1)


def test_the_effect_of_the_alert_is_smaller_by_the_first_stage():
    found = LATE.fit(world(), rng=1)
    itt = found.details["itt"]
    assert float(itt.estimate) == pytest.approx(
        float(found.estimate) * found.diagnostics["first_stage"], rel=1e-12
    )
    assert itt.estimand.target == "itt"
    alone = AlertHoldout(outcome="spend", assigned="alert").fit(world(), rng=1)
    pd.testing.assert_frame_equal(alone.summary(), itt.summary())
    asked = AlertHoldout(outcome="spend", assigned="alert", treated="recovered", target="itt")
    assert float(asked.fit(world(), rng=1).estimate) == float(itt.estimate)


def test_without_covariates_and_clusters_it_is_a_difference_of_means():
    frame = world()
    found = AlertHoldout(outcome="spend", assigned="alert").fit(frame, rng=1)
    groups = frame.groupby("alert")["spend"]
    assert float(found.estimate) == pytest.approx(groups.mean()[1] - groups.mean()[0], rel=1e-12)
    by_hand = np.sqrt((groups.var(ddof=0) / groups.size()).sum() * 4000 / 3998)
    assert float(found.std_error) == pytest.approx(by_hand, rel=1e-12)


def test_covariates_sharpen_and_check_the_assignment():
    plain = LATE.fit(world(), rng=1)
    adjusted = AlertHoldout(
        outcome="spend", assigned="alert", treated="recovered", covariates=["tenure"]
    ).fit(world(), rng=1)
    assert float(adjusted.std_error) < float(plain.std_error)
    assert adjusted.assumptions[0].tested
    assert not plain.assumptions[0].tested
    assert adjusted.diagnostics["balance"]["p"] > 0.01
    picked = world().assign(tenure=lambda t: t["tenure"] + 0.3 * t["alert"])
    skewed = AlertHoldout(outcome="spend", assigned="alert", covariates=["tenure"])
    assert skewed.fit(picked, rng=1).diagnostics["balance"]["p"] < 1e-6


def test_a_weak_first_stage_prints_no_bounded_interval():
    frame = weak_world(400, np.random.default_rng(3))
    found = LATE.fit(frame, rng=1)
    assert found.diagnostics["first_stage_f"] < 2
    row = found.summary().iloc[0]
    assert row["conf_low"] == -np.inf
    assert row["conf_high"] == np.inf
    assert np.isnan(row["std_error"])
    assert "whole line" in found.explain()
    assert UNRELIABLE in found.draws.attrs
    assert np.isfinite(found.draws).all()
    assert found.details["confidence_set"].kind != "bounded"


def test_a_middling_first_stage_inverts_the_test():
    found = LATE.fit(world(80, seed=6), rng=1)
    assert 4 < found.diagnostics["first_stage_f"] < 104.7
    assert found.diagnostics["interval"] == "anderson-rubin"
    row = found.summary().iloc[0]
    drawn = np.quantile(found.draws, [0.05, 0.95])
    np.testing.assert_allclose(drawn, row[["conf_low", "conf_high"]].astype(float), rtol=0.02)
    for end in (row["conf_low"], row["conf_high"]):
        assert found.test.p_value(end) == pytest.approx(0.1, abs=1e-9)
    assert UNRELIABLE not in found.draws.attrs


def test_monotonicity_holds_by_design_only_where_nobody_else_is_recovered():
    by_design = {a.name: a for a in LATE.fit(world(), rng=1).assumptions}["monotonicity"]
    assert by_design.tested
    leaky = world()
    leaky.loc[leaky.index[leaky["alert"] == 0][:50], "recovered"] = 1
    stated = {a.name: a for a in LATE.fit(leaky, rng=1).assumptions}["monotonicity"]
    assert not stated.tested
    assert "of the held back were recovered" in stated.evidence


def test_when_every_alert_recovers_both_effects_are_one():
    frame = world().assign(recovered=lambda t: t["alert"])
    found = LATE.fit(frame, rng=1)
    assert float(found.estimate) == pytest.approx(float(found.details["itt"].estimate))
    assert float(found.std_error) == pytest.approx(float(found.details["itt"].std_error))
    assert found.diagnostics["first_stage_f"] > 1e6


def test_stores_that_hold_back_together_are_one_cluster():
    rng = np.random.default_rng(5)
    store = np.repeat(np.arange(40), 50)
    frame = pd.DataFrame({"store": store, "alert": (store % 2)})
    frame["spend"] = rng.normal(size=40)[store] + rng.normal(size=2000)
    naive = AlertHoldout(outcome="spend", assigned="alert").fit(frame, rng=1)
    clustered = AlertHoldout(outcome="spend", assigned="alert", cluster="store").fit(frame, rng=1)
    assert float(clustered.std_error) > 3 * float(naive.std_error)
    assert clustered.df == 39


def test_shares_are_percentage_points_and_money_needs_saying():
    frame = world().assign(back=lambda t: (t["spend"] > 1).astype(int))
    assert AlertHoldout(outcome="back", assigned="alert").fit(frame).estimand.scale == "pp"
    money = AlertHoldout(outcome="spend", assigned="alert", scale="money").fit(frame)
    assert money.estimand.scale == "money"


def test_same_seed_same_numbers_and_inputs_stay():
    frame = world(500)
    copy = frame.copy(deep=True)
    one, two = LATE.fit(frame, rng=3), LATE.fit(frame, rng=3)
    np.testing.assert_array_equal(one.draws, two.draws)
    assert not np.array_equal(one.draws, LATE.fit(frame, rng=4).draws)
    assert not np.array_equal(one.draws, one.details["itt"].draws)
    pd.testing.assert_frame_equal(frame, copy)
    assert isinstance(one.details["confidence_set"], ConfidenceSet)


def test_it_goes_into_the_value_of_an_initiative():
    frame = world().assign(back=lambda t: (t["spend"] > 1).astype(int))
    effect = AlertHoldout(outcome="back", assigned="alert", treated="recovered").fit(frame, rng=1)
    value = cx.value.fixed(40, "EUR", per="repurchase", assumption="finance")
    gain = cx.value.incremental(effect, value, rng=2)
    assert float(gain.draws.mean()) == pytest.approx(40 * float(effect.estimate), rel=0.02)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"alert": 1}, NoControlError, "no alert was held back"),
        ({"alert": 0}, NoTreatedError, "no alert went out"),
        ({"alert": 2}, TreatmentError, "holds 2; expected 0 and 1"),
        ({"recovered": 0}, NoTreatedError, "nobody was recovered"),
        ({"recovered": 1}, TreatmentError, "moved nobody"),
        ({"spend": np.nan}, MissingValueError, "'spend' is missing in 300 rows"),
    ],
)
def test_what_cannot_be_used_is_refused(change, error, said):
    with pytest.raises(error, match=said):
        LATE.fit(world(300).assign(**change), rng=1)


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="who was recovered"):
        AlertHoldout(outcome="spend", assigned="alert", target="late")
    with pytest.raises(ConfigError, match="target is 'atte'"):
        AlertHoldout(outcome="spend", assigned="alert", target="atte")


def test_dropped_rows_are_counted():
    frame = world(300)
    frame.loc[[3, 4], "spend"] = np.nan
    found = AlertHoldout(outcome="spend", assigned="alert", missing="drop").fit(frame, rng=1)
    assert found.n == 298
    assert "2 of 300 rows lacked a value" in found.explain()
