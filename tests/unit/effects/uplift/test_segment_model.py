"""The density of the hierarchy: against a graph, closed forms and brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from scipy import special, stats

from cximpact.core import draws as dr
from cximpact.effects.uplift.segment_cells import BINOMIAL, NORMAL
from cximpact.effects.uplift.segment_common import covariance_roots, half_normal_of
from cximpact.effects.uplift.segment_model import SegmentPosterior
from tests.support.segments import PRIORS, counted, drawn_terms, lkj

LOCATION, MEAN_SCALE, SPREAD_SCALE = PRIORS.terms(1)


def posterior(family=BINOMIAL, n_arms=1, segments=5, seed=1, rows=40):
    rng = np.random.default_rng(seed)
    terms = drawn_terms(rng, segments, n_arms=n_arms)["terms"]
    cells = counted(rng, terms, rows, family)
    return SegmentPosterior(replace(cells, location=-0.7), PRIORS)  # where means are centered


def places(model, n=4, seed=0):
    return 0.8 * np.random.default_rng(seed).normal(size=(n, model.n_free))


def parts(model, x):
    """Means, spreads, correlation and terms of segments at free numbers."""
    common = model.n_terms + model.n_common
    shape = model.cells.value.shape
    w = x[common:].reshape(shape) if model.binomial else np.zeros(shape)
    found = model.terms(x[None, :common], w[None])
    terms = np.linalg.solve(model.arms, found.predictor[0].T).T
    rho = np.tanh(model.prior[4] * x[2 * model.n_terms : common])
    return found.mean[0], found.spread[0], rho, terms


def stretch(model, x):
    """Log determinant of what turns free numbers into parameters, block by block."""
    d, common = model.n_terms, model.n_terms + model.n_common
    mean, spread, rho, terms = parts(model, x)
    scaled = stats.halfnorm.logpdf(spread, scale=model.prior[2])
    total = (stats.norm.logpdf(x[d : 2 * d]) - scaled).sum()
    total += np.log(model.prior[4] * (1 - rho**2)).sum()
    moved = [parts(model, x + e)[0] - mean for e in np.eye(len(x))[:d]]  # affine, so exact
    total += np.linalg.slogdet(np.array(moved))[1]
    for s in range(len(terms) if model.binomial else 0):
        own = np.eye(len(x))[common + s * d : common + (s + 1) * d]
        moved = [parts(model, x + e)[3][s] - terms[s] for e in own]
        total += np.linalg.slogdet(np.array(moved))[1]
    return total


def graph(cells):
    """The model as one reads it."""
    with pm.Model() as model:
        mean = pm.Normal("mean", LOCATION, MEAN_SCALE, shape=2)
        spread = pm.HalfNormal("spread", SPREAD_SCALE, shape=2, default_transform=None)
        rho = pm.Uniform("rho", -1, 1, default_transform=None)
        pm.Potential("lkj", (PRIORS.concentration - 1) * pm.math.log(1 - rho**2))
        off = rho * spread[0] * spread[1]
        covariance = pm.math.stack(
            [pm.math.stack([spread[0] ** 2, off]), pm.math.stack([off, spread[1] ** 2])]
        )
        terms = pm.MvNormal("terms", mean, cov=covariance, shape=(len(cells.labels), 2))
        logits = pm.math.stack([terms[:, 0], terms[:, 0] + terms[:, 1]], axis=1)
        pm.Binomial("y", cells.size.astype(int), logit_p=logits, observed=cells.value.astype(int))
    return model


def test_the_density_of_counts_is_that_of_the_graph():
    model = posterior()
    log_density = graph(model.cells).compile_logp(mode="FAST_COMPILE")
    off = []
    for x in places(model):
        mean, spread, rho, terms = parts(model, x)
        point = {"mean": mean, "spread": spread, "rho": rho[0], "terms": terms}
        off.append(model.log_density(x)[0] - log_density(point) - stretch(model, x))
    assert np.ptp(off) < 1e-8


@pytest.mark.parametrize("n_arms", [1, 2])
def test_the_density_of_means_is_the_marginal_one(n_arms):
    model = posterior(NORMAL, n_arms)
    location, mean_scale, _ = PRIORS.terms(n_arms)
    off = []
    for x in places(model):
        d, common = model.n_terms, model.n_terms + model.n_common
        mean, _, _, _ = parts(model, x)
        _, _, root = covariance_roots(x[None, d:common], model.prior[2], model.prior[4])
        covariance = model.arms @ root[0] @ root[0].T @ model.arms.T
        total = stats.norm.logpdf(mean, location, mean_scale).sum()
        for value, size in zip(model.cells.value, model.cells.size, strict=True):
            here = covariance + np.diag(1 / size)
            total += stats.multivariate_normal.logpdf(value, model.arms @ mean, here)
        d_mean = [parts(model, x + e)[0] - mean for e in np.eye(len(x))[:d]]
        total += np.linalg.slogdet(np.array(d_mean))[1]
        total += stats.norm.logpdf(x[d : 2 * d]).sum()
        y = model.prior[4] * x[2 * d : common]
        total += (model.prior[3] * np.log(1 - np.tanh(y) ** 2)).sum()
        off.append(model.log_density(x)[0] - total)
    assert np.ptp(off) < 1e-8


@pytest.mark.parametrize("family", [BINOMIAL, NORMAL])
@pytest.mark.parametrize("n_arms", [1, 3])
def test_the_gradient_is_that_of_the_density(family, n_arms):
    model = posterior(family, n_arms)
    for x in places(model, 2):
        steps = 1e-5 * np.eye(len(x))
        near = [model.log_density(x + e)[0] - model.log_density(x - e)[0] for e in steps]
        np.testing.assert_allclose(model.log_density(x)[1], np.array(near) / 2e-5, atol=2e-6)


def test_a_density_that_overflows_is_nowhere():
    model = posterior()
    value, gradient = model.log_density(np.full(model.n_free, 1e200))
    assert value == -1e300
    assert (gradient == 0).all()


def test_spreads_have_their_prior_far_into_both_tails():
    x = np.array([-8.0, -3.0, -1e-9, 0.0, 0.5, 4.0, 9.0])
    found = np.array([half_normal_of(v) for v in x])
    below = x <= 0
    np.testing.assert_allclose(
        found[below], np.sqrt(2) * special.erfinv(special.ndtr(x[below])), rtol=1e-12
    )
    np.testing.assert_allclose(
        found[~below], stats.halfnorm.isf(stats.norm.sf(x[~below])), rtol=1e-9
    )


@pytest.mark.parametrize("d", [2, 4])
def test_correlations_have_their_prior(d):
    rng = np.random.default_rng(3)
    model = posterior(n_arms=d - 1, segments=3)
    b, width = model.prior[3], model.prior[4]
    partial = 2 * rng.beta(b, b, size=(4000, len(b))) - 1
    x = np.column_stack([np.zeros((4000, d)), np.arctanh(partial) / width])
    _, factor, _ = covariance_roots(x, model.prior[2], width)
    np.testing.assert_allclose((factor**2).sum(axis=2), 1.0, atol=1e-12)
    matrix = factor @ np.swapaxes(factor, 1, 2)
    shape = PRIORS.concentration + (d - 2) / 2
    onion = np.array([lkj(rng, d, PRIORS.concentration) for _ in range(4000)])
    for i in range(d):
        for j in range(i):
            share = (matrix[:, i, j] + 1) / 2
            assert stats.kstest(share, stats.beta(shape, shape).cdf).pvalue > 1e-3
    determinants = [np.linalg.det(m) for m in (matrix, onion)]
    assert stats.ks_2samp(*determinants).pvalue > 1e-3
    np.testing.assert_allclose((np.arctanh(partial) / width).std(axis=0), 1.0, atol=0.05)


def moments(model, tree):
    flat = dr.from_datatree(tree, source="test")
    return {k: (flat[k].values.mean(axis=0), flat[k].values.std(axis=0)) for k in flat}


def test_three_segments_of_counts_agree_with_brute_force():
    """Weights of draws from the prior share nothing with the sampler."""
    rng = np.random.default_rng(5)
    model = posterior(segments=3, rows=15, seed=4)
    n = 600_000
    mean = rng.normal(LOCATION, MEAN_SCALE, size=(n, 2))
    spread = np.abs(rng.normal(size=(n, 2))) * SPREAD_SCALE
    rho = 2 * rng.beta(PRIORS.concentration, PRIORS.concentration, n) - 1
    z = rng.normal(size=(n, 3, 2))
    a = mean[:, :1] + spread[:, :1] * z[..., 0]
    mixed = rho[:, None] * z[..., 0] + np.sqrt(1 - rho[:, None] ** 2) * z[..., 1]
    d = mean[:, 1:] + spread[:, 1:] * mixed
    p = special.expit(np.stack([a, a + d], axis=2))
    log_weight = stats.binom.logpmf(model.cells.value, model.cells.size, p).sum(axis=(1, 2))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    ess = 1 / (weight**2).sum()
    assert ess > 3000
    expected = {"control": p[..., 0], "effect": p[..., 1] - p[..., 0], "spread": spread}
    found = moments(model, model.sample(1, 4000))
    for name, values in expected.items():
        center = np.tensordot(weight, values, 1)
        sd = np.sqrt(np.tensordot(weight, (values - center) ** 2, 1))
        got = [m.reshape(center.shape) for m in found[name]]
        np.testing.assert_allclose(got[0], center, atol=float(5 * sd.max() / np.sqrt(1500)))
        np.testing.assert_allclose(got[1], sd, rtol=0.08)
    r = float(weight @ rho)
    assert found["correlation"][0][0, 1] == pytest.approx(r, abs=0.05)


def test_three_segments_of_means_agree_with_a_grid():
    """Given spreads and correlation all is normal; these are summed over a grid."""
    model = posterior(NORMAL, segments=3, rows=10, seed=8)
    node, w = np.polynomial.legendre.leggauss(30)
    quantiles, w = (node + 1) / 2, w / 2
    spread = [stats.halfnorm.ppf(quantiles, scale=s) for s in SPREAD_SCALE]
    shape = PRIORS.concentration
    rho = 2 * stats.beta.ppf(quantiles, shape, shape) - 1
    y = model.cells.value.ravel()
    arms, noise = np.kron(np.eye(3), model.arms), np.diag(1 / model.cells.size.ravel())
    ones = np.kron(np.ones((3, 1)), np.eye(2))
    level = np.diag(MEAN_SCALE**2)
    log_weight, means, squares = [], [], []
    for i, sa in enumerate(spread[0]):
        for j, sd in enumerate(spread[1]):
            for k, r in enumerate(rho):
                one = np.array([[sa**2, r * sa * sd], [r * sa * sd, sd**2]])
                prior = np.kron(np.eye(3), one) + ones @ level @ ones.T
                total = arms @ prior @ arms.T + noise
                off = y - arms @ ones @ LOCATION
                gain = np.linalg.solve(total, arms @ prior).T
                center = ones @ LOCATION + gain @ off
                logdet = np.linalg.slogdet(total)[1]
                fit = -0.5 * (off @ np.linalg.solve(total, off) + logdet)
                log_weight.append(fit + np.log(w[i] * w[j] * w[k]))
                means.append(center)
                squares.append(np.diag(prior - gain @ arms @ prior))
    weight = np.exp(np.array(log_weight) - max(log_weight))
    weight /= weight.sum()
    center = weight @ np.array(means)
    sd = np.sqrt(weight @ (np.array(squares) + (np.array(means) - center) ** 2))
    found = moments(model, model.sample(1, 4000))
    for name, at in (("control", slice(0, None, 2)), ("effect", slice(1, None, 2))):
        mean, spread = (m.ravel() for m in found[name])
        error = float(4 * sd[at].max() / np.sqrt(2000))
        np.testing.assert_allclose(mean, center[at], atol=error)
        np.testing.assert_allclose(spread, sd[at], rtol=0.07)


def test_own_weight_goes_from_nothing_to_everything():
    root = np.array([[[0.7, 0.0], [0.0, 0.3]]])
    cells = posterior(NORMAL, segments=3).cells
    sizes = np.array([[1e-9, 1e-9], [1e9, 1e9], [1e9, 25.0]])
    model = SegmentPosterior(replace(cells, size=sizes), PRIORS)
    kept = model.own_weight(root)[:, 0]
    np.testing.assert_allclose(kept, [0.0, 1.0, 0.09 / (0.09 + 1 / 25)], atol=1e-6)


def test_a_fit_that_fails_is_run_once_more(monkeypatch):
    model, seen = posterior(NORMAL, segments=3), []
    from cximpact.core import sampling

    def judged(tree, **more):
        out = gate(tree, **more)
        out.attrs |= {"gate_failures": "" if seen else "divergent", "divergences": 1}
        seen.append(tree["posterior"].sizes["draw"])
        return out

    gate = sampling.gate
    monkeypatch.setattr(sampling, "gate", judged)
    model.sample(1, 100)
    assert seen == [50, 150]
