"""What must hold for every initiative."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import roi
from cximpact.core.errors import CxImpactError
from cximpact.core.units import Change
from tests.support import money

QUICK = settings(max_examples=12, deadline=None)
AMOUNT = st.floats(0, 1e7)
SETTINGS = st.fixed_dictionaries(
    {
        "lag": st.integers(0, 4),
        "ramp": st.integers(0, 5),
        "decay": st.floats(0, 0.5),
        "coverage": st.floats(0, 1),
        "mechanism": st.sampled_from(["retention", "per_period", "one_time"]),
    }
)
TAU = money.normal(0.004, 0.002, n=50)


def run(*items, **kwargs):
    return roi.simulate(list(items), **({"horizon": 8} | kwargs))


@QUICK
@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_the_simple_product_is_the_full_model_to_the_last_bit(value, customers):
    story = roi.simple(value, customers)
    out = run(story.initiative("USD"), horizon=1, period="year", discount_rate=0.0)
    assert float(out.npv()[0]) == value * customers == story.loss


@QUICK
@given(SETTINGS, AMOUNT, AMOUNT, AMOUNT)
def test_without_an_effect_exactly_the_cost_is_lost(timing, one_off, recurring, per_treated):
    costs = {"one_off": one_off, "recurring": recurring, "per_treated": per_treated}
    none = Change(value=0.0, unit="pp")
    out = run(money.initiative(effect=none, costs=costs, **timing))
    assert np.array_equal(out.npv(), -out.pv_cost())


@QUICK
@given(SETTINGS, st.sampled_from(["one_off", "recurring", "per_treated"]), st.floats(1, 1e5))
def test_a_higher_cost_lowers_the_npv(timing, kind, more):
    base = {"one_off": 100.0, "recurring": 10.0, "per_treated": 0.5}
    timing = timing | {"coverage": 0.5 + timing["coverage"] / 2}
    cheap = run(money.initiative(effect=TAU, costs=base, **timing)).npv()
    dear = run(money.initiative(effect=TAU, costs=base | {kind: base[kind] + more}, **timing)).npv()
    assert (dear < cheap).all()


@QUICK
@given(SETTINGS, st.floats(0, 0.4), st.floats(0.01, 0.5))
def test_discounting_lowers_what_is_invested_first_and_returned_later(timing, rate, more):
    it = money.initiative(costs={"one_off": 1000}, **timing)
    low, high = (run(it, discount_rate=d).npv()[0] for d in (rate, rate + more))
    assert high <= low


@QUICK
@given(SETTINGS, st.floats(0.001, 1000))
def test_another_currency_scales_everything(timing, rate):
    costs = {"one_off": 500.0, "recurring": 20.0}
    one = run(money.initiative(effect=TAU, costs=costs, **timing))
    scaled = {k: v * rate for k, v in costs.items()}
    two = run(money.initiative(effect=TAU, value=10.0 * rate, costs=scaled, **timing))
    assert two.npv().values == pytest.approx(one.npv().values * rate, rel=1e-9, abs=1e-6 * rate)
    assert np.array_equal(two.payback(), one.payback())


@QUICK
@given(SETTINGS, st.floats(1, 1e5))
def test_two_identical_halves_are_one_segment(timing, n):
    coords = {"segment": ["a", "b"]}
    halves = money.draws(
        np.repeat(TAU.values[:, None], 2, 1), "a", dims=("segment",), coords=coords
    )
    whole = run(money.initiative(effect=TAU, n=n, **timing))
    split = run(money.initiative(effect=halves, n={"a": n / 2, "b": n / 2}, **timing))
    assert split.npv().values == pytest.approx(whole.npv().values, rel=1e-12)


@QUICK
@given(st.permutations(["a", "b", "c"]), st.integers(0, 100))
def test_the_order_of_initiatives_does_not_matter(names, seed):
    items = {k: money.initiative(name=k, effect=money.normal(0.004, 0.002, k, n=50)) for k in "abc"}
    first = run(*items.values(), rng=seed)
    second = run(*(items[k] for k in names), rng=seed)
    for name in names:
        assert np.array_equal(first.select(name).npv(), second.select(name).npv())
    assert second.npv().values == pytest.approx(first.npv().values, rel=1e-12)


@QUICK
@given(SETTINGS, st.floats(0.01, 0.99))
def test_the_worst_share_is_never_better_than_the_mean(timing, alpha):
    out = run(money.initiative(effect=TAU, **timing))
    npv = out.npv().values
    assert npv.min() - 1e-6 <= out.cvar(alpha) <= npv.mean() + 1e-6


@QUICK
@given(SETTINGS, st.floats(0, 3))
def test_the_return_is_linear_in_the_value(timing, factor):
    one, two = (
        run(money.initiative(effect=TAU, value=10.0 * f, **timing)).pv_benefit().values
        for f in (1.0, factor)
    )
    assert two == pytest.approx(one * factor, rel=1e-9, abs=1e-9)


@QUICK
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_every_internal_rate_makes_the_value_zero(flows):
    net = np.array(flows)[:, None]
    times = np.arange(len(flows))
    found = roi.metrics.internal_rates(net, times)
    rates = found[np.isfinite(found)]
    assert (rates > -1).all() and (np.diff(rates) > 0).all()
    for rate in rates:
        logs = -times * math.log1p(rate)
        logs -= logs[np.array(flows) != 0].max()
        terms = np.array(flows) * np.exp(logs)
        assert abs(terms.sum()) <= 1e-6 * np.abs(terms).sum()


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.floats(), max_size=2),
    st.dictionaries(st.text(max_size=8), st.floats(), max_size=2),
    st.just(np.array([1.0, 2.0])),
    st.just(TAU),
)
FIELDS = (
    *("name", "n", "effect", "mechanism", "value", "currency", "costs", "baseline"),
    *("coverage", "lag", "ramp", "decay", "pull_forward", "cannibalization", "link"),
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, min_size=1, max_size=3))
def test_no_error_but_ours_escapes_from_an_initiative(changes):
    with contextlib.suppress(CxImpactError):
        assert money.initiative(**changes).customers >= 0


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["horizon", "period", "discount_rate", "rng", "draws", "payment"]),
        JUNK.filter(lambda v: not isinstance(v, int) or v < 6),
        min_size=1,
        max_size=2,
    )
)
def test_no_error_but_ours_escapes_from_the_simulator(changes):
    with contextlib.suppress(CxImpactError):
        assert roi.simulate(money.initiative(), **changes).npv().size >= 2
