import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.causal import is_causal
from cximpact.core.errors import ConfigError, MissingColumnError, MissingValueError, NotCausalError
from cximpact.effects.linkage import threshold
from tests.support.thresholds import step_world


def effect():
    rng = np.random.default_rng(1)
    treated = np.repeat([0, 1], 60)
    panel = pd.DataFrame(
        {
            "id": np.repeat(np.arange(60), 2),
            "t": np.tile([0, 1], 60),
            "y": rng.normal(size=120),
            "g": np.where(treated, 1.0, np.nan),
        }
    )
    panel = cx.Panel(panel, unit="id", period="t", outcome="y", first_treated="g")
    return cx.effects.TwoByTwo().fit(panel, rng=1)


@pytest.fixture(scope="module")
def found():
    return threshold(step_world(1), score="s", outcome="y", rng=1)


@pytest.fixture(scope="module")
def supported():
    return threshold(step_world(1), score="s", outcome="y", evidence=effect(), rng=1)


PEOPLE = pd.DataFrame({"id": list("abcdef"), "s": [6, 3, 7, 5, 6, 9], "then": [7, 4, 7, 6, 5, 9]})


def test_those_one_below_come_first(found):
    listed = found.just_below(PEOPLE, customer="id")
    assert listed.table["customer"].tolist() == ["a", "e"]
    assert listed.table["row"].tolist() == [0, 4]
    assert listed.table["probability_just_below"].min() > 0.95
    jump = float(found.draws.mean())
    assert listed.table["expected_gain"].to_numpy() == pytest.approx(jump, abs=0.01)
    assert "customer" not in found.just_below(PEOPLE).table


def test_gain_is_the_chance_to_cross_times_the_jump():
    rng = np.random.default_rng(3)
    s = rng.integers(0, 11, 250)
    frame = pd.DataFrame({"s": s, "y": (rng.random(250) < 0.2 + 0.2 * (s >= 7)).astype(float)})
    found = threshold(frame, score="s", outcome="y", rng=1)
    table = found.just_below(PEOPLE, width=3, shift=2).table.set_index("row")
    c, jump = found.threshold_draws.values, found.draws.values
    for row, score in ((0, 6), (3, 5)):
        cross = (score < c) & (c <= score + 2)
        assert table.loc[row, "probability_cross"] == pytest.approx(cross.mean())
        assert table.loc[row, "expected_gain"] == pytest.approx((cross * jump).mean())
        below = (c - 3 <= score) & (score < c)
        assert table.loc[row, "probability_just_below"] == pytest.approx(below.mean())
        assert table.loc[row, "conf_low"] <= table.loc[row, "expected_gain"]


def test_a_wider_belt_holds_more_and_a_longer_lift_brings_more(found):
    wide = found.just_below(PEOPLE, width=2)
    assert sorted(wide.table["row"]) == [0, 3, 4]
    short = found.just_below(PEOPLE, width=2, shift=1).table.set_index("row")["expected_gain"]
    assert short[3] < 0.05 < short[0]
    assert wide.table.set_index("row")["expected_gain"][3] > 0.1
    order = found.just_below(PEOPLE, width=2, shift=1).table["expected_gain"]
    assert order.is_monotonic_decreasing


def test_without_evidence_no_money_is_made(found):
    listed = found.just_below(PEOPLE)
    assert listed.standing == "associational"
    assert "no money is made" in listed.explain()
    assert not is_causal(listed.effect)
    with pytest.raises(NotCausalError, match="money needs evidence="):
        found.just_below(PEOPLE, value=100.0)
    with pytest.raises(NotCausalError):
        cx.roi.Initiative(
            name="calls",
            n=100,
            effect=listed.effect,
            mechanism="one_time",
            value=100.0,
            currency="EUR",
        )


def test_with_an_effect_there_is_money(supported):
    listed = supported.just_below(PEOPLE, value=100.0)
    assert is_causal(listed.effect)
    assert listed.table["money"].to_numpy() == pytest.approx(100 * listed.table["expected_gain"])
    assert "no money" not in listed.explain()


def test_a_stated_sensitivity_makes_no_money():
    stated = cx.effects.sensitivity.e_value(1.8)
    found = threshold(step_world(1), score="s", outcome="y", evidence=stated, rng=1)
    assert found.just_below(PEOPLE).standing == "sensitivity stated"
    with pytest.raises(NotCausalError):
        found.just_below(PEOPLE, value=1.0)


def test_the_mean_gain_is_joint_with_the_threshold(found):
    listed = found.just_below(PEOPLE)
    assert float(listed.effect.draws.mean()) == pytest.approx(listed.table["expected_gain"].mean())
    together = cx.core.draws.map(lambda a, b: a - b, listed.effect.draws, found.draws)
    assert float(abs(together).mean()) < 0.05


def test_regression_to_the_mean_is_shown(found):
    listed = found.just_below(PEOPLE, reliability=0.5)
    center = found.score_mean
    assert listed.mean_rise_by_itself == pytest.approx(0.5 * (center - 6))
    assert listed.table["crosses_by_itself"].between(0.2, 0.6).all()
    assert "reliability of 0.50 (as stated)" in listed.explain()
    silent = found.just_below(PEOPLE)
    assert np.isnan(silent.mean_rise_by_itself)
    assert "must not be taken for a success" in silent.explain()


def test_a_second_score_tells_the_reliability(found):
    people = pd.concat([PEOPLE] * 4, ignore_index=True)
    people["then"] = people["then"].where(people.index > 0)
    listed = found.just_below(people, reliability="then")
    both = people.dropna()
    slope = np.polyfit(both["s"], both["then"], 1)[0]
    assert listed.reversion.reliability == pytest.approx(slope)
    assert "from 23 customers" in listed.explain()


def test_a_later_rise_of_the_low_is_what_was_foretold():
    rng = np.random.default_rng(12)
    liking = rng.normal(size=20_000)
    first, second = (5.5 + 1.4 * (liking + rng.normal(size=20_000)) for _ in range(2))
    frame = pd.DataFrame({"s": np.clip(np.round(first), 0, 10), "then": second})
    frame["y"] = (rng.random(20_000) < 0.2 + 0.2 * (frame["s"] >= 4)).astype(float)
    found = threshold(frame, score="s", outcome="y", rng=1)
    listed = found.just_below(frame, reliability="then")
    rows = listed.table["row"].to_numpy()
    naive = (frame["then"] - frame["s"]).to_numpy()[rows].mean()
    assert naive > 1
    assert listed.mean_rise_by_itself == pytest.approx(naive, abs=0.05)
    crossed = (np.round(second[rows]) >= 4).mean()
    assert listed.table["crosses_by_itself"].mean() == pytest.approx(crossed, abs=0.02)


def test_nobody_near_is_an_answer(found):
    listed = found.just_below(PEOPLE[PEOPLE["s"] > 6])
    assert listed.table.empty
    assert "No customer" in listed.explain()
    assert np.isnan(listed.mean_rise_by_itself)


@pytest.mark.parametrize(
    ("people", "options", "error", "words"),
    [
        (PEOPLE.drop(columns="s"), {}, MissingColumnError, "'s'"),
        (PEOPLE.assign(s=PEOPLE["s"].where(PEOPLE["s"] != 3)), {}, MissingValueError, "'s'.*row"),
        (PEOPLE, {"width": 0}, ConfigError, "width"),
        (PEOPLE, {"shift": -1}, ConfigError, "shift"),
        (PEOPLE, {"outcome": "z"}, ConfigError, "outcome 'z'"),
        (PEOPLE, {"reliability": 2}, ConfigError, "reliability"),
        (PEOPLE, {"prob": 95}, ConfigError, "prob"),
    ],
)
def test_bad_input_is_named(found, people, options, error, words):
    with pytest.raises(error, match=words):
        found.just_below(people, **options)
