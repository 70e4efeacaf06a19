"""Selection by stages of the response, over worlds with a known truth.

The graph of each model is compiled once; the counts of every world are swapped in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cximpact.core.summaries import interval
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation.quadrature import normal_rule
from cximpact.imputation.response_stages import STAGE_DIM, build_staged, count_stages
from cximpact.imputation.selection import SelectionModel
from cximpact.imputation.staged_fit import StagedSelectionFit
from tests.support.gauss_hermite import funnel_world

pytestmark = pytest.mark.slow

WORLDS = 10
LENGTH = gf.Sampling(draws=500, tune=400, allow_unconverged=True)
MODEL = SelectionModel(factors=["segment"], instrument="lot", lambda_sd=1.0, stages=True)
TRUTH = {"opened": 0.8, "completed": -0.4}


def covers(draws, truth):
    low, high = interval(draws)
    return float(low) < truth < float(high)


def enough(hits):
    """Not fewer than a nominal 90% interval would cover in 999 of 1000 runs."""
    return sum(hits) >= stats.binom.ppf(0.001, len(hits), 0.9)


def staged_fits(model, lam, push, n, worlds=WORLDS):
    """Fit one model of stages to many worlds."""
    compiled, rule = None, normal_rule(15)
    score = ("segment",)
    response = score if model.instrument is None else ("segment", model.instrument)
    for seed in range(worlds):
        wave, truth = funnel_world(500 + seed, n, lam=lam, push=push)
        counts = count_stages(wave, response)
        crossed = (cr.cross(counts.index, score), cr.cross(counts.index, response))
        if compiled is None:
            graph = build_staged(counts, crossed, model.priors, model.lambda_sd, rule)
            compiled = gf.compile_graph(graph)
        data = compiled.with_data(answered=counts.answered, stopped=counts.stopped)
        made_of = counts.cells.data_hash
        fitted = gf.run(data, LENGTH, method="m", settings={}, data_hash=made_of, rng=seed)
        found = StagedSelectionFit(
            fitted=fitted,
            cells=counts.cells,
            crossed=crossed,
            rule=rule,
            settings=model,
            staged=counts,
        )
        yield found, truth, float(wave.frame["answer"].mean())


def test_an_early_and_a_late_lot_identify_both_stages():
    lam, score, nearer = {stage: [] for stage in TRUTH}, [], []
    for fit, truth, raw in staged_fits(MODEL, tuple(TRUTH.values()), (3.0, 3.0), 20_000):
        for stage, value in TRUTH.items():
            lam[stage].append(covers(fit.draws["lam"].sel({STAGE_DIM: stage}), value))
        drawn = fit.score()
        score.append(covers(drawn, truth))
        nearer.append(abs(float(drawn.mean()) - truth) < abs(raw - truth))
        assert fit.learned()["learned"].all()
    assert all(enough(hits) for hits in lam.values()), lam
    assert enough(score)
    assert np.mean(nearer) >= 0.8


def test_without_instrument_no_stage_is_learned_and_that_is_said():
    model = replace(MODEL, instrument=None, lambda_sd=0.5)
    said = [
        fit.explain().count("not learned")
        for fit, _, _ in staged_fits(model, (0.4, 0.3), (0.0, 0.0), 3_000)
    ]
    assert np.mean(said) >= 0.9 * len(TRUTH)
