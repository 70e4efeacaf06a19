from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import (
    ConfigError,
    DataWarning,
    DtypeError,
    MemoryBudgetError,
    NoRespondentsError,
)
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.imputation import ordinal as module
from cximpact.scores import CSAT5, PSAT


def test_without_factors_the_posterior_is_the_conjugate_one(no_factors):
    share = no_factors.draws["p0"].isel(category=1)
    exact = stats.beta(1 + 30, 1 + 20)
    mcse = float(share.std()) / np.sqrt(no_factors.diagnostics["min_ess"])
    assert float(share.mean()) == pytest.approx(exact.mean(), abs=4 * mcse)
    assert float(share.std()) == pytest.approx(exact.std(), rel=0.08)
    assert float(share.quantile(0.05)) == pytest.approx(exact.ppf(0.05), abs=0.01)


def test_finite_score_without_factors_is_the_beta_binomial_prediction(no_factors):
    score = no_factors.score()
    predicted = stats.betabinom(50, 31, 21)
    assert float(score.mean()) == pytest.approx((30 + predicted.mean()) / 100, abs=0.005)
    assert float(score.std()) == pytest.approx(predicted.std() / 100, rel=0.08)


def test_the_truth_is_recovered_where_the_respondents_mislead(imputed, world):
    low, high = interval(imputed.score(), 0.98)
    raw = imputed.compare().iloc[0]
    assert raw["who"] == "respondents"
    assert raw["estimate"] - world.truth > 5 * raw["std_error"]
    assert float(low) < world.truth < float(high)


def test_every_segment_is_near_its_truth(imputed, world):
    low, high = interval(imputed.score("segment"), 0.99)
    assert (low.values < world.true_by_segment).sum() >= 4
    assert (high.values > world.true_by_segment).sum() >= 4


def test_the_fit_passed_the_gate_and_says_where_it_came_from(imputed):
    assert imputed.diagnostics["gate_failures"] == ""
    assert imputed.provenance.source in dr.order_of(imputed.draws)
    assert imputed.terms == ("segment", "channel", "month")


def test_same_seed_same_numbers(no_factors):
    again = OrdinalImputer().fit(_half_silent(), rng=5)
    xr.testing.assert_identical(again.draws["p0"].drop_attrs(), no_factors.draws["p0"].drop_attrs())


def _half_silent() -> SurveyWave:
    answers = [1.0] * 30 + [0.0] * 20 + [np.nan] * 50
    return SurveyWave(pd.DataFrame({"answer": answers}), answer="answer", scale=PSAT)


def test_nobody_answered_is_an_error():
    wave = SurveyWave(pd.DataFrame({"y": [np.nan] * 3}), answer="y", scale=CSAT5)
    with pytest.raises(NoRespondentsError, match="none of 3 rows has an answer in 'y'"):
        OrdinalImputer().fit(wave, rng=1)


def test_too_many_cells_are_refused_before_anything_is_sampled(monkeypatch):
    monkeypatch.setattr(module, "MAX_CELLS", 3)
    frame = pd.DataFrame({"x": np.arange(5.0), "y": [1.0, 2.0, 3.0, 4.0, 5.0]})
    wave = SurveyWave(frame, answer="y", scale=CSAT5)
    with pytest.raises(MemoryBudgetError, match="5 cells, more than 3; bin the covariates"):
        OrdinalImputer(covariates=["x"]).fit(wave, rng=1)


def test_a_level_without_answers_is_pointed_out():
    frame = pd.DataFrame({"g": list("aabb"), "y": [1.0, 2.0, np.nan, np.nan]})
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["g"])
    with pytest.warns(DataWarning, match="1 of 2 levels of 'g' have no answers"):
        OrdinalImputer()._prepare(wave)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"factors": "segment"}, DtypeError, "factors is the text 'segment'"),
        ({"period": "random"}, ConfigError, "period is 'random'.*Did you mean"),
        ({"draws": 10}, ConfigError, "draws is 10"),
        ({"chains": 1}, ConfigError, "chains is 1"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        OrdinalImputer(**settings)
