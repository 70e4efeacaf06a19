"""The table of headline numbers and its Monte Carlo errors."""

import numpy as np
import pytest

from cximpact import roi, value
from cximpact.core.results import TIDY_COLUMNS
from tests.support import money

TERMS = [
    "npv",
    "pv_benefit",
    "pv_cost",
    "roi",
    "probability_of_profit",
    "cvar_5",
    "payback",
    "payback_within_horizon",
    "discounted_payback",
    "discounted_payback_within_horizon",
    "irr",
    "irr_is_unique",
]


def result(n=1000, sd=0.003):
    return roi.simulate(money.initiative(effect=money.normal(0.004, sd, n=n)), horizon=24)


def test_every_metric_has_a_row_with_unit_and_error():
    table = result().summary()
    assert table["term"].tolist() == TERMS
    assert table["unit"].tolist()[:4] == ["EUR", "EUR", "EUR", "EUR per EUR"]
    assert np.isfinite(table["mcse"]).sum() >= 10
    assert list(result().tidy().columns) == list(TIDY_COLUMNS)


def test_the_interval_is_that_of_the_draws():
    out = result()
    row = out.summary(prob=0.8).set_index("term").loc["npv"]
    assert [row["conf_low"], row["conf_high"]] == pytest.approx(
        np.quantile(out.npv(), [0.1, 0.9]).tolist()
    )
    assert row["mcse"] == pytest.approx(float(out.npv().std(ddof=1)) / np.sqrt(1000))


def test_autocorrelated_draws_have_a_larger_error():
    tau = money.normal(0.004, 0.003, n=1000).assign_attrs(ess=250.0)
    out = roi.simulate(money.initiative(effect=tau), horizon=24)
    few, many = (r.summary().set_index("term")["mcse"] for r in (out, result()))
    assert out.effective_draws == 250
    for term in ("npv", "roi", "probability_of_profit", "cvar_5"):
        assert few[term] == pytest.approx(2 * many[term], rel=1e-6)


def test_the_error_of_the_ratio_is_that_of_repeated_simulations():
    rng = np.random.default_rng(5)
    ratios, claimed = [], []
    for i in range(30):
        tau = money.draws(rng.normal(0.004, 0.003, 200), f"fit {i}")
        out = roi.simulate(money.initiative(effect=tau), horizon=12)
        ratios.append(out.roi())
        claimed.append(out.summary().set_index("term").loc["roi", "mcse"])
    assert np.std(ratios) == pytest.approx(np.mean(claimed), rel=0.4)


def test_the_error_of_the_ratio_knows_that_costs_vary_too():
    cost = value.uncertain(4e4, 2e4, "EUR", per="project", assumption="bid", rng=1, size=500)
    it = money.initiative(effect=money.normal(0.004, 0.001), costs={"one_off": cost})
    out = roi.simulate(it, horizon=24)
    npv, spent = out.npv().values, out.pv_cost().values
    left_out = (npv.sum() - npv) / (spent.sum() - spent)
    jackknife = np.sqrt(499 / 500 * ((left_out - left_out.mean()) ** 2).sum())
    assert out.summary().set_index("term").loc["roi", "mcse"] == pytest.approx(jackknife, rel=0.02)


def test_fixed_inputs_have_no_error():
    table = roi.simulate(money.initiative(), horizon=24).summary().set_index("term")
    assert (table["mcse"] == 0).all()
    assert table.loc["npv", "conf_low"] == table.loc["npv", "conf_high"]
