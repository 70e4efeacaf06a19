import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linearmodels.iv import IV2SLS
from scipy import stats

from cximpact.core.errors import InsufficientDataError, RankError
from cximpact.effects.linkage.cases.instrument import Wald, partial
from cximpact.effects.linkage.rows import link_rows
from tests.support.recovery import holdout_world

NUMBERS = {"outcome": "spend", "assigned": "alert", "treated": "recovered"}


def world() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frame = holdout_world(400, rng)
    return frame.assign(store=rng.integers(0, 30, 400), weight=rng.uniform(0.5, 2, 400))


def fitted(frame: pd.DataFrame, **roles) -> Wald:
    rows = link_rows(frame, NUMBERS, ["tenure"], **roles)
    arm = partial(rows, rows.numbers["assigned"])
    found, covariance = arm.coefficients(rows.numbers["outcome"], rows.numbers["treated"])
    return Wald(reduced=found[0], first=found[1], covariance=covariance, df=arm.df)


def test_it_agrees_with_linearmodels():
    frame = world()
    exog = frame.assign(one=1.0)[["one", "tenure"]]
    model = IV2SLS(frame["spend"], exog, frame["recovered"], frame["alert"])
    robust, found = model.fit(cov_type="robust", debiased=True), fitted(frame)
    assert found.estimate == pytest.approx(robust.params["recovered"], rel=1e-12)
    assert found.std_error == pytest.approx(robust.std_errors["recovered"], rel=1e-12)
    raw = model.fit(cov_type="clustered", clusters=frame["store"], debiased=False)
    found = fitted(frame, cluster="store")
    factor = 30 / 29 * 399 / 397
    ratio = (found.std_error / raw.std_errors["recovered"]) ** 2
    assert ratio == pytest.approx(factor, rel=1e-10)
    assert found.df == 29


def test_weights_agree_with_linearmodels():
    frame = world()
    exog = frame.assign(one=1.0)[["one", "tenure"]]
    oracle = IV2SLS(
        frame["spend"], exog, frame["recovered"], frame["alert"], weights=frame["weight"]
    ).fit(cov_type="robust", debiased=True)
    found = fitted(frame, weight="weight")
    assert found.estimate == pytest.approx(oracle.params["recovered"], rel=1e-10)
    assert found.std_error == pytest.approx(oracle.std_errors["recovered"], rel=1e-10)


def test_the_anderson_rubin_test_is_a_regression_of_what_is_left():
    """Regress outcome less effect times treatment on the instrument, by hand."""
    frame, effect = world(), 0.35
    left = (frame["spend"] - effect * frame["recovered"]).to_numpy()
    x = np.column_stack([np.ones(400), frame["tenure"], frame["alert"]])
    beta = np.linalg.solve(x.T @ x, x.T @ left)
    bread = np.linalg.inv(x.T @ x)
    scores = x * (left - x @ beta)[:, None]
    variance = (400 / 397 * bread @ scores.T @ scores @ bread)[2, 2]
    by_hand = 2 * stats.t.sf(abs(beta[2]) / math.sqrt(variance), 397)
    assert fitted(frame).p_value(effect) == pytest.approx(by_hand, rel=1e-10)


def wald(reduced: float, first: float, var: tuple[float, float, float], df=50.0) -> Wald:
    vaa, vad, vdd = var
    return Wald(reduced=reduced, first=first, covariance=np.array([[vaa, vad], [vad, vdd]]), df=df)


numbers = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3)


@given(numbers, numbers, st.floats(0.05, 2), st.floats(0.05, 2), st.floats(-0.9, 0.9))
def test_the_set_holds_what_is_not_rejected_and_always_the_estimate(a, d, sa, sd, r):
    found = wald(a, d, (sa**2, r * sa * sd, sd**2))
    region = found.confidence_set(0.9)
    assert region.kind in ("bounded", "rays", "whole line", "half line")
    assert region.is_bounded == (found.f > stats.f.ppf(0.9, 1, 50))
    for effect in (found.estimate, -20.0, -1.0, 0.0, 0.7, 5.0, 100.0):
        p = found.p_value(effect)
        if abs(p - 0.1) > 1e-9:
            assert region.contains(effect) == (p > 0.1)
    for low, high in region.pieces:
        for end in (low, high):
            if math.isfinite(end) and abs(end) < 1e6:
                assert found.p_value(end) == pytest.approx(0.1, abs=1e-6)


def test_all_three_shapes_occur():
    weak = (1.0, 0.0, 1.0)
    assert wald(0.5, 0.5, weak).confidence_set(0.9).kind == "whole line"
    assert wald(4.0, 0.5, weak).confidence_set(0.9).kind == "rays"
    assert wald(0.5, 5.0, weak).confidence_set(0.9).kind == "bounded"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_first_stage_just_at_the_quantile_leaves_half_a_line(sign):
    q2 = float(stats.f.ppf(0.9, 1, 50))
    found = wald(sign * 2.0, 1.0, (1.0, 0.0, 1 / q2))
    assert found._quadratic(q2)[0] == 0
    ((low, high),) = found.confidence_set(0.9).pieces
    assert math.isinf(low if sign < 0 else high)
    end = high if sign < 0 else low
    assert found.p_value(end) == pytest.approx(0.1, abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_draws_have_the_quantiles_of_the_inverted_test(sign):
    found = wald(1.0 * sign, 5.0 * sign, (1.0, 0.3, 1.0))
    drawn = found.draw(20_000, rng=1)
    for prob in (0.5, 0.9):
        tail = (1 - prob) / 2
        ends = np.quantile(drawn, [tail, 1 - tail])
        np.testing.assert_allclose(ends, found.confidence_set(prob).hull, rtol=2e-3)


def test_draws_of_a_weak_instrument_are_finite():
    assert np.isfinite(wald(1.0, 0.3, (1.0, 0.0, 1.0)).draw(999, rng=1)).all()


def test_a_strong_first_stage_makes_both_intervals_agree():
    found = wald(10.0, 100.0, (1.0, 0.2, 1.0), df=1e6)
    half = stats.norm.ppf(0.95) * found.std_error
    low, high = found.confidence_set(0.9).hull
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half), rel=1e-3)
    assert found.is_strong
    assert not wald(1.0, 10.0, (1.0, 0.0, 1.0)).is_strong


def test_covariates_that_tell_the_alert_are_refused():
    frame = world().assign(copy=lambda t: 2.0 * t["alert"])
    rows = link_rows(frame, NUMBERS, ["copy"])
    with pytest.raises(RankError, match="leave out a covariate"):
        partial(rows, rows.numbers["assigned"])
    few = link_rows(frame.iloc[[0, 1, 5]].assign(alert=[0, 1, 1]), NUMBERS, varying=[])
    with pytest.raises(InsufficientDataError, match="3 rows for"):
        partial(link_rows(frame[:3], NUMBERS, ["tenure"], varying=[]), few.numbers["assigned"])
