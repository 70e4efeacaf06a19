"""Geometric lifetime value and the claim of 5 % and 25 %."""

import numpy as np
import pytest

from cximpact import value
from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, UnitsError
from cximpact.core.units import Change, rate_per_period
from tests.support import money


def lifetime(payment="end", retention=0.8, **changes):
    return value.geometric_lifetime(
        100, retention, 0.10, currency="EUR", payment=payment, **changes
    )


@pytest.mark.parametrize(
    ("payment", "expected"), [("start", 366.6667), ("end", 266.6667), ("mid", 279.6824)]
)
def test_published_lifetime_values(payment, expected):
    assert float(lifetime(payment).draws[0]) == pytest.approx(expected, abs=5e-5)


def test_start_minus_end_is_one_margin():
    gap = lifetime("start").draws.values - lifetime("end").draws.values
    assert gap == pytest.approx(100, rel=1e-13)


def test_the_closed_form_is_the_sum_over_periods():
    t = np.arange(1, 2000)
    total = (100 * 0.8**t / 1.1**t).sum()
    assert float(lifetime().draws[0]) == pytest.approx(total, rel=1e-12)


def test_months_are_discounted_by_the_power_and_not_by_a_twelfth():
    d = rate_per_period(0.10, "month")
    assert d == pytest.approx(0.00797414, abs=5e-9)
    found = float(lifetime(period="month").draws[0])
    assert found == pytest.approx(100 * 0.8 / (1 + d - 0.8), rel=1e-13)


def test_uncertain_margin_and_retention_meet_without_losing_a_draw():
    margin = value.uncertain(100, 10, "EUR", per="customer", assumption="finance", rng=1, size=300)
    rate = money.normal(0.8, 0.05, "retention", n=300)
    worth = value.geometric_lifetime(margin, rate, 0.1, rng=2)
    assert worth.draws.shape == (300,)
    assert set(dr.order_of(worth.draws)) >= {"retention"}
    assert worth.horizon == "lifetime" and worth.payment == "end" and worth.discount_rate == 0.1
    jensen = 100 * 0.8 / (1.1 - 0.8)
    assert float(worth.draws.mean()) > jensen * 1.02


def test_more_retention_is_worth_more_and_more_discounting_less():
    values = [float(lifetime(retention=r).draws[0]) for r in (0.5, 0.7, 0.9)]
    assert values == sorted(values)
    dear = value.geometric_lifetime(100, 0.8, 0.2, currency="EUR")
    assert float(dear.draws[0]) < float(lifetime().draws[0])


@pytest.mark.parametrize(
    ("retention", "gain", "payment", "expected"),
    [
        (0.5, Change(value=0.05, unit="pp"), "start", 0.091),
        (0.7, Change(value=0.05, unit="pp"), "start", 0.143),
        (0.8, Change(value=0.05, unit="pp"), "start", 0.200),
        (0.9, Change(value=0.05, unit="pp"), "start", 0.333),
        (0.8, Change(value=0.05, unit="pp"), "end", 0.275),
        (0.8, Change(value=0.05, unit="rel"), "start", 0.154),
        (0.8, Change(value=0.05, unit="rel"), "end", 0.212),
    ],
)
def test_five_percent_of_retention_is_no_constant_in_profit(retention, gain, payment, expected):
    claim = value.retention_claim(retention, gain, discount_rate=0.10, payment=payment)
    assert claim.profit_gain == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("rate", "at"), [(0.10, 0.85), (0.0, 0.75), (0.15, 0.90)])
def test_the_claim_holds_at_exactly_one_retention(rate, at):
    gain = Change(value=0.05, unit="pp")
    claim = value.retention_claim(at, gain, discount_rate=rate)
    assert claim.holds_at == pytest.approx(at, abs=1e-12)
    assert claim.profit_gain == pytest.approx(0.25, rel=1e-9)
    assert "0.85" in claim.explain() or rate != 0.10


def test_bad_rates_are_refused():
    with pytest.raises(ConfigError, match=r"retention is 1\.2"):
        lifetime(retention=1.2)
    with pytest.raises(ConfigError, match="infinite"):
        value.geometric_lifetime(100, 1.0, 0.0, currency="EUR")
    with pytest.raises(ConfigError, match=r"retention leaves 0 to 1 in 50\.0%"):
        lifetime(retention=money.draws([0.9, 1.1]))
    with pytest.raises(ConfigError, match="discount_rate"):
        value.geometric_lifetime(100, 0.8, -1.0, currency="EUR")
    with pytest.raises(ConfigError, match="Did you mean 'start'"):
        lifetime("strt")
    with pytest.raises(UnitsError, match="currency"):
        value.geometric_lifetime(100, 0.8, 0.1)
    with pytest.raises(UnitsError, match="outside 0 to 1"):
        value.retention_claim(0.98, Change(value=0.05, unit="pp"), discount_rate=0.1)
