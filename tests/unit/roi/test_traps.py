"""Traps on the way to a decision: where the naive way fails and ours passes, or says so."""

import numpy as np
import pandas as pd
import pytest

from cximpact import goals, roi, scores, value
from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, AssumptionWarning, UnitsError
from cximpact.core.units import Change
from cximpact.data import Panel, SurveyWave
from cximpact.effects import HierarchicalDiD, TwoByTwo
from cximpact.scores import CSAT5, NPS
from tests.support import buying, money


def test_rising_retention_of_a_cohort_is_no_success():
    """Sorting: a before-and-after reading of the curve books a gain that nobody made."""
    rng = np.random.default_rng(1)
    fit = value.ShiftedBetaGeometric().fit(buying.simulated_cohort(0.7, 1.2, 20_000, 6, rng), rng=1)
    seen = fit.cohorts.observed()["retention"]
    naive = float(seen.iloc[4] - seen.iloc[0])
    assert naive > 0.2
    assert seen.to_numpy() == pytest.approx(fit.retention(seen.index + 1).values, abs=0.02)


def test_treating_the_riskiest_loses_where_contact_wakes_them():
    """Sleeping dogs: those most likely to leave are driven away; the moved are in the middle."""
    rng = np.random.default_rng(2)
    tiers = ["low risk", "middle", "high risk"]
    draws = rng.normal([0.005, 0.06, -0.04], 0.004, (2000, 3))
    effect = money.draws(draws, "experiment", "pp", ("tier",), {"tier": tiers})

    def treat(chosen, name):
        return roi.Initiative(
            name=name,
            n={tier: (1000.0 if tier in chosen else 0.0) for tier in tiers},
            effect=effect,
            mechanism="one_time",
            value=200.0,
            currency="EUR",
            costs={"one_off": 1000.0},
        )

    plans = {"by risk": ["high risk"], "by uplift": ["middle"]}
    found = {
        name: roi.simulate(treat(chosen, name), horizon=1, discount_rate=0.0)
        for name, chosen in plans.items()
    }
    assert found["by risk"].probability_of_profit() < 0.01 and found["by risk"].roi() < -1
    assert found["by uplift"].probability_of_profit() > 0.99 and found["by uplift"].roi() > 5


def test_a_season_is_no_effect_of_an_initiative():
    """Everybody buys more in December, treated in November or not."""
    rng = np.random.default_rng(3)
    unit, t = (a.ravel() for a in np.meshgrid(np.arange(200), np.arange(1, 5), indexing="ij"))
    season = np.array([0.0, 0.0, 0.4, 0.4])[t - 1]
    table = pd.DataFrame(
        {
            "unit": unit,
            "t": t,
            "y": rng.normal(1, 0.3, 200)[unit] + season + rng.normal(0, 0.3, unit.size),
            "g": np.where(unit < 100, 3.0, np.inf),
        }
    )
    treated = table[table["unit"] < 100]
    naive = treated[treated["t"] >= 3]["y"].mean() - treated[treated["t"] < 3]["y"].mean()
    data = Panel(table, unit="unit", period="t", outcome="y", first_treated="g")
    row = TwoByTwo().fit(data, rng=1).summary().iloc[0]
    assert naive > 0.35 and row["conf_low"] < 0 < row["conf_high"]


def test_draws_that_belong_together_are_not_resampled_apart():
    """Var(X1 + X2) with correlation .8 is 3.6, and 2 after shuffling one of them."""
    z = np.random.default_rng(4).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 40_000)
    a, b = (dr.from_array(column, source="one fit") for column in z.T)
    together = [
        money.one_period(dr.map(lambda d: d, x).assign_attrs(unit="outcome"), name=name)
        for name, x in (("a", a), ("b", b))
    ]
    npv = roi.simulate(together, horizon=1, discount_rate=0.0).npv()
    assert float(npv.var()) == pytest.approx(3.6, rel=0.03)
    shuffled = z[np.random.default_rng(5).permutation(len(z)), 1]
    assert np.var(z[:, 0] + shuffled) == pytest.approx(2.0, rel=0.03)
    lost = dr.resample(b, 40_000, rng=9).assign_attrs(unit="outcome")
    torn = [
        money.one_period(a.assign_attrs(unit="outcome"), name="a"),
        money.one_period(lost, name="b"),
    ]
    with pytest.raises(AlignmentError, match="different sample orders"):
        roi.simulate(torn, horizon=1, discount_rate=0.0)


def test_the_mean_effect_put_through_the_cash_flow_is_not_the_mean_cash_flow():
    wide = roi.simulate(money.initiative(effect=money.normal(0.005, 0.004)), horizon=48)
    table = roi.with_haircuts(wide).set_index("version")["npv"]
    error = float(wide.npv().std()) / np.sqrt(500)
    assert table["as simulated"] - table["at expected inputs"] > 0.5 * error
    by_hand = roi.simulate(money.initiative(effect=money.PP), horizon=48)
    assert table["at expected inputs"] == pytest.approx(float(by_hand.npv().mean()), rel=1e-3)


def test_twenty_percent_means_three_things_and_a_bare_one_is_refused():
    rates = [Change(value=0.2, unit=unit).apply(0.8) for unit in ("rel", "pp", "rel_churn")]
    assert rates == pytest.approx([0.96, 1.0, 0.84])
    with pytest.raises(UnitsError, match="needs a unit"):
        Change(value=0.2, unit=None)
    with pytest.raises(UnitsError, match="bare number"):
        money.initiative(effect=0.2)
    with pytest.raises(UnitsError, match="outside 0 to 1"):
        Change(value=0.2, unit="pp").apply(0.9)


def test_half_a_standard_deviation_of_wave_means_is_no_goal():
    """The SD of means shrinks with the number of answers; that of individuals does not."""
    rng = np.random.default_rng(6)
    answers = rng.integers(1, 6, (12, 400)).astype(float)
    of_means = answers.mean(axis=1).std(ddof=1)
    assert 0.5 * of_means < 0.06
    shares = np.bincount(answers.ravel().astype(int), minlength=6)[1:] / answers.size
    step = goals.half_sd(3.0, None, CSAT5, pmf=shares) - 3.0
    assert step == pytest.approx(0.5 * answers.std(), rel=1e-6) and step > 5 * of_means


def test_the_interval_of_the_line_is_not_that_of_the_next_score():
    seen = [57, 57, 54, 53, 50, 51, 48, 47]
    found = goals.trend_baseline(range(1, 9), seen, method="ols", rng=1).summary().iloc[1]
    assert (found["conf_low"], found["conf_high"]) == pytest.approx(
        (43.1022783, 47.5405779), abs=1e-6
    )
    line = (43.957, 46.685)
    assert found["conf_high"] - found["conf_low"] > 1.6 * (line[1] - line[0])


def test_those_who_never_opened_the_survey_are_no_detractors():
    frame = pd.DataFrame({"nps": [9.0] * 30 + [3.0] * 10 + [np.nan] * 160, "all": "x"})
    found = scores.summarize(SurveyWave(frame, answer="nps", scale=NPS)).iloc[0]
    naive = scores.nps(frame["nps"].fillna(0.0))
    assert found["estimate"] == pytest.approx(50.0) and naive < -60
    assert found["response_rate"] == pytest.approx(0.2)


def test_the_best_of_ten_studies_of_nothing_is_not_a_find():
    """Winner's curse: the largest of ten estimates pays in sample; pooled, it does not."""
    booked, pooled = [], []
    for seed in range(8):
        rng = np.random.default_rng([7, seed])
        unit, t = (a.ravel() for a in np.meshgrid(np.arange(400), [1, 2], indexing="ij"))
        table = pd.DataFrame(
            {
                "unit": unit,
                "t": t,
                "project": [f"p{u % 10}" for u in unit],
                "y": rng.normal(0.5, 0.1, 400)[unit] + rng.normal(0, 0.1, unit.size),
                "g": np.where(unit // 10 % 2 == 0, 2.0, np.inf),
            }
        )
        data = Panel(table, unit="unit", period="t", outcome="y", first_treated="g")
        one = HierarchicalDiD(by="project", estimator=TwoByTwo(draws=1000), draws=1000)
        result = one.fit(data, rng=seed)
        each = table.groupby(["project", table["g"] == 2, "t"])["y"].mean().unstack()
        change = (each[2] - each[1]).unstack()
        booked.append(float((change[True] - change[False]).max()))
        pooled.append(float(result.draws.mean("sample").max()))
    assert np.mean(booked) > 0.04  # an effect of five points where there is none
    assert np.mean(pooled) < 0.4 * np.mean(booked)


def test_a_clipped_rate_is_counted_and_warned_of():
    with pytest.warns(AssumptionWarning, match="takes the rate out of 0 to 1"):
        result = roi.simulate(
            money.initiative(baseline=0.99, effect=money.normal(0.005, 0.01)), horizon=6
        )
    assert result.clipped["x"] > 0.1
