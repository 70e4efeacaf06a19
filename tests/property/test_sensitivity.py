"""What holds for every sensitivity analysis, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cximpact.effects.overlap import balance, crump_cutoff, overlap_weights, trim
from cximpact.effects.sensitivity import (
    MarginalSensitivity,
    confounding,
    e_value,
    omitted_variable_bias,
    partial_r2,
    robustness_value,
    rosenbaum_bounds,
)

SEEDS = st.integers(0, 10_000)
SIZES = st.floats(1e-3, 1e3)
few = settings(max_examples=20)


@given(st.floats(1e-6, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_e_values_start_at_one_and_treat_both_directions_alike(ratio, below, above):
    low, high = ratio * (1 - 0.9 * below), ratio * (1 + above)
    found = e_value(ratio, low, high)
    assert found.estimate >= found.limit >= 1
    mirrored = e_value(1 / ratio, 1 / high, 1 / low)
    assert mirrored.estimate == pytest.approx(found.estimate)
    assert mirrored.limit == pytest.approx(found.limit)
    assert e_value(max(ratio, 1 / ratio) * 1.1).estimate > found.estimate


@given(st.floats(-1e3, 1e3), st.floats(2, 1e6), st.floats(0, 2), st.floats(0.001, 0.5))
def test_robustness_values_are_shares(t, df, q, alpha):
    plain, tested = robustness_value(t, df, q), robustness_value(t, df, q, alpha)
    assert 0 <= tested <= plain <= 1
    assert robustness_value(-t, df, q) == plain
    assert robustness_value(1.1 * t, df, q) >= plain
    assert 0 <= partial_r2(t, df) <= 1


@given(SIZES, SIZES, st.floats(2, 1e5))
def test_the_robustness_value_takes_the_estimate_to_zero(estimate, error, df):
    rv = robustness_value(estimate / error, df)
    assume(rv < 0.999)
    found = omitted_variable_bias(estimate, error, df, rv, rv)
    assert found.adjusted_estimate == pytest.approx(0, abs=1e-9 * estimate / (1 - rv))


@few
@given(SEEDS, st.floats(0.01, 100), st.floats(-100, 100))
def test_robustness_knows_no_unit(seed, factor, shift):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(rng.standard_normal((40, 3)), columns=["y", "t", "x"])
    changed = data.assign(y=factor * data["y"] + shift, t=data["t"] / factor, x=shift - data["x"])
    found, other = (confounding(d, "y", "t", ["x"]) for d in (data, changed))
    assert other.robustness == pytest.approx(found.robustness, rel=1e-6)
    assert other.robustness_test == pytest.approx(found.robustness_test, rel=1e-6, abs=1e-9)
    strengths = ["r2_treatment", "r2_outcome"]
    np.testing.assert_allclose(
        other.benchmarks[strengths], found.benchmarks[strengths], rtol=1e-6, atol=1e-12
    )


@given(
    st.lists(st.integers(-9, 9), min_size=2, max_size=40).filter(any),
    st.sampled_from(["greater", "less", "two_sided"]),
    st.sampled_from(["mcnemar", "signed_rank"]),
)
def test_rosenbaum_bounds_widen_with_gamma_and_meet_at_one(values, alternative, test):
    found = rosenbaum_bounds(values, (1, 1.2, 2, 6), alternative=alternative, test=test)
    low, high = found.table["p_low"].to_numpy(), found.table["p_high"].to_numpy()
    assert low[0] == pytest.approx(high[0])
    assert (np.diff(low) <= 1e-12).all() and (np.diff(high) >= -1e-12).all()
    assert (low >= 0).all() and (high <= 1).all()
    mirrored = {"greater": "less", "less": "greater", "two_sided": "two_sided"}[alternative]
    other = rosenbaum_bounds([-v for v in values], (1, 2), alternative=mirrored, test=test)
    assert other.table["p_high"].tolist() == pytest.approx(high[[0, 2]].tolist())


def arms(seed, n=60):
    rng = np.random.default_rng(seed)
    e = rng.uniform(0.1, 0.9, n)
    t = rng.permutation(np.arange(n) % 2)
    return rng.integers(0, 5, n) + rng.standard_normal(n), t, e


@few
@given(SEEDS, st.sampled_from(["ate", "att", "atc"]), st.sampled_from(["balanced", "stabilized"]))
def test_marginal_bounds_widen_with_lambda_and_meet_at_one(seed, target, method):
    y, t, e = arms(seed)
    settings_ = {"target": target, "method": method, "replications": 50}
    lambdas = (1, 1.1, 2, 10, 1000)
    found = MarginalSensitivity(lambdas=lambdas, **settings_).fit(y, t, e, rng=seed)
    table = found.table
    assert table["low"].iloc[0] == pytest.approx(table["high"].iloc[0]) == found.estimate
    assert (np.diff(table["low"]) <= 1e-9).all() and (np.diff(table["high"]) >= -1e-9).all()
    assert (np.diff(table["conf_low"]) <= 1e-9).all()
    assert (table["high"] - table["low"]).max() <= 2 * np.ptp(y)
    swapped = MarginalSensitivity(
        lambdas=lambdas,
        **(settings_ | {"target": {"ate": "ate", "att": "atc", "atc": "att"}[target]}),
    ).fit(y, 1 - t, 1 - e, rng=seed)
    np.testing.assert_allclose(swapped.table["low"], -table["high"], atol=1e-9)
    moved = MarginalSensitivity(lambdas=lambdas, **settings_).fit(3 * y + 7, t, e, rng=seed)
    np.testing.assert_allclose(moved.table["conf_high"], 3 * table["conf_high"], atol=1e-8)
    assert moved.breakdown == pytest.approx(found.breakdown)


@few
@given(SEEDS)
def test_the_order_of_customers_does_not_matter(seed):
    y, t, e = arms(seed)
    order = np.random.default_rng(seed).permutation(y.size)
    found, other = (
        MarginalSensitivity(replications=50).fit(y[i], t[i], e[i], strata=t[i] * 0, rng=1)
        for i in (np.arange(y.size), order)
    )
    np.testing.assert_allclose(found.table[["low", "high"]], other.table[["low", "high"]])
    assert found.breakdown == pytest.approx(other.breakdown)


@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=60), st.floats(0, 0.49))
def test_trimming_keeps_what_lies_between(values, low):
    e = np.array(values)
    assert 0 <= crump_cutoff(e) < 0.5
    assert crump_cutoff(1 - e) == pytest.approx(crump_cutoff(e), abs=1e-6)
    if ((e >= low) & (e <= 1 - low)).any():
        kept = e[trim(e, low).keep]
        assert (kept >= low - 1e-9).all() and (kept <= 1 - low + 1e-9).all()


@few
@given(SEEDS, st.sampled_from(["ate", "att", "atc", "ato", "entropy", "matching"]))
def test_swapping_arms_turns_differences_around(seed, target):
    y, t, e = arms(seed)
    swapped = {"att": "atc", "atc": "att"}.get(target, target)
    frame = pd.DataFrame({"y": y, "g": np.where(y > 2, "a", "b")})
    found = balance(frame, t, propensity=e, target=target).table
    other = balance(frame, 1 - t, propensity=1 - e, target=swapped).table
    np.testing.assert_allclose(found["difference"], -other["difference"], atol=1e-9)
    weights = overlap_weights(e, target)
    assert (weights.tilt >= 0).all()
    np.testing.assert_allclose(weights.treated * e, weights.untreated * (1 - e))
