"""A wave speaks for everyone: those who were not invited stay in the frame."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import SCALE, invitations, times

BERLIN = "Europe/Berlin"


@pytest.fixture(scope="module")
def asked() -> Iterator[Repository]:
    with Repository() as repo:
        people = {
            "customer": [1, 2, 3, 4],
            "segment": ["a", "a", "b", "b"],
            "age": [30, 40, 50, 60],
        }
        repo.add("customers", pd.DataFrame(people))
        frame = pd.DataFrame(
            {
                "customer": [1, 2, 1, 3],
                "invited": times(
                    "2024-01-31T23:30", "2024-01-10", "2024-02-10", "2024-02-11"
                ).tz_localize(BERLIN),
                "survey": "relationship",
                "question": "recommend",
                "delivered": [1, 1, 1, 0],
                "completed": [1, 0, 1, None],
                "answer": [9, None, 3, None],
            }
        )
        repo.add("surveys", frame, scale=SCALE)
        other = invitations(invited=frame["invited"].iloc[:2], question=None, survey="visit")
        repo.add("surveys", other.assign(answer=[1, 2]), scale=SCALE)
        yield repo


def test_everyone_is_in_the_frame_once_a_period(asked: Repository):
    wave = asked.survey_wave(
        survey="relationship", answer="recommend", factors=["segment"], period="month"
    )
    frame = wave.frame
    assert frame["customer"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert frame["period"].tolist() == ["2024-01", "2024-02"] * 4
    nan = np.nan
    np.testing.assert_array_equal(frame["recommend"], [9, 3, nan, nan, nan, nan, nan, nan])
    np.testing.assert_array_equal(frame["delivered"], [1, 1, 1, nan, nan, 0, nan, nan])
    assert frame["invited"].notna().sum() == 4
    assert (wave.n_frame, wave.n_answered) == (8, 2)
    assert wave.keys == ("segment", "period") and wave.customer == "customer"
    assert dict(wave.stages) == {"delivered": "delivered", "completed": "completed"}
    assert frame["age"].tolist() == [30, 30, 40, 40, 50, 50, 60, 60]


def test_the_stored_scale_is_the_scale_of_the_wave(asked: Repository):
    wave = asked.survey_wave("relationship", answer="recommend", period="quarter", repeats="keep")
    assert (wave.scale.name, dict(wave.scale.bands)) == ("NPS", dict(SCALE.bands))
    given = asked.survey_wave("visit", answer="effort", scale=SCALE)
    assert given.scale is SCALE


def test_a_question_without_a_name_is_named_by_the_answer(asked: Repository):
    wave = asked.survey_wave("visit", answer="effort")
    np.testing.assert_array_equal(wave.frame["effort"], [1, 2, np.nan, np.nan])
    assert asked.survey_wave("visit").answer == "answer"


def test_the_month_is_that_of_the_zone(asked: Repository):
    wave = asked.survey_wave("visit", period="day")
    assert sorted(set(wave.frame["period"])) == ["2024-01-10", "2024-01-31"]


def test_a_window_picks_invitations(asked: Repository):
    start = pd.Timestamp("2024-02-01", tz=BERLIN)
    wave = asked.survey_wave("relationship", answer="recommend", start=start)
    np.testing.assert_array_equal(wave.frame["recommend"], [3, np.nan, np.nan, np.nan])
    wave = asked.survey_wave("relationship", answer="recommend", end=start)
    np.testing.assert_array_equal(wave.frame["recommend"], [9, np.nan, np.nan, np.nan])


def test_repeats_are_refused_or_kept(asked: Repository):
    with pytest.raises(errors.DuplicateKeyError, match="1 customers .* between start and end"):
        asked.survey_wave("relationship", answer="recommend")
    with pytest.raises(errors.DuplicateKeyError, match="in one period"):
        asked.survey_wave("relationship", answer="recommend", period="year")
    wave = asked.survey_wave("relationship", answer="recommend", repeats="keep")
    assert wave.frame["customer"].tolist() == [1, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"survey": "relationshp"}, errors.ConfigError, "Did you mean 'relationship'"),
        ({"answer": "recomend"}, errors.ConfigError, "Did you mean 'recommend'"),
        ({"factors": ["segmnt"]}, errors.MissingColumnError, "Did you mean 'segment'"),
        ({"factors": "segment"}, errors.DtypeError, "list of columns"),
        ({"factors": None}, errors.DtypeError, "list of columns"),
        ({"factors": ["segment", "segment"]}, errors.DuplicateColumnError, "more than once"),
        ({"factors": [3]}, errors.MissingColumnError, "'3'"),
        ({"answer": 3}, errors.ConfigError, "name of a question"),
        ({"survey": 3}, errors.ConfigError, "survey is 3"),
        ({"scale": "NPS"}, errors.ConfigError, "not a ScoreScale"),
        ({"period": "number"}, errors.ConfigError, "has dates"),
        ({"period": "fortnight"}, errors.ConfigError, "expected one of"),
        ({"repeats": "drop"}, errors.ConfigError, "repeats"),
        ({"start": pd.Timestamp("2030-01-01", tz="UTC")}, errors.DataError, "nobody was invited"),
        ({"start": "2024-01-01"}, errors.TimezoneError, "start has no"),
    ],
)
def test_a_wave_that_is_not_there_is_refused(asked: Repository, options, error, match: str):
    given = {"survey": "relationship", "answer": "recommend", "period": "month"} | options
    with pytest.raises(error, match=match):
        asked.survey_wave(**given)


@pytest.mark.parametrize("name", ["segment", "customer", "delivered", "period"])
def test_an_answer_takes_no_other_columns_name(asked: Repository, name: str):
    with pytest.raises(errors.ColumnError, match="another column"):
        asked.survey_wave("visit", answer=name)


def test_another_scale_is_refused(asked: Repository):
    with pytest.raises(errors.ScaleError, match="lower is better"):
        asked.survey_wave("visit", scale=replace(SCALE, higher_is_better=False))


def test_numbered_invitations_have_numbered_periods(repo: Repository):
    repo.add("surveys", invitations(invited=[1, 2]), scale=SCALE)
    wave = repo.survey_wave("relationship", answer="recommend", period="number")
    assert wave.frame["period"].tolist() == [1, 2] * 4
    assert repo.survey_wave("relationship", answer="recommend", start=2).n_answered == 0
    with pytest.raises(errors.ConfigError, match="period='number'"):
        repo.survey_wave("relationship", answer="recommend", period="month")
    with pytest.raises(errors.ConfigError, match="give a number"):
        repo.survey_wave("relationship", answer="recommend", start="2024-01-01")


def test_a_wave_needs_surveys_and_a_scale(repo: Repository):
    with pytest.raises(errors.DataError, match="no surveys yet"):
        repo.survey_wave("relationship")
    repo.add("surveys", invitations(answer=None))
    with pytest.raises(errors.ConfigError, match="scale is unknown"):
        repo.survey_wave("relationship", answer="recommend")
