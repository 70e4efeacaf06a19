"""What must hold for every value."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from cximpact import value
from cximpact.core.elicit import fit_quantiles
from cximpact.core.errors import CxImpactError
from cximpact.core.units import Change
from cximpact.value import beta_geo, sbg
from tests.support import money

QUICK = settings(max_examples=25, deadline=None)
MARGIN = value.fixed(10, "EUR", per="customer and month", assumption="finance", horizon="period")
WORTH = value.fixed(200, "EUR", per="customer", assumption="finance")


@QUICK
@given(st.floats(0.01, 1e6), st.floats(0, 0.99), st.floats(0.0, 0.5))
def test_start_exceeds_end_by_one_margin_and_mid_lies_between(margin, retention, rate):
    start, mid, end = (
        float(
            value.geometric_lifetime(
                margin, retention, rate + 0.001, currency="EUR", payment=p
            ).draws[0]
        )
        for p in ("start", "mid", "end")
    )
    assert start - end == pytest.approx(margin, rel=1e-6)
    assert end <= mid <= start


@QUICK
@given(st.floats(0.05, 0.45), st.floats(0.55, 0.95), st.floats(1, 1e4), st.floats(1.1, 20))
def test_fitted_families_have_the_quantiles(p_low, p_high, low, ratio):
    for family in ("normal", "lognormal", "gamma"):
        with contextlib.suppress(CxImpactError):
            fitted = fit_quantiles({p_low: low, p_high: low * ratio}, family)
            assert fitted.ppf([p_low, p_high]) == pytest.approx([low, low * ratio], rel=1e-6)


@QUICK
@given(st.floats(0, 1), st.floats(0, 1))
def test_leakage_never_adds_money(phi, kappa):
    effect = money.effect([0.01, 0.02])
    full = value.incremental(effect, WORTH, rng=1).draws.values
    net = value.incremental(effect, WORTH, rng=1, pull_forward=phi, cannibalization=kappa)
    assert (net.draws.values <= full + 1e-12).all() and (net.draws.values >= 0).all()


KEYS = (
    *("effect", "value", "rng", "link", "baseline", "pull_forward"),
    *("cannibalization", "incentive", "assume_independent"),
)
JUNK = st.one_of(
    st.none(), st.booleans(), st.floats(), st.text(max_size=3), st.just(np.array([1.0, 2.0]))
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["margin", "retention", "discount_rate", "currency", "period", "payment"]),
        JUNK,
        min_size=1,
    )
)
def test_no_error_but_ours_escapes_from_a_lifetime(changes):
    call = {"margin": 10, "retention": 0.8, "discount_rate": 0.1, "currency": "EUR"} | changes
    with contextlib.suppress(CxImpactError):
        assert np.isfinite(value.geometric_lifetime(**call).draws).all()


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        JUNK,
        min_size=1,
        max_size=3,
    )
)
def test_no_error_but_ours_escapes_from_incremental(changes):
    call = {"effect": money.effect(), "value": WORTH, "rng": 1} | changes
    with contextlib.suppress(CxImpactError):
        assert value.incremental(**call).draws.size == 2


SHAPES = st.floats(0.1, 20)


@QUICK
@given(SHAPES, SHAPES, st.floats(0.01, 0.4))
def test_retention_of_a_mixture_rises_while_survival_falls(alpha, beta, rate):
    a, b, t = np.array(alpha), np.array(beta), np.arange(1, 40)
    kept, left = sbg.retention(a, b, t), sbg.survival(a, b, t)
    assert (np.diff(kept) > 0).all() and (np.diff(left) < 0).all()
    whole = float(sbg.discounted_lifetime(a, b, rate))
    rest = float(sbg.discounted_residual_lifetime(a, b, rate, 1))
    assert whole == pytest.approx(1 + rest / (1 + rate), rel=1e-9)
    assert whole > float(sbg.discounted_lifetime(a, b, rate + 0.05))


@QUICK
@given(st.floats(0.1, 3), st.floats(1, 20), st.floats(0.2, 3), st.floats(0.5, 8), st.floats(1, 200))
def test_expected_purchases_grow_ever_more_slowly(r, alpha, a, b, time):
    theta, at = np.array([r, alpha, a, b]), time * np.arange(1, 5)
    found = np.append(0.0, beta_geo.expected(at, theta))
    steps = np.diff(found)
    assert (steps > 0).all() and (np.diff(steps) <= 1e-9).all()
    assert found[1] <= r / alpha * time * (1 + 1e-12)


@QUICK
@given(st.floats(0.3, 3), st.floats(1, 20), st.floats(0.2, 3), st.floats(0.5, 8))
def test_probabilities_of_purchases_sum_to_one(r, alpha, a, b):
    """P(X(t) = x) of Fader, Hardie and Lee (2005), equation 8, against the expectation."""
    theta, t, x = np.array([r, alpha, a, b]), 10.0, np.arange(1500.0)
    buys = stats.nbinom.pmf(x, r, alpha / (alpha + t))
    there = np.exp(special.betaln(a, b + x) - special.betaln(a, b))
    left = np.exp(special.betaln(a + 1, b + x - 1) - special.betaln(a, b))
    p = there * buys + np.where(x > 0, left * (1 - np.append(0.0, np.cumsum(buys)[:-1])), 0.0)
    assert p.sum() == pytest.approx(1.0, abs=1e-6)
    assert p @ x == pytest.approx(float(beta_geo.expected(np.array(t), theta)), rel=1e-3)


@QUICK
@given(st.floats(0.3, 0.95), st.floats(0.0, 0.3), st.floats(0.0, 0.04), st.integers(1, 40))
def test_retained_value_grows_with_the_effect_and_shrinks_with_the_rate(r, d, tau, horizon):
    settings = {"baseline": r, "horizon": horizon, "rng": 1}
    effect = Change(value=tau, unit="pp")
    found = [
        float(value.retained_value(e, MARGIN, discount_rate=rate, **settings).draws[0])
        for e, rate in ((effect, d), (Change(value=tau + 0.01, unit="pp"), d), (effect, d + 0.1))
    ]
    assert found[1] > found[0] >= found[2] >= 0
