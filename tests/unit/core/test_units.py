"""Currencies, periods and the three meanings of a percentage do not mix."""

import numpy as np
import pytest
import xarray as xr

from cximpact.core.errors import ConfigError, UnitsError
from cximpact.core.units import (
    Change,
    Money,
    check_currency,
    check_same_unit,
    discount_factors,
    rate_per_period,
)


@pytest.mark.parametrize(
    ("rate", "unit", "after"),
    [(0.80, "rel", 0.96), (0.80, "pp", 1.00), (0.80, "rel_churn", 0.84), (0.90, "rel_churn", 0.92)],
)
def test_twenty_percent_has_three_meanings(rate, unit, after):
    assert round(Change(value=0.2, unit=unit).apply(rate), 10) == after
    assert Change(value=0.2, unit=unit).as_points(rate) == pytest.approx(after - rate)


@pytest.mark.parametrize(("unit", "after"), [("rel", "1.08"), ("pp", "1.1")])
def test_an_impossible_change_is_refused(unit, after):
    with pytest.raises(UnitsError, match=f"takes the rate 0.9 to {after}, outside 0 to 1"):
        Change(value=0.2, unit=unit).apply(0.9)


@pytest.mark.parametrize("unit", [None, "%", "percent", "", ["pp"]])
def test_a_bare_percentage_is_refused(unit):
    with pytest.raises(UnitsError, match="needs a unit"):
        Change(value=0.2, unit=unit)


@pytest.mark.parametrize("value", ["0.2", None, np.nan, np.inf, True])
def test_a_change_is_a_number(value):
    with pytest.raises(ConfigError, match="value is"):
        Change(value=value, unit="pp")


@pytest.mark.parametrize("rate", [-0.1, 1.1, "0.5", 80])
def test_a_rate_lies_between_0_and_1(rate):
    with pytest.raises(ConfigError, match="rate is"):
        Change(value=0.0, unit="pp").apply(rate)


def test_money_of_one_currency_adds_up():
    a, b = Money(amount=2.5, currency="EUR"), Money(amount=1, currency="EUR")
    assert a + b == Money(amount=3.5, currency="EUR")
    assert a - b == Money(amount=1.5, currency="EUR")
    assert 2 * a == a * 2 == Money(amount=5.0, currency="EUR")
    assert str(Money(amount=1234567.891, currency="USD")) == "1,234,567.89 USD"


@pytest.mark.parametrize("other", [Money(amount=1, currency="USD"), 1, None])
def test_money_of_two_currencies_does_not(other):
    for combine in (lambda x, y: x + y, lambda x, y: x - y):
        with pytest.raises(UnitsError, match="not in one currency"):
            combine(Money(amount=1, currency="EUR"), other)


@pytest.mark.parametrize("code", ["eur", "EURO", "E1R", "", None, "€€€", "ÄÖÜ"])
def test_a_currency_is_an_iso_code(code):
    with pytest.raises(UnitsError, match="ISO code"):
        check_currency(code)


def test_ten_percent_a_year_is_less_than_a_twelfth_a_month():
    assert rate_per_period(0.10, "month") == pytest.approx(0.00797414, abs=5e-9)
    assert (1 + rate_per_period(0.10, "month")) ** 12 == pytest.approx(1.10)
    assert rate_per_period(0.10, "year") == pytest.approx(0.10)
    assert (1 + rate_per_period(0.10, "quarter")) ** 4 == pytest.approx(1.10)


def test_periods_and_rates_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'month'"):
        rate_per_period(0.1, "months")
    for rate in (-1, -2, np.nan):
        with pytest.raises(ConfigError, match="discount_rate"):
            rate_per_period(rate, "month")


def test_money_is_worth_less_the_later_it_comes():
    np.testing.assert_allclose(discount_factors(0.1, np.arange(3)), [1, 1 / 1.1, 1 / 1.21])
    np.testing.assert_allclose(discount_factors(0.1, np.arange(3), "start"), [1, 1, 1 / 1.1])
    np.testing.assert_allclose(
        discount_factors(0.1, np.arange(3), "mid"), [1, 1.1**-0.5, 1.1**-1.5]
    )


@pytest.mark.parametrize("periods", [[-1], [np.nan], [np.inf]])
def test_periods_count_from_today(periods):
    with pytest.raises(ConfigError, match="period 0 is today"):
        discount_factors(0.1, np.array(periods, dtype=float))


def test_arrays_share_a_unit_or_are_refused():
    euro, dollar = (xr.DataArray(1.0, attrs={"unit": u}) for u in ("EUR", "USD"))
    assert check_same_unit(euro, euro, xr.DataArray(2.0)) == "EUR"
    assert check_same_unit(xr.DataArray(2.0)) is None
    with pytest.raises(UnitsError, match=r"\['EUR', 'USD'\]"):
        check_same_unit(euro, dollar)
