"""Average effects of an experiment and of customers who chose; what is said about them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cximpact as cx
from cximpact.core.errors import (
    ConfigError,
    DesignError,
    InsufficientDataError,
    OverlapError,
    ZeroVarianceError,
)

u = cx.effects.uplift
N = 2000
RNG = np.random.default_rng(21)


def confounded(strength: float = 1.0) -> pd.DataFrame:
    """Sicker customers are treated more; the effect is .2 for all."""
    level = RNG.normal(0, 1, N)
    t = (RNG.random(N) < 1 / (1 + np.exp(-strength * level))).astype(int)
    y = level + 0.2 * t + RNG.normal(0, 0.5, N)
    return pd.DataFrame({"y": y, "t": t, "level": level, "other": RNG.normal(size=N)})


def section(table, features=("level",), **roles) -> cx.CrossSection:
    return cx.CrossSection(table, outcome="y", treatment="t", features=list(features), **roles)


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    return confounded()


def test_self_selection_is_adjusted_for(world):
    naive = world.y[world.t == 1].mean() - world.y[world.t == 0].mean()
    found = u.AverageEffect(outcome_model="linear").fit(section(world), rng=1)
    error = float(found.std_error)
    assert naive > 0.8
    assert abs(float(found.estimate) - 0.2) < 3 * error
    assert error < 0.05


@pytest.mark.parametrize("target", ["att", "overlap", "trimmed"])
def test_every_population_finds_an_equal_effect(world, target: str):
    found = u.AverageEffect(target=target, outcome_model="linear").fit(section(world), rng=1)
    assert abs(float(found.estimate) - 0.2) < 3 * float(found.std_error)


def test_the_population_is_named(world):
    trimmed = u.AverageEffect(target="trimmed", outcome_model="linear", bounds=(0.2, 0.8))
    found = trimmed.fit(section(world), rng=1)
    assert "propensity lies from 0.2 to 0.8" in found.explain()
    assert 0.5 < found.diagnostics["kept"] < 1
    overlap = u.AverageEffect(target="overlap", outcome_model="linear").fit(section(world), rng=1)
    assert overlap.estimand.target == "ato" and "either arm" in overlap.explain()


def test_conditions_and_what_would_change_it_are_said(world):
    text = u.AverageEffect(outcome_model="linear").fit(section(world), rng=1).explain()
    for words in ("no unmeasured confounding (not tested", "overlap (tested", "unmeasured that"):
        assert words in text
    known = section(world, propensity=0.5)
    said = u.AverageEffect(outcome_model="linear").fit(known, rng=1).explain()
    assert "treatment at random" in said and "by design" in said


def test_the_difference_of_means_has_welchs_error_and_interval(world):
    found = u.AverageEffect(outcome_model="mean").fit(section(world), rng=1)
    test = stats.ttest_ind(world.y[world.t == 1], world.y[world.t == 0], equal_var=False)
    low, high = test.confidence_interval(0.9)
    row = found.tidy(0.9).iloc[0]
    assert row["conf_low"] == pytest.approx(low) and row["conf_high"] == pytest.approx(high)
    assert found.df == pytest.approx(test.df)


def test_clusters_of_the_difference_are_summed():
    table = confounded().assign(store=np.repeat(np.arange(N // 10), 10))
    shock = RNG.normal(0, 2, N // 10)[table["store"]]
    table["y"] += shock
    one = u.AverageEffect(outcome_model="mean").fit(section(table), rng=1)
    table["t"] = (table["store"] % 2).astype(int)
    by_store = u.AverageEffect(outcome_model="mean").fit(section(table, cluster="store"), rng=1)
    means = table.groupby("store")["y"].mean()
    on, off = means[means.index % 2 == 1], means[means.index % 2 == 0]
    expected = np.sqrt(on.var() / len(on) + off.var() / len(off))
    assert float(by_store.std_error) == pytest.approx(expected, rel=0.01)
    assert float(by_store.std_error) > 1.5 * float(one.std_error)


def test_means_do_not_serve_where_the_propensity_differs():
    table = confounded().assign(p=lambda d: 1 / (1 + np.exp(-d.level)))
    with pytest.raises(DesignError, match="propensity differs between customers"):
        u.AverageEffect(outcome_model="mean").fit(section(table, propensity="p"), rng=1)


def test_no_overlap_is_refused_and_trimming_named():
    table = confounded(strength=12.0)
    with pytest.raises(OverlapError, match="target='trimmed'"):
        u.AverageEffect(outcome_model="linear").fit(section(table), rng=1)
    found = u.AverageEffect(target="overlap", outcome_model="linear").fit(section(table), rng=1)
    assert abs(float(found.estimate) - 0.2) < 4 * float(found.std_error)


def test_nobody_within_the_bounds_is_an_error():
    table = confounded(strength=0.0)
    with pytest.raises(OverlapError, match=r"no customer has a propensity from 0.9 to 0.95"):
        u.AverageEffect(target="trimmed", bounds=(0.9, 0.95), outcome_model="linear").fit(
            section(table), rng=1
        )


def test_several_arms_are_joint():
    table = pd.DataFrame({"t": np.arange(N) % 3, "x": RNG.normal(size=N)})
    table["y"] = table["t"] * 0.5 + RNG.normal(size=N)
    data = cx.CrossSection(table, outcome="y", treatment="t", features=["x"], control=0)
    found = u.AverageEffect(outcome_model="linear").fit(data, rng=1)
    assert found.draws.dims == ("sample", "arm")
    correlation = np.corrcoef(found.draws.values.T)[0, 1]
    assert correlation == pytest.approx(0.5, abs=0.08)
    np.testing.assert_allclose(found.estimate, [0.5, 1.0], atol=0.2)
    with pytest.raises(DesignError, match="needs one treated arm"):
        u.AverageEffect(target="att").fit(data, rng=1)


def test_repeats_hold_still(world):
    settings = u.CrossFit(repeats=3)
    a = u.AverageEffect(outcome_model="linear", crossfit=settings).fit(section(world), rng=1)
    b = u.AverageEffect(outcome_model="linear", crossfit=settings).fit(section(world), rng=1)
    assert float(a.estimate) == float(b.estimate)
    np.testing.assert_array_equal(a.draws.values, b.draws.values)


def test_an_outcome_that_never_varies_in_an_arm_is_refused(world):
    table = world.assign(y=np.where(world.t == 1, 1.0, world.y))
    with pytest.raises(ZeroVarianceError, match="arm 1"):
        u.AverageEffect(outcome_model="linear").fit(section(table), rng=1)


def test_an_arm_of_one_has_no_error():
    table = confounded().assign(t=[1, *[0] * (N - 1)])
    with pytest.raises((InsufficientDataError, ZeroVarianceError)):
        u.AverageEffect(outcome_model="mean").fit(section(table), rng=1)


@pytest.mark.parametrize(
    "settings",
    [
        {"target": "all"},
        {"bounds": (0.9, 0.1)},
        {"outcome_model": "tree"},
        {"outcome_model": "mean", "target": "att"},
        {"draws": 5},
        {"scale": "percent"},
    ],
)
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        u.AverageEffect(**settings)
