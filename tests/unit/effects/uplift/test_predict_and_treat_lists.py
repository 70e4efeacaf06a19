"""Risk against effect: kinds of customers, lists of one size, and the money between them."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError, DataError, MissingValueError
from cximpact.effects.uplift.predict_and_treat_lists import predict_and_treat
from tests.support.targeting import retention_world

SMALL = {
    "risk": [0.9, 0.8, 0.2, 0.1, 0.7, 0.3],
    "uplift": [-0.2, 0.3, 0.2, 0.01, 0.01, -0.1],
    "value": 100.0,
    "cost": 5.0,
    "currency": "EUR",
}


def test_customers_are_of_four_kinds():
    found = predict_and_treat(**SMALL)
    table = found.quadrants.set_index("quadrant")
    assert list(table["n"]) == [2, 1, 1, 2]
    assert list(table["share"]) == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 3])
    assert list(table["profit_if_treated"]) == pytest.approx([40.0, -4.0, -4.0, -40.0])
    assert list(table["mean_risk"]) == pytest.approx([0.5, 0.1, 0.7, 0.6])
    assert table.loc["sleeping dogs", "mean_uplift"] == pytest.approx(-0.15)
    assert (table["mean_value"] == 100.0).all()
    assert list(table["on_risk_list"]) == [1, 0, 0, 1]
    assert list(table["on_uplift_list"]) == [2, 0, 0, 0]


def test_lists_have_one_size_and_hold_their_kinds():
    found = predict_and_treat(**SMALL)
    assert (found.contacts, found.common) == (2, 1)
    table = found.tidy().set_index("policy")
    assert list(table["contacts"]) == [2, 2, 2]
    assert table.loc["risk ranking", "expected_profit"] == pytest.approx(0.0)
    assert table.loc["uplift ranking", "expected_profit"] == pytest.approx(40.0)
    assert table.loc["risk ranking", "sleeping dogs"] == 1
    longer = predict_and_treat(**SMALL, contacts=4)
    assert longer.lists["contacts"].tolist() == [4, 4, 4]
    assert "The second is too high" in found.explain()


def test_a_value_by_customer_moves_the_lists():
    found = predict_and_treat(**SMALL | {"value": [1.0, 1.0, 900.0, 1.0, 1.0, 1.0]})
    table = found.lists.set_index("policy")
    assert found.contacts == 1
    assert table.loc["risk times value", "expected_profit"] == pytest.approx(175.0)
    assert table.loc["risk ranking", "expected_profit"] == pytest.approx(-5.2)
    values = {"value": [1.0, 2.0, 2.9, 1.0, 1.0, 1.0], "cost": 0.1, "contacts": 1}
    table = predict_and_treat(**SMALL | values).lists.set_index("policy")
    assert table.loc["risk times value", "expected_profit"] == pytest.approx(2 * 0.3 - 0.1)


def test_a_kind_without_customers_is_there_with_zero():
    found = predict_and_treat(**SMALL | {"uplift": [0.2] * 6})
    assert list(found.quadrants["n"]) == [6, 0, 0, 0]
    assert list(found.quadrants["profit_if_treated"]) == pytest.approx([90.0, 0, 0, 0])


def test_contacting_those_most_at_risk_loses_money_where_they_are_harmed():
    world = retention_world(np.random.default_rng(8), 8000, dogs=True)
    found = predict_and_treat(
        world.risk,
        world.effect,
        100.0,
        2.0,
        currency="EUR",
        contacts=2000,
        pseudo_outcome=world.pseudo_outcome,
        rng=1,
    )
    table = found.tidy().set_index("policy")
    assert table.loc["risk ranking", "conf_high"] < 0
    assert table.loc["uplift ranking", "conf_low"] > 0
    assert found.common == 0
    assert found.lists.set_index("policy").loc["risk ranking", "sleeping dogs"] == 2000
    top = np.argsort(-world.risk)[:2000]
    lost = (100 * world.pseudo_outcome[top] - 2).sum()
    assert table.loc["risk ranking", "estimate"] == pytest.approx(lost)
    text = found.explain()
    assert "share 0% of their customers; 2,000 on the list by risk and 0 on" in text
    assert "a difference of" in text
    assert "Risk says who may leave; it does not say whom a contact keeps." in text
    assert "uplift ranking" in found._repr_html_()


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"cost": 500.0}, ConfigError, "no contact pays"),
        ({"contacts": 7}, ConfigError, "contacts is 7 but there are 6"),
        ({"contacts": 0}, ConfigError, "contacts is 0"),
        ({"risk": [0.1]}, DataError, "risk has the shape"),
        ({"uplift": [0.1, np.nan, 0, 0, 0, 0]}, MissingValueError, "effect is missing"),
        ({"value": -1.0}, ConfigError, "value is negative"),
        ({"currency": None}, ConfigError, "currency is missing"),
    ],
)
def test_bad_input_is_named(changes, error, match):
    with pytest.raises(error, match=match):
        predict_and_treat(**SMALL | changes)
