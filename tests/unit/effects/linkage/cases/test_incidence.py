import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.effects.linkage.cases.incidence import (
    at_times,
    event_table,
    incidence,
    incidence_draws,
    incidence_variance,
)

# six cases: resolved at 1 and 3, left at 2, censored at 2 and 5, resolved at 4
TIMES = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0])
CAUSES = np.array([0, 1, -1, 0, 0, -1])


def test_a_small_example_by_hand():
    table = event_table(TIMES, CAUSES, 2)
    np.testing.assert_array_equal(table.at_risk, [6, 5, 3, 2, 1])
    found, survival = incidence(table.events, table.censored)
    # survival: 5/6, 5/6 4/5 = 2/3, 2/3 2/3 = 4/9, 4/9 1/2 = 2/9
    np.testing.assert_allclose(survival, [5 / 6, 2 / 3, 4 / 9, 2 / 9, 2 / 9])
    np.testing.assert_allclose(found[1], [0, 1 / 6, 1 / 6, 1 / 6, 1 / 6])
    # 1/6, then 2/3 1/3 = 2/9 at 3 and 4/9 1/2 = 2/9 at 4
    np.testing.assert_allclose(found[0], [1 / 6, 1 / 6, 7 / 18, 11 / 18, 11 / 18])


def test_the_variance_by_hand():
    """The delta method written out term by term, at time 3 for the first cause."""
    table = event_table(TIMES, CAUSES, 2)
    variance = incidence_variance(table)
    f = 7 / 18
    gaps = [f - 1 / 6, f - 1 / 6, 0.0]
    hazard = [1 / (6 * 5), 1 / (5 * 4), 1 / (3 * 2)]
    first = sum(g**2 * h for g, h in zip(gaps, hazard, strict=True))
    before = [1.0, 5 / 6, 2 / 3]
    d, y = [1, 0, 1], [6, 5, 3]
    own = sum(s**2 * (n - k) * k / n**3 for s, k, n in zip(before, d, y, strict=True))
    mixed = sum(g * s * k / n**2 for g, s, k, n in zip(gaps, before, d, y, strict=True))
    assert variance[0, 2] == pytest.approx(first + own - 2 * mixed, rel=1e-12)


samples = st.lists(st.tuples(st.integers(1, 8), st.integers(-1, 1)), min_size=2, max_size=30)


@given(samples)
def test_with_one_cause_it_is_kaplan_meier_and_greenwood(cases):
    time, cause = (np.array(v, dtype=float) for v in zip(*cases, strict=True))
    cause = np.minimum(cause, 0).astype(int)
    table = event_table(time, cause, 1)
    found, survival = incidence(table.events, table.censored)
    np.testing.assert_allclose(found[0], 1 - survival, atol=1e-12)
    km, green = 1.0, 0.0
    variance = incidence_variance(table)[0]
    for j, t in enumerate(table.times):
        risk, d = (time >= t).sum(), ((time == t) & (cause == 0)).sum()
        km *= 1 - d / risk
        green += d / (risk * (risk - d)) if risk > d else math.nan
        assert survival[j] == pytest.approx(km, abs=1e-12)
        if km > 0:
            assert variance[j] == pytest.approx(km**2 * green, abs=1e-12)


@given(samples)
def test_shares_of_all_ends_add_up(cases):
    time, cause = (np.array(v, dtype=float) for v in zip(*cases, strict=True))
    table = event_table(time, cause.astype(int), 2)
    found, survival = incidence(table.events, table.censored)
    np.testing.assert_allclose(found.sum(axis=0) + survival, 1.0, atol=1e-12)
    assert (np.diff(found, axis=-1) >= -1e-12).all()
    assert (incidence_variance(table) >= 0).all()


def test_without_open_cases_it_counts_shares_with_a_binomial_variance():
    rng = np.random.default_rng(1)
    time, cause = rng.integers(1, 9, 200).astype(float), rng.integers(0, 2, 200)
    table = event_table(time, cause, 2)
    found, _ = incidence(table.events, table.censored)
    share = np.array([((time <= t) & (cause == 0)).mean() for t in table.times])
    np.testing.assert_allclose(found[0], share)
    np.testing.assert_allclose(incidence_variance(table)[0][:-1], (share * (1 - share) / 200)[:-1])


def test_draws_have_the_spread_of_the_formula():
    rng = np.random.default_rng(2)
    time, end = rng.exponential(1.0, 400), rng.exponential(2.0, 400)
    cause = np.where(time < end, rng.integers(0, 2, 400), -1)
    table = event_table(np.minimum(time, end), cause, 2)
    wanted = np.array([0.3, 1.0, 2.0])
    drawn = incidence_draws(table, wanted, 3000, rng=1)
    point = at_times(incidence(table.events, table.censored)[0], table.times, wanted)
    error = np.sqrt(at_times(incidence_variance(table), table.times, wanted))
    np.testing.assert_allclose(drawn.mean(axis=0), point, atol=3e-3)
    np.testing.assert_allclose(drawn.std(axis=0), error, rtol=0.08)
    assert drawn.sum(axis=1).max() <= 1 + 1e-12


def test_steps_start_from_nothing():
    values = at_times(np.array([[0.2, 0.5]]), np.array([1.0, 3.0]), np.array([0.5, 1.0, 2.9, 9.0]))
    np.testing.assert_array_equal(values, [[0.0, 0.2, 0.2, 0.5]])
