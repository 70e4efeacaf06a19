import warnings

import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    ScaleError,
    ZeroVarianceError,
)
from cximpact.effects.linkage import league_table
from cximpact.scores import CSAT5, NPS, ces_scale
from cximpact.scores.reliability import unit_scores


def answers(
    seed=1, units=20, between=1.0, within=2.0, n=(20, 200)
) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = rng.integers(*n, units)
    truth = between * rng.normal(size=units)
    unit = np.repeat(np.arange(units), size)
    y = truth[unit] + within * rng.normal(size=unit.size)
    return pd.DataFrame({"agent": [f"a{u:02}" for u in unit], "y": y}), truth


def league(frame, **options):
    given = {"unit": "agent", "score": "y", "rng": 1, "draws": 1000}
    return league_table(frame, **(given | options))


def test_scores_agree_with_shrinkage_by_known_variances():
    frame, truth = answers(units=40)
    found = league(frame)
    moments = unit_scores(frame["y"], frame["agent"])
    table = found.table().set_index("unit").loc[moments["unit"]]
    np.testing.assert_allclose(table["raw"], moments["raw"])
    np.testing.assert_allclose(table["estimate"], moments["estimate"], atol=0.04)
    np.testing.assert_allclose(table["reliability"], moments["reliability"], atol=0.05)
    assert (table["conf_low"].to_numpy() < truth).mean() > 0.85
    assert not is_causal(found)


def test_raw_ranking_puts_small_units_at_both_ends():
    rng = np.random.default_rng(4)
    size = np.r_[np.full(20, 6), np.full(20, 400)]
    unit = np.repeat(np.arange(40), size)
    y = 0.5 * rng.normal(size=40)[unit] + 3 * rng.normal(size=unit.size)
    frame = pd.DataFrame({"agent": [f"a{u:02}" for u in unit], "y": y})
    found = league(frame)
    table = found.table().set_index("unit")
    raw = table.sort_values("raw")
    ends = [*raw.index[:4], *raw.index[-4:]]
    assert (table.loc[ends, "n"] == 6).all()
    shrunken = table.sort_values("estimate")
    ends = [*shrunken.index[:4], *shrunken.index[-4:]]
    assert (table.loc[ends, "n"] == 400).sum() >= 7
    width = table["rank_high"] - table["rank_low"]
    assert width[table["n"] == 6].min() > width[table["n"] == 400].median()
    assert table.loc[table["n"] == 6, "p_best"].max() < 0.2


def test_ranks_and_probabilities_come_from_joint_draws():
    frame, _ = answers()
    found = league(frame)
    ranks, table = found.ranks, found.table().set_index("unit")
    assert (np.sort(ranks, axis=1) == np.arange(1, 21)).all()
    assert table["p_best"].sum() == pytest.approx(1)
    assert table["p_worst_decile"].sum() == pytest.approx(2)
    best = table.index[0]
    assert table.loc[best, "tier"] == 1
    own = found.draws.sel(unit=best).values
    assert found.table()["rank"].tolist() == list(range(1, 21))
    for other in table.index[1:]:
        beats = (own > found.draws.sel(unit=other).values).mean()
        assert found.probability_better(best, other) == pytest.approx(beats)
        assert (table.loc[other, "tier"] == 1) <= (beats < 0.95)
    with pytest.raises(ConfigError, match="unit 'a99'"):
        found.probability_better(best, "a99")


def test_a_scale_with_effort_ranks_the_lowest_first():
    rng = np.random.default_rng(0)
    unit = np.repeat(["good", "bad"], 400)
    y = np.clip(np.round(np.where(unit == "good", 2.5, 5.0) + rng.normal(size=800)), 1, 7)
    frame = pd.DataFrame({"agent": unit, "y": y})
    effort = league(frame, scale=ces_scale(7, higher_is_better=False)).table()
    assert effort["unit"].tolist() == ["good", "bad"]
    ease = league(frame, scale=ces_scale(7, higher_is_better=True)).table()
    assert ease["unit"].tolist() == ["bad", "good"]


def test_case_mix_is_adjusted_for():
    rng = np.random.default_rng(2)
    unit = np.repeat(np.arange(12), 150)
    hard = (rng.random(unit.size) < np.where(unit < 6, 0.8, 0.2)).astype(float)
    y = 8 - 3 * hard + 0.02 * rng.normal(size=12)[unit] + rng.normal(size=unit.size)
    frame = pd.DataFrame({"agent": unit, "y": y, "hard": hard})
    raw = league(frame).table().set_index("unit")
    assert raw["tier"].max() >= 2
    with pytest.warns(AssumptionWarning, match="reliability below 0.7"):
        fair = league(frame, covariates=["hard"]).table().set_index("unit")
    spread = [t["estimate"].max() - t["estimate"].min() for t in (raw, fair)]
    assert spread[1] < 0.3 * spread[0]
    assert fair["adjusted"].std() < 0.3 * raw["raw"].std()


def test_low_reliability_is_warned_of_with_the_answers_needed():
    frame, _ = answers(between=0.2, n=(5, 15), within=2.0)
    with pytest.warns(
        AssumptionWarning, match=r"20 of 20 units has a reliability.*About [\d,]+ an"
    ):
        found = league(frame)
    assert found.diagnostics["low_reliability"] == 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        league(answers()[0])


def test_funnel_limits_hold_units_that_do_not_differ():
    frame, _ = answers(seed=3, units=60, between=0.0, n=(5, 300))
    with pytest.warns(AssumptionWarning):
        table = league(frame).table()
    assert table["outside_funnel"].sum() == 0
    wide = table["funnel_high"] - table["funnel_low"]
    within = np.sqrt(frame.groupby("agent")["y"].var(ddof=1).mean())
    np.testing.assert_allclose(wide, 2 * 3.0902 * within / np.sqrt(table["n"]), rtol=0.05)
    assert league(answers()[0]).table()["outside_funnel"].sum() > 3


def test_nps_units_with_one_answer_take_part():
    rng = np.random.default_rng(1)
    unit = np.r_[np.repeat(np.arange(10), 80), [10]]
    frame = pd.DataFrame({"agent": unit, "y": rng.integers(0, 11, unit.size)})
    with pytest.warns(AssumptionWarning):
        table = league(frame, scale=NPS).table().set_index("unit")
    assert table.loc["10", "n"] == 1
    assert table.loc["10", "rank_high"] - table.loc["10", "rank_low"] >= 8


def test_it_repeats_itself_tells_and_draws():
    frame, _ = answers()
    before = frame.copy()
    found = league(frame)
    np.testing.assert_array_equal(found.draws, league(frame).draws)
    pd.testing.assert_frame_equal(frame, before)
    assert "cannot be told from the first" in found.explain()
    assert found.plot().get_xlabel() == "Score (points)"
    assert "<table" in found._repr_html_()
    assert {"between", "within"} <= set(found.details)
    assert found.details["between"] == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({}, {"unit": "agnet"}, MissingColumnError, "agnet.*agent"),
        ({}, {"unit": "y"}, ConfigError, "two roles"),
        ({"agent": "one"}, {}, InsufficientDataError, "one unit"),
        ({"agent": range}, {}, InsufficientDataError, "several answers"),
        ({"y": 3.0}, {}, ZeroVarianceError, "'y'"),
        ({}, {"scale": CSAT5}, ScaleError, "CSAT5"),
        ({"agent": None}, {}, MissingValueError, "every answer needs its unit"),
        ({}, {"draws": 0}, ConfigError, "draws is 0"),
    ],
)
def test_bad_answers_are_refused(change, options, error, match):
    frame, _ = answers()
    change = {k: np.arange(len(frame)) if v is range else v for k, v in change.items()}
    with pytest.raises(error, match=match):
        league(frame.assign(**change), **options)


def test_gaps_are_dropped_when_asked():
    frame, _ = answers()
    frame.loc[[2, 5], "y"] = np.nan
    with pytest.raises(MissingValueError, match="positions 2, 5"):
        league(frame)
    found = league(frame, missing="drop")
    assert found.n == len(frame) - 2
    assert "2 of" in found.explain()
