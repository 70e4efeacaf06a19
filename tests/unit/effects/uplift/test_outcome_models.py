"""Models of means and propensities: families, built-in models, and those of others."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from cximpact.core.errors import ConfigError, ZeroVarianceError
from cximpact.effects.uplift.outcome_models import (
    check_model,
    check_varies,
    family_of,
    fit_mean,
    fit_shares,
)

RNG = np.random.default_rng(4)
X = RNG.uniform(-1, 1, (3000, 2))
ONES = np.ones(len(X))


@pytest.mark.parametrize(
    ("outcome", "family"),
    [
        ([0, 1, 1, 0], "binary"),
        ([0, 1, 2, 5], "count"),
        ([0, 0, 0, 12.5], "hurdle"),
        ([0, 3.5, 2.5, 12.5], "continuous"),
        ([-1, 0, 0, 0.5], "continuous"),
    ],
)
def test_the_family_follows_from_the_outcome(outcome, family):
    assert family_of(np.array(outcome, float)) == family


@pytest.mark.parametrize("family", ["binary", "count", "hurdle"])
def test_a_family_that_does_not_suit_is_refused(family):
    with pytest.raises(ConfigError, match="does not suit outcomes from -1 to 2"):
        family_of(np.array([-1.0, 2.0]), family)


@pytest.mark.parametrize("model", ["linear", "boosting"])
@pytest.mark.parametrize("family", ["binary", "count", "continuous", "hurdle"])
def test_built_in_models_find_the_mean(model: str, family: str):
    level = np.exp(0.5 * X[:, 0] - 0.5)
    share = 0.2 + 0.2 * X[:, 0]
    rng = np.random.default_rng(1)
    drawn = {
        "binary": (lambda: (rng.random(len(X)) < level / 2).astype(float), level / 2),
        "count": (lambda: rng.poisson(level).astype(float), level),
        "continuous": (lambda: level + rng.normal(0, 0.3, len(X)), level),
        "hurdle": (
            lambda: (rng.random(len(X)) < share) * (10 + 5 * X[:, 1] + rng.normal(0, 1, len(X))),
            share * (10 + 5 * X[:, 1]),
        ),
    }
    draw, mean = drawn[family]
    y = draw()
    fitted = fit_mean(model, family, X, y, ONES, 1)(X)
    assert np.corrcoef(fitted, mean)[0, 1] > 0.75
    assert abs((fitted - y).mean()) < 3 * (y - mean).std() / np.sqrt(len(y))


def test_weights_count_rows():
    y = X[:, 0] + RNG.normal(0, 0.1, len(X))
    weight = RNG.integers(1, 3, len(X)).astype(float)
    many = np.repeat(np.arange(len(X)), weight.astype(int))
    a = fit_mean(LinearRegression(), "continuous", X, y, weight, 1)(X)
    b = fit_mean(LinearRegression(), "continuous", X[many], y[many], np.ones(len(many)), 1)(X)
    np.testing.assert_allclose(a, b, rtol=1e-9)
    assert np.ptp(fit_mean("linear", "continuous", X, y, weight, 1)(X)) > 1


def test_a_model_of_another_library_is_left_as_it_is():
    model = LogisticRegression()
    y = (X[:, 0] > 0).astype(float)
    probability = fit_mean(model, "binary", X, y, ONES, 1)(X)
    assert not hasattr(model, "coef_")
    assert 0 < probability.min() < probability.max() < 1


def test_a_constant_fold_gives_its_constant():
    np.testing.assert_array_equal(fit_mean("boosting", "binary", X, 0 * ONES, ONES, 1)(X[:3]), 0)


def test_shares_are_probabilities_of_all_arms():
    arm = np.where(RNG.random(len(X)) < 0.5 + 0.3 * X[:, 0], 2, RNG.integers(0, 2, len(X)))
    shares = fit_shares("linear", X, arm, 3, ONES, 1)(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert np.corrcoef(shares[:, 2], X[:, 0])[0, 1] > 0.95
    with pytest.raises(ConfigError, match="no predict_proba"):
        fit_shares(LinearRegression(), X, arm, 3, ONES, 1)


def test_an_arm_without_variation_is_named():
    with pytest.raises(ZeroVarianceError, match="1 for all 2 customers of arm 'call'"):
        check_varies(np.array([0, 1, 1, 1.0]), np.array([0, 0, 1, 1]), ["none", "call"])


@pytest.mark.parametrize("model", ["forest", 3, LinearRegression])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(ConfigError, match="outcome_model is"):
        check_model(model, "outcome_model")
