"""What holds for every ranking: ties, order, scales, weights and arms."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cximpact.core.errors import CxImpactError
from cximpact.effects.uplift import curve_metrics
from cximpact.effects.uplift.calibration_gates import gates
from cximpact.effects.uplift.curve_toc import WEIGHTINGS, arm_pseudo_outcome, autoc, rate, toc
from cximpact.effects.uplift.curves import qini_curve, uplift_curve
from cximpact.effects.uplift.evaluation_data import HeldOut


@st.composite
def customers(draw, binary=False):
    n = draw(st.integers(6, 30))
    numbers = st.integers(0, 1) if binary else st.integers(-20, 20)
    column = lambda values: np.array(draw(st.lists(values, min_size=n, max_size=n)), float)  # noqa: E731
    y, t, s = column(numbers), column(st.integers(0, 1)), column(st.integers(-4, 4))
    w = column(st.integers(0, 3))
    assume((w * t).sum() > 0 and (w * (1 - t)).sum() > 0)
    assume(np.unique(s[w > 0]).size > 1)
    return y, t, s, w


def plain_areas(y, t, s, w):
    return [
        curve_metrics.qini_coefficient(y, t, s, w, "none"),
        curve_metrics.auuc(y, t, s, w, "none"),
        autoc(y, t, s, w),
        rate(y, t, s, w, weighting="qini"),
    ]


def same(a, b):
    return a == pytest.approx(b, abs=1e-9)


@given(customers(), st.randoms(use_true_random=False))
def test_order_of_rows_and_monotone_transforms_change_nothing(data, random):
    y, t, s, w = data
    rows = list(range(y.size))
    random.shuffle(rows)
    found = plain_areas(y, t, s, w)
    assert same(plain_areas(y[rows], t[rows], s[rows], w[rows]), found)
    assert same(plain_areas(y, t, np.exp(s / 3) * 7, w), found)


@given(customers())
def test_whole_weights_are_repeated_rows(data):
    y, t, s, w = data
    rows = np.repeat(np.arange(y.size), w.astype(int))
    ones = np.ones(rows.size)
    assert same(plain_areas(y, t, s, w), plain_areas(y[rows], t[rows], s[rows], ones))
    for strategy in curve_metrics.STRATEGIES:
        try:
            found = curve_metrics.uplift_at_k(y, t, s, 0.5, w, strategy)
        except CxImpactError:
            continue
        expected = curve_metrics.uplift_at_k(y[rows], t[rows], s[rows], 0.5, None, strategy)
        assert same(found, expected)


@given(customers(binary=True))
def test_the_perfect_ranking_has_the_qini_one(data):
    y, t, s, w = data
    assume(np.unique(y[w > 0]).size > 1)
    try:
        value = curve_metrics.qini_coefficient(y, t, s, w)
        best = curve_metrics.qini_coefficient(y, t, y * t - y * (1 - t), w)
    except CxImpactError:
        return
    assert np.isfinite(value)
    assert same(best, 1.0)


@given(customers(), st.floats(-50, 50), st.floats(0.1, 9))
def test_the_toc_ignores_the_level_and_follows_the_scale(data, shift, scale):
    y, t, s, w = data
    gamma = arm_pseudo_outcome(y, t, w)
    both = lambda g: [  # noqa: E731
        rate(None, None, s, w, weighting=k, pseudo_outcome=g) for k in WEIGHTINGS
    ]
    assert same(both(gamma + shift), both(gamma))
    assert both(gamma * scale) == pytest.approx([scale * v for v in both(gamma)], abs=1e-8)


@given(customers())
def test_swapping_the_arms_turns_the_toc_round(data):
    y, t, s, w = data
    assert same(autoc(y, 1 - t, s, w), -autoc(y, t, s, w))
    assert same(curve_metrics.auuc(y, 1 - t, s, w, "none"), -curve_metrics.auuc(y, t, s, w, "none"))


@given(customers())
def test_curves_start_at_nothing_and_end_at_the_average_effect(data):
    y, t, s, w = data
    effect = np.average(y, weights=w * t) - np.average(y, weights=w * (1 - t))
    for curve, scale in ((uplift_curve, w.sum()), (qini_curve, (w * t).sum())):
        found = curve(y, t, s, w)
        assert found.iloc[0].tolist() == [0, 0, 0]
        assert found["fraction"].is_monotonic_increasing
        assert same(found["value"].iloc[-1], effect * scale)
    end = toc(y, t, s, w)
    assert same(end["toc"].iloc[-1], 0.0)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_random_rankings_are_worth_nothing_on_average(seed):
    rng = np.random.default_rng(seed)
    gamma = rng.standard_normal(12)
    values = [
        rate(None, None, rng.permutation(12.0 + np.arange(12)), pseudo_outcome=gamma)
        for _ in range(300)
    ]
    assert abs(np.mean(values)) < 5 * np.std(values, ddof=1) / np.sqrt(300)


@given(customers(), st.integers(2, 6))
def test_groups_hold_everybody_and_average_to_the_effect(data, groups):
    _, _, s, w = data
    gamma = np.linspace(-1, 2, s.size)
    try:
        found = gates(s, gamma, groups, weights=w)
    except CxImpactError:
        return
    assert found.size.sum() == (w > 0).sum()
    assert (np.diff(found.predicted) < 0).all()
    assert len(found.size) <= groups


@given(
    st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=2), st.booleans()), max_size=6),
    st.lists(st.one_of(st.none(), st.integers(-1, 3), st.floats()), max_size=6),
    st.lists(st.one_of(st.none(), st.floats()), max_size=6),
)
def test_nothing_but_errors_of_the_library_escapes(y, t, s):
    for function in (curve_metrics.qini_coefficient, curve_metrics.auuc, autoc):
        try:
            assert np.isfinite(function(y, t, s))
        except CxImpactError:
            continue


def test_held_out_customers_are_not_changed_by_what_is_done_with_the_input():
    y, t = np.array([1.0, 0, 1]), np.array([1.0, 0, 0])
    data = HeldOut(outcome=y, treatment=t)
    y[0] = 9
    assert data.outcome[0] == 1
