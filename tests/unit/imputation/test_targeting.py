"""Whom to ask next: promised gains against exact and simulated ones, and fair draws."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
)
from cximpact.imputation.poststratify import margin, probabilities
from cximpact.imputation.targeting import knowledge, target
from tests.support.engines import ENGINES
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def frame():
    return customer_frame(n=3000, seed=2)


@pytest.fixture(scope="module")
def fit(frame):
    return synthetic(wave_of(frame), n_draws=1000, sd=0.25)


@pytest.fixture(scope="module")
def plan(fit):
    return target(fit, budget=150, contacts="days", min_days=30, period="all")


@pytest.mark.parametrize("by", [None, "segment"])
def test_the_sd_before_is_that_of_the_finite_score(fit, by):
    known = knowledge(fit, np.ones(fit.cells.n_cells, dtype=bool), margin(fit.cells, by))
    drawn = fit.score(by, rng=3).std("sample", ddof=1).values
    assert np.sqrt(known.variance()) == pytest.approx(np.atleast_1d(drawn), rel=0.08)


def test_survey_weights_enter_the_score_that_is_planned_for(frame):
    weight = np.where(frame["segment"] == "a", 5.0, 1.0)
    fit = synthetic(wave_of(frame.assign(w=weight), weight="w"), n_draws=1000, sd=0.25)
    known = knowledge(fit, np.ones(fit.cells.n_cells, dtype=bool), margin(fit.cells, None))
    drawn = float(fit.score(rng=3).std("sample", ddof=1))
    assert np.sqrt(known.variance()[0]) == pytest.approx(drawn, rel=0.08)
    assert known.each.max() == pytest.approx(5.0)
    plain = knowledge(
        synthetic(wave_of(frame), n_draws=1000, sd=0.25),
        np.ones(fit.cells.n_cells, dtype=bool),
        margin(fit.cells, None),
    )
    rise = known.gains(np.ones(len(known.each))) / plain.gains(np.ones(len(known.each)))
    in_a = (fit.cells.index["segment"] == "a").to_numpy()
    assert rise[in_a].min() > rise[~in_a].max()


def test_promised_variance_is_met_when_answers_are_drawn_and_draws_reweighted(frame):
    """Draw a truth from the draws, answers from it, and weigh the draws by their likelihood."""
    fit = synthetic(wave_of(frame, factors=["segment"], period=None), n_draws=4000, sd=0.3)
    known = knowledge(fit, np.ones(4, dtype=bool), margin(fit.cells, None))
    asked = np.array([200.0, 0.0, 60.0, 150.0])
    pmf = np.concatenate(list(probabilities(fit.draws, fit.design)))
    score = (pmf @ fit.cells.scale.score_weights) @ (known.weight - asked) / fit.cells.n_frame
    rng, found = np.random.default_rng(1), []
    for truth in rng.integers(0, 4000, 300):
        answers = rng.multinomial(asked.astype(int), pmf[truth])
        log_lik = (answers * np.log(pmf)).sum(axis=(1, 2))
        weight = special.softmax(log_lik)
        found.append(weight @ score**2 - (weight @ score) ** 2)
    after = known.after(asked)
    scatter = (after.weight * after.scatter).sum() / fit.cells.n_frame**2
    before = known.variance()[0] - (known.weight * known.scatter).sum() / fit.cells.n_frame**2
    promised = after.variance()[0] - scatter
    assert promised < 0.6 * before
    assert np.mean(found) == pytest.approx(promised, rel=0.06)


def test_the_plan_uses_the_budget_and_beats_proportional_invitations(plan):
    cells, sd = plan.cells, plan.expected_sd.iloc[0]
    assert cells["invitations"].sum() == pytest.approx(150)
    assert cells["inclusion_prob"].between(0.02 - 1e-12, 1 + 1e-12).all()
    assert (cells["invitations"] / cells["eligible"]).to_numpy() == pytest.approx(
        cells["inclusion_prob"].to_numpy()
    )
    assert sd["planned"] < sd["proportional"] < sd["before"]


def test_who_answered_or_was_contacted_lately_is_not_asked(plan, frame):
    invited = plan.draw(rng=1)
    rows = frame.set_index("customer").loc[invited["customer"]]
    assert len(invited) == 150 == plan.n_invitations
    assert rows["nps"].isna().all() and (rows["days"] >= 30).all()
    assert plan.not_estimable == int((frame["nps"].isna() & (frame["days"] < 30)).sum())
    assert plan.cells["people"].sum() == len(frame)


def test_weights_are_the_inverse_probabilities_of_the_cells(plan):
    invited = plan.draw(rng=2)
    keys = ["segment", "channel", "month"]
    looked = invited.merge(plan.cells[[*keys, "inclusion_prob"]], on=keys, suffixes=("", "_cell"))
    assert (looked["inclusion_prob"] == looked["inclusion_prob_cell"]).all()
    assert looked["weight"].to_numpy() == pytest.approx(1 / looked["inclusion_prob"].to_numpy())


def test_the_same_seed_asks_the_same_customers(plan, fit):
    again = target(fit, budget=150, contacts="days", min_days=30, period="all")
    assert plan.draw()["customer"].tolist() == again.draw()["customer"].tolist()
    assert plan.draw(rng=8)["customer"].tolist() != plan.draw(rng=9)["customer"].tolist()


def test_the_order_of_the_rows_does_not_matter(plan, frame):
    mixed = synthetic(wave_of(frame.sample(frac=1, random_state=5)), n_draws=1000, sd=0.25)
    again = target(mixed, budget=150, contacts="days", min_days=30, period="all")
    assert again.draw(rng=4)["customer"].tolist() == plan.draw(rng=4)["customer"].tolist()


def test_weighted_totals_of_the_draws_are_unbiased(plan, frame):
    value = frame.assign(value=frame["days"] * (frame["month"] + 1)).set_index("customer")["value"]
    can = frame["nps"].isna() & (frame["days"] >= 30)
    truth = value[can.to_numpy()].sum()
    totals = []
    for seed in range(150):
        invited = plan.draw(rng=seed)
        totals.append((invited["weight"] * value.loc[invited["customer"]].to_numpy()).sum())
    error = np.std(totals, ddof=1) / np.sqrt(len(totals))
    assert abs(np.mean(totals) - truth) < 3.5 * error
    assert error < 0.03 * truth


def test_the_last_period_is_planned_for_by_default(fit):
    plan = target(fit, budget=60)
    assert set(plan.cells["month"]) == {3}
    assert set(plan.draw()["month"]) == {3}
    assert plan.not_estimable == 0
    assert set(target(fit, budget=60, period=1).cells["month"]) == {1}


def test_segments_count_the_same(fit):
    by = target(fit, budget=100, period="all", by="segment")
    whole = target(fit, budget=100, period="all")
    assert list(by.expected_sd["segment"]) == list("abcd")
    assert (by.expected_sd["planned"] ** 2).mean() <= (by.expected_sd["proportional"] ** 2).mean()
    assert by.by == ("segment",) and whole.by == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_plans_and_draws_the_same(engine, frame, plan):
    fit = synthetic(wave_of(ENGINES[engine](frame)), n_draws=1000, sd=0.25)
    found = target(fit, budget=150, contacts="days", min_days=30, period="all")
    assert found.cells["invitations"].to_numpy() == pytest.approx(plan.cells["invitations"])
    assert found.draw(rng=1)["customer"].tolist() == plan.draw(rng=1)["customer"].tolist()


def test_stated_response_probabilities_are_used(frame):
    rate = np.where(frame["segment"] == "a", 0.9, 0.05)
    fit = synthetic(wave_of(frame.assign(rate=rate)), n_draws=300)
    own = target(fit, budget=200, response="rate", period="all").cells
    assert set(np.round(own.loc[own["segment"] == "a", "response_prob"], 9)) == {0.9}
    flat = target(fit, budget=200, response=0.2, period="all").cells
    asked = [t.loc[t["segment"] == "a", "invitations"].sum() for t in (own, flat)]
    assert asked[0] > asked[1]


def test_observed_response_rates_are_drawn_to_the_overall_rate(fit):
    table = target(fit, budget=150, period="all").cells
    raw, overall = table["answered"] / table["people"], fit.cells.n_answered / fit.cells.n_frame
    assert ((table["response_prob"] - raw) * (overall - raw) >= -1e-12).all()


def test_bad_settings_are_refused_with_the_fix(fit, frame):
    with pytest.raises(ConfigError, match="lower floor to 0.0"):
        target(fit, budget=5, floor=0.1)
    with pytest.raises(MissingColumnError, match="Did you mean 'days'"):
        target(fit, budget=50, contacts="dayss")
    with pytest.raises(ConfigError, match="period is 9"):
        target(fit, budget=50, period=9)
    with pytest.raises(DataError, match="'days' is missing or outside 0 to 1"):
        target(fit, budget=50, response="days")
    with pytest.raises(EmptyDataError, match="nobody may be asked"):
        target(fit, budget=50, contacts="days", min_days=1000)
    with pytest.raises(ConfigError, match="knows no wave"):
        target(dataclasses.replace(fit, wave=None), budget=50)
    with pytest.raises(ConfigError, match="names no customers"):
        target(synthetic(wave_of(frame, customer=None), n_draws=100), budget=50)


def test_a_customer_who_occurs_twice_is_refused(frame):
    double = pd.concat([frame, frame.iloc[:300]], ignore_index=True)
    fit = synthetic(wave_of(double), n_draws=100)
    with pytest.raises(DuplicateKeyError, match="'customer' repeats"):
        target(fit, budget=100, period="all").draw()


def test_explanation_names_the_gain_and_who_cannot_be_reached(plan, fit):
    text = plan.explain()
    assert "150 invitations" in text and "contacted too recently" in text
    assert "proportion" in text and "weight" in text
    assert "The floor takes" not in text
    tight = target(fit, budget=150, floor=0.06, period="all")
    assert "The floor takes" in tight.explain()
    assert "Without a floor" in target(fit, budget=50, floor=0.0).explain()
    assert plan._repr_html_().startswith("<div>")


@pytest.mark.parametrize("engine", ENGINES)
def test_periods_may_be_dates(engine, frame, fit):
    month = pd.to_datetime("2025-0" + frame["month"].astype(str) + "-01").astype("datetime64[us]")
    dated = synthetic(wave_of(ENGINES[engine](frame.assign(month=month))), n_draws=1000, sd=0.25)
    plan = target(dated, budget=60)
    assert plan.cells["invitations"].to_numpy() == pytest.approx(
        target(fit, budget=60).cells["invitations"].to_numpy()
    )
    assert len(plan.draw(rng=1)) == 60
    assert set(pd.to_datetime(plan.draw(rng=1)["month"])) == {pd.Timestamp("2025-03-01")}
    assert len(target(dated, budget=60, period=pd.Timestamp("2025-01-01")).draw(rng=1)) == 60


def test_everybody_is_asked_where_the_budget_allows_it(fit):
    plan = target(fit, budget=10_000)
    assert (plan.cells["inclusion_prob"] == 1).all()
    assert len(plan.draw()) == plan.n_invitations == plan.cells["eligible"].sum() < 10_000
    assert (plan.draw()["weight"] == 1).all()


def test_a_model_without_factors_asks_everybody_alike(frame):
    fit = synthetic(wave_of(frame, factors=[], period=None), n_draws=200)
    plan = target(fit, budget=50)
    assert plan.cells["inclusion_prob"].iloc[0] == pytest.approx(
        50 / plan.cells["eligible"].iloc[0]
    )
    assert len(plan.draw(rng=1)) == 50
