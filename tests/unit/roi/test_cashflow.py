"""Timing and behavior, period by period."""

import numpy as np
import pytest

from cximpact.roi.cashflow import (
    Segment,
    Timing,
    adoption,
    present_units,
    schedule,
    units_by_period,
)


def units(mechanism, tau, baseline=0.0, horizon=6, **timing):
    plan = schedule(mechanism, horizon, Timing(**timing))
    return np.array([float(u) for _, u in units_by_period(plan, tau, baseline)])


def test_a_linear_ramp_after_a_lag():
    plan = schedule("per_period", 10, Timing(lag=3, ramp=6))
    expected = [0, 0, 0, 0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1]
    assert plan.intensity == pytest.approx(expected)


def test_a_lag_of_three_is_active_from_period_four():
    plan = schedule("per_period", 5, Timing(lag=3))
    assert plan.intensity.tolist() == [0, 0, 0, 0, 1, 1]
    assert plan.treated.tolist() == [0, 1, 0, 0, 0, 0]


def test_retention_compounds_as_the_difference_of_two_survival_curves():
    t = np.arange(1, 7)
    assert units("retention", 0.005, 0.97) == pytest.approx(0.975**t - 0.97**t)
    assert units("retention", 0.005, 0.97).sum() > 0.005


def test_per_period_effects_repeat_and_one_time_effects_happen_once():
    assert units("per_period", 0.2).tolist() == [0.2] * 6
    assert units("one_time", 0.2).tolist() == [0.2, 0, 0, 0, 0, 0]
    assert units("one_time", 0.2, ramp=4).tolist() == pytest.approx([0.05] * 4 + [0, 0])


def test_decay_starts_after_the_first_active_period():
    found = units("per_period", 1.0, lag=1, decay=0.5)
    assert found == pytest.approx([0, 1, *np.exp([-0.5, -1, -1.5, -2])])


def test_everyone_is_treated_once_whatever_the_ramp():
    for ramp in (0, 1, 3):
        assert schedule("one_time", 6, Timing(lag=1, ramp=ramp)).treated.sum() == 1


def test_adoption_never_leaves_zero_to_one():
    found = adoption(np.arange(-5.0, 20.0), 7)
    assert found.min() == 0 and found.max() == 1 and (np.diff(found) >= 0).all()


def test_discounted_units_are_the_sum_of_the_periods():
    plan = schedule("per_period", 3, Timing())
    segment = Segment(reached=10.0, tau=0.5, baseline=0.0, value=3.0)
    factors = np.array([1, 0.9, 0.8, 0.7])
    assert present_units((segment,), plan, factors) == [pytest.approx(10 * 0.5 * 2.4)]
    assert present_units((segment,), plan, factors, tau=1.0) == [pytest.approx(24)]
