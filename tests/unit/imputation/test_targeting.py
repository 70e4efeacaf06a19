"""Whom to ask next: promised gains against exact and simulated ones, and fair draws."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DuplicateKeyError,
    EmptyDataError,
    MemoryBudgetError,
    MissingColumnError,
)
from cximpact.imputation.poststratify import margin, probabilities
from cximpact.imputation.survey_gain import Knowledge, efficient_scores, factors, kept_draws
from cximpact.imputation.survey_plan import systematic
from cximpact.imputation.targeting import allocate, knowledge, target
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


SILENT = np.array([4.0, 6.0, 3.0, 5.0, 7.0])


def gaussian(seed: int = 0, groups: int = 1) -> tuple[Knowledge, np.ndarray]:
    """Five cells whose means are jointly normal; each answer is its own score and signal."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(5, 5))
    known = Knowledge(
        score=root,
        signal=root,
        noise=np.array([1.0, 2.0, 0.5, 3.0, 1.0]),
        scatter=np.array([1.0, 2.0, 0.5, 3.0, 1.0]),
        weight=SILENT,
        weight_sq=SILENT,
        each=np.ones(5),
        group=np.arange(5) % groups,
        total=np.array([30.0, 40.0])[:groups],
    )
    return known, root @ root.T


def exact_variance(known: Knowledge, cov: np.ndarray, answers: np.ndarray) -> float:
    """Condition the normal distribution of every single person on those who answered."""
    person = np.repeat(np.arange(5), SILENT.astype(int))
    joint = cov[np.ix_(person, person)] + np.diag(known.scatter[person])
    order = np.concatenate([np.arange(n) for n in SILENT.astype(int)])
    seen = order < answers[person]
    weights = np.ones(seen.size) / known.total[0]
    gain = np.linalg.solve(joint[np.ix_(seen, seen)], joint[seen])
    after = joint - joint[:, seen] @ gain
    return float(weights @ after @ weights)


@pytest.mark.parametrize("answers", [(0, 0, 0, 0, 0), (2, 0, 0, 0, 0), (1, 3, 0, 2, 7)])
def test_variance_is_that_of_conditioning_on_every_person(answers):
    known, cov = gaussian()
    answers = np.array(answers, dtype=float)
    assert known.after(answers).variance()[0] == pytest.approx(exact_variance(known, cov, answers))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("each", [np.ones(5), np.array([1.0, 2.0, 0.5, 3.0, 0.0])])
def test_gain_of_a_cell_is_the_fall_of_the_variances(groups, each):
    known = dataclasses.replace(
        gaussian(groups=groups)[0], weight=SILENT * each, weight_sq=SILENT * each**2, each=each
    )
    answers = np.array([1.0, 2.5, 0.0, 4.0, 6.0])
    gains = known.gains(answers)
    for j in range(5):
        alone = np.where(np.arange(5) == j, answers, 0.0)
        fall = known.variance().sum() - known.after(alone).variance().sum()
        assert gains[j] == pytest.approx(fall, abs=1e-12)


def test_the_formula_for_one_cell_is_the_textbook_one():
    known, cov = gaussian()
    many = dataclasses.replace(
        known, weight=SILENT * 1e6, weight_sq=SILENT * 1e6, total=known.total * 1e6
    )
    w = SILENT / 30.0
    expected = (w @ cov[:, 1]) ** 2 / (cov[1, 1] + known.noise[1] / 2)
    assert many.gains(np.array([0, 2.0, 0, 0, 0]))[1] == pytest.approx(expected, rel=1e-4)


def test_a_cell_at_a_time_teaches_what_all_together_do():
    known, _ = gaussian(groups=2)
    answers = np.array([1.0, 2.5, 0.0, 4.0, 6.0])
    one_by_one = known
    for j in range(5):
        one_by_one = one_by_one.after(np.where(np.arange(5) == j, answers, 0.0))
    assert one_by_one.variance() == pytest.approx(known.after(answers).variance())


@given(st.lists(st.floats(0, 1.5), min_size=10, max_size=10))
def test_what_is_known_does_not_depend_on_the_order_of_the_answers(shares):
    known, _ = gaussian()
    first, second = np.array(shares[:5]), np.array(shares[5:])
    together = known.after(first + second).variance()
    assert known.after(first).after(second).variance() == pytest.approx(together)
    assert known.after(second).after(first).variance() == pytest.approx(together)
    assert together[0] <= known.variance()[0] + 1e-12


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_efficient_scores_are_the_derivative_of_the_log_probabilities(link):
    cdf = special.expit if link == "logit" else stats.norm.cdf
    cuts = np.array([-1.2, 0.1, 0.9])

    def pmf(eta):
        return np.diff(np.concatenate([[0.0], cdf(cuts - eta), [1.0]]))

    step = 1e-5
    slope = (np.log(pmf(0.3 + step)) - np.log(pmf(0.3 - step))) / (2 * step)
    found = efficient_scores(pmf(0.3), link)
    assert found == pytest.approx(slope, abs=1e-8)
    assert pmf(0.3) @ found == pytest.approx(0.0, abs=1e-12)


def test_few_factors_hold_the_covariances_of_the_draws():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(400, 3))
    score, signal = latent @ rng.normal(size=(3, 30)) * 50, latent @ rng.normal(size=(3, 30))
    rows = factors(score, signal)
    assert rows[0].shape[1] == 3
    both = np.concatenate([score, signal], axis=1)
    stacked = np.concatenate(rows)
    assert stacked @ stacked.T == pytest.approx(np.cov(both, rowvar=False), abs=1e-6)


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


def test_allocation_is_about_the_best_there_is():
    known, _ = gaussian(seed=4)
    eligible, response = SILENT.copy(), np.array([0.5, 0.3, 0.6, 0.4, 0.2])
    asked = allocate(known, eligible, response, budget=8.0, floor=0.05)
    rng = np.random.default_rng(0)
    tried = 0.05 * eligible + rng.dirichlet(np.full(5, 0.5), 20_000) * (8.0 - 0.05 * eligible.sum())
    tried = tried[(tried <= eligible).all(axis=1)][:4000]
    best = min(known.after(row * response).variance()[0] for row in tried)
    assert asked.sum() == pytest.approx(8.0)
    assert known.after(asked * response).variance()[0] <= best * 1.002


def test_allocation_keeps_floor_and_people():
    known, _ = gaussian(seed=4)
    eligible = np.array([4.0, 6.0, 0.0, 5.0, 7.0])
    asked = allocate(known, eligible, np.full(5, 0.5), budget=15.0, floor=0.1)
    assert (asked >= 0.1 * eligible - 1e-12).all() and (asked <= eligible + 1e-9).all()
    assert asked[2] == 0 and asked.sum() == pytest.approx(15.0)
    assert (allocate(known, eligible, np.full(5, 0.5), 100.0, 0.1) == eligible).all()


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


@given(st.lists(st.floats(0.001, 1.0), min_size=3, max_size=40), st.integers(0, 10_000))
def test_systematic_samples_have_a_fixed_size_and_no_one_twice(weights, seed):
    probs = np.array(weights)
    size = max(1, int(probs.sum() / probs.max() / 2))
    probs *= size / probs.sum()
    probs = np.minimum(probs, 1.0)
    drawn = systematic(probs, np.random.default_rng(seed))
    assert len(drawn) == round(probs.sum()) and len(set(drawn)) == len(drawn)


def test_systematic_samples_keep_the_inclusion_probabilities():
    probs = np.array([0.02, 0.5, 1.0, 0.33, 0.9, 0.25])
    rng = np.random.default_rng(0)
    hits = np.zeros(6)
    for _ in range(8000):
        hits[systematic(probs, rng)] += 1
    assert hits / 8000 == pytest.approx(probs, abs=0.02)
    assert hits[2] == 8000


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


def test_too_many_cells_for_their_covariances_are_refused():
    assert len(kept_draws(4000, 400)) == 1000
    with pytest.raises(MemoryBudgetError, match="fewer factors"):
        kept_draws(4000, 1_000_000)


def test_explanation_names_the_gain_and_who_cannot_be_reached(plan, fit):
    text = plan.explain()
    assert "150 invitations" in text and "contacted too recently" in text
    assert "proportion" in text and "weight" in text
    assert "The floor takes" not in text
    tight = target(fit, budget=150, floor=0.06, period="all")
    assert "The floor takes" in tight.explain()
    assert "Without a floor" in target(fit, budget=50, floor=0.0).explain()
    assert plan._repr_html_().startswith("<div>")
