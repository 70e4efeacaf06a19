from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import MissingValueError, ZeroVarianceError
from cximpact.data import SurveyWave
from cximpact.scores import CSAT5, ResponseModel
from cximpact.scores.representativity import linked_behavior, r_indicator, wave_of_response


def answered_by(rates, n=3000, seed=1):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, len(rates), n)
    answers = rng.integers(1, 6, n).astype(float)
    silent = rng.random(n) > np.array(rates)[group]
    frame = pd.DataFrame({"group": group.astype(str), "y": np.where(silent, np.nan, answers)})
    return SurveyWave(frame, answer="y", scale=CSAT5)


def indicator(wave):
    return r_indicator(ResponseModel(covariates=["group"]).fit(wave))


def test_two_groups_by_hand():
    frame = pd.DataFrame({"group": ["a"] * 100 + ["b"] * 100, "y": 3.0})
    frame.loc[[*range(60, 100), *range(120, 200)], "y"] = np.nan
    found = indicator(SurveyWave(frame, answer="y", scale=CSAT5))
    assert found.unadjusted == pytest.approx(1 - 2 * 0.2 * np.sqrt(200 / 199), abs=1e-6)
    assert found.estimate > found.unadjusted
    partial = found.partial.set_index(found.partial["level"].fillna("all"))["partial"]
    assert partial["a"] == pytest.approx(np.sqrt(0.5) * 0.2)
    assert partial["all"] == pytest.approx(0.2)


def test_even_response_is_recognized_after_the_correction():
    found = [indicator(answered_by([0.3] * 20, 1000, seed)) for seed in range(40)]
    assert np.mean([one.unadjusted for one in found]) < 0.90
    assert np.mean([one.estimate for one in found]) > 0.95


@pytest.mark.slow
def test_interval_covers_uneven_response():
    truth = 1 - 2 * np.std([0.1, 0.2, 0.3, 0.6])
    inside = 0
    for seed in range(200):
        row = indicator(answered_by([0.1, 0.2, 0.3, 0.6], 2000, seed)).tidy(0.9).iloc[0]
        inside += row["conf_low"] <= truth <= row["conf_high"]
    assert 0.82 < inside / 200 < 0.96


def test_indicator_names_the_variable_and_the_limit_of_what_it_can_say():
    text = indicator(answered_by([0.1, 0.5])).explain()
    assert "'group'" in text
    assert "cannot be tested" in text


@pytest.fixture(scope="module")
def reminded():
    """Each reminder goes with a latent score lower by 0.3."""
    rng = np.random.default_rng(3)
    n = 4000
    contacts = rng.integers(1, 5, n)
    latent = -0.3 * contacts + rng.logistic(size=n)
    answers = 1.0 + np.searchsorted([-2.5, -1.5, -0.5, 0.7], latent)
    silent = rng.random(n) < 0.5
    frame = pd.DataFrame({"contacts": contacts, "y": np.where(silent, np.nan, answers)})
    return SurveyWave(frame, answer="y", scale=CSAT5)


def test_slope_of_reminders_is_recovered_on_the_latent_scale(reminded):
    found = wave_of_response(reminded, "contacts")
    assert found.standardized == pytest.approx(-0.3, abs=3 * found.standardized_error)
    assert found.standardized_error == pytest.approx(0.036, abs=0.006)
    assert found.estimate < -5 * found.std_error
    assert "differs" in found.explain()


def test_slope_of_reminders_is_least_squares_with_robust_errors(reminded):
    some = reminded.frame.dropna()
    x, y = some["contacts"].to_numpy(float), some["y"].to_numpy()
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
    residual = y - y.mean() - slope * (x - x.mean())
    error = np.sqrt(((x - x.mean()) ** 2 * residual**2).sum() * len(x) / (len(x) - 2))
    found = wave_of_response(reminded, "contacts")
    assert found.estimate == pytest.approx(slope)
    assert found.std_error == pytest.approx(error / ((x - x.mean()) ** 2).sum())


def test_behavior_that_goes_with_silence_is_seen_and_one_that_does_not_is_not():
    rng = np.random.default_rng(4)
    n = 5000
    mood, group = rng.normal(size=n), rng.integers(0, 3, n)
    answered = rng.random(n) < special.expit(-1 + mood + 0.5 * group)
    frame = pd.DataFrame(
        {
            "group": group.astype(str),
            "churn": (rng.random(n) < special.expit(-1 - mood)).astype(int),
            "luck": rng.normal(size=n) + group,
            "y": np.where(answered, 3.0, np.nan),
        }
    )
    wave = SurveyWave(frame, answer="y", scale=CSAT5)
    churn = linked_behavior(wave, "churn", ["group"])
    assert churn.estimate < -5 * churn.std_error
    assert churn.p_value < 1e-6
    assert abs(linked_behavior(wave, "luck", ["group"]).estimate) < 0.09
    assert linked_behavior(wave, "luck").estimate > 0.2
    assert churn.tidy()["standardized"].iloc[0] == pytest.approx(
        churn.estimate / frame["churn"].std()
    )


def test_what_cannot_be_compared_is_refused(reminded):
    lost = reminded.frame.assign(contacts=reminded.frame["contacts"].where(lambda c: c > 1))
    with pytest.raises(MissingValueError, match="'contacts' is missing in"):
        wave_of_response(SurveyWave(lost, answer="y", scale=CSAT5), "contacts")
    same = reminded.frame.assign(contacts=2)
    with pytest.raises(ZeroVarianceError, match="does not vary"):
        wave_of_response(SurveyWave(same, answer="y", scale=CSAT5), "contacts")
