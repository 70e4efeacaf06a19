"""What a goal is worth, and what it may be called."""

import numpy as np
import pytest

from cximpact import goals, roi
from cximpact.core.errors import ConfigError, NotCausalError
from cximpact.scores import CSAT5
from tests.support import money


def goal(history=(3.9, 3.8, 3.7, 3.6, 3.5), capacity=0.4):
    base = goals.trend_baseline(
        range(5), history, [0.02] * 5, scale=CSAT5, horizon=2, method="ols", rng=1
    )
    return goals.recommend(base, sd=1.0, capacity=capacity, n_planned=2000)


def worth(link=None, one=None, **changes):
    per_point = money.effect(money.normal(0.03, 0.005, "link")) if link is None else link
    settings = {"n": 1000, "currency": "EUR", "horizon": 12, "discount_rate": 0.0} | changes
    return roi.goal_value(one or goal(), per_point, 10.0, **settings)


def test_a_goal_is_worth_the_points_over_its_baseline():
    one, found = goal(), worth()
    gap = one.target - one.draws["true_status_quo"].mean().item()
    assert float(found.draws.mean()) == pytest.approx(12 * 1000 * 10 * 0.03 * gap, rel=0.02)
    assert found.is_causal and found.label == "value of reaching the goal"


def test_a_score_that_falls_by_itself_makes_the_same_goal_worth_more():
    falling, flat = goal(), goal((3.5, 3.5, 3.5, 3.5, 3.5))
    target = 3.8
    a, b = (
        worth(one=g.adjusted(target, reason="same goal")).draws.mean().item()
        for g in (falling, flat)
    )
    assert a > b > 0


def test_an_association_is_called_one():
    link = money.effect(money.normal(0.03, 0.005, "link"), target="association")
    found = worth(link)
    assert not found.is_causal
    assert found.tidy()["term"].tolist() == [
        "value of reaching the goal, if the association were causal"
    ]
    assert found.explain().startswith("If the association were causal: ")
    assert float(found.draws.mean()) == pytest.approx(float(worth().draws.mean()), rel=0.02)


def test_a_goal_the_trend_reaches_by_itself_adds_little():
    rising = goal((3.1, 3.3, 3.5, 3.7, 3.9), capacity=0.1)
    low = rising.adjusted(rising.baseline.base, reason="modest")
    assert float(worth(one=low).draws.mean()) < 0.2 * float(worth().draws.mean())
    assert (worth(one=low).draws.values >= 0).all()


def test_only_a_goal_has_a_value():
    with pytest.raises(ConfigError, match="expected one from goals.recommend"):
        roi.goal_value(4.0, money.normal(0.03, 0.01), 10.0, n=5, currency="EUR")


def test_retention_gains_compound():
    steady = worth(mechanism="retention", baseline=0.9)
    link = money.effect(money.draws(np.full(500, 0.03), "link"))
    by_hand = worth(link, mechanism="retention", baseline=0.9)
    assert float(steady.draws.mean()) == pytest.approx(float(by_hand.draws.mean()), rel=0.2)


def test_importance_of_drivers_is_no_link():
    shares = money.effect(money.normal(0.03, 0.005, "shares"), target="share_of_r2")
    with pytest.raises(NotCausalError, match="a share of what ratings explain"):
        worth(shares)
