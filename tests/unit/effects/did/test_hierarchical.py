"""Effects by segment: their joint covariance by hand, what a result says, and what is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DesignError,
    MissingColumnError,
    MissingValueError,
    NoControlError,
    NoPreperiodError,
    NoTreatedError,
    RankError,
    SmallSampleWarning,
)
from cximpact.data import Panel
from cximpact.effects import EventStudy, GroupTime, TwoByTwo
from cximpact.effects.did.hierarchical import HierarchicalDiD
from cximpact.effects.did.partial_pooling import partial_pooling
from cximpact.effects.did.segment_estimates import steadied_correlation
from cximpact.value.inputs import effect_input
from tests.support.did import FEW, cross_section, fixture_f1, panel, segment_world

EFFECTS = np.linspace(0.0, 4.0, 8)
PLAIN = GroupTime(small_sample=False, inference="normal")


def world(seed=1, across=False, **more):
    return segment_world(np.random.default_rng(seed), EFFECTS, shock=0.3, across=across, **more)


def fit(table, estimator=None, **more):
    data = panel(table, cluster="cluster")
    settings = more | ({"estimator": estimator} if estimator else {})
    return HierarchicalDiD(by="segment", **settings).fit(data, rng=1)


@cache
def usual(across=False):
    return fit(world(across=across))


def by_hand(table):
    """Estimates and influence by cluster of a two by two in every segment, from means."""
    before = table[table["t"] == 3].set_index("unit")["y"]
    change = table[table["t"] >= 4].groupby("unit")["y"].mean() - before
    unit = table.groupby("unit")[["segment", "cluster", "g"]].first()
    estimates, influence = {}, {}
    for segment, rows in unit.groupby("segment"):
        arms = [change[rows.index[np.isfinite(rows["g"]) == arm]] for arm in (True, False)]
        estimates[segment] = arms[0].mean() - arms[1].mean()
        off = pd.concat([s * (a - a.mean()) / len(a) for s, a in zip((1, -1), arms, strict=True)])
        influence[segment] = off.groupby(unit["cluster"]).sum()
    matrix = pd.DataFrame(influence).fillna(0.0).to_numpy()
    return np.array(list(estimates.values())), matrix.T @ matrix


@pytest.mark.parametrize("across", [False, True])
def test_estimates_and_their_joint_covariance_are_those_by_hand(across):
    table = world(across=across)
    found = fit(table, PLAIN)
    value, covariance = by_hand(table)
    np.testing.assert_allclose(found.details["own"]["estimate"], value, atol=1e-10)
    np.testing.assert_allclose(found.details["own_covariance"], covariance, atol=1e-12)
    assert found.diagnostics["shared_clusters"] is across
    assert (np.abs(covariance[0, 1:]) > 1e-4).all() == across
    errors = np.sqrt(np.diag(covariance))
    alike = covariance / np.outer(errors, errors)
    if across:  # one correlation for all pairs is what thirteen clusters can tell
        alike = np.where(np.eye(8) > 0, 1.0, alike[~np.eye(8, dtype=bool)].mean())
    sd = table["y"].std(ddof=0)
    used = alike * np.outer(errors, errors)
    pooled = partial_pooling(value, used, omega_scale=sd / 2, mu_scale=sd)
    np.testing.assert_allclose(found.summary()["estimate"], pooled.mean, rtol=1e-8)
    np.testing.assert_allclose(
        found.summary()["std_error"], np.sqrt(np.diag(pooled.covariance)), rtol=1e-8
    )


def test_a_segment_by_itself_is_what_group_time_gives():
    table = world()
    own = usual().details["own"].set_index("segment")
    alone = GroupTime().fit(panel(table[table["segment"] == "s03"], cluster="cluster"))
    row = alone.aggregate("simple").tidy().iloc[0]
    assert own.loc["s03", "estimate"] == pytest.approx(row["estimate"])
    assert own.loc["s03", "conf_low"] == pytest.approx(row["conf_low"])


def test_few_clusters_widen_each_estimate_to_its_t_interval():
    found, plain = usual(), fit(world(), PLAIN)
    assert found.diagnostics["small_sample"] and not plain.diagnostics["small_sample"]
    errors = [r.summary()["std_error"] for r in (found, plain)]
    assert (errors[0] > errors[1]).all()
    assert any("t distribution" in note for note in found.provenance.notes)
    own, sd = found.details["own"], world()["y"].std(ddof=0)
    normal = (own["conf_high"] - own["estimate"]) / stats.norm.ppf(0.95)
    pooled = partial_pooling(own["estimate"], np.diag(normal**2), omega_scale=sd / 2, mu_scale=sd)
    np.testing.assert_allclose(found.summary()["estimate"], pooled.mean, rtol=1e-8)


def test_correlations_of_few_clusters_are_steadied_and_those_of_many_left():
    rng = np.random.default_rng(2)
    few = steadied_correlation(rng.standard_normal((6, 9)))
    assert np.linalg.eigvalsh(few)[0] > 0.1
    np.testing.assert_array_equal(np.diag(few), 1.0)
    root = np.linalg.cholesky(np.array([[1, 0.8, 0], [0.8, 1, -0.3], [0, -0.3, 1]]))
    many = rng.standard_normal((50_000, 3)) @ root.T
    np.testing.assert_allclose(steadied_correlation(many), np.corrcoef(many.T), atol=0.01)


def test_gaps_and_left_out_clusters_keep_the_names_of_clusters():
    table = world(across=True)
    gaps = table[~((table["cluster"] == 2) & (table["t"] == 6))]
    found = fit(gaps, GroupTime(unbalanced="drop", small_sample=False, inference="normal"))
    _, covariance = by_hand(table[table["cluster"] != 2])
    np.testing.assert_allclose(found.details["own_covariance"], covariance, atol=1e-12)


def test_people_of_one_store_may_be_in_several_segments():
    table = world(across=True, per_cluster=6).drop(columns="unit")
    data = cross_section(table.rename(columns={"cluster": "group"}))
    found = HierarchicalDiD(by="segment").fit(data, rng=1)
    assert found.diagnostics["shared_clusters"]
    assert np.abs(found.details["own_covariance"][0, 1:]).min() > 1e-5
    treated = table[table["t"] >= table["g"]].groupby("segment").size()
    np.testing.assert_array_equal(found.details["own"]["treated"], treated)


def test_the_result_is_a_joint_posterior_that_value_accepts():
    found = usual()
    assert found.draw_kind == "posterior"
    assert found.draws.dims == ("sample", "segment")
    assert found.estimand.target == "att"
    assert is_causal(found)
    assert effect_input(found).draw_kind == "posterior"
    parts = [found.details[n] for n in ("population_mean", "new_segment", "population_average")]
    dr.check_joint(found.draws, *parts, found.details["omega"])
    np.testing.assert_allclose(parts[2], found.draws.mean("segment"))  # equally many treated
    assert float(parts[1].std()) > float(parts[0].std())
    low, high = found.draws.quantile([0.05, 0.95], "sample").values
    np.testing.assert_allclose(found.tidy()["conf_low"], low)
    np.testing.assert_allclose(found.tidy()["conf_high"], high)


def test_the_words_tell_partial_pooling_and_warn_of_comparing_stars():
    found = usual()
    text = found.explain()
    assert "keeps its own estimate" in text
    assert "does not say that the two differ" in text
    assert "exchangeable segments (not tested)" in text
    greater = found.details["probability_greater"]
    assert float(greater.sel(segment="s07", than="s00")) > 0.9
    np.testing.assert_allclose(greater + greater.values.T, 1.0)


def test_pooled_effects_are_nearer_to_each_other_than_the_raw_ones():
    found = usual()
    own, pooled = found.details["own"]["estimate"], found.summary()["estimate"]
    assert pooled.std() < own.std()
    weight = found.details["own_weight"]
    assert ((weight > 0) & (weight < 1)).all()


def test_order_of_rows_engine_and_names_do_not_matter():
    table = world(across=True)
    one = usual(across=True)
    shuffled = pl.from_pandas(table.sample(frac=1, random_state=3))
    other = fit(shuffled)
    np.testing.assert_allclose(other.draws, one.draws, rtol=1e-7, atol=1e-9)
    numbers = table.assign(segment=7 - table["segment"].str[1:].astype(int))
    reverse = fit(numbers)
    assert reverse.draws["segment"].dtype.kind == "i"
    np.testing.assert_allclose(
        reverse.summary()["estimate"][::-1], one.summary()["estimate"], rtol=1e-9
    )


def test_the_unit_of_the_outcome_does_not_matter_and_the_data_stay():
    table = world()
    before = table.copy()
    one, other = usual(), fit(table.assign(y=100 + 1000 * table["y"]))
    np.testing.assert_allclose(other.draws, 1000 * one.draws, rtol=1e-5, atol=1e-4)
    pd.testing.assert_frame_equal(table, before)
    again = fit(table)
    assert again.provenance == one.provenance
    np.testing.assert_array_equal(again.draws, one.draws)


def test_other_segments_of_the_same_outcomes_are_another_source():
    table = world()
    mixed = table.assign(segment=table["segment"].replace({"s00": "s01", "s01": "s00"}))
    assert usual().provenance.source != fit(mixed).provenance.source


def test_a_covariate_of_the_segments_takes_up_their_differences():
    table = world()
    table["size"] = table["segment"].str[1:].astype(float) * 10
    plain, found = usual(), fit(table, covariates=["size"])
    slope = found.details["slopes"].sel(covariate="size")
    truth = np.arange(8).std() * (EFFECTS[1] - EFFECTS[0])  # of standardized sizes
    assert abs(float(slope.mean()) - truth) < 2.5 * float(slope.std())
    assert found.diagnostics["omega_median"] < plain.diagnostics["omega_median"]


@pytest.mark.filterwarnings(FEW)
def test_another_estimator_serves_where_clusters_are_within_segments():
    table = world()
    found = fit(table, TwoByTwo())
    alone = TwoByTwo().fit(panel(table[table["segment"] == "s02"], cluster="cluster"))
    assert found.details["own"]["estimate"][2] == pytest.approx(alone.summary()["estimate"].item())
    with pytest.raises(DesignError, match="GroupTime"):
        fit(world(across=True), TwoByTwo())
    with pytest.raises(ConfigError, match="event_time"):
        fit(table, EventStudy())


def test_an_estimate_that_is_not_admitted_to_money_stays_out():
    table = world()
    later = table.assign(g=table["g"].where(table["cluster"] % 4 != 0, 5.0))
    with pytest.warns((AssumptionWarning, SmallSampleWarning), match="segment 's00', 's01'"):
        found = fit(later, TwoByTwo())
    assert not is_causal(found)


def test_with_few_segments_the_prior_decides_and_is_shown():
    table = world()
    with pytest.warns(SmallSampleWarning, match="rests on its prior"):
        found = fit(table[table["segment"].isin(["s00", "s01", "s02"])])
    assert found.diagnostics["omega_prior_median"] > 0
    assert found.details["omega_prior"].min() > 0


def changed(**columns):
    return lambda table: table.assign(**{k: v(table) for k, v in columns.items()})


BAD = {
    "no column": (lambda t: t.rename(columns={"segment": "segmnt"}), MissingColumnError, "segmnt"),
    "missing": (
        changed(segment=lambda t: t["segment"].where(t.index > 2)),
        MissingValueError,
        "0, 1, 2",
    ),
    "changing": (
        changed(segment=lambda t: t["segment"].where(t["t"] > 2, "s00")),
        DesignError,
        "changes within 168 units",
    ),
    "two": (lambda t: t[t["segment"] < "s02"], DesignError, "at least|fewer than 3"),
    "untreated": (
        changed(g=lambda t: t["g"].where(~t["segment"].isin(["s01", "s04"]), np.inf)),
        NoTreatedError,
        "'s01', 's04'",
    ),
    "all treated": (
        changed(g=lambda t: t["g"].where(t["segment"] != "s05", 4.0)),
        NoControlError,
        "'s05'",
    ),
    "not seen before": (
        lambda t: t[(t["segment"] != "s03") | (t["t"] >= 4)],
        NoPreperiodError,
        "segment 's03'",
    ),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_cannot_be_compared_is_refused_by_name(name):
    change, error, words = BAD[name]
    with pytest.raises(error, match=words):
        fit(change(world()))


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (lambda t: t["t"].astype(float), DesignError, "differ within"),
        (lambda t: 1.0, RankError, "same everywhere"),
    ],
)
def test_covariates_that_do_not_belong_to_segments_are_refused(column, error, words):
    table = world()
    with pytest.raises(error, match=words):
        fit(table.assign(size=column(table)), covariates=["size"])


@pytest.mark.parametrize(
    "settings",
    [
        {"by": "sample"},
        {"by": 3},
        {"omega_prior": "cauchy"},
        {"omega_scale": 0.0},
        {"mu_scale": -1.0},
        {"draws": 3},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        HierarchicalDiD(**({"by": "segment"} | settings))


def test_fixture_f1_repeated_in_four_segments_pools_to_its_published_effect():
    parts = [fixture_f1().assign(segment=s, shift=k) for k, s in enumerate("abcd")]
    table = pd.concat(parts, ignore_index=True)
    table["unit"] += 100 * table["shift"]
    data = Panel(table, unit="unit", period="t", outcome="y", first_treated="g")
    with pytest.warns(SmallSampleWarning, match="4 segments"):
        found = HierarchicalDiD(by="segment", mu_scale=1e6).fit(data, rng=1)
    np.testing.assert_allclose(found.details["own"]["estimate"], 3.0625)
    np.testing.assert_allclose(found.summary()["estimate"], 3.0625, rtol=1e-6)
