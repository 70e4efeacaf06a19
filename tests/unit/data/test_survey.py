"""A wave is checked at the door: class and message of every refusal, inputs left alone."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core import errors
from cximpact.core.scale import ScoreScale
from cximpact.data import SurveyWave
from tests.support.engines import ENGINES

NPS = ScoreScale(name="NPS", low=0, high=10, higher_is_better=True)
GRID = ScoreScale(name="grid", low=0.5, high=2.5, step=0.5, higher_is_better=True)


def table():
    return pd.DataFrame(
        {
            "nps": [0.0, 7.0, np.nan, 10.0],
            "segment": ["a", "b", "a", "b"],
            "month": [1, 1, 2, 2],
            "w": [1.0, 0.0, 2.0, 1.5],
            "id": [11, 12, 13, 14],
        }
    )


def wave(frame, **options):
    given = {"answer": "nps", "scale": NPS, "factors": ["segment"], "period": "month"} | options
    return SurveyWave(frame, **given)


@pytest.mark.parametrize("engine", ENGINES)
def test_counts_and_roles(engine):
    found = wave(ENGINES[engine](table()), weight="w", customer="id")
    assert (found.n_frame, found.n_answered) == (4, 3)
    assert found.keys == ("segment", "month")


BAD = {
    "empty": (lambda d: d.iloc[:0], {}, errors.EmptyDataError, "0 rows"),
    "mistyped": (lambda d: d, {"answer": "npss"}, errors.MissingColumnError, "Did you mean 'nps'"),
    "mistyped factor": (
        lambda d: d,
        {"factors": ["segmnt"]},
        errors.MissingColumnError,
        r"role 'factors\[0\]'.*'segment'",
    ),
    "name that is no text": (lambda d: d, {"answer": 3}, errors.ConfigError, "name of a column"),
    "text for a list": (lambda d: d, {"factors": "segment"}, errors.DtypeError, "list of columns"),
    "no list": (lambda d: d, {"factors": None}, errors.DtypeError, "list of columns"),
    "two roles": (
        lambda d: d,
        {"factors": ["month"]},
        errors.DuplicateColumnError,
        "'month' more than once",
    ),
    "answer as factor": (
        lambda d: d,
        {"factors": ["nps"]},
        errors.DuplicateColumnError,
        "'nps' more than once",
    ),
    "doubled": (
        lambda d: pd.concat([d, d[["nps"]]], axis=1),
        {},
        errors.DuplicateColumnError,
        "'nps' occurs more than once",
    ),
    "text": (
        lambda d: d.assign(nps=["7", "7,5", None, "1"]),
        {},
        errors.DtypeError,
        "expected numbers: convert it explicitly",
    ),
    "bool": (lambda d: d.assign(nps=True), {}, errors.DtypeError, "write it as 0 and 1"),
    "complex": (lambda d: d.assign(nps=1j), {}, errors.DtypeError, "expected numbers"),
    "nested": (lambda d: d.assign(nps=[[1]] * 4), {}, errors.DtypeError, "expected numbers"),
    "dates": (
        lambda d: d.assign(nps=pd.Timestamp(2020, 1, 1)),
        {},
        errors.DtypeError,
        "12 \\* year",
    ),
    "mixed factor": (
        lambda d: d.assign(segment=[1, "a", 2, "b"]),
        {},
        errors.DtypeError,
        "several types",
    ),
    "nested factor": (lambda d: d.assign(segment=[[1]] * 4), {}, errors.DtypeError, "'segment'"),
    "missing factor": (
        lambda d: d.assign(segment=["a", None, "b", None]),
        {},
        errors.MissingValueError,
        "'segment' is missing in 2 rows, at positions 1, 3",
    ),
    "infinite": (
        lambda d: d.assign(nps=[1, np.inf, 3, -np.inf]),
        {},
        errors.NonFiniteError,
        "infinite in 2 rows, at positions 1, 3",
    ),
    "eleven": (
        lambda d: d.assign(nps=[1.0, 11, 3, 4]),
        {},
        errors.ScaleError,
        "ranges from 1 to 11 but scale NPS runs from 0 to 10: 1 row, at position 1",
    ),
    "code 99": (
        lambda d: d.assign(nps=[1.0, 99, 3, 99]),
        {},
        errors.ScaleError,
        "2 rows, at positions 1, 3. 99 looks like a missing code",
    ),
    "code -1": (
        lambda d: d.assign(nps=[1, -1, 3, 4]),
        {},
        errors.ScaleError,
        "-1 looks like a missing code.*make -1 missing",
    ),
    "between": (
        lambda d: d.assign(nps=[1.0, 6.5, 3, 4]),
        {},
        errors.ScaleError,
        "between the steps of scale NPS in 1 row, at position 1",
    ),
    "between on integers": (
        lambda d: d.assign(nps=[1, 2, 2, 1]),
        {"scale": ScoreScale(name="half", low=0.5, high=2.5, higher_is_better=True)},
        errors.ScaleError,
        "between the steps of scale half in 4 rows",
    ),
    "scale from one": (
        lambda d: d.assign(nps=[0.0, 1, 2, 3]),
        {"scale": ScoreScale(name="PSAT", low=1, high=10, higher_is_better=True)},
        errors.ScaleError,
        "ranges from 0 to 3 but scale PSAT runs from 1",
    ),
    "no scale": (lambda d: d, {"scale": "NPS"}, errors.ConfigError, "expected a ScoreScale"),
    "negative weight": (
        lambda d: d.assign(w=[1, -1, 1, 1]),
        {"weight": "w"},
        errors.WeightError,
        "negative in 1 row, at position 1",
    ),
    "no weights": (lambda d: d.assign(w=0), {"weight": "w"}, errors.WeightError, "sums to 0"),
    "missing weight": (
        lambda d: d.assign(w=[1, np.nan, 1, 1]),
        {"weight": "w"},
        errors.WeightError,
        "missing in 1 row, at position 1; give every row a weight",
    ),
    "infinite weight": (
        lambda d: d.assign(w=[1, np.inf, 1, 1]),
        {"weight": "w"},
        errors.WeightError,
        "infinite",
    ),
    "text weight": (lambda d: d, {"weight": "segment"}, errors.DtypeError, "role 'weight'"),
    "null id": (
        lambda d: d.assign(id=["a", None, "b", "c"]),
        {"customer": "id"},
        errors.IdTypeError,
        "'id' is missing in 1 row, at position 1",
    ),
    "long float id": (
        lambda d: d.assign(id=[1.0, 2.0**53, 3.0, 4.0]),
        {"customer": "id"},
        errors.IdTypeError,
        "lost or fractional digits in 1 row, at position 1",
    ),
    "fractional id": (
        lambda d: d.assign(id=[1.5, 2, 3, 4]),
        {"customer": "id"},
        errors.IdTypeError,
        "position 0",
    ),
    "unknown stage": (
        lambda d: d,
        {"stages": {"finished": "w"}},
        errors.ConfigError,
        "expected one of 'delivered'",
    ),
    "stages without names": (lambda d: d, {"stages": ["w"]}, errors.DtypeError, "for each stage"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_rows_and_left_alone(case):
    change, options, error, match = BAD[case]
    frame = change(table())
    before = frame.copy(deep=True)
    with pytest.raises(error, match=match):
        wave(frame, **options)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_refuses_the_same(engine):
    bad = ENGINES[engine](table().assign(nps=[1.0, 99, np.nan, 99]))
    with pytest.raises(errors.ScaleError, match="1 to 99 but scale NPS.*2 rows.*missing code"):
        wave(bad)


@pytest.mark.parametrize("frame", [None, 3, [1, 2], {"nps": [1]}, np.ones((2, 2)), pd.Series([1])])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(errors.DtypeError, match="a frame was expected"):
        wave(frame)


def test_whole_float_ids_are_accepted_with_a_warning():
    with pytest.warns(errors.DataWarning, match="'id' is stored as a float"):
        wave(table().assign(id=[1.0, 2, 3, 4]), customer="id")


def test_answers_without_a_zero_are_suspected_of_another_scale():
    frame = pl.DataFrame({"nps": list(range(1, 11)) * 10})
    with pytest.warns(errors.DataWarning, match="hold no 0 although scale NPS starts there"):
        SurveyWave(frame, answer="nps", scale=NPS)


def test_steps_that_are_no_whole_numbers():
    found = SurveyWave(pl.DataFrame({"s": [0.5, 1.0, 2.5]}), answer="s", scale=GRID)
    assert found.n_answered == 3
