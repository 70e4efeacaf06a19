import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DataWarning,
    DtypeError,
    MissingColumnError,
    MissingValueError,
)
from cximpact.data import SurveyWave
from cximpact.scores import NPS
from cximpact.scores.stages import check_by, stage_patterns, wave_stages

NAN = np.nan


def wave(**columns) -> SurveyWave:
    frame = pd.DataFrame({"score": NAN, **columns}, dtype=float)
    stages = {s: s for s in columns if s != "score" and s != "g"}
    return SurveyWave(frame, answer="score", scale=NPS, stages=stages)


def test_patterns_are_counted_and_unreached_stages_are_zero():
    found = stage_patterns(
        wave(delivered=[1, 1, 0, 0], started=[1, 0, NAN, 0], score=[9, NAN, NAN, NAN])
    )
    rows = found.sort_values(["delivered", "started"])[
        ["delivered", "started", "answered", "count"]
    ]
    assert rows.to_numpy().tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]


def test_stages_keep_their_order_whatever_the_order_they_are_named_in():
    frame = pd.DataFrame({"s": [1.0], "d": [1.0], "score": [9.0]})
    found = SurveyWave(frame, answer="score", scale=NPS, stages={"started": "s", "delivered": "d"})
    assert wave_stages(found) == ["delivered", "started"]


def test_true_and_false_are_flags():
    frame = pd.DataFrame({"score": [9.0, NAN], "d": [True, False]})
    found = stage_patterns(SurveyWave(frame, answer="score", scale=NPS, stages={"delivered": "d"}))
    assert sorted(found["delivered"]) == [0, 1]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"delivered": [1, 2, 2]}, DataError, "'delivered' holds other values .* in 2 rows"),
        ({"delivered": [1, NAN]}, MissingValueError, "'delivered' is missing in 1 rows"),
        (
            {"delivered": [1, 0], "started": [1, 1]},
            DataError,
            "'started' was passed in 1 rows that did not pass the stage before",
        ),
        (
            {"opened": [1, 0], "started": [1, 1]},
            DataError,
            "For opens that were not recorded, give open_error",
        ),
        (
            {"started": [1, 0], "score": [9, 0]},
            DataError,
            "1 answers .* did not pass stage 'started'. .* it is not a zero",
        ),
    ],
)
def test_flags_that_contradict_each_other_are_refused(columns, error, message):
    frame_wave = wave(**columns)
    before = frame_wave.frame.copy()
    with pytest.raises(error, match=message):
        stage_patterns(frame_wave)
    pd.testing.assert_frame_equal(frame_wave.frame, before)


def test_text_flags_are_refused():
    frame = pd.DataFrame({"score": [9.0], "d": ["1"]})
    with pytest.raises(DtypeError, match=r"'d' .* expected numbers"):
        stage_patterns(SurveyWave(frame, answer="score", scale=NPS, stages={"delivered": "d"}))


def test_a_misrecorded_open_may_be_started():
    found = stage_patterns(wave(opened=[1, 0], started=[1, 1]), open_is_exact=False)
    assert found["started"].tolist() == [1, 1]


def test_zeros_of_people_who_did_not_complete_are_suspected():
    columns = {"completed": [1] * 5 + [0] * 12, "score": [9, 8, 10, 7, 3] + [0] * 12}
    with pytest.warns(DataWarning, match="all 12 answers .* filled with zeros"):
        stage_patterns(wave(**columns))


def test_partial_answers_that_vary_are_fine():
    columns = {"completed": [1] * 5 + [0] * 12, "score": [9, 8, 10, 7, 3] + [0] * 11 + [4]}
    assert stage_patterns(wave(**columns))["answered"].sum() == 17


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("g", "by is the text"),
        (["score"], "'score' cannot be"),
        (["g", "g"], "names a column twice"),
    ],
)
def test_columns_that_cannot_be_grouped_by_are_refused(by, message):
    with pytest.raises(ConfigError, match=message):
        check_by(by, wave(started=[1.0], g=[1.0]))


def test_a_mistyped_group_names_the_nearest():
    with pytest.raises(MissingColumnError, match="Did you mean 'started'"):
        stage_patterns(wave(started=[1.0]), ["startd"])
