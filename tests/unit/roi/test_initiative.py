"""Bad initiatives are refused with the dotted path of the mistake."""

import numpy as np
import pytest

from cximpact import roi, value
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    CxImpactError,
    NotCausalError,
    UnitsError,
)
from cximpact.core.units import Change, Money
from tests.support import money

LIFETIME = value.geometric_lifetime(100, 0.8, 0.1, currency="EUR")
SEGMENTED = money.draws(
    np.full((2, 2), 0.01), "fit", dims=("segment",), coords={"segment": ["a", "b"]}
)
EVENTS = money.draws(np.full((2, 3), 0.01), "fit", dims=("event_time",))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"costs": {"one_off": -1}}, ConfigError, r"initiative 'x'\.costs\.one_off is -1"),
        ({"costs": {"one_of": 1}}, ConfigError, r"costs\.one_of is unknown.*'one_off'\?"),
        ({"costs": 5}, ConfigError, r"initiative 'x'\.costs is 5; expected a mapping"),
        ({"costs": {"recurring": "5"}}, ConfigError, r"costs\.recurring is '5'"),
        ({"costs": {"one_off": float("inf")}}, ConfigError, r"costs\.one_off is inf"),
        ({"baseline": 1.2}, ConfigError, r"initiative 'x'\.baseline is 1.2"),
        ({"baseline": None}, ConfigError, r"initiative 'x'\.baseline is missing"),
        ({"baseline": money.draws([0.5, 1.5])}, ConfigError, r"baseline leaves 0 to 1 in 50.0%"),
        ({"n": -5}, ConfigError, r"initiative 'x'\.n is -5"),
        ({"n": {}}, ConfigError, r"initiative 'x'\.n names no segment"),
        ({"n": {"a": -1}}, ConfigError, r"initiative 'x'\.n\.a is -1"),
        ({"coverage": 1.5}, ConfigError, r"initiative 'x'\.coverage is 1.5"),
        ({"lag": -1}, ConfigError, r"initiative 'x'\.lag is -1"),
        ({"ramp": 2.5}, ConfigError, r"initiative 'x'\.ramp is 2.5"),
        ({"decay": -0.1}, ConfigError, r"initiative 'x'\.decay is -0.1"),
        ({"pull_forward": 2}, ConfigError, r"initiative 'x'\.pull_forward is 2"),
        ({"mechanism": "retain"}, ConfigError, r"initiative 'x'\.mechanism is 'retain'"),
        ({"name": " "}, ConfigError, r"initiative\.name is ' '"),
        ({"value": -10}, ConfigError, r"initiative 'x'\.value is -10"),
        ({"value": None}, ConfigError, r"initiative 'x'\.value is missing"),
        ({"currency": None}, ConfigError, r"initiative 'x'\.currency is missing"),
        ({"currency": "euro"}, UnitsError, "ISO code"),
        ({"value": Money(amount=1, currency="USD")}, UnitsError, "'EUR', 'USD'"),
        ({"costs": {"one_off": Money(amount=1, currency="USD")}}, UnitsError, "'EUR', 'USD'"),
        ({"value": LIFETIME}, UnitsError, "would pay it out again"),
        ({"effect": 0.005}, UnitsError, r"initiative 'x'\.effect is 0.005, a bare number"),
        ({"effect": money.effect(scale="points")}, UnitsError, "a score is not money"),
        ({"effect": money.effect(scale="money")}, UnitsError, "is money already"),
        ({"effect": money.effect(target="driver")}, NotCausalError, r"initiative 'x'\.effect"),
        ({"effect": EVENTS}, AlignmentError, "event time is aggregated first"),
        ({"effect": SEGMENTED}, AlignmentError, r"initiative 'x'\.n per segment"),
        ({"effect": SEGMENTED, "n": {"a": 1, "c": 2}}, AlignmentError, "same segments"),
    ],
)
def test_a_mistake_is_named_by_its_path(changes, error, message):
    with pytest.raises(error, match=message):
        money.initiative(**changes)


def test_every_refusal_is_one_of_ours_and_a_value_error():
    for changes in ({"n": -1}, {"effect": 3}, {"costs": {"x": 1}}):
        with pytest.raises(CxImpactError) as caught:
            money.initiative(**changes)
        assert isinstance(caught.value, ValueError)


def test_a_negative_uncertain_cost_is_refused():
    cost = value.uncertain(
        1, 5, "EUR", per="project", assumption="bid", rng=1, distribution="normal"
    )
    with pytest.raises(ConfigError, match=r"costs\.one_off is negative in \d+ draws"):
        money.initiative(costs={"one_off": cost})


def test_money_per_customer_needs_no_value_and_no_retention():
    amount = value.fixed(3, "EUR", per="customer", assumption="pilot")
    it = money.initiative(effect=amount, value=None, mechanism="one_time", currency=None)
    assert it.currency == "EUR" and it.value is None
    with pytest.raises(UnitsError, match="needs a change of the retention rate"):
        money.initiative(effect=amount, value=None)


def test_a_relative_effect_needs_a_baseline():
    with pytest.raises(UnitsError, match=r"initiative 'x'\.baseline is needed"):
        money.one_period(Change(value=0.1, unit="rel"))


def test_a_lifetime_value_is_paid_once():
    it = money.one_period(money.PP, value=LIFETIME)
    assert it.value is LIFETIME


def test_numbers_become_stated_values_and_settings_are_read_only():
    it = money.initiative()
    assert it.value.assumptions[0].name == "stated value" and it.customers == 10_000
    with pytest.raises(TypeError):
        it.costs["one_off"] = 0
    assert money.initiative(effect=SEGMENTED, n={"a": 3, "b": 4}).customers == 7


def test_money_per_customer_keeps_its_currency():
    paid = money.normal(2.0, 0.1, "money").assign_attrs(unit="EUR")
    effect = money.effect(paid, scale="money")
    plan = {"name": "a", "n": 10, "effect": effect, "mechanism": "one_time"}
    assert roi.Initiative(**plan).currency == "EUR"
    with pytest.raises(UnitsError, match="mixes the currencies 'EUR', 'USD'"):
        roi.Initiative(**plan, currency="USD")
