"""Whom to treat: the optimum of the linear program, ties, prices and reasons."""

import numpy as np
import pytest

from cximpact.effects.uplift.allocation import NO_ROOM, NOT_WORTH_IT, allocate
from tests.support.targeting import best_profit


def test_without_limits_everybody_is_treated_whose_gain_exceeds_the_cost():
    found = allocate([3.0, 2.0, 1.0, -1.0], 2.0)
    np.testing.assert_array_equal(found.treat, [1, 0, 0, 0])
    assert found.binds == ()
    assert (found.spent, found.profit, found.threshold) == (2.0, 1.0, 1.0)
    assert allocate([3.0, 2.5], 2.0).at_a_loss == 0
    assert (found.budget_price, found.capacity_price) == (0.0, 0.0)
    assert dict(found.left_out) == {NOT_WORTH_IT: 3, NO_ROOM: 0}


def test_a_budget_goes_by_profit_per_cost_and_splits_one_customer():
    found = allocate([10.0, 9.0, 3.0], [8.0, 3.0, 2.0], budget=7.0)
    # profit per cost .25, 2 and .5
    np.testing.assert_allclose(found.share, [0.25, 1.0, 1.0])
    np.testing.assert_array_equal(found.treat, [1, 1, 1])
    assert found.spent == pytest.approx(7.0)
    assert found.profit == pytest.approx(7.5)
    assert found.budget_price == pytest.approx(0.25)
    assert found.binds == ("budget",)
    assert found.contacts == pytest.approx(2.25)
    whole = allocate([10.0, 9.0, 3.0], [8.0, 3.0, 2.0], budget=7.0, fractional=False)
    np.testing.assert_array_equal(whole.share, [0.0, 1.0, 1.0])
    assert whole.spent == 5.0


def test_equal_costs_and_a_capacity_are_the_top_by_profit():
    rng = np.random.default_rng(1)
    gain = rng.normal(1, 3, 200)
    found = allocate(gain, 1.0, capacity=30)
    np.testing.assert_array_equal(np.flatnonzero(found.treat), np.sort(np.argsort(-gain)[:30]))
    ordered = np.sort(gain)[::-1] - 1.0
    assert found.threshold == pytest.approx(ordered[29])
    assert found.capacity_price == pytest.approx(ordered[30])
    assert found.binds == ("capacity",)
    assert found.left_out[NO_ROOM] == (gain > 1).sum() - 30


def test_several_arms_go_by_the_increments_on_the_upper_hull():
    # the second arm costs 3 more for 3.5 more; the third lies below the hull
    gain, cost = [[5.0, 10.0, 8.0], [4.0, 6.0, 5.0]], [[1.0, 4.0, 4.0], [1.0, 2.5, 2.0]]
    np.testing.assert_array_equal(allocate(gain, cost, budget=2.0).treat, [1, 1])
    np.testing.assert_array_equal(allocate(gain, cost, budget=5.0).treat, [2, 1])
    found = allocate(gain, cost, budget=3.5)
    np.testing.assert_allclose(found.shares, [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert found.budget_price == pytest.approx((10 - 5 - 3) / 3)


@pytest.mark.parametrize("seed", range(60))
def test_the_list_is_the_optimum_of_the_linear_program(seed: int):
    rng = np.random.default_rng(seed)
    n, arms = int(rng.integers(2, 25)), int(rng.integers(1, 4))
    gain, cost = rng.normal(1, 3, (n, arms)), rng.gamma(2, 1, (n, arms))
    if seed % 2:
        gain, cost = np.round(gain), np.maximum(np.round(cost), seed % 4 == 1)
    limits: dict = {}
    if rng.random() < 0.7:
        limits["budget"] = cost.min() + rng.random() * 0.6 * cost.sum() / arms
    if rng.random() < 0.5:
        limits["capacity"] = int(rng.integers(1, n + 1))
    group = rng.integers(0, 3, n) if rng.random() < 0.5 else None
    by_group = {} if group is None else {"min_share": 0.2, "max_share": 0.7, "groups": group}
    best = best_profit(gain, cost, **limits, group=group, shares=(0.2, 0.7))
    if best is None:
        with pytest.raises(ValueError, match="min_share"):
            allocate(gain, cost, **limits, **by_group)
        return
    found = allocate(gain, cost, **limits, **by_group)
    assert found.profit == pytest.approx(best, abs=1e-7)
    assert found.spent <= limits.get("budget", np.inf) + 1e-9
    assert ((found.share > 0) & (found.share < 1)).sum() <= 2
    whole = allocate(gain, cost, **limits, **by_group, fractional=False)
    assert set(np.unique(whole.shares)) <= {0.0, 1.0}
    assert whole.spent <= limits.get("budget", np.inf) + 1e-9
    assert whole.profit <= best + 1e-7


@pytest.mark.parametrize("arms", [1, 3])
def test_prices_are_what_one_more_unit_earns(arms: int):
    rng = np.random.default_rng(arms)
    gain, cost = rng.normal(2, 3, (300, arms)), rng.gamma(3, 1, (300, arms))
    one, more = (allocate(gain, cost, budget=b) for b in (150.0, 150.001))
    assert (more.profit - one.profit) / 0.001 == pytest.approx(one.budget_price, rel=1e-6)
    one, more = (allocate(gain, cost, budget=150.0, capacity=c) for c in (20, 21))
    assert more.profit - one.profit == pytest.approx(one.capacity_price)


def test_a_budget_that_is_spent_to_the_cent_has_the_price_of_the_next_customer():
    found = allocate([9.0, 6.0, 4.0], [3.0, 3.0, 3.0], budget=6.0)
    np.testing.assert_array_equal(found.share, [1, 1, 0])
    assert found.budget_price == pytest.approx(1 / 3)


def test_tied_customers_are_taken_in_the_order_of_rows():
    found = allocate(np.full(1000, 3.0), 2.0, budget=501.0)
    np.testing.assert_array_equal(found.share, np.r_[np.ones(250), 0.5, np.zeros(749)])
    assert allocate(np.full(1000, 3.0), 2.0, budget=501.0, fractional=False).contacts == 250


def test_free_contacts_are_never_kept_off_by_a_budget():
    found = allocate([1.0, 5.0, 1.0], [0.0, 2.0, 0.0], budget=1.0)
    np.testing.assert_allclose(found.share, [1.0, 0.5, 1.0])


def test_groups_are_held_within_their_shares():
    gain, group = np.r_[np.full(10, 5.0), np.full(10, 1.0)], np.repeat(["a", "b"], 10)
    found = allocate(gain, 2.0, groups=group, min_share={"b": 0.2}, max_share={"a": 0.5})
    assert found.share[:10].sum() == 5
    assert found.share[10:].sum() == 2
    assert found.at_a_loss == 2
    assert set(found.binds) == {"min_share of b", "max_share of a"}
    both = allocate(gain, 2.0, groups=group, min_share=0.1, capacity=3)
    assert (both.share[:10].sum(), both.share[10:].sum()) == (2, 1)
    assert set(both.binds) == {"capacity", "min_share of b"}


def test_a_group_that_must_be_treated_displaces_whom_a_budget_would_take():
    gain, group = np.r_[np.full(10, 5.0), np.full(10, 1.0)], np.repeat(["a", "b"], 10)
    found = allocate(gain, 2.0, groups=group, min_share={"b": 0.2}, budget=9.0)
    assert found.share[10:].sum() == 2
    assert found.share[:10].sum() == pytest.approx(2.5)
    assert found.budget_price == pytest.approx(1.5)


def test_the_last_customer_of_a_budget_counts_in_the_limit_of_his_group():
    # two of four at most: the first, and a mixture of the second and the third
    found = allocate(
        [10.0, 8.0, 4.5, 0.0], [1.0, 6.0, 3.0, 1.0], groups=["a"] * 4, max_share=0.5, budget=5.0
    )
    np.testing.assert_allclose(found.share, [1, 1 / 3, 2 / 3, 0])
    assert found.budget_price == pytest.approx((2 - 1.5) / 3)


def test_another_contact_is_worth_what_a_group_with_room_would_bring():
    groups = ["a", "a", "b", "b", "b"]
    settings = {"groups": groups, "max_share": {"a": 0.5}}
    found = allocate([10.0, 9.0, 5.0, 4.0, 3.0], 1.0, capacity=2, **settings)
    np.testing.assert_array_equal(found.share, [1, 0, 1, 0, 0])
    assert found.capacity_price == 3.0
    assert set(found.binds) == {"capacity", "max_share of a"}
    full = allocate([10.0, 9.0, 5.0], 1.0, capacity=2, groups=groups[:3], max_share={"a": 0.5})
    assert (full.capacity_price, full.binds) == (0.0, ("max_share of a",))


def test_a_limit_of_a_group_binds_only_where_a_contact_would_go_there():
    groups = ["a", "a", "b", "b"]
    found = allocate([10.0, 3.0, 5.0, 4.0], 1.0, groups=groups, max_share={"a": 0.5}, capacity=2)
    assert found.binds == ("capacity",)
    forced = allocate([10.0, 9.0, 2.0, 0.0], 1.0, groups=groups, min_share={"b": 0.5}, capacity=2)
    np.testing.assert_array_equal(forced.share, [1, 0, 1, 0])
    assert forced.capacity_price == 8.0
    assert set(forced.binds) == {"capacity", "min_share of b"}


def test_whoever_may_not_be_contacted_is_left_out_and_counted_once():
    gain = np.full(10, 5.0)
    consented, rested = np.arange(10) >= 3, np.arange(10) % 2 == 0
    found = allocate(gain, 1.0, eligible={"consented": consented, "rested": rested}, capacity=2)
    np.testing.assert_array_equal(np.flatnonzero(found.treat), [4, 6])
    assert dict(found.left_out) == {"consented": 3, "rested": 4, NOT_WORTH_IT: 0, NO_ROOM: 1}
    assert sum(found.left_out.values()) + found.contacts == 10
    assert allocate(gain, 1.0, eligible=consented).left_out["not eligible"] == 3


def test_nobody_eligible_is_an_empty_list():
    found = allocate([1.0, 2.0], 0.5, eligible=[False, False], budget=3.0, capacity=1)
    assert (found.contacts, found.spent, found.profit) == (0, 0, 0)


def test_inputs_stay_as_they_are_and_the_result_is_read_only():
    gain, cost = np.array([3.0, 2.0]), np.array([1.0, 1.0])
    before = gain.copy(), cost.copy()
    found = allocate(gain, cost, budget=1.5)
    np.testing.assert_array_equal(gain, before[0])
    np.testing.assert_array_equal(cost, before[1])
    with pytest.raises(ValueError, match="read-only"):
        found.shares[0, 0] = 0.5
