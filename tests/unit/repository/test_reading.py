"""Frames of every engine come in alike, and their columns are matched with the contract."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import contacts, times


def engines() -> dict[str, object]:
    frame = contacts(event=["b", "a"], wait=[1.5, None], note=["x", None])
    return {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "polars lazy": pl.from_pandas(frame).lazy(),
        "polars categories": pl.from_pandas(frame).with_columns(
            pl.col("channel").cast(pl.Categorical)
        ),
        "pyarrow": pa.Table.from_pandas(frame),
        "duckdb": duckdb.from_arrow(pa.Table.from_pandas(frame)),
    }


def test_every_engine_gives_the_same_table_and_batch(repo: Repository):
    first = repo.add("interactions", contacts(event=["b", "a"], wait=[1.5, None], note=["x", None]))
    for name, frame in engines().items():
        again = repo.add("interactions", frame, if_exists="skip")
        assert again.skipped and again.batch == first.batch, name


@pytest.mark.parametrize("engine", list(engines()))
def test_an_engine_comes_in(repo: Repository, engine: str):
    assert repo.add("interactions", engines()[engine]).rows == 2
    assert repo.table("interactions")["note"].tolist()[0] == "x"


def test_parquet_comes_in_with_its_types(repo: Repository, tmp_path: Path):
    contacts(wait=[1.5, None]).to_parquet(tmp_path / "a [1]*.parquet")
    assert repo.add("interactions", str(tmp_path / "a [1]*.parquet")).rows == 2


@pytest.mark.parametrize(
    ("name", "match"),
    [("gone.csv", "no file"), ("x.xlsx", "expected a .csv"), ("n" * 300 + ".csv", "no file")],
)
def test_a_path_that_cannot_be_read_is_refused(shared: Repository, tmp_path: Path, name, match):
    with pytest.raises(errors.DataError, match=match):
        shared.add("interactions", tmp_path / name)


def test_a_file_that_is_no_parquet_is_refused(shared: Repository, tmp_path: Path):
    (tmp_path / "a.parquet").write_text("nothing")
    with pytest.raises(errors.DataError, match="not a readable Parquet"):
        shared.add("interactions", tmp_path / "a.parquet")


@pytest.mark.parametrize("thing", [None, 3, [1, 2], {"customer": [1]}])
def test_what_is_no_frame_is_refused(shared: Repository, thing):
    with pytest.raises(errors.DtypeError, match="a frame was expected"):
        shared.add("interactions", thing)


def test_objects_of_polars_are_refused(shared: Repository):
    frame = pl.DataFrame({"customer": [1], "o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(errors.DtypeError, match="'o' holds Python objects"):
        shared.add("interactions", frame)


def test_an_empty_frame_is_refused(shared: Repository):
    with pytest.raises(errors.EmptyDataError, match="0 rows"):
        shared.add("interactions", contacts().iloc[:0])


def test_a_missing_column_names_the_closest(shared: Repository):
    with pytest.raises(errors.MissingColumnError, match="Did you mean 'chanel'"):
        shared.add("interactions", contacts().rename(columns={"channel": "chanel"}))
    with pytest.raises(errors.MissingColumnError, match="role 'columns='"):
        shared.add("interactions", contacts(), columns={"Chanel": "channel"})


@pytest.mark.parametrize("columns", [3, {"channel": 3}, ["channel"]])
def test_columns_is_a_mapping(shared: Repository, columns):
    with pytest.raises(errors.ConfigError, match="mapping"):
        shared.add("interactions", contacts(), columns=columns)


def test_columns_are_renamed_and_the_frame_is_not(repo: Repository):
    frame = contacts().rename(columns={"channel": "kanal"})
    repo.add("interactions", frame, columns={"kanal": "channel"})
    assert "kanal" in frame
    assert repo.table("interactions")["channel"].tolist() == ["web", "phone"]


def test_doubled_columns_are_refused(shared: Repository):
    for frame in (
        pd.concat([contacts(), contacts()[["channel"]]], axis=1),
        contacts(Channel=["a", "b"]),
        contacts(x=["a", "b"], X=["a", "b"]),
    ):
        with pytest.raises(errors.DuplicateColumnError, match="occurs more than once"):
            shared.add("interactions", frame)
    with pytest.raises(errors.DuplicateColumnError):
        shared.add("interactions", contacts(x=["a", "b"]), columns={"x": "channel"})


def test_a_column_without_a_place_names_the_closest(shared: Repository):
    frame = pd.DataFrame({"customer": [1], "period": [1], "spent": [1.0]})
    with pytest.raises(errors.ColumnError, match="no place .* Did you mean 'spend'"):
        shared.add("behavior", frame)
    with pytest.raises(errors.ColumnError, match="Did you mean 'touchpoint'"):
        shared.add("interactions", contacts(Touchpoint=["a", "b"]))


@pytest.mark.parametrize("name", ["_cximpact_position", "", "a\0b"])
def test_a_name_that_cannot_be_stored_is_refused(shared: Repository, name: str):
    with pytest.raises(errors.ColumnError, match="rename it"):
        shared.add("interactions", contacts(**{name: [1, 2]}))


def test_names_that_waves_need_are_refused_for_customers(shared: Repository):
    with pytest.raises(errors.ColumnError, match="'Period' cannot be stored"):
        shared.add("customers", pd.DataFrame({"customer": [9], "Period": [1]}))


@pytest.mark.parametrize(
    "values",
    [
        [datetime(2024, 1, 1), datetime(2024, 1, 2, tzinfo=UTC)],
        [
            pd.Timestamp("2024-01-01", tz="Europe/Berlin"),
            pd.Timestamp("2024-01-02", tz="UTC"),
        ],
    ],
)
def test_mixed_zones_in_a_column_are_refused(shared: Repository, values):
    frame = contacts(time=pd.Series(values, dtype=object))
    with pytest.raises(errors.TimezoneError, match="1 row, at position 1"):
        shared.add("interactions", frame)


def test_dates_do_not_swallow_times(shared: Repository):
    values = pd.Series([date(2024, 1, 1), datetime(2024, 1, 2, 3)], dtype=object)
    with pytest.raises(errors.DtypeError, match="mixes types"):
        shared.add("interactions", contacts(time=values))


def test_objects_of_one_type_come_in(repo: Repository):
    changes = {
        "time": pd.Series([date(2024, 1, 1), date(2024, 1, 2)], dtype=object),
        "resolved": pd.Series([np.True_, None], dtype=object),
        "wait": pd.Series([1, 2.5], dtype=object),
    }
    repo.add("interactions", contacts(**changes))
    assert repo.table("interactions")["time"].tolist() == list(times("2024-01-01", "2024-01-02"))
