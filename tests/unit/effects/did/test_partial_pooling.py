"""Partial pooling against eight schools, adaptive quadrature and textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from cximpact.core.errors import ConfigError, DtypeError, NonFiniteError, ZeroVarianceError
from cximpact.effects.did.partial_pooling import omega_distribution, partial_pooling

SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
V = np.diag(ERRORS**2)
# Rubin's eight schools; figures of a plain grid over omega <= 40, exact to about .003
GRID = {
    ("uniform", 40.0): (7.9314, 6.5235),
    ("half_cauchy", 5.0): (7.803, 3.631),
    ("half_normal", 10.0): (7.860, 4.843),
}
MEANS = [11.382, 7.894, 6.141, 7.645, 5.134, 6.145, 10.658, 8.453]


def integrated(prior, scale):
    """Means of mu, omega and the effects by adaptive quadrature, school by school."""
    density = omega_distribution(prior, scale).pdf

    def parts(omega):
        w = 1 / (ERRORS**2 + omega**2)
        mu = w @ SCHOOLS / w.sum()
        height = np.prod(np.sqrt(w)) / np.sqrt(w.sum()) * np.exp(-0.5 * w @ (SCHOOLS - mu) ** 2)
        share = omega**2 * w
        return 1e10 * height * density(omega), mu, share * SCHOOLS + (1 - share) * mu

    top = scale if prior == "uniform" else np.inf

    def mean(of):
        return integrate.quad(lambda o: parts(o)[0] * of(o), 0, top, epsrel=1e-10, limit=500)[0]

    total = mean(lambda o: 1.0)
    effects = [mean(lambda o, s=s: parts(o)[2][s]) / total for s in range(8)]
    return mean(lambda o: parts(o)[1]) / total, mean(lambda o: o) / total, effects


@pytest.mark.parametrize(("prior", "scale"), list(GRID))
def test_eight_schools_are_those_of_quadrature_and_of_the_published_grid(prior, scale):
    found = partial_pooling(SCHOOLS, V, omega_scale=scale, omega_prior=prior, rng=1)
    mu, omega, effects = integrated(prior, scale)
    np.testing.assert_allclose(found.coefficient_mean, [mu], rtol=1e-8)
    np.testing.assert_allclose(found.omega_mean, omega, rtol=1e-7)
    np.testing.assert_allclose(found.mean, effects, rtol=1e-7)
    np.testing.assert_allclose([mu, omega], GRID[prior, scale], atol=0.003)


def test_eight_schools_have_the_published_means_and_spread():
    found = partial_pooling(SCHOOLS, V, omega_scale=40.0, omega_prior="uniform", rng=1)
    np.testing.assert_allclose(found.mean, MEANS, atol=0.0015)
    assert np.sqrt(found.coefficient_covariance[0, 0]) == pytest.approx(5.1426, abs=5e-4)


def world(seed=3, n=7):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    return rng, 2 * rng.standard_normal(n), root @ root.T / n + 0.2 * np.eye(n)


def test_correlated_errors_and_covariates_are_those_of_a_joint_normal_by_brute_force():
    rng, y, v = world()
    z = rng.standard_normal((7, 1))
    found = partial_pooling(y, v, z=z, omega_scale=1.5, mu_scale=3.0, rng=2)
    x = np.column_stack([np.ones(7), z])
    omegas = np.linspace(0, 15, 6001)[1:]
    log, means, seconds = [], [], []
    for omega in omegas:
        prior = 9 * x @ x.T + omega**2 * np.eye(7)
        log.append(stats.multivariate_normal(np.zeros(7), prior + v).logpdf(y))
        gain = prior @ np.linalg.inv(prior + v)
        means.append(gain @ y)
        seconds.append(prior - gain @ prior + np.outer(gain @ y, gain @ y))
    weight = np.exp(np.array(log) - max(log)) * stats.halfnorm(scale=1.5).pdf(omegas)
    weight /= weight.sum()
    mean = weight @ np.array(means)
    second = np.tensordot(weight, np.array(seconds), 1)
    np.testing.assert_allclose(found.mean, mean, atol=2e-3)
    np.testing.assert_allclose(found.covariance, second - np.outer(mean, mean), atol=2e-3)
    assert found.omega_mean == pytest.approx(weight @ omegas, abs=2e-3)


def test_draws_have_the_exact_moments():
    _, y, v = world()
    found = partial_pooling(y, v, omega_scale=1.0, mu_scale=2.0, draws=200_000, rng=5)
    np.testing.assert_allclose(found.effects.mean(axis=0), found.mean, atol=0.015)
    np.testing.assert_allclose(np.cov(found.effects.T), found.covariance, atol=0.03)
    np.testing.assert_allclose(found.coefficients.mean(axis=0), found.coefficient_mean, atol=0.015)
    assert found.omega.mean() == pytest.approx(found.omega_mean, rel=1e-4)
    assert found.omega.std() == pytest.approx(found.omega_sd, rel=1e-3)


def test_the_ends_are_complete_pooling_and_none():
    _, y, v = world()
    one = partial_pooling(y, v, omega_scale=1e-6, rng=1)
    w = np.linalg.inv(v)
    pooled = w.sum(axis=0) @ y / w.sum()
    np.testing.assert_allclose(one.mean, pooled, atol=1e-5)
    assert one.own_weight.max() < 1e-6
    alone = partial_pooling(y, 1e-10 * v, omega_scale=10.0, rng=1)
    np.testing.assert_allclose(alone.mean, y, atol=1e-6)
    assert alone.own_weight.min() > 1 - 1e-6


@pytest.mark.parametrize("prior", ["half_normal", "half_cauchy"])
def test_the_unit_of_the_outcome_does_not_matter(prior):
    _, y, v = world()
    one = partial_pooling(y, v, omega_scale=1.0, mu_scale=2.0, omega_prior=prior, rng=1)
    k = 1e-3
    other = partial_pooling(
        k * y, k**2 * v, omega_scale=k, mu_scale=2 * k, omega_prior=prior, rng=1
    )
    np.testing.assert_allclose(other.effects, k * one.effects, rtol=1e-6, atol=1e-9)


def test_the_noisier_segment_moves_more_and_each_moves_inward():
    y, errors = np.array([3.0, 3.0, -1.0, 0.0, 1.0]), np.array([0.3, 2.0, 0.3, 0.3, 0.3])
    found = partial_pooling(y, np.diag(errors**2), omega_scale=2.0, rng=1)
    assert found.mean[0] > found.mean[1] > found.coefficient_mean[0]
    assert found.own_weight[1] < 0.5 < found.own_weight[0]


def test_the_same_seed_gives_the_same_draws_and_inputs_stay():
    _, y, v = world()
    before = y.copy(), v.copy()
    one, two = (partial_pooling(y, v, omega_scale=1.0, rng=7) for _ in range(2))
    np.testing.assert_array_equal(one.effects, two.effects)
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(v, before[1])


def test_many_segments_settle_omega():
    rng = np.random.default_rng(8)
    effects = 1 + 0.5 * rng.standard_normal(400)
    y = effects + 0.4 * rng.standard_normal(400)
    found = partial_pooling(y, 0.16 * np.eye(400), omega_scale=5.0, draws=200, rng=1)
    assert found.omega_mean == pytest.approx(0.5, abs=3 * found.omega_sd)
    assert found.omega_sd < 0.04


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"covariance": np.eye(3)}, DtypeError, "expected"),
        ({"covariance": np.diag([1.0] * 7 + [np.nan])}, NonFiniteError, "covariance"),
        ({"covariance": np.diag([1.0] * 7 + [0.0])}, ZeroVarianceError, "no error"),
        ({"covariance": V + np.eye(8, k=1)}, ConfigError, "symmetric"),
        ({"covariance": 2 - np.eye(8)}, ConfigError, "eigenvalue"),
        ({"omega_prior": "half_norml"}, ConfigError, "half_normal"),
        ({"omega_scale": 0.0}, ConfigError, "omega_scale"),
        ({"mu_scale": -1.0}, ConfigError, "mu_scale"),
        ({"z": np.ones((8, 7))}, ConfigError, "covariates"),
    ],
)
def test_what_cannot_be_pooled_is_refused(change, error, words):
    settings = {"covariance": V, "omega_scale": 5.0} | change
    with pytest.raises(error, match=words):
        partial_pooling(SCHOOLS, **settings)
