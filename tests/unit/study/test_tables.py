from __future__ import annotations

import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, EmptyDataError, MissingColumnError
from cximpact.study.schema import Table
from cximpact.study.tables import load_table


@pytest.fixture
def place(tmp_path):
    frame = pd.DataFrame(
        {"code": [8.0, 30.0, None, 8.0], "name": ["a", "b", "a", None], "x": [1.0, 2.0, 3.0, 4.0]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    return tmp_path


def load(place, **section):
    table = Table.model_validate({"path": "t.parquet", **section})
    return load_table("t", table, place, 1)


def test_numbers_are_matched_as_they_stand_in_the_file(place):
    columns = {"moved": {"from": "code", "map": {"8": 2011}, "other": 0}}
    frame, _ = load(place, columns=columns)
    assert list(frame["moved"]) == [2011, 0, 0, 2011]


def test_a_blank_becomes_a_level_of_its_own(place):
    frame, _ = load(place, columns={"level": {"from": "code", "fill": "blank"}})
    assert list(frame["level"]) == ["8", "30", "blank", "8"]


def test_values_without_a_target_stay_missing_and_are_not_guessed(place):
    frame, _ = load(place, columns={"m": {"from": "name", "map": {"a": 1}}})
    assert frame["m"].isna().tolist() == [False, True, False, True]


def test_bins_must_hold_every_value(place):
    with pytest.raises(ConfigError, match="leaves out 1 values"):
        load(place, columns={"b": {"from": "x", "bins": [0, 3]}})
    frame, _ = load(place, columns={"b": {"from": "x", "bins": [0, 2, 4]}})
    assert frame["b"].nunique() == 2


def test_a_mistyped_value_is_pointed_out(place):
    with pytest.raises(ConfigError, match="which column 'name' never has"):
        load(place, columns={"m": {"from": "name", "map": {"aa": 1}}})


def test_a_mistyped_column_is_pointed_out(place):
    with pytest.raises(MissingColumnError, match="Did you mean 'name'"):
        load(place, columns={"m": {"from": "nam", "fill": "z"}})


def test_rows_left_out_are_counted(place):
    frame, notes = load(place, where={"name": ["a"]})
    assert len(frame) == 2
    assert "2 of 4 rows are used" in notes[0]


def test_leaving_out_everything_is_an_error(place):
    with pytest.raises(EmptyDataError, match="loosen it"):
        load(place, where={"name": ["zzz"]})


@pytest.mark.parametrize("path", ["none.csv", "t.pickle", "../t.sqlite"])
def test_only_existing_csv_and_parquet_are_read(place, path):
    with pytest.raises(ConfigError, match=r"existing \.csv or \.parquet"):
        load(place, path=path)


def test_an_unknown_dataset_is_answered_with_the_nearest(place):
    table = Table.model_validate({"dataset": "hilstrom"})
    with pytest.raises(ConfigError, match="Did you mean 'hillstrom'"):
        load_table("t", table, place, 1)
