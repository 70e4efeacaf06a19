"""Whatever comes in: decisions and lifetime models answer, or say in our words what is wrong."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import goals, roi, value
from cximpact.core import draws as dr
from cximpact.core.errors import CxImpactError
from cximpact.roi.overlap import shapley
from cximpact.scores import NPS
from tests.support import money

QUICK = settings(max_examples=40, deadline=None)
ODD = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-5, 1000),
    st.none(),
    st.text(max_size=3),
)


@contextlib.contextmanager
def ours():
    """Let our errors and warnings pass, and nothing else."""
    with warnings.catch_warnings(), contextlib.suppress(CxImpactError):
        warnings.simplefilter("ignore")
        yield


@QUICK
@given(st.lists(ODD, min_size=2, max_size=6), st.lists(ODD, min_size=2, max_size=6))
def test_no_error_but_ours_escapes_from_cohorts(periods, surviving):
    n = min(len(periods), len(surviving))
    table = pd.DataFrame({"period": periods[:n], "surviving": surviving[:n]})
    before = table.copy()
    with ours():
        value.ShiftedBetaGeometric(draws=10).fit(table, rng=1)
    pd.testing.assert_frame_equal(table, before)
    assert len(table) == n


@QUICK
@given(st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=8))
def test_no_error_but_ours_escapes_from_customers(rows):
    table = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    before = table.copy()
    for model in (value.BetaGeoNBD(draws=10), value.ParetoNBD(draws=10)):
        with ours():
            model.fit(table, rng=1)
    pd.testing.assert_frame_equal(table, before)
    assert list(table) == ["frequency", "recency", "T"]


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(["cost", "value", "coverage", "extra_lag", "discount_rate", "delta"]), ODD
    )
)
def test_no_error_but_ours_escapes_from_what_if(terms):
    result = roi.simulate(money.initiative(effect=money.normal(0.005, 0.002, n=50)), horizon=6)
    found = None
    with ours():
        found = roi.what_if(result, **terms)
    assert found is None or 0 <= found.probability <= 1


@QUICK
@given(ODD, ODD, st.sampled_from(["equal_gain", "equal_opportunity", "least_cost"]))
def test_no_error_but_ours_escapes_from_segment_goals(target, score, rule):
    table = pd.DataFrame({"segment": ["a", "b"], "share": [1, 2], "score": [score, 10.0]})
    found = None
    with ours():
        found = goals.segment_goals(table.assign(cost_per_point=1.0), target, NPS, rule=rule)
    assert found is None or found.table["target"].between(-100 - 1e-9, 100 + 1e-9).all()


NET = st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=8, max_size=40)


@QUICK
@given(NET)
def test_information_is_never_worth_less_than_nothing_nor_more_than_all(rows):
    net = dr.from_array(
        np.array(rows), source="a", dims=("action",), coords={"action": list("xyz")}
    )
    perfect = roi.evpi(net)
    by_hand = np.max(rows, axis=1).mean() - np.mean(rows, axis=0).max()
    assert perfect.value == pytest.approx(max(by_hand, 0.0), abs=1e-9)
    known = dr.from_array(np.array(rows)[:, 0], source="a", name="x")
    partial = roi.evppi(net, known).value
    assert 0 <= partial <= perfect.value + 1e-6 * (1 + np.abs(rows).max())
    sample = roi.evsi(net, known, n=5, noise_sd=10.0).value
    assert sample >= 0


@QUICK
@given(st.integers(1, 4), st.integers(0, 10_000))
def test_shares_of_a_joint_gain_sum_to_it(players, seed):
    gain = np.random.default_rng(seed).normal(size=(2**players, 5))
    gain[0] = 0
    np.testing.assert_allclose(shapley(gain).sum(axis=0), gain[-1], atol=1e-12)


@QUICK
@given(st.floats(0.1, 3), st.floats(0.1, 3), st.integers(0, 6))
def test_what_if_is_linear_in_cost_and_value(cost, worth, lag):
    result = roi.simulate(money.initiative(effect=money.normal(0.005, 0.002, n=50)), horizon=12)
    one = roi.what_if(result, extra_lag=lag)
    gain = one.npv - roi.what_if(result, extra_lag=lag, value=0.0).npv
    spent = gain - one.npv
    both = roi.what_if(result, extra_lag=lag, cost=cost, value=worth)
    assert both.npv == pytest.approx(worth * gain - cost * spent, rel=1e-9, abs=1e-6)
