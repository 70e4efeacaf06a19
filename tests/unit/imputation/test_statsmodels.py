"""The ordinal model under flat priors against maximum likelihood of statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer, Priors
from cximpact.scores import CSAT5
from tests.support.golden import load
from tests.support.sfo import COVARIATES, ordinal_frame

FLAT = Priors(concentration=1e-3, slope_scale=100.0)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_posterior_under_flat_priors_is_maximum_likelihood(link):
    expected = load("ordered_model_sfo")[link]
    wave = SurveyWave(ordinal_frame(), answer="overall", scale=CSAT5)
    assert wave.n_answered == expected["n"]
    fit = OrdinalImputer(covariates=COVARIATES, link=link, priors=FLAT).fit(wave, rng=1)
    mcse = 1 / np.sqrt(fit.diagnostics["min_ess"])
    for name, common in (("slope", slice(None)), ("cuts", slice(2, None))):
        values = fit.draws[name].values[:, common]
        estimate = np.array(expected[name])[common]
        error = np.array(expected[f"{name}_se"])[common]
        assert np.abs(values.mean(axis=0) - estimate).max() < 4 * mcse * error.max()
        assert values.std(axis=0) == pytest.approx(error, rel=0.06)


def test_likelihood_at_the_estimate_is_that_of_statsmodels():
    frame = ordinal_frame()
    for link in ("logit", "probit"):
        expected = load("ordered_model_sfo")[link]
        wave = SurveyWave(frame, answer="overall", scale=CSAT5)
        imputer = OrdinalImputer(covariates=COVARIATES, link=link)
        posterior = imputer.posterior(imputer.cells(wave))
        found = posterior.counts.log_likelihood(
            np.array(expected["cuts"])[None], np.array(expected["slope"])
        )
        assert found.value == pytest.approx(expected["log_likelihood"], abs=1e-4)
