"""What holds for every list and every value of a list."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cximpact.effects.uplift.allocation import allocate
from cximpact.effects.uplift.policy_lists import list_of_same_size
from cximpact.effects.uplift.policy_valuation import policy_value
from cximpact.effects.uplift.predict_and_treat_lists import predict_and_treat

NUMBERS = st.integers(-40, 40).map(lambda k: k / 4)


@st.composite
def customers(draw):
    shape = draw(st.tuples(st.integers(2, 25), st.integers(1, 3)))
    gain = draw(hnp.arrays(float, shape, elements=NUMBERS))
    cost = draw(hnp.arrays(float, shape, elements=st.integers(1, 20).map(lambda k: k / 4)))
    return gain, cost


@given(customers(), st.floats(5.0, 50.0), st.floats(1.0, 2.0))
def test_more_budget_never_earns_less_and_each_unit_less_than_the_one_before(data, budget, more):
    gain, cost = data
    one, two = (allocate(gain, cost, budget=b) for b in (budget, more * budget))
    extra = two.profit - one.profit
    assert extra >= -1e-7
    assert extra <= one.budget_price * (more - 1) * budget + 1e-7
    assert two.budget_price <= one.budget_price + 1e-9
    assert one.spent <= budget + 1e-9


@given(customers(), st.floats(5.0, 50.0), st.integers(-3, 3))
def test_a_change_of_currency_changes_no_list(data, budget, power):
    gain, cost = data
    rate = 2.0**power
    one = allocate(gain, cost, budget=budget)
    two = allocate(rate * gain, rate * cost, budget=rate * budget)
    np.testing.assert_allclose(two.profit, rate * one.profit, atol=1e-6)
    np.testing.assert_allclose(two.budget_price, one.budget_price, atol=1e-9)


@given(customers(), st.integers(1, 20), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_profit(data, capacity, random):
    gain, cost = data
    order = np.array(random.sample(range(len(gain)), len(gain)))
    one = allocate(gain, cost, capacity=capacity, budget=20.0)
    two = allocate(gain[order], cost[order], capacity=capacity, budget=20.0)
    np.testing.assert_allclose(two.profit, one.profit, atol=1e-7)
    assert one.contacts <= capacity + 1e-9


@given(customers())
def test_everybody_is_treated_or_left_out_for_one_reason(data):
    gain, cost = data
    may = gain[:, 0] > -5
    found = allocate(gain, cost, capacity=3, eligible={"may": may})
    assert sum(found.left_out.values()) + (found.share > 0).sum() == len(gain)
    assert not (found.share[~may] > 0).any()
    profit = (found.shares * (gain - cost)).sum(axis=1)
    assert (profit[found.share > 0] > 0).all()


@settings(max_examples=40)
@given(customers(), st.integers(-3, 3), NUMBERS)
def test_value_is_linear_in_money_and_benchmarks_stay_what_they_are(data, power, shift):
    scores, cost = data
    treat = allocate(scores, cost).treat
    rate = 2.0**power
    money = {"currency": "EUR", "rng": 1, "draws": 50}
    one = policy_value(treat, scores + shift, value=1.0, cost=cost, **money)
    two = policy_value(treat, scores + shift, value=rate, cost=rate * cost, **money)
    np.testing.assert_allclose(two.estimate, rate * one.estimate, atol=1e-9)
    np.testing.assert_allclose(two.tidy()["std_error"], rate * one.tidy()["std_error"], atol=1e-9)
    names = dict(zip(one.names, one.estimate, strict=True))
    assert names["nobody"] == 0
    everybody = [v for k, v in names.items() if k.startswith("everybody")]
    chance = [(treat == a + 1).mean() for a in range(scores.shape[1])]
    np.testing.assert_allclose(names["random"], np.dot(chance, everybody), atol=1e-9)


@given(hnp.arrays(float, st.integers(2, 30), elements=NUMBERS), st.integers(1, 30), st.booleans())
def test_a_list_of_the_same_size_has_that_size_and_depends_on_ranks_alone(score, count, grow):
    treat = (np.arange(score.size) < count).astype(int)
    shares = list_of_same_size(score, treat)
    np.testing.assert_allclose(shares.sum(), treat.sum())
    again = list_of_same_size(np.exp(score) if grow else 3 * score + 1, treat)
    np.testing.assert_allclose(again, shares, atol=1e-12)


@settings(max_examples=40)
@given(customers())
def test_kinds_of_customers_add_up(data):
    uplift, cost = data[0][:, 0] / 10, data[1][:, 0]
    risk = np.linspace(0.1, 0.9, uplift.size)
    found = predict_and_treat(risk, uplift, 50.0, cost, currency="EUR", contacts=2)
    table = found.quadrants
    assert table["n"].sum() == uplift.size
    np.testing.assert_allclose(table["profit_if_treated"].sum(), (50 * uplift - cost).sum())
    for name in ("on_risk_list", "on_uplift_list"):
        np.testing.assert_allclose(table[name].sum(), 2)
    profits = found.lists.set_index("policy")["expected_profit"]
    assert profits["uplift ranking"] >= profits.max() - 1e-9
