"""Models with a person effect that is integrated out, over many worlds with a known truth.

The graph of each model is compiled once; the counts of every world are swapped in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special, stats

from cximpact.core.summaries import interval
from cximpact.data import SurveyWave, cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation.joint import ScoreBehaviorModel
from cximpact.imputation.joint_fit import JointFit
from cximpact.imputation.joint_graph import sd_of_reliability
from cximpact.imputation.patterns import Patterns
from cximpact.imputation.quadrature import normal_rule, rule_for
from cximpact.imputation.repeated import RepeatedAnswers
from cximpact.imputation.selection import SelectionModel, build_selection
from cximpact.imputation.selection_fit import SelectionFit
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import (
    BY_SEGMENT,
    CUTS,
    answers_at,
    linked_world,
    selective_world,
)

pytestmark = pytest.mark.slow

WORLDS = 20
LENGTH = gf.Sampling(draws=500, tune=400, allow_unconverged=True)


def covers(draws, truth):
    low, high = interval(draws)
    return float(low) < truth < float(high)


def enough(hits):
    """Not fewer than a nominal 90% interval would cover in 999 of 1000 runs."""
    return sum(hits) >= stats.binom.ppf(0.001, len(hits), 0.9)


def selection_fits(model, lam, push, n):
    """Fit one selection model to many worlds."""
    compiled, rule = None, normal_rule(15)
    score = ("segment",)
    response = score if model.instrument is None else ("segment", model.instrument)
    for seed in range(WORLDS):
        wave, truth = selective_world(100 + seed, n, lam=lam, push=push)
        counts = cells(wave, by=response)
        crossed = (cr.cross(counts.index, score), cr.cross(counts.index, response))
        if compiled is None:
            graph = build_selection(counts, crossed, model.priors, model.lambda_sd, rule)
            compiled = gf.compile_graph(graph)
        data = compiled.with_data(
            answered=counts.dense(), silent=counts.frame_count - counts.answered
        )
        fitted = gf.run(data, LENGTH, method="m", settings={}, data_hash=counts.data_hash, rng=seed)
        found = SelectionFit(
            fitted=fitted, cells=counts, crossed=crossed, rule=rule, settings=model
        )
        yield found, truth, float(wave.frame["answer"].mean())


def test_instrument_identifies_selection():
    model = SelectionModel(factors=["segment"], instrument="reminder", lambda_sd=1.0)
    lam, score, nearer = [], [], []
    for fit, truth, raw in selection_fits(model, 0.8, 3.0, 20_000):
        lam.append(covers(fit.draws["lam"], 0.8))
        drawn = fit.score()
        score.append(covers(drawn, truth))
        nearer.append(abs(float(drawn.mean()) - truth) < abs(raw - truth))
        assert fit.learning["learned"]
    assert enough(lam)
    assert enough(score)
    assert np.mean(nearer) >= 0.9


def test_without_instrument_nothing_is_learned_and_that_is_said():
    model = SelectionModel(factors=["segment"])
    said = ["not learned" in fit.explain() for fit, _, _ in selection_fits(model, 0.4, 0.0, 3_000)]
    assert np.mean(said) >= 0.9


def test_joint_model_covers_linkage_effects_and_score():
    model = ScoreBehaviorModel(behavior="stays", treatment="treated", sampling=LENGTH)
    sd, compiled = sd_of_reliability(0.7), None
    rule, names = rule_for(sd), {"lam": 0.3, "delta": 0.6, "theta": 0.4}
    hits = {name: [] for name in (*names, "score")}
    for seed in range(WORLDS):
        wave, answer, _ = linked_world(200 + seed, 6_000, sd=sd)
        counts = model.cells(wave)
        compiled = compiled or model.compile(counts, rule)
        data = compiled.with_data(
            answered=counts.dense(), silent=counts.frame_count - counts.answered
        )
        fitted = gf.run(data, LENGTH, method="m", settings={}, data_hash=counts.data_hash, rng=seed)
        crossed = cr.cross(counts.index, ["segment"])
        fit = JointFit(fitted=fitted, cells=counts, crossed=crossed, rule=rule, settings=model)
        for name, truth in names.items():
            hits[name].append(covers(fit.draws[name], truth))
        hits["score"].append(covers(fit.score(), float(answer.mean())))
    assert all(enough(found) for found in hits.values()), hits


def test_reliable_answers_give_the_regression_on_the_latent():
    """Reliability near 1 and everybody answers: lam is that of a logit on the latent score."""
    rng, n, sd = np.random.default_rng(5), 8_000, sd_of_reliability(0.97)
    segment = rng.integers(0, 3, n)
    eta = BY_SEGMENT[segment] + rng.normal(0, sd, n)
    stays = (rng.random(n) < special.expit(0.2 + 0.15 * eta)).astype(int)
    frame = pd.DataFrame(
        {"segment": segment, "stays": stays, "answer": answers_at(eta, rng, 5 * CUTS)}
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    model = ScoreBehaviorModel(behavior="stays", reliability=0.97, sampling=LENGTH)
    fit = model.fit(wave, rng=1)
    x = np.column_stack([np.ones(n), segment == 1, segment == 2, eta]).astype(float)
    direct = sm.Logit(stays, x).fit(disp=0)
    assert float(fit.draws["lam"].mean()) == pytest.approx(direct.params[3], abs=2 * direct.bse[3])
    assert float(fit.draws["lam"].std()) == pytest.approx(direct.bse[3], rel=0.35)


def two_waves(seed, n, sd, change):
    """Customers who answer twice, as counts of all 25 patterns."""
    rng = np.random.default_rng(300 + seed)
    a = rng.normal(0, sd, n)
    first, second = (answers_at(a + shift, rng).astype(int) - 1 for shift in (0.0, change))
    count = np.bincount(5 * first + second, minlength=25).astype(float)
    grid = np.divmod(np.arange(25), 5)
    customers = pd.DataFrame(
        {"customer": np.arange(n), "pattern": 5 * first + second, "answers": 2}
    )
    table = Patterns(
        scale=CSAT5,
        index=pd.DataFrame({"month": [0, 1]}),
        codes=np.column_stack([grid[0], 5 + grid[1]]),
        count=count,
        customers=customers,
    )
    return table, a


def test_repeated_answers_cover_change_spread_and_customers():
    model, compiled = RepeatedAnswers(sampling=LENGTH), None
    hits, inside = {"sd": [], "change": []}, []
    for seed in range(WORLDS):
        table, a = two_waves(seed, 1_500, 1.5, 0.3)
        compiled = compiled or gf.compile_graph(model.model(table, ["month"]))
        fit = model.fit_patterns(table, ["month"], compiled, seed)
        hits["sd"].append(covers(fit.draws["sd"], 1.5))
        hits["change"].append(covers(fit.change("month", 0, 1, scale="latent"), 0.3))
        people = fit.customers()
        inside.append(np.mean(np.abs(a - people["mean"]) < 1.645 * people["sd"]))
    assert all(enough(found) for found in hits.values()), hits
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)
