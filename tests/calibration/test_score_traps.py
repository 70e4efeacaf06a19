"""Answers that look right and are wrong: the naive one fails, the library's does not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import DataError, DataWarning
from cximpact.data import SurveyWave
from cximpact.scores import NPS, compare_waves, difference, nps, summarize


def wave_of(counts: tuple[int, int, int]) -> SurveyWave:
    frame = pd.DataFrame({"score": np.repeat([3.0, 7.0, 10.0], counts)})
    return SurveyWave(frame, answer="score", scale=NPS)


def test_intervals_that_just_touch_stand_for_a_clear_difference():
    error = 5.0
    gap = 2 * stats.norm.ppf(0.975) * error
    row = difference((0, error), (gap, error)).iloc[0]
    assert row["p_value"] == pytest.approx(0.006, abs=5e-4)


def test_overlapping_intervals_hide_a_change_that_the_test_finds():
    before = summarize(wave_of((150, 350, 500)), prob=0.95)
    after = summarize(wave_of((120, 330, 550)), prob=0.95)
    assert before["conf_high"].iloc[0] > after["conf_low"].iloc[0]
    row = compare_waves(before, after, prob=0.95).iloc[0]
    assert row["p_adjusted"] < 0.05
    assert row["conf_low"] > 0


@pytest.fixture
def invited() -> pd.DataFrame:
    """A thousand people, two hundred of whom answered; the others never started."""
    score = np.r_[np.repeat([3.0, 7.0, 10.0], (30, 70, 100)), np.full(800, np.nan)]
    return pd.DataFrame({"score": score, "started": (np.arange(1000) < 200).astype(float)})


def test_silence_is_no_detractor(invited):
    wave = SurveyWave(invited, answer="score", scale=NPS, stages={"started": "started"})
    row = summarize(wave).iloc[0]
    assert row["estimate"] == 35
    assert row["response_rate"] == 0.2
    assert nps(invited["score"].fillna(0)) == -73


def test_silence_filled_with_zeros_is_refused(invited):
    filled = invited.fillna({"score": 0})
    wave = SurveyWave(filled, answer="score", scale=NPS, stages={"started": "started"})
    with pytest.raises(DataError, match="800 answers come from people who did not pass stage"):
        summarize(wave)


def test_silence_filled_with_zeros_is_suspected_where_partial_answers_may_be(invited):
    filled = invited.fillna({"score": 0})
    wave = SurveyWave(filled, answer="score", scale=NPS, stages={"completed": "started"})
    with pytest.warns(DataWarning, match="all 800 answers .* filled with zeros"):
        summarize(wave)
