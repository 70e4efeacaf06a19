from __future__ import annotations

import dataclasses

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
from cximpact.imputation import OrdinalImputer, fused, parametrize
from cximpact.imputation import ordinal as module
from cximpact.scores import CSAT5, PSAT
from tests.support.ordinal import small_wave


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


def test_cells_without_answers_are_an_error(no_factors):
    silent = dataclasses.replace(no_factors.cells, count=np.zeros(2))
    with pytest.raises(NoRespondentsError, match="no answers"):
        OrdinalImputer().fit_cells(silent, rng=1)


def test_a_level_without_answers_is_pointed_out_and_borrows_from_the_others():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"g": rng.integers(0, 4, 400), "y": rng.integers(1, 6, 400) + 0.0})
    frame.loc[frame["g"] == 3, "y"] = np.nan
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["g"])
    with pytest.warns(DataWarning, match="1 of 4 levels of 'g' have no answers"):
        fit = OrdinalImputer().fit(wave, rng=1)
    score = fit.score("g", target="super")
    assert np.isfinite(score.values).all()
    assert float(score.std("sample")[3]) > 1.5 * float(score.std("sample")[:3].max())


def test_a_frame_that_answered_in_full_keeps_its_score():
    frame = pd.DataFrame({"g": [0, 1] * 50, "y": np.resize([1.0, 4.0, 5.0, 2.0], 100)})
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["g"])
    with pytest.warns(DataWarning, match="all 100 rows have an answer"):
        fit = OrdinalImputer().fit(wave, rng=1)
    assert np.allclose(fit.score(), frame["y"].mean())


def test_a_category_that_nobody_used_has_little_but_some_probability():
    frame = pd.DataFrame({"y": [1.0, 2.0, 4.0, 5.0] * 20 + [np.nan] * 20})
    fit = OrdinalImputer().fit(SurveyWave(frame, answer="y", scale=CSAT5), rng=1)
    unused = fit.draws["p0"].isel(category=2)
    exact = stats.beta(1, 84)
    assert float(unused.mean()) == pytest.approx(exact.mean(), rel=0.1)
    assert float(unused.quantile(0.95)) == pytest.approx(exact.ppf(0.95), rel=0.1)


def test_probit_and_logit_agree_on_the_score(imputed, world):
    other = OrdinalImputer(link="probit").fit(world.wave, rng=1)
    one, two = imputed.score(target="super"), other.score(target="super")
    assert float(two.mean()) == pytest.approx(float(one.mean()), abs=float(one.std()))
    assert float(two.std()) == pytest.approx(float(one.std()), rel=0.1)


@pytest.mark.slow
def test_the_answer_does_not_depend_on_the_parametrization():
    wave, scores = small_wave(1500), []
    for how in ("auto", "centered", {"segment": "noncentered"}):
        fit = OrdinalImputer(
            factors=["segment", "region"],
            parametrization=how,
            draws=500,
            allow_unconverged=True,
        ).fit(wave, rng=1)
        scores.append(fit.score("segment", target="super"))
    sd = scores[0].std("sample").values
    for other in scores[1:]:
        shift = other.mean("sample").values - scores[0].mean("sample").values
        assert np.abs(shift / sd).max() < 0.15
        assert other.std("sample").values == pytest.approx(sd, rel=0.1)


def test_every_kind_of_term_is_fitted_at_once():
    wave = small_wave(3000)
    imputer = OrdinalImputer(
        factors=["segment", "agent"],
        open=["agent"],
        interactions=["segment:month"],
        period="local_trend",
        period_column="month",
        covariates=["tenure"],
        style="channel",
        style_kind="scale",
    )
    fit = imputer.fit(wave, rng=2)
    named = {"sigma_segment:month", "drift_sd", "slope", "effect_style_channel", "walk_sd"}
    assert named | {"effect_spread_channel"} <= set(fit.draws.data_vars)
    assert fit.terms == ("segment", "agent", "month", "channel", "tenure", "segment:month")
    score = fit.score("segment", target="super")
    assert (np.diff(score.mean("sample")) > 0.2).all()
    assert "'tenure' enters linearly, with a cell for each of its 3 values" in fit.explain()


def test_a_second_wave_of_the_same_shape_compiles_nothing(imputed):
    before = len(fused.whitened_log_posterior.signatures)
    OrdinalImputer(draws=100, tune=100, allow_unconverged=True).fit(small_wave(), rng=1)
    assert len(fused.whitened_log_posterior.signatures) == before


def test_graph_has_the_terms_of_the_fit():
    model = OrdinalImputer(factors=["segment"]).model(small_wave())
    assert {v.name for v in model.free_RVs} == {"p0", "sigma_segment", "unit_segment"}


def test_an_unknown_term_of_the_parametrization_is_refused():
    imputer = OrdinalImputer(factors=["segment"], parametrization={"segmnt": "centered"})
    with pytest.raises(ConfigError, match="names 'segmnt'; the model has 'segment'"):
        imputer.fit(small_wave(), rng=1)


def test_too_many_effects_are_refused(monkeypatch):
    monkeypatch.setattr(parametrize, "MAX_FREE", 5)
    with pytest.raises(MemoryBudgetError, match=r"11 effects \('segment' 3, 'agent' 8\)"):
        OrdinalImputer(factors=["segment", "agent"]).fit(small_wave(), rng=1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"factors": "segment"}, DtypeError, "factors is the text 'segment'"),
        ({"period": "random"}, ConfigError, "period is 'random'.*Did you mean"),
        ({"link": "cauchit"}, ConfigError, "link is 'cauchit'"),
        ({"method": "advi"}, ConfigError, "method is 'advi'"),
        ({"parametrization": "center"}, ConfigError, "Did you mean 'centered'"),
        ({"style_kind": "shifted"}, ConfigError, "style_kind is 'shifted'"),
        ({"draws": 10}, ConfigError, "draws is 10"),
        ({"chains": 1}, ConfigError, "chains is 1"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        OrdinalImputer(**settings)
