"""Sleeping dogs: the arm that harms least, intervals, and losses as estimated."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core import draws as dr
from cximpact.effects.uplift.policy import target_customers
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_dogs import find_sleeping_dogs
from cximpact.effects.uplift.policy_rule import TargetingRule

RULE = TargetingRule(value=10.0, cost=1.0, currency="EUR")
EFFECT = np.array([[-0.3, -0.1], [-0.2, 0.1], [0.2, 0.3], [-0.4, -0.5]])
SCORES = np.array([[0.0, -0.2], [0.1, 0.0], [0.3, 0.2], [-0.6, 0.4]])


def test_who_is_harmed_by_every_arm_is_a_sleeping_dog():
    found = find_sleeping_dogs(ScoredCustomers(effect=EFFECT, arms=("a", "b")), RULE)
    assert found.n == 2
    assert found.n_sure is None
    assert found.predicted == pytest.approx((-0.1 - 0.4) / 2)
    assert found.loss == pytest.approx(10 * 0.5 + 2)
    assert np.isnan(found.loss_low)


def test_their_own_outcomes_say_how_much_is_lost():
    customers = ScoredCustomers(
        effect=EFFECT,
        pseudo_outcome=SCORES,
        std_error=np.full((4, 2), 0.2),
        arms=("a", "b"),
    )
    found = find_sleeping_dogs(customers, RULE, prob=0.8)
    mine = np.array([-0.2, -0.6])
    # customers off the list do not move the mean of the list
    error = np.sqrt(4 / 3 * ((mine - mine.mean()) ** 2).sum()) / 2
    half = stats.t.ppf(0.9, 3) * error
    assert found.effect == pytest.approx(mine.mean())
    assert found.effect_low == pytest.approx(mine.mean() - half)
    assert found.effect_high == pytest.approx(mine.mean() + half)
    assert found.loss == pytest.approx(10 * 0.8 + 2)
    each = np.array([3.0, 0.0, 0.0, 7.0])
    half = stats.t.ppf(0.9, 3) * each.std(ddof=1) * 2
    assert found.loss_low == pytest.approx(10 - half)
    assert found.loss_high == pytest.approx(10 + half)
    # an effect of -.4 with an error of .2 is below 0 with a probability of .977
    assert found.n_sure == 1


def test_uncertain_cost_leaves_the_gain_its_t_interval():
    customers = ScoredCustomers(effect=EFFECT[:, 1], pseudo_outcome=SCORES[:, 1])
    cost = dr.from_array(np.linspace(0.5, 1.5, 100), source="cost")
    policy = target_customers(customers, TargetingRule(value=10.0, cost=cost, currency="EUR"))
    assert policy.value.uncertain == ("cost",)
    assert policy.effect.draw_kind == "asymptotic"
    assert policy.effect.std_error is not None
