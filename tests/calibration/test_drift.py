"""Customers whose own level drifts, over many worlds with a known truth.

The graph is compiled once; the counts of every world are swapped in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.summaries import interval
from cximpact.imputation import graph_fit as gf
from cximpact.imputation.occasions import OccasionDrift
from cximpact.imputation.patterns import Patterns
from cximpact.imputation.repeated import RepeatedAnswers
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import drifting_world

pytestmark = pytest.mark.slow

WORLDS = 20
SD, RHO, CHANGE = 1.5, 0.6, 0.3
LENGTH = gf.Sampling(draws=500, tune=400, allow_unconverged=True)


def covers(draws, truth):
    low, high = interval(draws)
    return float(low) < truth < float(high)


def three_waves(seed, n):
    """Customers who answer three times, as counts of all 125 patterns."""
    wave, level = drifting_world(400 + seed, n, sd=SD, rho=RHO, change=CHANGE, months=3, share=2.0)
    answers = wave.frame["answer"].to_numpy().astype(int).reshape(n, 3) - 1
    of = answers @ np.array([25, 5, 1])
    grid = np.column_stack(np.unravel_index(np.arange(125), (5, 5, 5)))
    customers = pd.DataFrame({"customer": np.arange(n), "pattern": of, "answers": 3})
    table = Patterns(
        scale=CSAT5,
        index=pd.DataFrame({"month": [0, 1, 2]}),
        codes=grid + np.array([0, 5, 10]),
        count=np.bincount(of, minlength=125).astype(float),
        customers=customers,
    )
    return table, level


def test_spread_drift_change_and_customers_are_covered():
    model = RepeatedAnswers(drift=OccasionDrift(column="month"), nodes=31, sampling=LENGTH)
    constant = RepeatedAnswers(nodes=31, sampling=LENGTH)
    graphs, hits, inside, wider = None, {"sd": [], "rho": [], "retest": [], "change": []}, [], []
    truth = {"sd": SD, "rho": RHO, "retest": RHO * SD**2 / (SD**2 + np.pi**2 / 3)}
    for seed in range(WORLDS):
        table, level = three_waves(seed, 2_500)
        graphs = graphs or [gf.compile_graph(m.model(table, ["month"])) for m in (model, constant)]
        fit = model.fit_patterns(table, ["month"], graphs[0], seed)
        for name, value in truth.items():
            hits[name].append(covers(fit.draws[name], value))
        change = fit.change("month", 0, 2, scale="latent")
        hits["change"].append(covers(change, 2 * CHANGE))
        people = fit.customers()
        inside.append(np.mean(np.abs(level[:, 2] - people["mean"]) < 1.645 * people["sd"]))
        stiff = constant.fit_patterns(table, ["month"], graphs[1], seed)
        points = [float(f.change("month", 0, 2).std()) for f in (fit, stiff)]
        wider.append(points[0] / points[1])
    enough = stats.binom.ppf(0.001, WORLDS, 0.9)
    assert all(sum(found) >= enough for found in hits.values()), hits
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)
    assert np.mean(wider) > 1
