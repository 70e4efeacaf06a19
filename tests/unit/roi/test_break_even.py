"""The value and the effect at which an initiative just pays."""

import numpy as np
import pytest

from cximpact import roi, value
from cximpact.core.units import Change
from tests.support import money


def rows(result):
    return result.break_even().set_index("quantity")


@pytest.mark.parametrize("timing", [{}, {"lag": 3, "ramp": 6}, {"decay": 0.05}])
def test_at_break_even_the_expected_npv_is_zero(timing):
    at = rows(roi.simulate(money.initiative(**timing), horizon=24))["break_even"]
    for changes in (
        {"value": at["value"]},
        {"effect": Change(value=at["effect"], unit="pp")},
    ):
        out = roi.simulate(money.initiative(**(timing | changes)), horizon=24)
        assert float(out.npv()[0]) == pytest.approx(0, abs=1e-6)


def test_it_holds_on_average_over_uncertain_inputs():
    worth = value.uncertain(10, 3, "EUR", per="month", assumption="x", rng=1, size=500)
    tau = money.normal(0.005, 0.002)
    at = rows(roi.simulate(money.initiative(effect=tau, value=worth), horizon=24))
    assert at.loc["effect", "mcse"] > 0 and at.loc["value", "mcse"] > 0
    out = roi.simulate(
        money.initiative(effect=tau, value=at.loc["value", "break_even"]), horizon=24
    )
    assert float(out.npv().mean()) == pytest.approx(0, abs=1e-6)
    change = Change(value=at.loc["effect", "break_even"], unit="pp")
    out = roi.simulate(money.initiative(effect=change, value=worth), horizon=24)
    assert float(out.npv().mean()) == pytest.approx(0, abs=1e-4)


def test_the_probability_is_that_of_the_input_being_above():
    tau = money.normal(0.005, 0.002)
    row = rows(roi.simulate(money.initiative(effect=tau), horizon=24)).loc["effect"]
    assert row["probability_above"] == (tau.values > row["break_even"]).mean()
    assert row["estimate"] == pytest.approx(0.005)


def test_its_error_is_that_of_repeated_simulations():
    rng = np.random.default_rng(8)
    found = []
    for i in range(40):
        tau = money.draws(rng.normal(0.005, 0.002, 100), f"fit {i}")
        found.append(rows(roi.simulate(money.initiative(effect=tau), horizon=6)).loc["value"])
    spread = np.std([row["break_even"] for row in found])
    assert spread == pytest.approx(np.mean([row["mcse"] for row in found]), rel=0.4)


def test_costs_that_nothing_can_repay_have_no_break_even():
    out = roi.simulate(money.initiative(costs={"one_off": 1e9}), horizon=6)
    assert np.isnan(rows(out).loc["effect", "break_even"])
    assert "No effect makes 'x' pay" in out.explain()
    harmful = roi.simulate(money.initiative(effect=Change(value=-0.01, unit="pp")), horizon=6)
    assert np.isnan(rows(harmful).loc["value", "break_even"])


def test_no_cost_breaks_even_at_once():
    assert (
        rows(roi.simulate(money.initiative(costs={}), horizon=6)).loc["effect", "break_even"] == 0
    )


def test_money_per_customer_has_one_break_even():
    amount = value.fixed(3, "EUR", per="customer", assumption="pilot")
    it = money.one_period(amount, n=100, value=None, costs={"one_off": 200})
    table = roi.simulate(it, horizon=1, discount_rate=0.0).break_even()
    assert table["break_even"].tolist() == pytest.approx([2.0])
    assert table["unit"].tolist() == ["EUR per customer reached"]
