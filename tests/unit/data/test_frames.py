"""The door for frames: sums by group, missing values and rows, alike in every engine."""

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.data import checks, frames
from tests.support.engines import ENGINES

TABLE = pd.DataFrame(
    {
        "text": ["b", None, "a", "b", None],
        "number": [1.0, np.nan, 2.0, 1.0, 3.0],
        "value": [1, 2, 3, 4, 5],
    }
)


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_keys_form_a_group_of_their_own(engine):
    opened = frames.open_frame(ENGINES[engine](TABLE))
    for key, expected in (("text", {"a": 3, "b": 5}), ("number", {1: 5, 2: 3, 3: 5})):
        found = frames.group_sums(opened, [key], {"total": nw.col("value")})
        given = found.dropna(subset=key)
        assert dict(zip(given[key], given["total"], strict=True)) == expected
        missing = found[found[key].isna()]
        assert missing[frames.COUNT].sum() == TABLE[key].isna().sum()
        assert missing["total"].sum() == TABLE.loc[TABLE[key].isna(), "value"].sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_keys_give_one_row(engine):
    opened = frames.open_frame(ENGINES[engine](TABLE))
    found = frames.group_sums(opened, [], {"total": nw.col("value")})
    assert found[[frames.COUNT, "total"]].to_numpy().tolist() == [[5, 15]]
    assert frames.group_sums(opened, [], {})[frames.COUNT].tolist() == [5]


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_and_known_values(engine):
    opened = frames.open_frame(ENGINES[engine](TABLE))
    for column, n in (("text", 2), ("number", 1), ("value", 0)):
        assert frames.count_where(opened, frames.is_missing(opened, column)) == n
    known = frames.collect(opened.select(n=frames.known(opened, "number").count()))
    assert known["n"].tolist() == [4]
    above = frames.known(opened, "number") > 1.5
    assert frames.count_where(opened, above) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_are_named_where_there_is_an_order(engine):
    opened = frames.open_frame(ENGINES[engine](TABLE))
    found = frames.where(opened, nw.col("value") > 3, 2)
    ordered = "2 rows, at positions 3, 4"
    assert found == (
        ordered if engine != "duckdb" else "2 rows (this engine keeps no row positions)"
    )


def test_categories_come_out_as_labels_in_their_order():
    table = TABLE.assign(size=pd.Categorical(["s", "l", "s", "m", "l"], ["s", "m", "l"]))
    found = frames.group_sums(frames.open_frame(table), ["size"], {})
    assert found["size"].tolist() == ["l", "m", "s"]
    assert not isinstance(found["size"].dtype, pd.CategoricalDtype)


def test_every_check_is_counted_in_one_scan_and_the_first_that_fails_is_told():
    opened = frames.open_frame(TABLE)
    late = checks.present(opened, "text", "fill it")
    sound = checks.present(opened, "value", "fill it")
    seen = checks.run(opened, [sound], {"top": nw.col("value").max()})
    assert (seen["top"], seen[checks.ROWS]) == (5, 5)
    with pytest.raises(errors.MissingValueError, match="'text' is missing in 2 rows.* fill it"):
        checks.run(opened, [sound, late, checks.present(opened, "number", "x")])
    with pytest.raises(errors.EmptyDataError):
        checks.run(frames.open_frame(TABLE.iloc[:0]), [sound])


@pytest.mark.parametrize("name", ["__count", "__rows"])
def test_names_used_inside_are_refused(name):
    opened = frames.open_frame(TABLE.rename(columns={"text": name}))
    with pytest.raises(errors.ConfigError, match="two underscores"):
        frames.check_columns(opened, {"by[0]": name})


def test_a_frame_of_narwhals_is_opened():
    assert frames.count_rows(frames.open_frame(nw.from_native(TABLE))) == 5
    assert frames.count_rows(frames.open_frame(nw.from_native(TABLE).lazy())) == 5
