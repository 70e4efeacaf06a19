"""The targeting operator characteristic and its areas, by hand and in closed form."""

import numpy as np
import pytest
from scipy.special import digamma

from cximpact.core import errors
from cximpact.effects.uplift.curve_toc import arm_pseudo_outcome, autoc, effect_at_k, rate, toc

GAMMA = np.array([0.9, 0.7, 0.8, 0.2, 0.3, 0.1, 0, -0.1, -0.2, 0.3])
FIRST = -np.arange(10.0)
exactly = pytest.approx


def both(score, gamma, weights=None):
    return [
        rate(None, None, score, weights, weighting=w, pseudo_outcome=gamma)
        for w in ("autoc", "qini")
    ]


def test_the_fixture():
    found = toc(None, None, FIRST, pseudo_outcome=GAMMA)
    expected = [0.6, 0.5, 0.5, 0.35, 0.28, 0.2, 0.128571, 0.0625, 0, 0]
    assert found["toc"].to_numpy() == pytest.approx(expected, abs=5e-7)
    assert found["fraction"].to_numpy() == exactly(np.arange(1, 11) / 10)
    assert both(FIRST, GAMMA) == pytest.approx([0.262107, 0.085], abs=5e-7)
    assert 0.3 * effect_at_k(GAMMA, FIRST, 0.3) == exactly(0.24)
    assert autoc(None, None, FIRST, pseudo_outcome=GAMMA) == both(FIRST, GAMMA)[0]


def test_uniform_effects_in_closed_form():
    tau = (np.arange(200_000) + 0.5) / 200_000
    assert both(tau, tau) == pytest.approx([0.25, 1 / 12], abs=1e-4)
    assert both(-tau, tau) == pytest.approx([-0.25, -1 / 12], abs=1e-4)
    rng = np.random.default_rng(1)
    assert both(rng.random(tau.size), tau) == pytest.approx([0, 0], abs=0.01)


def test_heterogeneous_world_and_the_trap_of_ranking_by_risk():
    x = np.random.default_rng(5).random((200_000, 2))
    tau = 0.3 * (x[:, 1] - 0.5)
    assert both(x[:, 1], tau) == pytest.approx([0.075, 0.025], abs=1e-3)
    assert both(0.2 + 0.3 * x[:, 0], tau) == pytest.approx([0, 0], abs=2e-3)


def by_grid(score, gamma):
    """Mean over i/n of TOC and q TOC, with the pseudo-outcome averaged inside ties."""
    order = np.argsort(-score, kind="stable")
    g = np.array([gamma[score == s].mean() for s in score[order]])
    n = np.arange(1, g.size + 1)
    curve = g.cumsum() / n - g.mean()
    return [curve.mean(), (n / g.size * curve).mean()]


def test_ties_average_the_pseudo_outcome():
    score = np.array([3, 3, 3, 2, 2, 1, 1, 1, 1, 0.0])
    assert both(score, GAMMA) == exactly(by_grid(score, GAMMA))
    found = toc(None, None, score, pseudo_outcome=GAMMA)
    assert found["fraction"].tolist() == exactly([0.3, 0.5, 0.9, 1])
    assert found["toc"].tolist() == exactly([0.5, 0.28, 0, 0])


def test_whole_weights_are_rows():
    w = np.array([2, 0, 1, 3, 1, 1, 2, 0, 5, 1])
    score = np.array([3, 3, 3, 2, 2, 1, 1, 1, 1, 0.0])
    rows = np.repeat(np.arange(10), w)
    assert both(score, GAMMA, w) == exactly(by_grid(score[rows], GAMMA[rows]))
    assert effect_at_k(GAMMA, score, 0.4, w) == exactly(effect_at_k(GAMMA[rows], score[rows], 0.4))


def test_other_weights_have_no_scale():
    w = np.random.default_rng(2).random(10)
    assert both(FIRST, GAMMA, w) == exactly(both(FIRST, GAMMA, 0.013 * w))
    n, share = 10, w * 10 / w.sum()
    end = share.cumsum()
    start = end - share
    before = (share * GAMMA).cumsum() - share * GAMMA
    harmonic = digamma(end + 1) - digamma(start + 1)
    mean = (share * GAMMA).sum() / n
    expected = (GAMMA * share + (before - GAMMA * start) * harmonic).sum() / n - mean
    assert both(FIRST, GAMMA, w)[0] == exactly(expected)


def test_a_boundary_inside_a_tie_counts_by_a_fraction():
    score = np.array([3, 3, 3, 2, 2, 1, 1, 1, 1, 0.0])
    assert effect_at_k(GAMMA, score, 2) == exactly(0.8)
    assert effect_at_k(GAMMA, score, 4) == exactly((2.4 + 0.25) / 4)


def test_pseudo_outcomes_of_the_arms():
    y, t = np.array([1.0, 0, 1, 0, 1, 1]), np.array([1.0, 0, 1, 0, 0, 1])
    found = arm_pseudo_outcome(y, t)
    m1, m0 = 1.0, 1 / 3
    expected = m1 - m0 + t * (y - m1) / 0.5 - (1 - t) * (y - m0) / 0.5
    assert found == exactly(expected)
    assert found.mean() == exactly(2 / 3)


def test_pseudo_outcomes_with_weights_and_a_propensity():
    rng = np.random.default_rng(3)
    y, t, w = rng.random(50), rng.integers(0, 2, 50), rng.random(50)
    e = rng.uniform(0.2, 0.8, 50)
    treated = (w * t * y / e).sum() / (w * t / e).sum()
    control = (w * (1 - t) * y / (1 - e)).sum() / (w * (1 - t) / (1 - e)).sum()
    found = arm_pseudo_outcome(y, t, w, e)
    expected = treated - control + t * (y - treated) / e - (1 - t) * (y - control) / (1 - e)
    assert found == exactly(expected)
    assert (w * found).sum() / w.sum() == exactly(treated - control)
    share = (w * t).sum() / w.sum()
    assert arm_pseudo_outcome(y, t, w) == exactly(arm_pseudo_outcome(y, t, w, np.full(50, share)))


def test_outcome_and_treatment_serve_as_well():
    rng = np.random.default_rng(4)
    y, t, s = rng.random(40), rng.integers(0, 2, 40), rng.random(40)
    e = rng.uniform(0.2, 0.8, 40)
    gamma = arm_pseudo_outcome(y, t, propensity=e)
    assert autoc(y, t, s, propensity=e) == both(s, gamma)[0]
    assert autoc(y, t, s, pseudo_outcome=GAMMA.repeat(4)) == both(s, GAMMA.repeat(4))[0]
    assert toc(y, t, s).equals(toc(None, None, s, pseudo_outcome=arm_pseudo_outcome(y, t)))


def test_bad_input():
    with pytest.raises(errors.ConfigError, match="outcome and treatment, or pseudo_outcome"):
        toc(None, None, FIRST)
    with pytest.raises(errors.ConfigError, match="weighting"):
        rate(None, None, FIRST, weighting="gini", pseudo_outcome=GAMMA)
    with pytest.raises(errors.ZeroVarianceError, match="ranks nobody"):
        autoc(None, None, np.ones(10), pseudo_outcome=GAMMA)
    with pytest.raises(errors.OverlapError, match="1 row, at position 2"):
        autoc([1, 0, 1], [1, 0, 1], [1, 2, 3], propensity=[0.5, 0.5, 1.0])
    with pytest.raises(errors.DataError, match="pseudo_outcome has 2 values for 3 rows"):
        autoc([1, 0, 1], [1, 0, 1], [1, 2, 3], pseudo_outcome=[0.5, 0.5])
