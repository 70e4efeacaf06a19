"""Equal content gives equal fingerprints, and only equal content."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from cximpact.core import fingerprint as module
from cximpact.core.errors import DtypeError
from cximpact.core.fingerprint import fingerprint

FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "name": ["a", None, "c"],
        "score": [1.0, np.nan, -0.0],
        "when": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
    }
)


def test_the_index_of_a_frame_does_not_matter():
    assert fingerprint(FRAME) == fingerprint(FRAME.set_axis([7, 8, 9]))


@pytest.mark.parametrize(
    "same",
    [
        FRAME.copy(),
        FRAME.astype({"id": float}),
        FRAME.astype({"id": "Int64"}),
        FRAME.astype({"id": "int32"}),
        FRAME.astype({"name": object}),
        FRAME.assign(name=pd.Series(["a", np.nan, "c"], dtype=object)),
        FRAME.assign(name=pd.Series(["a", pd.NA, "c"], dtype=object)),
        FRAME.astype({"name": "category"}),
        FRAME.assign(score=[1.0, None, 0.0]),
        FRAME.astype({"when": "datetime64[ns]"}),
        pl.from_pandas(FRAME),
        pl.from_pandas(FRAME).to_arrow(),
    ],
)
def test_the_same_content_in_other_types_and_engines_is_the_same(same):
    assert fingerprint(same) == fingerprint(FRAME)


@pytest.mark.parametrize(
    "other",
    [
        FRAME.iloc[::-1],
        FRAME.iloc[:2],
        FRAME[["name", "id", "score", "when"]],
        FRAME.rename(columns={"id": "key"}),
        FRAME.assign(id=[1, 2, 4]),
        FRAME.assign(name=["a", "b", "c"]),
        FRAME.assign(score=[1.0, 0.0, 0.0]),
        FRAME.assign(when=pd.to_datetime(["2024-01-01", None, "2024-01-04"])),
    ],
)
def test_other_content_has_another_fingerprint(other):
    assert fingerprint(other) != fingerprint(FRAME)


def test_identifiers_beyond_two_to_the_53_are_told_apart():
    assert fingerprint(np.array([2**53, 1])) != fingerprint(np.array([2**53 + 1, 1]))


def test_parts_do_not_run_into_each_other():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint([1], [2, 3]) != fingerprint([1, 2], [3])
    assert fingerprint(np.zeros((2, 3))) != fingerprint(np.zeros((3, 2)))
    assert fingerprint(np.array([1.0])) != fingerprint(1.0)
    assert fingerprint(None) != fingerprint("None")


def test_mappings_do_not_depend_on_the_order_of_their_keys():
    assert fingerprint({"a": 1, "b": np.arange(3)}) == fingerprint({"b": np.arange(3), "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_numpy_scalars_equal_plain_numbers():
    assert fingerprint(np.float64(0.5), np.int64(3)) == fingerprint(0.5, 3)


def test_labelled_arrays_differ_by_their_coordinates():
    one = xr.DataArray([1.0, 2.0], dims="k", coords={"k": ["a", "b"]})
    assert fingerprint(one) != fingerprint(one.assign_coords(k=["a", "c"]))
    assert fingerprint(one) == fingerprint(one.copy(deep=True))


def test_long_columns_are_read_in_chunks_with_the_same_result(monkeypatch):
    frame = pd.DataFrame({"x": np.arange(10), "s": list("abcdefghij")})
    whole = fingerprint(frame)
    monkeypatch.setattr(module, "_CHUNK", 3)
    assert fingerprint(frame) == whole


def test_columns_of_nested_values_can_be_told_apart():
    one, two = pd.Series([[1], [2]]), pd.Series([[1], [3]])
    assert fingerprint(one) != fingerprint(two)


@pytest.mark.parametrize("thing", [object(), pl.LazyFrame({"a": [1]}), len])
def test_what_cannot_be_read_is_refused(thing):
    with pytest.raises(DtypeError, match="no fingerprint"):
        fingerprint(thing)


def test_fingerprints_are_the_same_in_every_process():
    code = (
        "import pandas as pd; from cximpact.core.fingerprint import fingerprint as f\n"
        "print(f(pd.DataFrame({'a': ['x', None], 'b': [1, 2]}), {'k': 1, 'j': 2}))"
    )
    run = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert run[0] == run[1]


def test_inputs_are_not_changed():
    before = FRAME.copy()
    fingerprint(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)
