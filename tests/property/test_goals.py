"""What must hold for every goal."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import CxImpactError, CxImpactWarning
from cximpact.core.scale import ScoreScale
from cximpact.goals import (
    half_sd,
    percent_of_opportunity,
    recommend,
    required_shift,
    shift_pmf,
    trend_baseline,
)
from cximpact.scores import NPS

scores = st.floats(0, 100, allow_subnormal=False)
shares = st.floats(0, 1, allow_subnormal=False)
histories = st.lists(st.floats(5, 95), min_size=4, max_size=10)
modest = settings(max_examples=15, deadline=None)


def _scale(low=0.0, high=100.0, higher=True):
    return ScoreScale(name="s", low=low, high=high, step=high - low, higher_is_better=higher)


CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)


@given(scores, shares, st.booleans())
def test_percent_of_opportunity_stays_between_score_and_best(score, share, higher):
    goal = percent_of_opportunity(score, share, _scale_of(higher))
    low, high = (score, 100) if higher else (0, score)
    assert low <= goal <= high


def _scale_of(higher):
    return ScoreScale(name="CSAT", low=0, high=100, higher_is_better=higher)


@given(scores)
def test_no_percent_is_no_step_and_all_of_it_is_the_best_score(score):
    assert percent_of_opportunity(score, 0, CSAT) == score
    assert percent_of_opportunity(score, 1, CSAT) == 100


@given(scores, scores, shares, shares)
def test_percent_of_opportunity_is_monotone(one, other, share, more):
    (a, b), (p, q) = sorted((one, other)), sorted((share, more))
    assert percent_of_opportunity(a, p, CSAT) <= percent_of_opportunity(b, p, CSAT) + 1e-12
    assert percent_of_opportunity(a, p, CSAT) <= percent_of_opportunity(a, q, CSAT) + 1e-12


@given(st.floats(-3, 3), st.tuples(shares, shares, shares).filter(lambda p: sum(p) > 0.01))
def test_latent_shifts_improve_the_score_and_keep_a_distribution(shift, raw):
    pmf = dict(zip(("detractor", "passive", "promoter"), np.array(raw) / sum(raw), strict=True))
    now, shifted = shift_pmf(pmf, 0.0, NPS), shift_pmf(pmf, shift, NPS)
    after = shifted.table["after"]
    assert after.sum() == pytest.approx(1) and (after >= 0).all()
    assert np.sign(shift) * (shifted.score - now.score) >= -1e-9
    if after.min() > 1e-6:
        assert required_shift(pmf, shifted.score, NPS).shift == pytest.approx(shift, abs=1e-5)


@modest
@given(histories, st.floats(-50, 50), st.floats(0.1, 20), st.sampled_from(["ols", "theil_sen"]))
def test_goals_commute_with_a_change_of_scale(y, a, b, method):
    assert _affine_gap(y, a, b, method) == pytest.approx(0, abs=1e-6)


def test_goals_over_a_local_linear_trend_commute_with_a_change_of_scale():
    y = [50.0, 52.3, 51.1, 54.8, 55.2, 58.9, 58.0, 61.5]
    assert _affine_gap(y, -20, 3.5, "local_linear") == pytest.approx(0, abs=1e-6)


def _affine_gap(y, a, b, method):
    moved = ScoreScale(name="moved", low=a, high=a + 100 * b, step=b, higher_is_better=True)
    goals = []
    for values, scale, factor in ((np.array(y), CSAT, 1), (a + b * np.array(y), moved, b)):
        errors = np.full(len(y), 0.7 * factor)
        base = trend_baseline(None, values, errors, scale=scale, method=method, rng=1, n_draws=100)
        goals.append(recommend(base, sd=15 * factor, capacity=6.0 * factor))
    one, other = (g.candidates["target"].to_numpy() for g in goals)
    if goals[0].baseline.base == pytest.approx(goals[0].baseline.current):
        one, other = one[:4], other[:4]  # whether it falls is a matter of rounding
    return np.nanmax(np.abs((other - a) / b - one))


@modest
@given(histories, st.floats(0.5, 40), st.one_of(st.none(), st.floats(0, 30)))
def test_a_goal_is_at_least_the_baseline_and_on_the_scale(y, sd, capacity):
    base = trend_baseline(None, y, scale=CSAT, method="ols", rng=1, n_draws=100)
    goal = recommend(base, sd=sd, capacity=capacity)
    assert base.base - 1e-9 <= goal.target <= 100
    assert goal.candidates["binding"].sum() == 1


@modest
@given(histories)
def test_mirrored_series_have_mirrored_goals(y):
    mirrored = ScoreScale(name="effort", low=0, high=100, higher_is_better=False)
    goals = [
        recommend(trend_baseline(None, v, scale=s, method="ols", rng=1, n_draws=100), sd=15)
        for v, s in ((np.array(y), CSAT), (100 - np.array(y), mirrored))
    ]
    assert goals[0].target == pytest.approx(100 - goals[1].target, abs=1e-6)


@given(scores, st.floats(0, 50))
def test_half_sd_is_never_a_step_back(score, sd):
    assert score <= half_sd(score, sd, CSAT) <= 100


anything = st.one_of(
    st.none(), st.text(max_size=3), st.booleans(), st.integers(-5, 200), st.floats(), st.just([])
)
rough = st.lists(st.one_of(st.floats(), st.integers(-10, 200)), max_size=6)


@modest
@given(rough, st.one_of(st.none(), rough), anything, anything, anything, anything)
def test_only_our_own_errors_come_out(y, errors, horizon, sd, percent, target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CxImpactWarning)
        try:
            base = trend_baseline(None, y, errors, scale=CSAT, horizon=horizon, n_draws=50, rng=1)
            recommend(base, sd=sd, percent=percent).adjusted(target, reason="why not")
        except CxImpactError as error:
            assert str(error)


@modest
@given(st.lists(anything, max_size=5), anything)
def test_only_our_own_errors_come_out_of_shares_and_scores(pmf, score):
    for call in (
        lambda: required_shift(pmf, score, NPS),
        lambda: half_sd(score, None, NPS, pmf=pmf),
        lambda: percent_of_opportunity(score, 0.1, NPS),
        lambda: trend_baseline(pmf, [50] * len(pmf), scale=NPS, method="ols", n_draws=50),
    ):
        try:
            call()
        except CxImpactError as error:
            assert str(error)
