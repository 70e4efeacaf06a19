"""Every family: agrees with another library, and its noise, mean and support agree."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from cximpact.core.errors import ConfigError, DataError, InsufficientDataError, ZeroVarianceError
from cximpact.effects.linkage.models.families import FAMILIES, family_of
from cximpact.effects.linkage.models.joint import join_fits
from cximpact.effects.linkage.models.ordinal import _Problem

RNG = np.random.default_rng(5)
N = 1500
X = np.column_stack([np.ones(N), RNG.normal(size=N), RNG.integers(0, 2, N)])
ETA = X @ [0.3, 0.6, -0.4]
TERMS = ("constant", "a", "b")
W = np.ones(N)


def outcome(name: str) -> np.ndarray:
    rng = np.random.default_rng(7)
    match name:
        case "normal":
            return ETA + rng.normal(0, 0.7, N)
        case "lognormal":
            return np.exp(ETA + rng.normal(0, 0.5, N))
        case "binary":
            return (ETA + rng.logistic(size=N) > 0).astype(float)
        case "ordinal":
            return 1.0 + np.searchsorted([-1, 0, 0.4, 1.5], ETA + rng.logistic(size=N))
        case "count":
            return rng.poisson(np.exp(ETA)).astype(float)
        case _:
            spend = np.exp(ETA + rng.normal(0, 0.5, N))
            return np.where(rng.random(N) < 0.4, spend, 0.0)


def fitted(name: str):
    y = outcome(name)
    family = family_of(name, y)
    return family, family.fit(X, y, W, TERMS), y


def test_least_squares_and_its_robust_errors():
    _, fit, y = fitted("normal")
    peer = sm.OLS(y, X).fit(cov_type="HC0")
    np.testing.assert_allclose(fit.values[:3], peer.params, rtol=1e-10)
    np.testing.assert_allclose(fit.values[3], 0.5 * np.log(peer.scale), rtol=1e-10)
    ours = np.sqrt((fit.influence**2).sum(axis=0))[:3]
    np.testing.assert_allclose(ours, peer.bse, rtol=1e-10)


@pytest.mark.parametrize("name", ["binary", "count"])
def test_generalized_linear_models_and_their_robust_errors(name):
    _, fit, y = fitted(name)
    kind = {"binary": sm.families.Binomial(), "count": sm.families.Poisson()}[name]
    peer = sm.GLM(y, X, family=kind).fit(cov_type="HC0", tol=1e-12)
    np.testing.assert_allclose(fit.values, peer.params, rtol=1e-6)
    ours = np.sqrt((fit.influence**2).sum(axis=0))
    np.testing.assert_allclose(ours, peer.bse, rtol=1e-6)


def test_ordered_scores():
    family, fit, y = fitted("ordinal")
    peer = OrderedModel(y.astype(int), X[:, 1:], distr="logit").fit(
        method="bfgs", gtol=1e-8, disp=False, maxiter=500
    )
    cuts = peer.model.transform_threshold_params(peer.params)[1:-1]
    np.testing.assert_allclose(fit.values[:2], peer.params[:2], atol=1e-5)
    np.testing.assert_allclose(family.cuts(fit.values), cuts, atol=1e-5)
    probabilities = family.probabilities(fit.values, X)
    np.testing.assert_allclose(probabilities, peer.model.predict(peer.params), atol=1e-5)


def test_ordered_scores_have_the_derivatives_of_their_likelihood():
    y = outcome("ordinal")
    code = np.searchsorted(np.unique(y), y)
    problem = _Problem(x=X[:, 1:], code=code, w=np.linspace(0.5, 2, N), n_cuts=4)
    at = np.array([0.2, -0.3, -1.2, 0.1, 0.3, 1.4])

    def gradient(t):
        return problem.derivatives(t[:2], t[2:])[0].sum(axis=0)

    steps = 1e-5 * np.eye(6)
    numeric = [
        (problem.value(*np.split(at + d, [2])) - problem.value(*np.split(at - d, [2]))) / 2e-5
        for d in steps
    ]
    np.testing.assert_allclose(gradient(at), numeric, rtol=1e-6, atol=1e-4)
    bend = -np.array([(gradient(at + d) - gradient(at - d)) / 2e-5 for d in steps])
    np.testing.assert_allclose(problem.derivatives(at[:2], at[2:])[1], bend, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_influence_sums_to_zero_and_tells_a_refit_with_other_weights(name):
    family, fit, y = fitted(name)
    np.testing.assert_allclose(fit.influence.sum(axis=0), 0, atol=1e-6)
    nudge = 1e-3 * np.random.default_rng(3).normal(size=N)
    again = family.fit(X, y, W + nudge, TERMS)
    moved = nudge @ fit.influence
    np.testing.assert_allclose(again.values - fit.values, moved, atol=3e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_noise_support_and_mean_agree(name):
    family, fit, _ = fitted(name)
    few = X[:6]
    points, weights = family.support(fit.values, few)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-8)
    mean = family.mean(fit.values, few)
    np.testing.assert_allclose((points * weights).sum(axis=1), mean, rtol=1e-6)
    u = (np.arange(40_000) + 0.5) / 40_000
    for row in range(3):
        drawn = family.quantile(fit.values, np.repeat(few[[row]], u.size, axis=0), u)
        assert (np.diff(drawn) >= 0).all()
        np.testing.assert_allclose(drawn.mean(), mean[row], rtol=2e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_of_two_count_as_two_rows(name):
    y = outcome(name)
    family = family_of(name, y)
    twice = family.fit(np.vstack([X, X]), np.concatenate([y, y]), np.ones(2 * N), TERMS)
    heavy = family.fit(X, y, 2 * W, TERMS)
    same = slice(None) if name not in ("normal", "lognormal", "hurdle") else slice(0, -1)
    np.testing.assert_allclose(heavy.values[same], twice.values[same], rtol=1e-6, atol=1e-8)


def test_models_of_the_same_rows_are_drawn_jointly():
    y = outcome("normal")
    family = family_of("normal", y)
    fits = {"y": family.fit(X, y, W, TERMS), "copy": family.fit(X, y + 1, W, TERMS)}
    joint = join_fits(fits, np.arange(N))
    drawn = joint.draw(50, rng=1)
    np.testing.assert_allclose(drawn["copy"][:, 1], drawn["y"][:, 1], atol=1e-9)
    assert joint.df is None
    clustered = join_fits(fits, np.arange(N) // 30)
    assert clustered.df == 49
    peer = sm.OLS(y, X).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(N) // 30, "use_correction": False}
    )
    ours = np.sqrt(np.diag(clustered.covariance)[:3] * 49 / 50)
    np.testing.assert_allclose(ours, peer.bse, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "y", "error", "match"),
    [
        ("normal", [0, np.inf, 2.0], DataError, "not finite in 1 row"),
        ("binary", [0, 1, 2.0], DataError, "neither 0 nor 1 in 1 row"),
        ("lognormal", [1, 0, 2.0], DataError, "not positive in 1 row"),
        ("count", [1, 0.5, 2], DataError, "no whole number"),
        ("hurdle", [1, -1, 0.0], DataError, "negative"),
        ("hurdle", [1, 1, 2.0], InsufficientDataError, "never 0"),
        ("ordinal", [3, 3, 3.0], InsufficientDataError, "1 level"),
    ],
)
def test_values_that_a_family_does_not_have(name, y, error, match):
    y = np.asarray(y, dtype=float)
    with pytest.raises(error, match=match):
        family_of(name, y).check(y, "spend")


def test_unknown_families_and_perfect_fits():
    with pytest.raises(ConfigError, match="ordinal"):
        family_of("ordnal", np.arange(3.0))
    with pytest.raises(ZeroVarianceError, match="exactly"):
        family_of("normal", ETA).fit(X, ETA, W, TERMS)
