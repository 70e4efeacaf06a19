"""Group-time effects against R, a Python edition of it, and fixture F1."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    NoControlError,
    NoPreperiodError,
    OverlapError,
    RankError,
    SeparationError,
    SmallSampleWarning,
)
from cximpact.core.results import EffectPosterior
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects import GroupTime, TwoByTwo
from tests.support.did import (
    FEW,
    STAGGERED,
    fixture_f1,
    panel,
    people,
    simple_panel,
    staggered_world,
)

GOLDEN = json.loads((Path(__file__).parents[3] / "golden/group_time.json").read_text())["results"]
COVARIATES = ("x1", "x2")


def whole(**roles: object) -> Panel:
    return panel(staggered_world(np.random.default_rng(1)), covariates=COVARIATES, **roles)


def gaps() -> Panel:
    return panel(staggered_world(np.random.default_rng(2), gaps=0.1), covariates=COVARIATES)


def everybody_else() -> RepeatedCrossSection:
    table = staggered_world(np.random.default_rng(1))
    return RepeatedCrossSection(
        table.assign(row=np.arange(len(table))),
        period="t",
        outcome="y",
        group="unit",
        first_treated="g",
        covariates=COVARIATES,
        cluster="row",
    )


def check(result: EffectPosterior, name: str) -> None:
    known = pd.DataFrame(GOLDEN[name]).dropna()
    table = result.tidy().merge(known, on=["cohort", "period"], suffixes=("", "_known"))
    assert len(table) == len(known) >= 15
    np.testing.assert_allclose(table["estimate"], table["estimate_known"], atol=1e-9)
    np.testing.assert_allclose(table["std_error"], table["std_error_known"], atol=1e-9)


@pytest.mark.filterwarnings(STAGGERED)
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_covariates_weights_people_and_gaps_are_those_of_r(method):
    check(GroupTime(method=method).fit(whole()), f"panel {method}")
    check(GroupTime(method=method).fit(whole(weight="w")), f"weights {method}")
    later = GroupTime(method=method, control="not_yet", unbalanced="levels")
    check(later.fit(everybody_else()), f"people {method}")
    check(later.fit(gaps()), f"levels {method}")
    check(GroupTime(method=method, unbalanced="drop").fit(gaps()), f"drop {method}")


def test_anticipation_and_a_universal_base_are_those_of_r():
    check(GroupTime(control="not_yet", anticipation=1).fit(whole()), "anticipation")
    check(GroupTime(control="not_yet", base="universal").fit(whole()), "universal")


SCENARIOS = {
    "mpdta_nev_dr": GroupTime(covariates=()),
    "mpdta_nyt_dr": GroupTime(covariates=(), control="not_yet"),
    "mpdta_nev_ipw": GroupTime(covariates=(), method="ipw"),
    "mpdta_nev_reg_cov": GroupTime(method="reg"),
}


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_county_employment_is_that_of_r(real_data, name):
    folder = real_data / "did_reference"
    roles = {
        "unit": "countyreal",
        "period": "year",
        "outcome": "lemp",
        "first_treated": "first.treat",
    }
    data = Panel(pd.read_csv(folder / "mpdta.csv"), covariates=["lpop"], **roles)
    found = SCENARIOS[name].fit(data, rng=1)
    table = pd.read_csv(folder / "ref_attgt.csv").query("scenario == @name")
    both = found.tidy().merge(table, left_on=["cohort", "period"], right_on=["group", "t"])
    assert len(both) == len(table) == 12
    np.testing.assert_allclose(both["estimate"], both["att"], atol=1e-10)
    np.testing.assert_allclose(both["std_error"], both["se"], atol=1e-10)
    trends = pd.read_csv(folder / "ref_pretest.csv").query("scenario == @name").iloc[0]
    assert found.diagnostics["pretrend"]["statistic"] == pytest.approx(trends["W"], abs=1e-8)
    assert found.diagnostics["pretrend"]["p"] == pytest.approx(trends["Wpval"], abs=1e-5)
    averages = pd.read_csv(folder / "ref_aggte.csv").query("scenario == @name")
    for by, kind in {"event": "dynamic", "group": "group", "calendar": "calendar"}.items():
        known = averages[averages["type"] == kind]
        average = found.aggregate(by)
        np.testing.assert_allclose(average.estimate, known["att_egt"], atol=1e-10)
        np.testing.assert_allclose(average.std_error, known["se_egt"], atol=1e-10)
    for by, kind in {"simple": "simple", "event": "dynamic", "group": "group"}.items():
        known = averages[averages["type"] == kind].iloc[0]
        overall = found.aggregate(by, overall=True)
        assert float(overall.estimate) == pytest.approx(known["overall_att"], abs=1e-10)
        assert float(overall.std_error) == pytest.approx(known["overall_se"], abs=1e-10)


def test_published_doubly_robust_effects(real_data):
    roles = {
        "unit": "countyreal",
        "period": "year",
        "outcome": "lemp",
        "first_treated": "first.treat",
    }
    data = Panel(pd.read_csv(real_data / "did_reference/mpdta.csv"), covariates=["lpop"], **roles)
    found = GroupTime().fit(data, rng=1)
    early = found.tidy().query("cohort == 2004")["estimate"]
    np.testing.assert_allclose(early, [-0.0145, -0.0764, -0.1404, -0.1069], atol=5e-5)
    simple = found.aggregate("simple")
    assert float(simple.estimate) == pytest.approx(-0.04175, abs=5e-6)
    assert float(simple.std_error) == pytest.approx(0.01150, abs=5e-6)


def plain(**settings: object) -> EffectPosterior:
    return GroupTime(small_sample=False, **settings).fit(panel(fixture_f1()), rng=1)


def test_f1_with_never_treated_controls():
    table = plain().tidy().set_index(["cohort", "period"])
    known = {(3, 3): 2.375, (3, 4): 3.375, (3, 5): 4.375, (3, 6): 5.375, (5, 5): 1.375, (5, 6): 1.5}
    known |= {(3, 2): -0.375, (5, 2): 0, (5, 3): 0.375, (5, 4): -0.375}
    for key, value in known.items():
        assert table.loc[key, "estimate"] == pytest.approx(value, abs=1e-12)
    for key, value in {(3, 3): 0.496078, (3, 4): 0.324760, (5, 6): 0.459279}.items():
        assert table.loc[key, "std_error"] == pytest.approx(value, abs=5e-7)
    assert len(table) == len(known)


def test_f1_averages():
    found = plain()
    assert float(found.aggregate("simple").estimate) == pytest.approx(3.0625)
    event = found.aggregate("event")
    np.testing.assert_allclose(
        event.estimate.sel(event_time=[0, 1, 2, 3]), [1.875, 2.4375, 4.375, 5.375]
    )
    np.testing.assert_allclose(found.aggregate("group").estimate, [3.875, 1.4375])


def test_f1_with_controls_that_are_treated_later():
    table = plain(control="notyettreated").tidy().set_index(["cohort", "period"])["estimate"]
    assert table[3, 3] == pytest.approx(2.1875)
    assert table[5, 6] == pytest.approx(1.5)


def test_one_cohort_and_two_periods_are_two_by_two():
    table = simple_panel(np.random.default_rng(3)).query("t in (3, 4)")
    found = GroupTime(small_sample=False).fit(panel(table), rng=1)
    two = TwoByTwo().fit(panel(table), rng=1)
    assert float(found.aggregate("simple").estimate) == pytest.approx(
        float(two.estimate), abs=1e-12
    )


def test_an_average_leaves_the_result_as_it_is():
    found = plain()
    before = found.tidy()
    draws = found.draws.copy(deep=True)
    for by in ("simple", "event", "group", "calendar"):
        found.aggregate(by)
        found.aggregate(by, overall=True)
    pd.testing.assert_frame_equal(before, found.tidy())
    assert found.draws.equals(draws)
    assert (
        found.aggregate("event").aggregate("simple").draws.equals(found.aggregate("simple").draws)
    )


def test_draws_of_an_average_belong_to_those_of_the_cells():
    found = plain()
    cells, group = found.draws.values, found.aggregate("group").draws
    early = (found.draws["cohort"] == 3) & (found.draws["period"] >= 3)
    np.testing.assert_allclose(cells[:, early.values].mean(axis=1), group.sel(cohort=3), atol=1e-10)


def test_the_small_sample_correction_is_on_where_clusters_are_few():
    found = GroupTime().fit(panel(fixture_f1()), rng=1)
    assert found.df == 10
    np.testing.assert_allclose(found.std_error, plain().std_error * np.sqrt(4 / 3))
    assert GroupTime().fit(whole(), rng=1).df is None


@pytest.mark.parametrize("inference", ["normal", "rademacher", "mammen"])
def test_draws_have_the_standard_error_of_the_result(inference):
    found = GroupTime(inference=inference, draws=20_000).fit(whole(), rng=2).aggregate("event")
    np.testing.assert_allclose(found.draws.mean("sample"), found.estimate, atol=0.01)
    np.testing.assert_allclose(found.draws.std("sample"), found.std_error, rtol=0.03)
    assert found.diagnostics["inference"] == inference


def test_errors_are_summed_by_cluster():
    table = staggered_world(np.random.default_rng(4)).assign(
        g=lambda d: d.groupby("c")["g"].transform("max")
    )
    by_unit = GroupTime(covariates=()).fit(panel(table), rng=1)
    by_cluster = GroupTime(covariates=(), small_sample=False).fit(panel(table, cluster="c"), rng=1)
    np.testing.assert_allclose(by_unit.estimate, by_cluster.estimate)
    assert by_cluster.diagnostics["clusters"] == 60
    twice = pd.concat([table, table.assign(unit=table["unit"] + 1000)]).assign(
        c=lambda d: d["unit"] % 1000
    )
    doubled = GroupTime(covariates=()).fit(panel(twice, cluster="c"), rng=1)
    np.testing.assert_allclose(doubled.std_error, by_unit.std_error, atol=1e-12)


def test_rows_lost_at_random_cost_little_where_pairs_are_compared():
    table = staggered_world(np.random.default_rng(5), units=1500)
    table["y"] += 10 * np.random.default_rng(6).standard_normal(1500)[table["unit"]]
    lost = table[np.random.default_rng(7).random(len(table)) > 0.05]
    full = GroupTime(covariates=()).fit(panel(table), rng=1).aggregate("simple")
    pairs = GroupTime(covariates=()).fit(panel(lost), rng=1)
    simple = pairs.aggregate("simple")
    levels = (
        GroupTime(covariates=(), unbalanced="levels").fit(panel(lost), rng=1).aggregate("simple")
    )
    assert abs(float(simple.estimate - full.estimate)) < float(full.std_error)
    assert float(simple.std_error / full.std_error) < 1.2
    assert float(levels.std_error / full.std_error) > 2
    assert any("units miss periods" in note for note in pairs.provenance.notes)


def test_people_without_covariates_need_only_their_cells():
    table = people(np.random.default_rng(8))
    roles = {"period": "t", "outcome": "y", "group": "group", "first_treated": "g"}
    found = GroupTime(small_sample=False).fit(RepeatedCrossSection(table, **roles), rng=1)
    means = table.assign(d=table["g"] == 3).groupby(["d", "t"])["y"].mean().unstack()
    change = means[4] - means[2]
    value = found.tidy().set_index(["cohort", "period"])["estimate"]
    assert value[3, 4] == pytest.approx(change[True] - change[False], abs=1e-12)
    rows = RepeatedCrossSection(table.assign(w=2.0), weight="w", **roles)
    doubled = GroupTime(small_sample=False).fit(rows, rng=1)
    np.testing.assert_allclose(doubled.std_error, found.std_error, atol=1e-12)


def test_a_cohort_of_one_cluster_is_named():
    table = fixture_f1().query("unit < 1 or unit > 3")
    with pytest.warns(SmallSampleWarning, match="cohort 3 has one cluster"):
        GroupTime().fit(panel(table), rng=1)


def test_nobody_never_treated_needs_the_other_controls():
    table = fixture_f1().query("unit < 8")
    with pytest.raises(NoControlError, match="control='not_yet'"):
        GroupTime().fit(panel(table))
    found = GroupTime(control="not_yet").fit(panel(table), rng=1)
    assert found.tidy()[["cohort", "period"]].query("cohort == 3")["period"].max() == 4
    assert any("no untreated units" in note for note in found.provenance.notes)


@pytest.mark.filterwarnings(FEW)
def test_anticipation_that_reaches_before_the_data_is_refused():
    with pytest.raises(NoPreperiodError, match="lower anticipation"):
        GroupTime(anticipation=4).fit(panel(fixture_f1()))


def test_covariates_that_separate_are_refused():
    table = staggered_world(np.random.default_rng(9)).assign(x1=lambda d: (d["g"] > 0) * 1.0)
    with pytest.raises((SeparationError, OverlapError, RankError)):
        GroupTime(covariates=("x1",)).fit(panel(table))
    table = table.assign(x1=lambda d: d["x2"] * 2)
    with pytest.raises(RankError, match="collinear"):
        GroupTime(method="reg").fit(panel(table, covariates=COVARIATES))


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="control"):
        GroupTime(control="everybody")
    with pytest.raises(ConfigError, match="method"):
        GroupTime(method="ols")
    with pytest.raises(ConfigError, match="nothing|no effects by cohort"):
        TwoByTwo().fit(panel(simple_panel(np.random.default_rng(1)))).aggregate("event")
    with pytest.raises(ConfigError, match="by"):
        plain().aggregate("cohort")


def test_a_universal_base_leaves_its_reference_out():
    found = plain(base="universal").aggregate("event")
    assert -1 not in found.estimate["event_time"].values
    assert found.details["reference"] == -1
    assert found.details["covariance"].shape == (7, 7)


def test_the_frame_is_not_changed_and_the_seed_decides():
    table = fixture_f1()
    copy = table.copy(deep=True)
    one, two = (GroupTime().fit(panel(table), rng=5) for _ in range(2))
    pd.testing.assert_frame_equal(table, copy)
    assert one.draws.equals(two.draws)
    text = one.explain()
    assert "never treated" in text and "parallel trends" in text
