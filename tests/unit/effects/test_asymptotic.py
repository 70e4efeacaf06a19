"""Draws of a t distribution: mean, covariance and the interval they must reproduce."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.effects.asymptotic import t_draws

MEAN = np.array([1.0, -2.0])
COVARIANCE = np.array([[0.5, 0.3], [0.3, 1.0]])


def draw(df, size=40_000, covariance=COVARIANCE):
    options = {"dims": ("term",), "coords": {"term": ["a", "b"]}}
    return t_draws(MEAN, covariance, df, size=size, rng=1, source="s", **options)


@pytest.mark.parametrize(("df", "factor"), [(None, 1.0), (11.0, 11 / 9)])
def test_mean_and_covariance(df, factor):
    values = draw(df).values
    assert values.mean(axis=0) == pytest.approx(MEAN, abs=0.03)
    np.testing.assert_allclose(np.cov(values.T), COVARIANCE * factor, atol=0.04)


@pytest.mark.parametrize("df", [3.0, 11.0])
def test_quantiles_are_those_of_the_t_interval(df):
    quantiles = np.quantile(draw(df).values, [0.05, 0.5, 0.95], axis=0)
    expected = MEAN + np.outer(stats.t.ppf([0.05, 0.5, 0.95], df), np.sqrt(np.diag(COVARIANCE)))
    np.testing.assert_allclose(quantiles, expected, atol=0.05)


def test_a_singular_covariance_keeps_its_ties():
    values = draw(None, covariance=np.array([[1.0, 1.0], [1.0, 1.0]])).values - MEAN
    np.testing.assert_allclose(values[:, 0], values[:, 1], atol=1e-6)


def test_one_number_has_no_dimension():
    one = t_draws(MEAN[:1], COVARIANCE[:1, :1], 5.0, size=100, rng=1, source="s")
    assert one.dims == ("sample",)
    with pytest.raises(ConfigError, match="draws"):
        t_draws(MEAN[:1], COVARIANCE[:1, :1], 5.0, size=0, rng=1, source="s")


@pytest.mark.parametrize(("df", "low", "high"), [(None, -0.02, 0.02), (2.0, 0.2, 0.3)])
def test_all_terms_share_the_uncertainty_about_the_error(df, low, high):
    size = np.log(np.abs(draw(df, covariance=np.eye(2)).values - MEAN))
    assert low < np.corrcoef(size.T)[0, 1] < high
