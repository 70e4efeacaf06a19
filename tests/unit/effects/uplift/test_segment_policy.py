"""Whom to treat, in numbers that one can add up by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, NotCausalError, UnitsError
from cximpact.core.provenance import Provenance
from cximpact.core.results import EffectPosterior, Estimand
from cximpact.core.units import Money
from cximpact.effects.uplift.segment_policy import best_policy

DRAWS = np.array([[0.10, 0.00], [0.20, 0.02], [0.30, -0.02], [0.00, 0.04]])
SIZES = {"new": 100, "old": 200}


def posterior(values=DRAWS, dims=("tenure",), scale="pp", **details):
    coords = {"tenure": ["new", "old"], "arm": ["call", "mail"]}
    draws = dr.from_array(
        values, source="uplift", dims=dims, coords={d: coords[d] for d in dims}, data_ids=["d"]
    )
    return EffectPosterior(
        draws=draws,
        estimand=Estimand(target="cate", contrast="x", scale=scale, population="all"),
        draw_kind="posterior",
        n=10,
        assumptions=(),
        diagnostics={},
        provenance=Provenance(method="test"),
        would_change_it="",
        details={"customers": SIZES, **details},
    )


def test_profit_and_what_knowing_more_is_worth():
    policy = best_policy(posterior(), value=100, cost=5, currency="EUR")
    assert dict(policy.choice) == {"new": "treat", "old": "do nothing"}
    new = 100 * (100 * DRAWS[:, 0] - 5)
    old = 200 * (100 * DRAWS[:, 1] - 5)
    np.testing.assert_allclose(policy.total, new)
    rows = policy.tidy().set_index("tenure")
    np.testing.assert_allclose(rows["estimate"], [new.mean(), old.mean()])
    np.testing.assert_allclose(rows["effect"], DRAWS.mean(axis=0))
    np.testing.assert_allclose(rows["profit_per_customer"], [10.0, -4.0])
    np.testing.assert_allclose(rows["probability_profitable"], [0.75, 0.0])
    assert rows["chosen"].tolist() == [True, False]
    assert policy.value_of_information == pytest.approx(np.maximum(new, 0).mean() - new.mean())
    assert policy.probability_right == 0.75
    totals = policy.totals().set_index("policy")
    assert totals.loc["best by segment", "treated"] == 100
    assert totals.loc["treat nobody", "estimate"] == 0
    assert totals.loc["treat everybody", "estimate"] == pytest.approx((new + old).mean())
    assert totals.loc["treat everybody", "treated"] == 300
    text = policy.explain()
    assert "Treat 'new': 100 of 300 customers" in text
    assert "1,000 EUR" in text and "treat everybody: 200 EUR" in text
    assert "add 125 EUR" in text
    assert "Whom to treat" in policy._repr_html_()


def test_nobody_is_treated_where_it_costs_too_much():
    policy = best_policy(posterior(), value=100, cost=Money(amount=90, currency="EUR"))
    assert set(policy.choice.values()) == {"do nothing"}
    assert float(policy.total.max()) == 0.0
    assert "Treat nobody" in policy.explain()


def test_the_mean_decides_and_not_what_happens_in_most_draws():
    rare = np.column_stack([[0.0, 0.0, 0.0, 0.4], [0.06, 0.06, 0.06, -0.2]])
    policy = best_policy(posterior(rare), value=100, cost=5, currency="EUR")
    assert dict(policy.choice) == {"new": "treat", "old": "do nothing"}
    assert policy.tidy()["probability_profitable"].tolist() == [0.25, 0.75]


def test_arms_compete_by_what_they_earn():
    values = np.stack([DRAWS, 0.5 * DRAWS], axis=1)
    effect = posterior(values, ("arm", "tenure"))
    policy = best_policy(effect, value=100, cost={"call": 12, "mail": 1}, currency="EUR")
    assert dict(policy.choice) == {"new": "mail", "old": "do nothing"}
    gain = {a: 100 * (s * 100 * DRAWS[:, 0] - c) for a, s, c in (("call", 1, 12), ("mail", 0.5, 1))}
    np.testing.assert_allclose(policy.total, gain["mail"])
    totals = policy.totals().set_index("policy")
    everywhere = 100 * (50 * DRAWS[:, 0] - 1) + 200 * (50 * DRAWS[:, 1] - 1)
    assert totals.loc["mail for everybody", "estimate"] == pytest.approx(everywhere.mean())
    best = np.maximum(np.maximum(gain["call"], gain["mail"]), 0)
    best += np.maximum(200 * (100 * DRAWS[:, 1, None] * [1, 0.5] - [12, 1]), 0).max(axis=1)
    assert policy.value_of_information == pytest.approx((best - gain["mail"]).mean())


def test_uncertain_value_and_cost_are_paired():
    rng = np.random.default_rng(1)
    value = dr.from_array(rng.gamma(50, 2, 400), source="value", attrs={"unit": "EUR"})
    cost = dr.from_array(
        rng.gamma(50, 0.1, (400, 2)),
        source="cost",
        dims=("tenure",),
        coords={"tenure": ["new", "old"]},
    )
    effect = posterior(np.tile(DRAWS, (100, 1)))
    policy = best_policy(effect, value=value, cost=cost, rng=3)
    mean = 100 * (float(value.mean()) * 0.15 - float(cost.mean("sample")[0]))
    assert float(policy.total.mean()) == pytest.approx(mean, abs=60)
    assert float(policy.total.std()) > float(np.std(100 * 100 * DRAWS[:, 0]))
    dr.check_joint(policy.total, policy.effect, policy.profit)
    assert policy.currency == "EUR"
    joint = dr.map(lambda e: 0 * e.isel(tenure=0, drop=True) + 100, effect.draws)
    same = best_policy(effect, value=joint, cost=5, currency="EUR")
    np.testing.assert_array_equal(same.effect.values[:, 0], effect.draws.values)


def test_customers_of_the_roll_out():
    policy = best_policy(
        posterior(), value=100, cost=5, customers={"old": 10, "new": 0}, currency="EUR"
    )
    assert policy.tidy()["customers"].tolist() == [0, 10]
    assert float(policy.total.max()) == 0.0


def test_what_cannot_be_decided_is_refused():
    effect, money = posterior(), {"value": 1.0, "cost": 1.0, "currency": "EUR"}
    with pytest.raises(NotCausalError):
        best_policy(posterior(causal=False), **money)
    with pytest.raises(UnitsError, match="relative"):
        best_policy(posterior(scale="relative"), **money)
    with pytest.raises(UnitsError, match="currency is missing"):
        best_policy(effect, value=1.0, cost=1.0)
    with pytest.raises(UnitsError, match="'EUR', 'USD'"):
        best_policy(effect, value=Money(amount=1, currency="USD"), cost=1.0, currency="EUR")
    with pytest.raises(ConfigError, match="cost of 'treat' is -1"):
        best_policy(effect, value=1.0, cost=-1.0, currency="EUR")
    with pytest.raises(AlignmentError, match="cost names 'call'"):
        best_policy(effect, value=1.0, cost={"call": 1}, currency="EUR")
    with pytest.raises(AlignmentError, match="customers names 'new' but"):
        best_policy(effect, customers={"new": 1}, **money)
    with pytest.raises(ConfigError, match="customers is missing"):
        best_policy(replace(effect, details={}), **money)
    with pytest.raises(AlignmentError, match="expected one of segments"):
        best_policy(posterior(DRAWS[:, 0], ()), **money)
    other = dr.from_array(np.ones((4, 2)), source="v", dims=("x",))
    with pytest.raises(AlignmentError, match="only draws, or draws by tenure"):
        best_policy(effect, value=other, cost=1.0, currency="EUR")
    turned = effect.draws.isel(tenure=[1, 0])
    with pytest.raises(AlignmentError, match="other segments"):
        best_policy(effect, value=turned, cost=1.0, currency="EUR")
    with pytest.raises(ConfigError, match="cost of 'treat' is negative in 1 draws"):
        below = dr.from_array([1.0, -1.0], source="c")
        best_policy(effect, value=1.0, cost=below, currency="EUR")
