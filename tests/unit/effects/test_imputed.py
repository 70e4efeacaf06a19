from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, CongenialityError, DataWarning
from cximpact.data import SurveyWave
from cximpact.effects import association
from cximpact.effects.imputed import fit_imputed
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.complete import complete
from cximpact.imputation.rubin import rubin
from cximpact.scores import CSAT5

M = 70


@pytest.fixture(scope="module")
def fit():
    """Those who stay scored higher; two in five answered."""
    rng = np.random.default_rng(4)
    n = 3000
    group = rng.integers(0, 3, n)
    stayed = (rng.random(n) < 0.6).astype(int)
    latent = 0.4 * group + 0.9 * stayed + rng.logistic(size=n)
    answers = 1.0 + np.searchsorted([-1.0, 0.0, 1.0, 2.0], latent)
    frame = pd.DataFrame({"group": group, "stayed": stayed, "y": answers, "everybody": answers})
    frame["y"] = frame["y"].mask(rng.random(n) < 0.6)
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["group", "stayed"])
    return OrdinalImputer(method="laplace").fit(wave, rng=1), frame


def slope(table):
    return association(table, score="answer", outcome="stayed", rng=1, draws=4000)


@pytest.fixture(scope="module")
def effect(fit):
    return fit_imputed(slope, fit[0], needed=[], role="regressor", outcome="stayed", m=M, rng=2)


def test_draws_have_the_moments_of_rubins_rules(fit, effect):
    found = [slope(table) for table in complete(fit[0], M, rng=2).sets()]
    estimates = np.array([float(one.estimate) for one in found])
    variances = np.array([float(one.std_error) ** 2 for one in found])
    expected = rubin(estimates, variances, complete_df=found[0].df)
    assert float(effect.estimate) == pytest.approx(float(expected.estimate))
    assert float(effect.std_error) == pytest.approx(float(expected.std_error))
    assert effect.df == pytest.approx(float(expected.nu))
    assert effect.draws.sizes["sample"] == M * 4000
    assert float(effect.draws.mean()) == pytest.approx(float(expected.estimate), abs=1e-3)
    assert float(effect.draws.var()) == pytest.approx(float(expected.total), rel=0.05)


def test_few_sets_widen_the_draws_by_what_they_cannot_know(fit):
    sets = complete(fit[0], 3, rng=5)
    found = [slope(table) for table in sets.sets()]
    estimates = np.array([float(one.estimate) for one in found])
    variances = np.array([float(one.std_error) ** 2 for one in found])
    with pytest.warns(DataWarning, match="m is 3"):
        pooled = fit_imputed(slope, sets, needed=[])
    expected = rubin(estimates, variances).total
    assert float(pooled.draws.var()) == pytest.approx(float(expected), rel=0.05)


def test_slope_is_that_of_everybody(fit, effect):
    _, frame = fit
    full = association(frame, score="everybody", outcome="stayed", rng=1)
    answered = association(frame.dropna(), score="y", outcome="stayed", rng=1)
    gap = abs(float(effect.estimate) - float(full.estimate))
    assert gap < 2.5 * float(effect.std_error)
    assert float(full.std_error) < float(effect.std_error) < 1.3 * float(answered.std_error)


def test_result_says_what_it_rests_on(effect):
    text = effect.explain()
    assert "missing at random" in text
    assert "completed sets" in text
    assert effect.diagnostics["m"] == M


def test_pooled_draws_do_not_pass_for_independent_of_the_scores(fit, effect):
    with pytest.raises(AlignmentError):
        dr.pair(fit[0].score(), effect.draws, rng=1)


def test_an_estimator_that_uses_more_than_was_imputed_is_refused(fit):
    with pytest.raises(CongenialityError, match="'everybody'"):
        fit_imputed(slope, fit[0], needed=["everybody"], columns=["everybody"])


def test_a_regressor_needs_its_outcome(fit):
    with pytest.raises(ConfigError, match="name its outcome"):
        fit_imputed(slope, fit[0], needed=[], role="regressor")


def test_same_seed_same_draws(fit, effect):
    again = fit_imputed(slope, fit[0], needed=[], role="regressor", outcome="stayed", m=M, rng=2)
    assert (again.draws.values == effect.draws.values).all()
