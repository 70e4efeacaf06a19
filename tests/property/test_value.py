"""What must hold for every value."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import value
from cximpact.core.errors import CxImpactError
from cximpact.value.stated import fit_quantiles
from tests.support import money

QUICK = settings(max_examples=25, deadline=None)
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
