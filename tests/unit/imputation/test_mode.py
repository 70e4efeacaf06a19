from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from cximpact.imputation.mode import choose_centered, find_mode, inner_mode
from cximpact.imputation.whiten import whiten
from tests.support.ordinal import STYLES, every_term


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_inner_mode_is_where_the_gradient_vanishes(link, style):
    posterior, _ = every_term(link, style)
    far = np.random.default_rng(1).normal(0, 1.5, posterior.n_free)
    far[posterior.n_inner :] = np.log(0.3)
    found = inner_mode(posterior, far)
    _, gradient = posterior.value_and_gradient(found.theta)
    assert np.abs(gradient[: posterior.n_inner]).max() < 1e-3
    assert found.factor @ found.factor.T == pytest.approx(-posterior.curvature(found.theta))


def test_laplace_marginal_is_exact_where_the_posterior_is_a_product_of_betas(no_factors):
    posterior = no_factors.imputer.posterior(no_factors.cells)
    found = inner_mode(posterior, np.zeros(1))
    assert found.log_marginal == pytest.approx(special.betaln(31, 21), abs=0.02)


def test_slope_says_how_the_inner_mode_moves():
    posterior, _ = every_term()
    mode = find_mode(posterior)
    n, step = posterior.n_inner, 0.02
    for i in range(len(posterior.blocks)):
        unit = step * (np.arange(posterior.n_free) == n + i)
        ahead = inner_mode(posterior, mode.inner.theta + unit).theta
        back = inner_mode(posterior, mode.inner.theta - unit).theta
        moved = (ahead - back)[:n] / (2 * step)
        assert mode.slope[:, i] == pytest.approx(moved, abs=2e-3)


def test_whitened_posterior_is_standard_normal_given_the_standard_deviations():
    posterior, _ = every_term()
    mode = find_mode(posterior)
    centered = choose_centered(posterior, mode)
    whitened = whiten(posterior, mode, centered).density(posterior.parametrized(centered))
    n = posterior.n_inner
    units = 1e-3 * np.eye(posterior.n_free)[:n]
    curve = -np.array([(whitened(u)[1] - whitened(-u)[1])[:n] / 2e-3 for u in units])
    assert curve == pytest.approx(np.eye(n), abs=1e-4)


def test_draws_have_about_the_covariance_of_the_whitening(imputed):
    posterior = imputed.imputer.posterior(imputed.cells)
    mode = find_mode(posterior)
    log_sigma = np.log(imputed.draws["sigma_segment"].values)
    assert log_sigma.mean() == pytest.approx(mode.log_scales[0], abs=0.15)
    assert log_sigma.std() == pytest.approx(np.linalg.norm(mode.factor[0]), rel=0.2)


def test_effects_with_many_answers_are_centered_and_others_are_not(imputed):
    posterior = imputed.imputer.posterior(imputed.cells)
    degrees = choose_centered(posterior, find_mode(posterior))
    assert degrees["segment"].min() > 0.8
    few, _ = every_term()
    assert choose_centered(few, find_mode(few))["drift_month"].max() < 0.2
