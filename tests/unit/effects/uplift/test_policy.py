"""A targeting policy: the list, its worth, its words, and its way into a return."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cximpact.core import draws as dr
from cximpact.core.causal import check_causal
from cximpact.core.errors import ConfigError, DataError, DesignError
from cximpact.effects.uplift.policy import target_customers
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_rule import TargetingRule
from cximpact.roi import Initiative, simulate
from tests.support.targeting import retention_world

RNG = np.random.default_rng(5)
WORLD = retention_world(RNG, 3000)
NOISE = RNG.normal(0, 0.02, 3000)
CUSTOMERS = ScoredCustomers(
    effect=WORLD.effect + NOISE,
    pseudo_outcome=WORLD.pseudo_outcome,
    std_error=np.full(3000, 0.02),
    risk=WORLD.risk,
    scale="pp",
)
EFFECT = CUSTOMERS.effect[:, 0]
RULE = TargetingRule(value=100.0, cost=2.0, currency="EUR", budget=1000.0)
POLICY = target_customers(CUSTOMERS, RULE, rng=1)


def test_the_list_and_its_value_go_by_different_numbers():
    assert POLICY.contacts == 500
    top = np.argsort(-EFFECT)[:500]
    np.testing.assert_array_equal(np.flatnonzero(POLICY.treat), np.sort(top))
    row = POLICY.tidy().iloc[0]
    listed = (POLICY.treat > 0) * (100 * WORLD.pseudo_outcome - 2)
    assert row["estimate"] == pytest.approx(listed.mean())
    assert POLICY.value.names == ("policy", "risk ranking", "everybody", "random", "nobody")
    assert POLICY.allocation.profit != pytest.approx(listed.sum(), rel=0.01)


def test_weights_and_clusters_of_the_customers_count():
    weights, cluster = 1 + (WORLD.risk > 0.4), np.arange(3000) // 20
    some = replace(CUSTOMERS, weights=weights, cluster=cluster)
    row = target_customers(some, RULE, rng=1).tidy().iloc[0]
    each = (POLICY.treat > 0) * (100 * WORLD.pseudo_outcome - 2)
    mean = np.average(each, weights=weights)
    sums = np.bincount(cluster, weights * (each - mean)) / weights.sum()
    assert row["estimate"] == pytest.approx(mean)
    assert row["std_error"] == pytest.approx(np.sqrt(sums @ sums * 150 / 149))


def test_the_effect_is_per_contact_and_before_cost():
    scores = WORLD.pseudo_outcome[POLICY.treat > 0]
    behavior, gain = POLICY.behavior_effect, POLICY.effect
    assert float(behavior.estimate) == pytest.approx(scores.mean())
    error = scores.std() / np.sqrt(500) * np.sqrt(3000 / 2999)
    assert float(behavior.std_error) == pytest.approx(error)
    assert float(gain.estimate) == pytest.approx(100 * scores.mean())
    assert (gain.estimand.scale, behavior.estimand.scale) == ("money", "pp")
    assert gain.estimand.population == "customers on the list"
    assert "before the cost" in gain.explain()
    assert check_causal(gain) is gain
    np.testing.assert_allclose(gain.draws, 100 * behavior.draws, rtol=1e-5)
    assert dr.check_joint(gain.draws, behavior.draws, POLICY.value.draws)


def test_an_initiative_with_the_list_earns_what_the_list_is_worth():
    initiative = Initiative(
        name="list",
        n=POLICY.contacts,
        effect=POLICY.effect,
        mechanism="one_time",
        currency="EUR",
        costs={"per_treated": 2.0},
    )
    found = simulate([initiative], horizon=1, discount_rate=0.0, rng=1).npv()
    worth = POLICY.value.total(3000).iloc[0]
    assert float(found.mean()) == pytest.approx(worth["estimate"], rel=0.02)


def test_uncertain_value_gives_an_effect_without_a_t_interval():
    value = dr.from_array(RNG.normal(100, 30, 1000), source="value")
    found = target_customers(CUSTOMERS, TargetingRule(value=value, cost=2.0, currency="EUR"), rng=1)
    assert found.effect.draw_kind == "simulation"
    assert found.effect.std_error is None
    assert found.behavior_effect.std_error is not None
    assert float(found.effect.draws.std()) > 100 * float(found.behavior_effect.std_error)


def test_other_lists_contact_nobody_who_may_not_be_contacted():
    may = WORLD.risk < 0.4
    some = ScoredCustomers(
        effect=EFFECT,
        pseudo_outcome=WORLD.pseudo_outcome,
        risk=WORLD.risk,
        eligible=may,
    )
    found = target_customers(some, TargetingRule(value=100.0, cost=2.0, currency="EUR"), rng=1)
    assert not (found.treat[~may] > 0).any()
    shares = dict(zip(found.value.names, found.value.sums.contacts, strict=True))
    assert shares["everybody"] == pytest.approx(may.mean())
    assert shares["random"] == pytest.approx(shares["policy"])
    assert shares["risk ranking"] == pytest.approx(shares["policy"])
    everybody = found.tidy().set_index("policy").loc["everybody", "estimate"]
    assert everybody == pytest.approx((may * (100 * WORLD.pseudo_outcome - 2)).mean())


def test_the_prices_apply_the_rule_to_other_customers():
    np.testing.assert_array_equal((POLICY.assign(CUSTOMERS) > 0).sum(), 500)
    fresh = retention_world(np.random.default_rng(6), 3000)
    found = POLICY.assign(ScoredCustomers(effect=fresh.effect))
    assert found.max() == 1
    capped = target_customers(
        CUSTOMERS, TargetingRule(value=100.0, cost=2.0, currency="EUR", capacity=300), rng=1
    )
    cut = 2.0 + capped.allocation.capacity_price
    np.testing.assert_array_equal(
        capped.assign(ScoredCustomers(effect=fresh.effect)), 100 * fresh.effect > cut
    )


def test_sleeping_dogs_are_counted_and_priced():
    found = POLICY.sleeping_dogs(0.95)
    dogs = EFFECT < 0
    lost = 2 - 100 * WORLD.pseudo_outcome[dogs]
    assert found.n == dogs.sum()
    assert found.n_sure == (EFFECT < -1.6448536 * 0.02).sum()
    assert found.predicted == pytest.approx(EFFECT[dogs].mean())
    assert found.effect == pytest.approx(WORLD.pseudo_outcome[dogs].mean())
    assert found.loss == pytest.approx(lost.sum())
    assert found.loss_low < found.loss < found.loss_high
    assert found.effect_high < 0
    assert found.tidy().shape == (1, 10)


def test_nobody_is_harmed_where_every_effect_is_positive():
    gentle = ScoredCustomers(effect=np.abs(EFFECT))
    found = target_customers(gentle, RULE, rng=1)
    assert found.sleeping_dogs().n == 0
    assert "No customer has a negative estimated effect" in found.explain()


def test_a_list_for_customers_without_outcomes_is_not_valued():
    found = target_customers(ScoredCustomers(effect=EFFECT), RULE, rng=1)
    assert "That is too high" in found.explain()
    assert "would lose" in found.explain()
    for name in ("value", "effect", "behavior_effect"):
        with pytest.raises(DesignError, match="has not been valued"):
            getattr(found, name)
    with pytest.raises(DesignError, match="give pseudo_outcome"):
        found.budget_curve()
    assert "contacts" in found._repr_html_()


def test_an_empty_list_says_so():
    dear = TargetingRule(value=100.0, cost=90.0, currency="EUR")
    found = target_customers(CUSTOMERS, dear, rng=1)
    assert found.contacts == 0
    assert "the list is empty" in found.explain()
    with pytest.raises(DesignError, match="nobody is on the list"):
        _ = found.effect


def test_the_words_say_whom_how_much_and_how_sure():
    text = POLICY.explain()
    for part in (
        "contacts 500 of 3,000 customers (17%) for 1,000 EUR",
        "whatever their risk",
        "beyond the limits",
        "percentage points on average",
        "more than risk ranking",
        "Another 1 EUR of budget would earn",
        "Sleeping dogs",
        "with a probability of at least 90%",
    ):
        assert part in text
    assert "policy" in POLICY._repr_html_()


def test_limits_by_group_are_said():
    grouped = ScoredCustomers(effect=EFFECT, groups=np.where(WORLD.risk > 0.4, "x", "y"))
    rule = TargetingRule(value=100.0, cost=2.0, currency="EUR", min_share=0.6, capacity=2000)
    text = target_customers(grouped, rule, rng=1).explain()
    assert "Limits by group that bind: min_share of" in text
    assert "contacted at an expected loss to keep min_share" in text


def test_a_rule_keeps_the_largest_share_and_whole_customers():
    few = ScoredCustomers(effect=[0.5, 0.4, 0.3, 0.2])
    rule = TargetingRule(value=10.0, cost=1.0, currency="EUR", max_share=0.5)
    assert target_customers(few, rule).contacts == 2
    whole = TargetingRule(value=10.0, cost=1.0, currency="EUR", budget=2.5, fractional=False)
    assert target_customers(few, whole).contacts == 2
    part = replace(whole, fractional=True)
    assert target_customers(few, part).contacts == pytest.approx(2.5)


def test_the_treatment_list_has_the_interval_of_each_customer():
    table = POLICY.treatment_list(0.8)
    assert len(table) == 500
    first = table.iloc[0]
    assert first["expected_gain"] == pytest.approx(100 * EFFECT.max())
    assert first["conf_high"] - first["expected_profit"] == pytest.approx(1.2815516 * 2.0)


def test_the_curve_over_budgets_goes_flat_by_effect_only():
    curve = POLICY.budget_curve(points=4)
    assert list(curve["policy"].unique()) == ["uplift ranking", "risk ranking", "at random"]
    by_effect = curve[curve["policy"] == "uplift ranking"].set_index("budget")
    assert by_effect.index[-1] == 6000.0
    assert by_effect["spent"].iloc[-1] < 3000
    assert by_effect["marginal_return"].iloc[-1] == pytest.approx(0)
    others = curve[curve["policy"] != "uplift ranking"]
    np.testing.assert_allclose(others["spent"], others["budget"])
    last = curve[curve["budget"] == 6000.0].set_index("policy")["estimate"]
    everybody = (100 * WORLD.pseudo_outcome - 2).sum()
    assert last["risk ranking"] == pytest.approx(everybody)
    assert last["at random"] == pytest.approx(everybody)
    mine = POLICY.budget_curve([1000.0, 2000.0]).set_index(["policy", "budget"])["estimate"]
    assert mine["uplift ranking", 1000.0] == pytest.approx(3000 * POLICY.tidy()["estimate"][0])
    top = np.argsort(-WORLD.risk)[:500]
    by_risk = (100 * WORLD.pseudo_outcome[top] - 2).sum()
    assert mine["risk ranking", 1000.0] == pytest.approx(by_risk)


def test_the_picture_shows_the_curve_and_the_list():
    axes = POLICY.plot(points=3)
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    worth = POLICY.value.total(3000)["estimate"][0]
    assert [float(line.get_ydata()[0]) for line in diamonds] == [pytest.approx(worth)]


@pytest.mark.parametrize("budgets", [[2.0, 1.0], [0.0, 5.0], [3.0, 3.0]])
def test_budgets_increase(budgets):
    with pytest.raises(ConfigError, match="do not increase"):
        POLICY.budget_curve(budgets)


def test_free_contacts_have_no_curve_over_budgets():
    free = target_customers(CUSTOMERS, TargetingRule(value=1.0, cost=0.0, currency="EUR"), rng=1)
    with pytest.raises(ConfigError, match="cost nothing"):
        free.budget_curve()


def test_scores_cannot_choose_the_list_that_they_value():
    with pytest.raises(DesignError, match="same numbers"):
        ScoredCustomers(effect=WORLD.pseudo_outcome, pseudo_outcome=WORLD.pseudo_outcome)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"pseudo_outcome": [0.1]}, DataError, "pseudo_outcome has the shape"),
        ({"risk": [0.1]}, DataError, "risk has the shape"),
        ({"std_error": [0.1, -0.1]}, ConfigError, "std_error is negative"),
        ({"arms": ("a", "b")}, ConfigError, "arms names 2 arms"),
        ({"scale": "percent"}, ConfigError, "scale"),
    ],
)
def test_customers_that_do_not_fit_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        ScoredCustomers(**{"effect": [0.1, 0.2]} | changes)


def test_several_arms_are_one_list():
    effect = np.column_stack([EFFECT, EFFECT + 0.01])
    scores = np.column_stack([WORLD.pseudo_outcome, WORLD.pseudo_outcome + 0.01])
    both = ScoredCustomers(
        effect=effect,
        pseudo_outcome=scores,
        risk=WORLD.risk,
        arms=("letter", "call"),
        ids=pd.Index([f"{i:05d}" for i in range(3000)], name="customer_id"),
    )
    cost = np.array([[1.0, 2.5]])
    rule = TargetingRule(value=100.0, cost=cost, currency="EUR", capacity=400)
    found = target_customers(both, rule, rng=1)
    assert set(found.treatment_list()["arm"]) == {"letter"}
    assert found.value.names[2:4] == ("everybody: arm 1", "everybody: arm 2")
    assert found.treatment_list()["customer_id"].str.len().eq(5).all()
