"""Profit against budget: what the lists by risk and by chance may and may not do."""

import numpy as np
import pytest

from cximpact.effects.uplift.policy_curve import budget_curve
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_rule import TargetingRule

SCORES = np.array([0.5, 0.4, -0.3, 0.2, 0.1])
CUSTOMERS = ScoredCustomers(
    effect=[0.45, 0.35, -0.2, 0.25, 0.05],
    pseudo_outcome=SCORES,
    risk=[0.1, 0.2, 0.9, 0.8, 0.3],
    eligible=np.array([True, True, False, True, True]),
)
RULE = TargetingRule(value=10.0, cost=1.0, currency="EUR")


def at(curve, policy, budget):
    return curve.set_index(["policy", "budget"]).loc[(policy, budget)]


def test_nobody_is_contacted_who_may_not_be():
    curve = budget_curve(CUSTOMERS, RULE, budgets=[2.0, 4.0], rng=1)
    # the riskiest but one and the next who may be contacted
    assert at(curve, "risk ranking", 2.0)["estimate"] == pytest.approx(10 * (0.2 + 0.1) - 2)
    chance = at(curve, "at random", 2.0)
    assert chance["estimate"] == pytest.approx((10 * (0.5 + 0.4 + 0.2 + 0.1) - 4) / 2)
    assert (chance["contacts"], chance["spent"]) == (2.0, 2.0)
    assert at(curve, "uplift ranking", 2.0)["estimate"] == pytest.approx(10 * 0.9 - 2)
    assert at(curve, "uplift ranking", 4.0)["marginal_return"] == pytest.approx((10 * 0.2 - 1) / 2)


def test_every_list_keeps_the_capacity():
    rule = TargetingRule(value=10.0, cost=1.0, currency="EUR", capacity=1)
    curve = budget_curve(CUSTOMERS, rule, budgets=[3.0], rng=1)
    np.testing.assert_allclose(curve["contacts"], 1.0)
    assert at(curve, "risk ranking", 3.0)["estimate"] == pytest.approx(10 * 0.2 - 1)


def test_the_last_customer_by_risk_is_contacted_in_part():
    curve = budget_curve(CUSTOMERS, RULE, budgets=[1.5], rng=1)
    row = at(curve, "risk ranking", 1.5)
    assert row["contacts"] == pytest.approx(1.5)
    assert row["estimate"] == pytest.approx(10 * (0.2 + 0.05) - 1.5)


def test_other_lists_get_the_arm_that_pays_most():
    both = ScoredCustomers(
        effect=np.column_stack([SCORES - 0.3, SCORES]),
        pseudo_outcome=np.column_stack([SCORES - 0.25, SCORES + 0.05]),
        risk=CUSTOMERS.risk,
        arms=("letter", "call"),
    )
    curve = budget_curve(both, RULE, budgets=[5.0], rng=1)
    everybody = 10 * (SCORES + 0.05).sum() - 5
    assert at(curve, "risk ranking", 5.0)["estimate"] == pytest.approx(everybody)
    assert at(curve, "at random", 5.0)["estimate"] == pytest.approx(everybody)


def test_without_a_risk_there_is_no_list_by_risk():
    plain = ScoredCustomers(effect=CUSTOMERS.effect, pseudo_outcome=SCORES)
    curve = budget_curve(plain, RULE, points=3, rng=1)
    assert set(curve["policy"]) == {"uplift ranking", "at random"}
    np.testing.assert_allclose(curve["budget"].unique(), [5 / 3, 10 / 3, 5.0])
