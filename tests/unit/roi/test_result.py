"""Metrics of a result."""

import numpy as np
import pytest

from cximpact import roi
from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.units import Change
from tests.support import money


def uncertain(n=500, **changes):
    it = money.initiative(effect=money.normal(0.004, 0.003, n=n), **changes)
    return roi.simulate(it, horizon=24)


def pair_of(**changes):
    one = money.initiative(name="a", effect=money.normal(0.004, 0.003, "a"), **changes)
    two = money.initiative(name="b", effect=money.normal(0.002, 0.001, "b"), n=500)
    return roi.simulate([one, two], horizon=12)


def test_draws_are_labelled_sample_first_from_today_to_the_horizon():
    out = pair_of()
    for name in ("cost", "benefit"):
        assert out.draws[name].dims == ("sample", "initiative", "period")
    assert out.draws["period"].values.tolist() == list(range(13))
    assert dr.order_of(out.draws) == dr.order_of(out.npv())


def test_the_parts_add_up_to_the_whole():
    out = pair_of()
    apart = out.npv(by_initiative=True)
    assert apart.sum("initiative").values == pytest.approx(out.npv().values)
    factors = out.settings.factors
    assert out.net().values @ factors == pytest.approx(out.npv().values)
    discounted = out.net(discounted=True, cumulative=True)[:, -1]
    assert discounted.values == pytest.approx(out.npv().values)


def test_a_selection_keeps_its_draws():
    out = pair_of()
    only = out.select("b")
    assert only.names == ["b"]
    assert np.array_equal(only.npv(), out.npv(by_initiative=True).sel(initiative="b"))
    with pytest.raises(ConfigError, match="unknown; expected 'a', 'b'"):
        out.select("c")
    with pytest.raises(ConfigError, match="no name"):
        out.select()


def test_the_headline_return_is_a_ratio_of_expectations():
    out = uncertain()
    expected = float(out.npv().mean()) / float(out.pv_cost().mean())
    assert out.roi() == expected == out.summary().set_index("term").loc["roi", "estimate"]


def test_without_a_cost_there_is_no_return_on_it():
    out = uncertain(costs={})
    assert np.isnan(out.roi()) and np.isnan(out.roi_draws()).all()
    assert "No cost was given" in out.headline()


def test_probabilities_count_draws():
    out = uncertain()
    npv = out.npv().values
    assert out.probability_of_profit() == (npv > 0).mean()
    assert out.probability_of_profit(at_least=50_000) == (npv > 50_000).mean()
    assert out.cvar(0.1) == pytest.approx(np.sort(npv)[:50].mean())
    assert out.cvar(0.1) < npv.mean()


def test_a_level_in_percent_is_refused_with_what_was_meant():
    with pytest.raises(ConfigError, match=r"Did you mean 0\.05"):
        uncertain().cvar(5)
    with pytest.raises(ConfigError, match=r"Did you mean 0\.9"):
        uncertain().summary(prob=90)


def test_payback_that_never_comes_is_infinite_and_the_rate_missing():
    out = roi.simulate(money.initiative(effect=Change(value=0.0, unit="pp")), horizon=24)
    assert np.isinf(out.payback()).all() and np.isnan(out.irr()).all()
    row = out.summary().set_index("term")
    assert row.loc["payback", "estimate"] == np.inf and row.loc["irr_is_unique", "estimate"] == 0
    assert "not within the horizon" in out.headline()


def test_flows_at_the_start_of_a_period_are_worth_more():
    npv = {
        when: float(roi.simulate(money.initiative(), horizon=24, payment=when).npv()[0])
        for when in ("start", "mid", "end")
    }
    assert npv["start"] > npv["mid"] > npv["end"]
    rate = roi.simulate(money.initiative(), horizon=24).settings.rate
    paid = {k: v + 40_000 for k, v in npv.items()}
    assert paid["start"] == pytest.approx(paid["end"] * (1 + rate))
    assert paid["mid"] == pytest.approx(paid["end"] * (1 + rate) ** 0.5)


def test_it_can_be_drawn_both_ways_and_escapes_names():
    out = uncertain(name="<i>x</i>")
    assert out.plot() is not None and out.plot("cash_flow") is not None
    assert "<i>" not in out._repr_html_()
    with pytest.raises(ConfigError, match="kind is 'pie'"):
        out.plot("pie")


@pytest.mark.parametrize("payment", ["start", "mid", "end"])
def test_discounting_at_the_internal_rate_leaves_nothing(payment):
    rate = float(roi.simulate(money.initiative(), horizon=24, payment=payment).irr()[0, 0])
    annual = (1 + rate) ** 12 - 1
    out = roi.simulate(money.initiative(), horizon=24, payment=payment, discount_rate=annual)
    assert float(out.npv()[0]) == pytest.approx(0, abs=1e-6)
