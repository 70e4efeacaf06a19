"""Placebos in time, outcome and response, and estimates without one cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, MissingColumnError
from cximpact.effects import (
    EventStudy,
    GroupTime,
    ImputationDiD,
    TwoByTwo,
    leave_one_cohort_out,
    placebos,
)
from tests.support.did import FEW, STAGGERED, cross_section, panel, staggered_world


def world(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = staggered_world(rng, units=240).drop(columns=["x1", "x2"])
    plain = rng.standard_normal(240)[table["unit"]] + 0.2 * table["t"]
    after = (table["g"] > 0) & (table["t"] >= table["g"])
    return table.assign(
        y=plain + after + 0.5 * rng.standard_normal(len(table)),
        other=plain + 0.5 * rng.standard_normal(len(table)),
        bad=plain + 0.8 * after + 0.5 * rng.standard_normal(len(table)),
    )


def test_treatment_that_begins_too_early_does_nothing_unless_trends_differ():
    table = world()
    checks = placebos(panel(table), shifts=(1, 2), outcomes=["other", "bad"], rng=1)
    found = checks.tidy().set_index("check")
    assert found.index.tolist() == [
        "1 period early",
        "2 periods early",
        "outcome other",
        "outcome bad",
    ]
    assert (found.loc["1 period early":"outcome other", "p_value"] > 0.05).all()
    assert found.loc["outcome bad", "p_value"] < 1e-6
    n = int(((found["conf_low"] > 0) | (found["conf_high"] < 0)).sum())
    assert f"{n} of 4 placebos differ from zero" in checks.explain()
    drift = np.where(table["g"] > 0, 0.5 * (table["t"] - table["g"]), 0.0)
    moved = placebos(panel(table.assign(y=table["y"] + drift)), shifts=(1, 2), rng=1)
    assert (moved.tidy()["p_value"] < 0.01).all()


def test_a_placebo_in_time_uses_the_rows_ahead_of_treatment_alone():
    table = world()
    first = table["g"].replace(0, np.inf)
    by_hand = table[(table["t"] < first) & (first - 2 > 1)].assign(g=first - 2)
    expected = ImputationDiD().fit(panel(by_hand), rng=1)
    found = placebos(panel(table), shifts=[2], rng=1).tidy().iloc[0]
    assert found["estimate"] == pytest.approx(float(expected.estimate), rel=1e-12)
    assert found["std_error"] == pytest.approx(float(expected.std_error), rel=1e-12)
    after = (table["g"] > 0) & (table["t"] >= table["g"])
    other = placebos(panel(table.assign(y=table["y"] + 3 * after)), shifts=[2], rng=1)
    assert other.tidy()["estimate"].iloc[0] == pytest.approx(found["estimate"], rel=1e-9)
    t = abs(found["estimate"] / found["std_error"])
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(t, expected.df), rel=1e-9)


def test_cohorts_without_earlier_periods_are_left_out_and_said():
    table = world().query("g != 6 and g != 4")
    checks = placebos(panel(table), rng=1)
    assert checks.tidy()["check"].tolist() == ["1 period early"]
    assert "a start 2 or 3 periods early" in checks.explain()


@pytest.mark.filterwarnings(FEW)
def test_who_answers_is_asked_of_repeated_cross_sections():
    rng = np.random.default_rng(2)
    group, t = np.repeat(np.arange(30), 400), np.tile(np.repeat(np.arange(1, 5), 100), 30)
    g = np.where(group % 3 == 0, 3, 0)
    after = (g > 0) & (t >= g)
    mood = rng.standard_normal(group.size)
    answered = rng.random(group.size) < np.where(after, 0.3 + 0.2 * (mood > 0), 0.3)
    table = pd.DataFrame({"group": group, "t": t, "g": g, "answered": answered.astype(int)})
    table["y"] = np.where(answered, mood, np.nan)
    data = cross_section(table, missing="drop")
    effect = TwoByTwo().fit(data, rng=1)
    assert effect.tidy()["conf_low"].iloc[0] > 0  # nobody's mood changed
    checks = placebos(data, estimator=TwoByTwo(), shifts=[1], response="answered", rng=1)
    found = checks.tidy().set_index("check")
    assert found.loc["who answers", "estimate"] == pytest.approx(0.1, abs=0.03)
    assert found.loc["who answers", "p_value"] < 1e-6
    assert found.loc["who answers", "n"] == len(table)
    silent = placebos(data, estimator=TwoByTwo(), shifts=[1], rng=1)
    assert "give response=" in silent.explain()
    (composition,) = [a for a in effect.assumptions if a.name == "stable composition"]
    assert "placebos(response=...)" in composition.evidence


@pytest.mark.filterwarnings(STAGGERED)
def test_every_estimator_with_one_effect_will_do():
    data = panel(world())
    for estimator in (GroupTime(draws=100), TwoByTwo()):
        assert len(placebos(data, estimator=estimator, rng=1).tidy()) == 3
    with pytest.raises(ConfigError, match="several effects"):
        placebos(data, estimator=EventStudy(), shifts=[1], rng=1)
    with pytest.raises(ConfigError, match="whole numbers"):
        placebos(data, shifts=[0])
    with pytest.raises(ConfigError, match="no placebo can be made"):
        placebos(data, shifts=[])
    with pytest.raises(MissingColumnError, match="'others'"):
        placebos(data, outcomes=["others"])


def test_leaving_out_a_cohort_is_fitting_without_its_rows():
    table = world()
    checks = leave_one_cohort_out(panel(table, cluster="c"), rng=1)
    found = checks.tidy().set_index("check")["estimate"]
    assert found.index.tolist() == ["all cohorts", *(f"without cohort {g}" for g in (3, 4, 6))]
    for g in (3, 4, 6):
        expected = ImputationDiD().fit(panel(table[table["g"] != g], cluster="c"), rng=1)
        assert found[f"without cohort {g}"] == pytest.approx(float(expected.estimate), rel=1e-12)
    assert "it moves most without cohort" in checks.explain()
    with pytest.raises(ConfigError, match="1 cohort"):
        leave_one_cohort_out(panel(table[table["g"].isin([0, 3])]))


def test_checks_are_drawn_and_shown():
    checks = leave_one_cohort_out(panel(world()), rng=1)
    assert "without cohort 6" in checks._repr_html_()
    ax = checks.plot()
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert "without cohort 3" in labels
