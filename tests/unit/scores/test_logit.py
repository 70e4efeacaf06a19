import numpy as np
import pytest
import statsmodels.api as sm

from cximpact.core.errors import InsufficientDataError, RankError, SeparationError
from cximpact.scores.logit import fit_logit


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(400), rng.normal(size=400), rng.integers(0, 2, 400)])
    trials = rng.integers(1, 5, 400).astype(float)
    p = 1 / (1 + np.exp(-(x @ [-0.5, 0.8, 0.4])))
    return x, rng.binomial(trials.astype(int), p).astype(float), trials


def test_coefficients_and_errors_are_those_of_statsmodels(data):
    x, y, n = data
    found = fit_logit(x, y, n, ["constant", "a", "b"])
    glm = sm.GLM(np.column_stack([y, n - y]), x, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found.coefficients == pytest.approx(glm.params, abs=1e-8)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(glm.bse, rel=1e-6)
    assert found.predict(x) == pytest.approx(glm.fittedvalues)


def test_rows_without_trials_change_nothing(data):
    x, y, n = data
    more = np.vstack([x, np.full((5, 3), 1e3)])
    padded = fit_logit(more, np.r_[y, np.zeros(5)], np.r_[n, np.zeros(5)], list("cab"))
    assert padded.coefficients == pytest.approx(fit_logit(x, y, n, list("cab")).coefficients)


def test_group_effects_maximize_the_penalized_likelihood(data):
    x, y, n = data
    groups = np.arange(400) % 7
    found = fit_logit(x, y, n, list("cab"), groups=groups, n_groups=7, group_sd=0.5)
    error = y - n * found.predict(x, groups)
    assert x.T @ error == pytest.approx(np.zeros(3), abs=1e-5)
    score = np.bincount(groups, weights=error) - found.group_effects / 0.25
    assert score == pytest.approx(np.zeros(7), abs=1e-5)


def test_tiny_group_spread_is_no_group(data):
    x, y, n = data
    plain = fit_logit(x, y, n, list("cab"))
    grouped = fit_logit(x, y, n, list("cab"), groups=np.arange(400) % 7, n_groups=7, group_sd=1e-4)
    assert grouped.coefficients == pytest.approx(plain.coefficients, abs=1e-5)
    assert grouped.covariance == pytest.approx(plain.covariance, rel=1e-3)


def test_the_marginal_likelihood_is_close_to_quadrature():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(6), 40)
    y = rng.binomial(1, 1 / (1 + np.exp(-rng.normal(0, 1, 6)[groups]))).astype(float)
    x, sd = np.ones((240, 1)), 0.8
    found = fit_logit(x, y, np.ones(240), ["c"], groups=groups, n_groups=6, group_sd=sd)
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    total = 0.0
    for g in range(6):
        eta = found.coefficients[0] + sd * nodes
        part = y[groups == g]
        log = part.sum() * eta - part.size * np.logaddexp(0, eta)
        total += np.log(weights @ np.exp(log - log.max()) / np.sqrt(2 * np.pi)) + log.max()
    assert found.log_marginal == pytest.approx(total, abs=0.1)


@pytest.mark.parametrize("quasi", [False, True])
def test_separation_names_the_variable(quasi):
    x = np.column_stack([np.ones(40), np.r_[np.zeros(20), np.ones(20)], np.tile([0, 1], 20)])
    y = np.r_[np.zeros(20), np.ones(20)]
    if quasi:
        y[:10] = 1
    with pytest.raises(SeparationError, match="'shop' predicts"):
        fit_logit(x, y, np.ones(40), ["constant", "shop", "other"])


def test_a_strong_but_overlapping_variable_is_no_separation():
    x = np.column_stack([np.ones(2000), np.r_[np.zeros(1000), np.ones(1000)]])
    y = np.r_[1, np.zeros(999), 0, np.ones(999)]
    found = fit_logit(x, y, np.ones(2000), ["constant", "a"])
    assert found.coefficients[1] == pytest.approx(2 * np.log(999), rel=1e-6)


def test_dependent_terms_are_named():
    x = np.column_stack([np.ones(9), np.arange(9) % 3, 2 * (np.arange(9) % 3)])
    with pytest.raises(RankError, match=r"'(half|double)' follow"):
        fit_logit(x, np.arange(9) % 2 * 1.0, np.ones(9), ["constant", "half", "double"])


def test_too_few_rows_are_refused():
    with pytest.raises(InsufficientDataError, match="2 rows for 2 terms"):
        fit_logit(np.eye(2), np.array([0.0, 1]), np.ones(2), ["a", "b"])
