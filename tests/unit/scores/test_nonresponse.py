import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DesignError,
    MissingColumnError,
    NoRespondentsError,
    SeparationError,
    UnseenLevelError,
)
from cximpact.data import SurveyWave
from cximpact.scores import CSAT5, NPS, ResponseModel, nps

N = 8000


def expit(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture(scope="module")
def world() -> tuple[pd.DataFrame, float]:
    """Happy customers of a sunny segment answer more; returns the frame and everybody's NPS."""
    rng = np.random.default_rng(5)
    x, segment = rng.normal(size=N), rng.choice(["old", "young"], N, p=[0.6, 0.4])
    mood = x + (segment == "old")
    answer = np.clip(np.round(6.5 + 1.8 * mood + rng.normal(0, 2, N)), 0, 10)
    opened = rng.random(N) < expit(-0.3 + 0.7 * x)
    done = opened & (rng.random(N) < expit(-0.2 + 0.8 * (segment == "old")))
    frame = pd.DataFrame({"x": x, "segment": segment, "opened": opened * 1.0})
    frame["done"] = np.where(opened, done, np.nan)
    frame["score"] = np.where(done, answer, np.nan)
    return frame, nps(answer)


def wave_of(frame, **options) -> SurveyWave:
    stages = {"opened": "opened", "completed": "done"}
    return SurveyWave(frame, answer="score", scale=NPS, stages=stages, **options)


@pytest.fixture(scope="module")
def fit(world):
    return ResponseModel(covariates=["x", "segment"], trim=1.0).fit(wave_of(world[0]))


def test_coefficients_cover_the_truth_stage_by_stage(fit):
    table = fit.coefficients(0.999).set_index(["stage", "term"])
    truth = {("opened", "constant"): -0.3, ("opened", "x"): 0.7, ("opened", "segment[young]"): 0}
    truth |= {("completed", "x"): 0.0, ("completed", "segment[young]"): -0.8}
    for key, value in truth.items():
        assert table.loc[key, "conf_low"] < value < table.loc[key, "conf_high"]
    assert "answered" not in table.index.get_level_values("stage")


def test_weights_bring_back_the_score_of_everybody(fit, world):
    for method in ("dr", "ipw"):
        row = fit.score(method=method).iloc[0]
        assert row["respondents"] - world[1] > 10
        assert abs(row["estimate"] - world[1]) < 3 * row["std_error"]
        assert (row["n_invited"], row["n"]) == (N, world[0]["score"].notna().sum())


def test_weights_balance_the_covariates(fit):
    table = fit.balance().set_index("term")
    assert table.loc["x", "smd_before"] > 0.2
    assert table["balanced"].all()
    assert fit.diagnostics()["worst_smd"] < 0.1


def test_propensities_come_back_row_by_row(fit, world):
    frame = world[0]
    pi = fit.predict(frame)
    answered = frame["score"].notna()
    assert pi.mean() == pytest.approx(answered.mean(), abs=0.002)
    weights = fit.weights(frame)
    assert weights == pytest.approx(1 / pi)
    # Hajek by hand, on rows instead of patterns
    coded = NPS.score_weights[frame.loc[answered, "score"].astype(int)]
    by_hand = weights[answered] @ coded / weights[answered].sum()
    assert fit.score(method="ipw")["estimate"].iloc[0] == pytest.approx(by_hand)


def test_diagnostics_tell_the_cost_of_the_weights(fit, world):
    w = fit.weights(world[0])[world[0]["score"].notna()]
    found = fit.diagnostics()
    assert found["n_eff"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert found["max_weight"] == found["max_weight_raw"] == pytest.approx(w.max())
    assert found["n_trimmed"] == 0


def test_trimming_cuts_the_largest_weights(world):
    fit = ResponseModel(covariates=["x", "segment"], trim=0.9).fit(wave_of(world[0]))
    found = fit.diagnostics()
    assert found["max_weight"] == fit.weight_cap < found["max_weight_raw"]
    assert found["n_trimmed"] == pytest.approx(0.1 * found["n_answered"], abs=1)


def test_everybody_answering_alike_needs_no_correction(world):
    frame = world[0].assign(score=7.0).iloc[:200].drop(columns=["opened", "done"])
    frame.loc[frame.index % 2 == 0, "score"] = 9.0
    fit = ResponseModel(covariates=["x"]).fit(SurveyWave(frame, answer="score", scale=NPS))
    assert fit.score()["estimate"].iloc[0] == pytest.approx(50)
    assert fit.coefficients().empty
    assert fit.predict(frame).tolist() == [1.0] * 200


def test_other_engines_give_the_same_numbers(world, fit):
    other = ResponseModel(covariates=["x", "segment"], trim=1.0).fit(
        wave_of(pl.from_pandas(world[0]))
    )
    assert other.score()["estimate"].iloc[0] == pytest.approx(fit.score()["estimate"].iloc[0])


def test_the_open_stage_can_be_left_out(world, fit):
    model = ResponseModel(covariates=["x", "segment"], stages=["completed"], trim=1.0)
    frame = world[0].assign(done=world[0]["done"].fillna(0))
    overall = model.fit(wave_of(frame)).score().iloc[0]
    assert overall["estimate"] == pytest.approx(fit.score()["estimate"].iloc[0], abs=1.5)


def test_a_shop_that_never_answers_separates_as_covariate_but_not_as_group(world):
    frame = world[0].assign(shop=np.where(np.arange(N) < 60, "silent", "other"))
    frame.loc[frame["shop"] == "silent", ["opened", "done", "score"]] = [0, np.nan, np.nan]
    with pytest.raises(SeparationError, match=r"'shop\[silent\]' predicts"):
        ResponseModel(covariates=["x", "shop"]).fit(wave_of(frame))
    grouped = ResponseModel(covariates=["x"], group="shop").fit(wave_of(frame))
    assert grouped.diagnostics()["smallest_propensity"] > 0


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: ResponseModel(covariates="x"), ConfigError, "one text"),
        (lambda: ResponseModel(covariates=["x"], trim=0), ConfigError, "trim is 0"),
        (lambda: ResponseModel(covariates=["x"], trim=1.5), ConfigError, "quantile up to 1"),
        (lambda: ResponseModel(covariates=["y"]), MissingColumnError, "'y'"),
        (lambda: ResponseModel(covariates=["x"], stages=["sent"]), ConfigError, "names .'sent'."),
        (lambda: ResponseModel(covariates=["score"]), DataError, "missing"),
    ],
)
def test_bad_models_are_refused(world, model, error, message):
    before = world[0].copy()
    with pytest.raises(error, match=message):
        model().fit(wave_of(world[0]))
    pd.testing.assert_frame_equal(world[0], before)


def test_weights_of_the_wave_are_refused(world):
    with pytest.raises(DesignError, match="the wave has weights"):
        ResponseModel(covariates=["segment"]).fit(wave_of(world[0].assign(w=1.0), weight="w"))


def test_no_answers_are_refused(world):
    with pytest.raises(NoRespondentsError, match="none of 8000 rows"):
        ResponseModel(covariates=["x"]).fit(wave_of(world[0].assign(score=np.nan)))


def test_answers_before_the_last_stage_are_refused(world):
    frame = world[0].assign(score=world[0]["score"].fillna(5))
    stages = {"completed": "done"}
    wave = SurveyWave(
        frame.assign(done=frame["done"].fillna(0)), answer="score", scale=NPS, stages=stages
    )
    with pytest.raises(DataError, match=r"did not pass all of .'completed'."):
        ResponseModel(covariates=["x"]).fit(wave)


def test_new_levels_and_methods_are_refused(fit):
    with pytest.raises(UnseenLevelError, match="'segment' has 1 levels"):
        fit.predict(pd.DataFrame({"x": [0.0], "segment": ["ancient"]}))
    with pytest.raises(ConfigError, match="expected 'dr' or 'ipw'"):
        fit.score(method="mean")


@pytest.mark.slow
def test_error_of_the_weighted_score_accounts_for_estimated_propensities():
    """The covariate tells nearly all of the score: with known propensities it looks unsure."""
    rng = np.random.default_rng(11)
    estimates, errors = [], []
    for _ in range(200):
        x = np.round(rng.normal(size=800), 1)
        answers = np.clip(np.round(3 + 1.2 * x + rng.normal(0, 0.3, 800)), 1, 5)
        answered = rng.random(800) < 1 / (1 + np.exp(-0.3 - 0.6 * x))
        frame = pd.DataFrame({"x": x, "y": np.where(answered, answers, np.nan)})
        fit = ResponseModel(covariates=["x"], trim=1).fit(
            SurveyWave(frame, answer="y", scale=CSAT5)
        )
        row = fit.score(method="ipw", statistic="mean").iloc[0]
        estimates.append(row["estimate"])
        errors.append(row["std_error"])
    assert np.mean(errors) / np.std(estimates) == pytest.approx(1.0, abs=0.15)
