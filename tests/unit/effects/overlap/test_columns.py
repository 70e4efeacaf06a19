"""Columns of any engine as numbers; identifiers and dates are refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core import errors
from cximpact.effects.overlap.columns import split_columns


def test_numbers_categories_and_levels():
    data = pd.DataFrame(
        {
            "x": [1, 2, 3],
            "flag": [True, False, True],
            "g": pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"]),
            "year": pd.Categorical([2020, 2021, 2020]),
        }
    )
    found = split_columns(data)
    names = [(c.variable, c.level, c.is_share) for c in found]
    assert names == [
        ("x", "", False),
        ("flag", "", True),
        ("g", "a", True),
        ("g", "b", True),
        ("year", "2020", True),
        ("year", "2021", True),
    ]
    assert found[3].values.tolist() == [1, 0, 1]
    dropped = split_columns(data, ["g"], drop_first=True)
    assert [c.level for c in dropped] == ["b"]
    other = split_columns(pl.from_pandas(data.drop(columns="year")))
    assert [c.level for c in other] == [c.level for c in found[:4]]
    for a, b in zip(found, other, strict=False):
        np.testing.assert_array_equal(a.values, b.values)


@pytest.mark.parametrize(
    ("column", "error", "match"),
    [
        ([1, None, 3], errors.MissingValueError, "'c' is missing in 1 row, at position 1"),
        ([1, np.inf, 3], errors.NonFiniteError, "position 1"),
        (pd.to_datetime(["2024-01-01"] * 3), errors.DtypeError, "datetime"),
        (["a", 1, "b"], errors.DtypeError, "mixed"),
    ],
)
def test_what_is_no_feature(column, error, match):
    with pytest.raises(error, match=match):
        split_columns(pd.DataFrame({"c": column}))


def test_identifiers_are_refused_without_showing_them():
    data = pd.DataFrame({"id": [f"customer-{i}" for i in range(300)]})
    with pytest.raises(errors.DtypeError, match="300 different values in 300 rows") as caught:
        split_columns(data)
    assert "customer-" not in str(caught.value)
    assert len(split_columns(data[:90])) == 90
