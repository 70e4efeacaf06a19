"""A change of retention in money, the margin of those who were moved, and what was only early."""

import numpy as np
import pytest

from cximpact import value
from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    AssumptionWarning,
    ConfigError,
    NotCausalError,
    UnitsError,
)
from cximpact.core.units import Change
from tests.support import money

MARGIN = value.fixed(10, "EUR", per="customer and month", assumption="finance", horizon="period")


def worth(effect=money.PP, margin=MARGIN, **changes):
    settings = {"baseline": 0.97, "horizon": 24, "rng": 1} | changes
    return value.retained_value(effect, margin, **settings)


def mean(found):
    return float(found.draws.mean())


def test_the_gain_compounds():
    found = mean(worth())
    assert 10_000 * found == pytest.approx(36971.886151 + 50882.283837, abs=1e-5)
    naive = sum(10 * 0.005 * 1.1 ** (-t / 12) for t in range(1, 25))
    assert found > 5 * naive


def test_it_is_the_difference_of_two_discounted_curves():
    rates = np.linspace(0.8, 0.95, 12)
    found = worth(baseline=rates, horizon=12, discount_rate=0.2, period="quarter", payment="mid")
    factors = 1.2 ** (-(np.arange(1, 13) - 0.5) / 4)
    gap = np.cumprod(rates + 0.005) - np.cumprod(rates)
    assert mean(found) == pytest.approx(10 * factors @ gap, rel=1e-12)


def test_a_curve_of_a_fitted_cohort_is_a_baseline():
    from tests.support import buying

    fit = value.ShiftedBetaGeometric().fit(buying.cohort(), rng=1)
    found = worth(baseline=fit.retention(range(1, 25)), period="year")
    by_hand = worth(baseline=fit.retention(range(1, 25)).values, period="year")
    assert mean(found) == mean(by_hand) > 0


def test_an_effect_that_ends_leaves_what_it_gained():
    short, whole, none = (mean(worth(lasts=n)) for n in (6, 24, 0))
    assert none == 0 < short < whole
    gained = 0.975**6 - 0.97**6
    later = sum(gained * 0.97 ** (t - 6) * 10 * 1.1 ** (-t / 12) for t in range(7, 25))
    early = sum((0.975**t - 0.97**t) * 10 * 1.1 ** (-t / 12) for t in range(1, 7))
    assert short == pytest.approx(early + later, rel=1e-12)


def test_averaging_the_effect_first_is_not_averaging_the_money():
    tau = money.normal(0.0, 0.02, n=4000)
    spread = worth(tau, baseline=0.9, horizon=36)
    assert mean(spread) > 1.0 and mean(worth(Change(value=0.0, unit="pp"))) == 0.0


def test_rates_stay_rates_and_the_clipping_is_counted():
    found = worth(money.normal(0.02, 0.02, n=4000))
    assert found.details["clipped_share"] == pytest.approx(0.31, abs=0.03)
    everyone = sum(10 * (1 - 0.97**t) * 1.1 ** (-t / 12) for t in range(1, 25))
    assert float(found.draws.max()) == pytest.approx(everyone)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"effect": money.effect(scale="points")}, UnitsError, "change of the retention rate"),
        ({"effect": money.effect(target="association")}, NotCausalError, "not marked as causal"),
        ({"effect": 0.05}, UnitsError, "bare number"),
        (
            {"baseline": [0.9] * 5},
            ConfigError,
            "5 rates from 0.9 to 0.9; expected one for each of 24",
        ),
        ({"baseline": 1.2}, ConfigError, "at most 1"),
        ({"horizon": 0}, ConfigError, "at least 1"),
        ({"discount_rate": -1}, ConfigError, "above -1"),
        (
            {"margin": value.geometric_lifetime(9, 0.8, 0.1, currency="EUR")},
            UnitsError,
            "paid out again in every period",
        ),
    ],
)
def test_settings_that_cannot_be(changes, error, match):
    with pytest.raises(error, match=match):
        worth(**changes)


def by_segment(means, source, unit="pp"):
    values = np.random.default_rng(1).normal(means, 0.001, (2000, 2))
    return money.draws(values, source, unit, ("tier",), {"tier": ["small", "large"]})


def margins(small, large):
    draws = money.draws(
        np.tile([small, large], (2000, 1)), "margin", "EUR", ("tier",), {"tier": ["small", "large"]}
    )
    return value.ValuePosterior(
        draws=draws, currency="EUR", per="customer", provenance=money.effect().provenance
    )


def test_those_who_are_moved_may_be_worth_less_than_the_average():
    effect, margin = by_segment([0.06, 0.02], "did"), margins(50, 200)
    found = value.effect_weighted_margin(effect, margin, {"small": 60, "large": 40}, rng=1)
    expected = (0.06 * 50 * 0.6 + 0.02 * 200 * 0.4) / (0.06 * 0.6 + 0.02 * 0.4)
    assert mean(found) == pytest.approx(expected, rel=0.01)
    assert found.details["average"] == pytest.approx(110)
    assert mean(found) < 0.8 * found.details["average"]


def test_the_margin_of_nobody_moved_is_refused():
    effect = by_segment([0.001, -0.0015], "did")
    with pytest.raises(ConfigError, match="not clearly away from 0"):
        value.effect_weighted_margin(effect, margins(50, 200), {"small": 60, "large": 40}, rng=1)
    with pytest.raises(AlignmentError, match="share names"):
        value.effect_weighted_margin(effect, margins(50, 200), {"small": 60}, rng=1)


def path(values, sd=0.01):
    times = np.arange(-2, 8)
    found = np.random.default_rng(3).normal(values, sd, (2000, 10))
    return money.effect(
        money.draws(found, "did", "outcome", ("event_time",), {"event_time": times}),
        scale="outcome",
    )


def test_a_dip_after_the_gain_is_what_was_only_early():
    effect = path([0, 0, 0.5, 0.5, 0, -0.2, -0.2, 0, 0, 0])
    share = value.pull_forward_share(effect, during=(0, 2), after=(3, 7))
    assert float(share.mean()) == pytest.approx(0.4, abs=0.01)
    assert dr.order_of(share) == dr.order_of(effect.draws)
    short = value.pull_forward_share(effect, during=(0, 2), after=(3, 3))
    assert float(short.mean()) < 0.25


def test_nothing_gained_cannot_be_early():
    with pytest.raises(ConfigError, match="not clearly above 0"):
        value.pull_forward_share(path([0] * 10), during=(0, 2), after=(3, 7))
    with pytest.raises(ConfigError, match="no event time from 9"):
        value.pull_forward_share(path([1] * 10), during=(0, 2), after=(9, 12))


def test_margins_are_per_period(recwarn):
    found = worth()
    assert found.horizon == "lifetime" and found.per == "customer"
    assert not [w for w in recwarn if issubclass(w.category, AssumptionWarning)]
