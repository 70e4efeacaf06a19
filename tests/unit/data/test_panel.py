"""Panels and repeated cross-sections are checked at the door, in every engine."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.data import Panel, frames
from tests.support.did import cross_section, fixture_f1, panel, people, simple_panel
from tests.support.engines import ENGINES, spark_session


def table():
    return simple_panel(np.random.default_rng(1), units=6, periods=4, start=3).assign(
        d=lambda f: (f["t"] >= f["g"]).astype(int)
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_panel(engine):
    found = panel(ENGINES[engine](fixture_f1().assign(name="x")), cluster="unit")
    assert (found.n_rows, found.n_units, found.n_dropped, found.balanced) == (72, 12, 0, True)
    assert found.periods == (1, 2, 3, 4, 5, 6)
    assert found.cohorts.to_numpy().tolist() == [[3, 4], [5, 4], [np.inf, 4]]
    rows = found.to_pandas()
    expected = panel(fixture_f1(), cluster="unit").to_pandas()
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_reads_treatment_by_period(engine):
    given = {"first_treated": None, "treated": "d"}
    found = panel(ENGINES[engine](table()), **given)
    plain = panel(table())
    assert found.cohorts.equals(plain.cohorts)
    columns = ["unit", "period", "first_treated"]
    pd.testing.assert_frame_equal(
        found.to_pandas()[columns], plain.to_pandas()[columns], check_dtype=False
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_drops_rows_when_asked(engine):
    holes = table()
    holes.loc[[1, 6, 7], "y"] = np.nan
    with pytest.raises(errors.MissingOutcomeError, match="'y'.*missing in 3 rows.*missing='drop'"):
        panel(ENGINES[engine](holes))
    found = panel(ENGINES[engine](holes), missing="drop")
    assert (found.n_rows, found.n_dropped, found.balanced) == (21, 3, False)
    assert found.to_pandas()["outcome"].notna().all()


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_finds_doubled_keys(engine):
    doubled = pd.concat([table(), table().iloc[[2, 5]]])
    with pytest.raises(errors.DuplicateKeyError, match="2 pairs of 'unit' and 't' occur more"):
        panel(ENGINES[engine](doubled))


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same_panel():
    plain = table()[["unit", "t", "y", "g", "d"]]
    rows = [tuple(row) for row in plain.astype(object).itertuples(index=False)]
    schema = "unit long, t long, y double, g double, d long"
    frame = spark_session().createDataFrame(rows, schema=schema)
    for roles in ({}, {"first_treated": None, "treated": "d"}):
        found = panel(frame, **roles)
        assert found.balanced
        assert found.periods == (1, 2, 3, 4)
        assert found.cohorts.to_numpy().tolist() == [[3, 2], [np.inf, 4]]
    with pytest.raises(errors.MissingOutcomeError, match="no row positions"):
        panel(
            spark_session().createDataFrame(
                [(1, 1, None, 2.0)], "unit long, t long, y double, g double"
            )
        )
    with pytest.raises(errors.DuplicateKeyError, match="24 pairs"):
        panel(frame.union(frame))


@pytest.mark.parametrize("step", [1, 7, 49, 100, 0.5])
def test_doubled_keys_are_found_for_any_spacing_of_periods(step):
    spaced = table().assign(t=lambda f: f["t"] * step, g=lambda f: f["g"] * step)
    found = panel(spaced)
    assert found.balanced
    assert found.periods == tuple(step * t for t in (1, 2, 3, 4))
    # a unit seen in periods 1, 1 and 3 in place of 1, 2 and 3: as many rows as a sound unit
    swapped = spaced.assign(t=spaced["t"].mask(spaced["t"] == 2 * step, 1.0 * step))
    with pytest.raises(errors.DuplicateKeyError, match="6 pairs"):
        panel(swapped)


def test_many_rows_of_one_unit_in_one_period_are_found():
    many = pd.concat([table(), *[table().query("unit == 0 and t == 4")] * 99])
    with pytest.raises(errors.DuplicateKeyError, match="1 pair of"):
        panel(many)


def test_never_has_three_spellings():
    for never in (np.inf, np.nan, 0):
        found = panel(table().assign(g=lambda f, n=never: f["g"].replace(np.inf, n)))
        assert found.cohorts["first_treated"].tolist() == [3, np.inf]
    nullable = table().assign(g=lambda f: f["g"].replace(np.inf, np.nan).astype("Int64"))
    assert panel(nullable).cohorts["first_treated"].tolist() == [3, np.inf]


def test_a_row_without_an_outcome_still_says_when_treatment_began():
    holes = table()
    holes.loc[(holes["t"] == 3) & (holes["d"] == 1), "y"] = np.nan
    found = panel(holes, first_treated=None, treated="d", missing="drop")
    assert found.cohorts["first_treated"].tolist() == [3, np.inf]
    assert set(found.to_pandas()["first_treated"]) == {3, np.inf}
    crossed = people(np.random.default_rng(1)).assign(d=lambda f: (f["t"] >= f["g"]).astype(int))
    crossed.loc[(crossed["t"] == 3) & (crossed["d"] == 1), "y"] = np.nan
    found = cross_section(crossed, first_treated=None, treated="d", missing="drop")
    assert set(found.to_pandas()["first_treated"]) == {3, np.inf}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cross_section_counts_rows_and_groups(engine):
    crossed = people(np.random.default_rng(2))
    found = cross_section(ENGINES[engine](crossed))
    assert (found.n_rows, found.n_groups) == (len(crossed), 14)
    assert found.periods == (1, 2, 3, 4)
    assert found.cohorts["units"].tolist() == [5, 9]
    assert len(found.to_pandas()) == len(crossed)


BAD = {
    "empty": (lambda d: d.iloc[:0], {}, errors.EmptyDataError, "0 rows"),
    "mistyped": (lambda d: d, {"outcome": "Yy"}, errors.MissingColumnError, "role 'outcome'"),
    "doubled": (
        lambda d: pd.concat([d, d[["y"]]], axis=1),
        {},
        errors.DuplicateColumnError,
        "'y' occurs more than once",
    ),
    "no treatment": (lambda d: d, {"first_treated": None}, errors.ConfigError, "exactly one"),
    "two treatments": (lambda d: d, {"treated": "d"}, errors.ConfigError, "exactly one"),
    "text outcome": (lambda d: d.assign(y="1"), {}, errors.DtypeError, "role 'outcome'"),
    "date periods": (
        lambda d: d.assign(t=pd.Timestamp(2020, 1, 1)),
        {},
        errors.DtypeError,
        "number the periods",
    ),
    "missing outcome": (
        lambda d: d.assign(y=d["y"].mask(d.index == 2)),
        {},
        errors.MissingOutcomeError,
        "missing in 1 row, at position 2; impute it",
    ),
    "no outcome": (
        lambda d: d.assign(y=np.nan),
        {"missing": "drop"},
        errors.MissingOutcomeError,
        "no values at all",
    ),
    "infinite outcome": (
        lambda d: d.assign(y=d["y"].mask(d.index == 2, np.inf)),
        {},
        errors.NonFiniteError,
        "'y' is infinite in 1 row, at position 2",
    ),
    "missing period": (
        lambda d: d.assign(t=d["t"].mask(d.index == 2)),
        {},
        errors.MissingValueError,
        "'t' is missing in 1 row",
    ),
    "missing cluster": (
        lambda d: d.assign(c=d["c"].mask(d.index == 2)),
        {"cluster": "c"},
        errors.MissingValueError,
        "'c' is missing",
    ),
    "treated is two": (
        lambda d: d.assign(d=d["d"] * 2),
        {"first_treated": None, "treated": "d"},
        errors.TreatmentError,
        r"other than 0 and 1 \('2'\) in 4 rows, at positions 2, 3, 14, 15",
    ),
    "reversal": (
        lambda d: d.assign(d=(d["t"] == 2) * (d["g"] < 9) * 1),
        {"first_treated": None, "treated": "d"},
        errors.TreatmentReversalError,
        "2 of 6 .* untreated in or after their first treated period",
    ),
    "start changes": (
        lambda d: d.assign(g=d["g"].mask(d["t"] == 4, 2.0)),
        {},
        errors.TreatmentError,
        "changes within 6 of 6",
    ),
    "zero is a period": (
        lambda d: d.assign(t=d["t"] - 3, g=d["g"] - 3),
        {},
        errors.TreatmentError,
        "is 0 in 8 rows, which means never, but periods run from -2 to 1",
    ),
    "minus infinity": (
        lambda d: d.assign(g=-d["g"]),
        {},
        errors.TreatmentError,
        "minus infinity in 16 rows",
    ),
    "none treated": (lambda d: d.assign(g=0), {}, errors.NoTreatedError, "none of 6 units"),
    "all treated": (lambda d: d.assign(g=3), {}, errors.NoControlError, "all 6 units"),
    "negative weight": (
        lambda d: d.assign(w=-d["w"]),
        {"weight": "w"},
        errors.WeightError,
        "negative in 24 rows",
    ),
    "missing weight": (
        lambda d: d.assign(w=d["w"].mask(d.index == 0)),
        {"weight": "w"},
        errors.WeightError,
        "'w' is missing in 1 row",
    ),
    "no weight": (lambda d: d.assign(w=0), {"weight": "w"}, errors.WeightError, "sums to 0"),
    "empty covariate": (
        lambda d: d.assign(x=np.nan),
        {"covariates": ["x"]},
        errors.ColumnError,
        "'x' has no values at all",
    ),
    "gap in a covariate": (
        lambda d: d.assign(x=d["x"].mask(d.index == 5)),
        {"covariates": ["x"]},
        errors.MissingValueError,
        "'x' is missing in 1 row, at position 5",
    ),
    "infinite covariate": (
        lambda d: d.assign(x=np.inf),
        {"covariates": ["x"]},
        errors.NonFiniteError,
        "'x' is infinite",
    ),
    "text covariate": (
        lambda d: d.assign(x="a"),
        {"covariates": ["x"]},
        errors.DtypeError,
        r"covariates\[0\]",
    ),
    "covariates as text": (lambda d: d, {"covariates": "x"}, errors.DtypeError, "list of columns"),
    "a covariate twice": (
        lambda d: d,
        {"covariates": ["x", "x"]},
        errors.DuplicateColumnError,
        "'x' more than once",
    ),
    "a covariate called like a role": (
        lambda d: d.assign(weight=1.0),
        {"covariates": ["weight"]},
        errors.ConfigError,
        "'weight', a role; rename",
    ),
    "missing": (lambda d: d, {"missing": "skip"}, errors.ConfigError, "expected one of"),
}
OF_UNITS = {
    "null id": (
        lambda d: d.assign(unit=d["unit"].mask(d.index == 3)),
        errors.IdTypeError,
        "missing in 1 row, at position 3",
    ),
    "long float id": (
        lambda d: d.assign(unit=d["unit"] + 2.0**53),
        errors.IdTypeError,
        "lost or fractional digits in 24 rows",
    ),
    "mixed ids": (
        lambda d: d.assign(unit=[1, "a"] * 12),
        errors.DtypeError,
        "'unit' has type Object",
    ),
}


@pytest.mark.parametrize("kind", ["panel", "cross-section"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_rows_and_left_alone(case, kind):
    change, roles, error, match = BAD[case]
    frame = change(table())
    before = frame.copy(deep=True)
    with pytest.raises(error, match=match):
        if kind == "panel":
            panel(frame, **roles)
        else:
            cross_section(frame.rename(columns={"unit": "group"}), **roles)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("case", OF_UNITS)
def test_bad_ids_are_refused_and_left_alone(case):
    change, error, match = OF_UNITS[case]
    frame = change(table())
    before = frame.copy(deep=True)
    with pytest.raises(error, match=match):
        panel(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_whole_float_ids_are_accepted_with_a_warning():
    with pytest.warns(errors.DataWarning, match="'unit' is stored as a float"):
        assert panel(table().assign(unit=table()["unit"] * 1.0)).n_units == 6


def test_a_group_treated_for_some_of_its_people_is_refused():
    crossed = people(np.random.default_rng(3))
    crossed["d"] = ((crossed["t"] == 4) & (crossed["group"] == 0)).astype(int)
    crossed.loc[crossed.query("d == 1").index[0], "d"] = 0
    with pytest.raises(errors.TreatmentReversalError, match="1 of 14 groups"):
        cross_section(crossed, first_treated=None, treated="d")


def test_a_sound_panel_is_scanned_twice(monkeypatch: pytest.MonkeyPatch):
    scans = []
    collect = frames.collect
    monkeypatch.setattr(frames, "collect", lambda frame: scans.append(frame) or collect(frame))
    assert isinstance(panel(table(), weight="w", covariates=["x"], cluster="c"), Panel)
    assert len(scans) == 2  # the number of rows, and the checks: units in order are seen at once
    scans.clear()
    shuffled = table().sample(frac=1, random_state=1)
    assert isinstance(panel(shuffled, weight="w", covariates=["x"], cluster="c"), Panel)
    assert len(scans) == 3  # and the units
