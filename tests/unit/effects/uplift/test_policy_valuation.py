"""What lists earn: means, errors by cluster, money with uncertainty, benchmarks."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    ClusterError,
    ConfigError,
    DataError,
    MissingValueError,
    SmallSampleWarning,
    UnitsError,
    WeightError,
)
from cximpact.core.units import Money
from cximpact.effects.uplift.policy_lists import list_of_same_size
from cximpact.effects.uplift.policy_valuation import policy_value
from tests.support.targeting import retention_world

SCORES = np.array([0.4, 0.1, -0.2, 0.3, 0.0, -0.1])
TREAT = np.array([1, 1, 0, 1, 0, 0])
MONEY = {"value": 100.0, "cost": 5.0, "currency": "EUR", "rng": 1}


def test_the_value_is_the_mean_of_what_treating_brings_less_cost():
    found = policy_value(TREAT, SCORES, **MONEY).tidy(0.8).set_index("policy")
    each = TREAT * (100 * SCORES - 5)
    row = found.loc["policy"]
    error = each.std(ddof=1) / np.sqrt(6)
    half = stats.t.ppf(0.9, 5) * error
    assert row["estimate"] == pytest.approx(each.mean())
    assert row["std_error"] == pytest.approx(error)
    assert row["conf_low"] == pytest.approx(each.mean() - half)
    assert row["conf_high"] == pytest.approx(each.mean() + half)
    assert row["contacts"] == 0.5
    assert found.loc["everybody", "estimate"] == pytest.approx((100 * SCORES - 5).mean())
    assert found.loc["random", "estimate"] == pytest.approx((100 * SCORES - 5).mean() / 2)
    assert tuple(found.loc["nobody", ["estimate", "std_error", "probability"]]) == (0, 0, 0)


def test_differences_are_paired():
    found = policy_value({"mine": TREAT, "other": 1 - TREAT}, SCORES, **MONEY)
    each = (2 * TREAT - 1) * (100 * SCORES - 5)
    row = found.against("other")
    assert row["estimate"] == pytest.approx(each.mean())
    assert row["std_error"] == pytest.approx(each.std(ddof=1) / np.sqrt(6))
    drawn = found.draws.sel(policy="mine") - found.draws.sel(policy="other")
    assert float(drawn.std()) == pytest.approx(each.std(ddof=1) / np.sqrt(6) * 1.29, rel=0.1)
    with pytest.raises(ConfigError, match="everybody"):
        found.against("everybod")


def test_clusters_are_added_up():
    cluster = np.array(["a", "a", "b", "b", "c", "c"])
    with pytest.warns(SmallSampleWarning, match="there are 3 clusters"):
        found = policy_value(TREAT, SCORES, cluster=cluster, **MONEY).tidy().iloc[0]
    each = TREAT * (100 * SCORES - 5)
    sums = (each - each.mean()).reshape(3, 2).sum(axis=1) / 6
    assert found["std_error"] == pytest.approx(np.sqrt(sums @ sums * 3 / 2))


def test_whole_weights_are_repeated_rows():
    times = np.array([2, 1, 1, 3, 1, 1])
    rows = np.repeat(np.arange(6), times)
    one = policy_value(TREAT, SCORES, weights=times, **MONEY).tidy()
    with pytest.warns(SmallSampleWarning, match="there are 6 clusters"):
        two = policy_value(TREAT[rows], SCORES[rows], cluster=rows, **MONEY).tidy()
    for name in ("contacts", "estimate", "std_error"):
        np.testing.assert_allclose(one[name], two[name], atol=1e-12)


def test_money_may_differ_between_customers_and_arms():
    scores = np.column_stack([SCORES, SCORES[::-1]])
    value, cost = np.arange(1.0, 7.0), np.column_stack([np.full(6, 0.1), np.full(6, 0.2)])
    treat = np.array([1, 2, 0, 2, 1, 0])
    found = policy_value(treat, scores, value=value, cost=cost, currency="EUR", rng=1).tidy()
    each = np.zeros(6)
    for i, a in enumerate(treat):
        each[i] = value[i] * scores[i, a - 1] - cost[i, a - 1] if a else 0.0
    assert found["estimate"].iloc[0] == pytest.approx(each.mean())
    assert list(found["policy"]) == [
        "policy",
        "everybody: arm 1",
        "everybody: arm 2",
        "nobody",
        "random",
    ]
    mix = [(treat == a).mean() for a in (1, 2)]
    expected = sum(m * (value * scores[:, a] - cost[:, a]).mean() for a, m in enumerate(mix))
    assert found["estimate"].iloc[-1] == pytest.approx(expected)


def test_uncertain_money_is_paired_and_widens_the_interval():
    rng = np.random.default_rng(1)
    world = retention_world(rng, 4000)
    treat = (world.effect > 0.05).astype(int)
    value = dr.from_array(rng.normal(100, 30, 3000), source="value")
    cost = dr.from_array(rng.uniform(1, 3, 500), source="cost")
    sure = policy_value(treat, world.pseudo_outcome, value=100, cost=2.0, currency="EUR", rng=1)
    found = policy_value(treat, world.pseudo_outcome, value=value, cost=cost, currency="EUR", rng=1)
    one, two = sure.tidy().iloc[0], found.tidy().iloc[0]
    gain, error = sure.sums.part(sure.sums.value, "behavior")[0], one["std_error"] / 100
    share = treat.mean()
    variance = (100 * error) ** 2 + (30 * gain) ** 2 + (30 * error) ** 2 + share**2 * 4 / 12
    assert two["estimate"] == pytest.approx(one["estimate"], rel=0.05)
    assert two["std_error"] == pytest.approx(np.sqrt(variance), rel=0.05)
    assert found.uncertain == ("value", "cost")
    np.testing.assert_allclose(found.draws.mean("sample"), found.estimate, atol=0.15)
    drawn = found.parts["cost"].sel(policy="everybody")
    assert (float(drawn.min()), float(drawn.max())) == (float(cost.min()), float(cost.max()))
    joint = found.draws - (found.parts["gain"] - found.parts["cost"])
    assert float(abs(joint).max()) < 1e-12
    assert set(dr.order_of(value)) <= set(dr.order_of(found.draws))


def test_money_that_used_the_same_data_is_not_called_independent():
    first = policy_value(TREAT, SCORES, **MONEY)
    again = first.parts["list_behavior"]
    shifted = dr.map(lambda d: abs(d) + 1, again)
    with pytest.raises(AlignmentError):
        policy_value(TREAT, SCORES, value=shifted, cost=1.0, currency="EUR", rng=2)


def test_a_currency_is_carried_or_asked_for():
    carried = policy_value(TREAT, SCORES, value=Money(amount=100, currency="USD"), cost=5.0)
    assert carried.currency == "USD"
    with pytest.raises(ConfigError, match="currency is missing"):
        policy_value(TREAT, SCORES, value=100, cost=5.0)
    with pytest.raises(UnitsError, match="'EUR', 'USD'"):
        policy_value(TREAT, SCORES, value=Money(amount=1, currency="USD"), cost=5.0, currency="EUR")


def test_a_population_scales_the_profit():
    found = policy_value(TREAT, SCORES, **MONEY)
    one, all_ = found.tidy(), found.total(1000)
    for name in ("contacts", "estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(all_[name], 1000 * one[name])
    assert all_["n"].iloc[0] == 6


def test_a_list_named_like_a_benchmark_takes_its_place():
    found = policy_value({"policy": TREAT, "everybody": np.r_[np.ones(5), 0.0]}, SCORES, **MONEY)
    assert found.names == ("policy", "everybody", "nobody", "random")
    assert found.sums.contacts[1] == pytest.approx(5 / 6)


def test_the_seed_decides_the_draws_alone():
    one, same, other = (policy_value(TREAT, SCORES, **MONEY | {"rng": r}) for r in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, other.draws)
    np.testing.assert_array_equal(one.estimate, other.estimate)


def test_the_words_hold_the_numbers():
    text = policy_value(TREAT, SCORES, **MONEY).explain()
    assert "contacts 50% of the customers and earns 10.8 EUR" in text.replace("11 EUR", "10.8 EUR")
    assert "more than random" in text
    assert "looks better than it is" in text


def test_a_list_of_the_same_size_takes_the_highest_and_shares_ties():
    shares = list_of_same_size([5.0, 3.0, 3.0, 1.0], [0, 1, 0, 1])
    np.testing.assert_allclose(shares[:, 0], [1.0, 0.5, 0.5, 0.0])
    weighted = list_of_same_size([5.0, 3.0], [1, 0], weights=[1.0, 3.0])
    np.testing.assert_allclose(weighted[:, 0], [1.0, 0.0])
    able = np.array([False, True, True, True])
    kept = list_of_same_size([5.0, 3.0, 2.0, 1.0], [0, 1, 0, 1], eligible=able)
    np.testing.assert_allclose(kept[:, 0], [0, 1, 1, 0])
    mixed = list_of_same_size([2.0, 1.0], np.array([[0.25, 0.75], [0, 0]]), arms=2)
    np.testing.assert_allclose(mixed, [[0.25, 0.75], [0, 0]])


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"value": -1.0}, ConfigError, r"value is negative \(-1\)"),
        ({"cost": [1, 1, 1, 1, 1, -1]}, ConfigError, "cost is negative in 1 row, at position 5"),
        ({"value": None}, ConfigError, "value is None"),
        ({"value": "100"}, ConfigError, "value is '100'"),
        ({"value": [1.0, 2.0]}, DataError, "each of 6 customers"),
        ({"value": np.r_[np.ones(5), np.nan]}, MissingValueError, "value is missing"),
        ({"value": dr.from_array([1.0, -1.0], source="x")}, ConfigError, "negative in 1 draws"),
        (
            {"value": dr.from_array(np.ones((2, 2)), source="x", dims="segment")},
            UnitsError,
            "segment",
        ),
        ({"treat": [1, 0]}, DataError, "policy has 2 values for 6 customers"),
        ({"treat": [2, 0, 0, 0, 0, 0]}, ConfigError, "arms that do not exist in 1 row"),
        ({"treat": [1.5, 0.0, 0, 0, 0, 0]}, ConfigError, "shares outside 0 to 1"),
        ({"treat": np.zeros((6, 2))}, DataError, "has 2 arms; expected 1"),
        ({"treat": {}}, ConfigError, "no list"),
        ({"pseudo_outcome": np.r_[SCORES[:5], np.nan]}, MissingValueError, "pseudo_outcome"),
        ({"cluster": np.zeros(6)}, ClusterError, "1 cluster"),
        ({"cluster": ["a"]}, DataError, "cluster has 1 values"),
        ({"cluster": ["a", None, "b", "b", "b", "b"]}, MissingValueError, "cluster is missing"),
        ({"weights": [1.0]}, WeightError, "1 values for 6 rows"),
    ],
)
def test_bad_input_is_named(changes, error, match):
    settings = {"treat": TREAT, "pseudo_outcome": SCORES} | MONEY | changes
    with pytest.raises(error, match=match):
        policy_value(settings.pop("treat"), settings.pop("pseudo_outcome"), **settings)


def test_one_customer_has_no_error():
    with pytest.raises(ClusterError, match="1 customer"):
        policy_value([1], [0.1], **MONEY)
