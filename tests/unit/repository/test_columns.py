"""Bad columns get the error that says what is wrong and where, and change nothing."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import contacts, times

U64 = np.array([2**63 + 1, 1], dtype="uint64")
BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("fractional ids", {"customer": [1.5, 2.0]}, errors.IdTypeError, "1 row, at position 0"),
    ("ids that lost digits", {"customer": [2.0**54, 2.0]}, errors.IdTypeError, "lost"),
    ("text ids", {"customer": ["1", "2"]}, errors.IdTypeError, "is text.* is integer"),
    ("missing ids", {"customer": [1.0, None]}, errors.IdTypeError, "missing in 1 row"),
    ("no ids", {"customer": [None, None]}, errors.IdTypeError, "no values"),
    ("bool ids", {"customer": [True, False]}, errors.IdTypeError, "type bool"),
    ("huge ids", {"event": U64}, errors.IdTypeError, "64-bit"),
    ("empty ids", {"event": ["", "x"]}, errors.IdTypeError, "empty text in 1 row"),
    ("missing text", {"channel": ["web", None]}, errors.MissingValueError, "at position 1"),
    ("numbers as channel", {"channel": [1, 2]}, errors.DtypeError, "expected text"),
    ("infinity", {"wait": [1.0, -np.inf]}, errors.NonFiniteError, "infinite in 1 row"),
    ("negative", {"wait": [1.0, -1.0]}, errors.DataError, "below 0 in 1 row"),
    ("text numbers", {"wait": ["7", "7,5"]}, errors.DtypeError, "expected numbers"),
    ("bool numbers", {"wait": [True, False]}, errors.DtypeError, "as 0 and 1"),
    ("durations", {"wait": pd.to_timedelta([1, 2], unit="s")}, errors.DtypeError, "seconds"),
    ("half transfers", {"transfers": [0.5, 1.0]}, errors.DtypeError, "not a whole number"),
    ("decimal halves", {"transfers": [Decimal("0.5"), Decimal(1)]}, errors.DtypeError, "whole"),
    ("flag of 2", {"resolved": [2, 0]}, errors.DtypeError, "other than 0 and 1 in 1 row"),
    ("flag of text", {"resolved": ["yes", "no"]}, errors.DtypeError, "write it as 0 and 1"),
    ("text dates", {"time": ["01/02/2024", "2/2/2024"]}, errors.DtypeError, "parse it first"),
    ("dates as ints", {"time": [20240101, 20240102]}, errors.DtypeError, "parse it first"),
    ("ints read as dates", {"time": pd.to_datetime([20240101, 5])}, errors.DtypeError, "1970"),
    ("missing time", {"time": times("2024-01-01", "NaT")}, errors.MissingValueError, "1 row"),
    ("future", {"time": times("2024-01-01", "2190-01-01")}, errors.DataError, "future in 1 row"),
    ("nested", {"note": [[1], [2]]}, errors.DtypeError, "2 rows"),
    ("mixed", {"note": [1, "a"]}, errors.DtypeError, "mixes types .* position 1"),
    ("complex", {"note": [1j, 2j]}, errors.DtypeError, "convert"),
    ("bytes", {"note": [b"a", b"b"]}, errors.DtypeError, "convert"),
    ("huge object ints", {"note": [2**70, 1]}, errors.DtypeError, "convert"),
    ("half floats", {"note": np.array([1, 2], dtype="float16")}, errors.DtypeError, "types"),
    ("spans", {"note": pd.to_timedelta([1, 2], unit="s")}, errors.DtypeError, "an attribute"),
    ("infinite attribute", {"note": [np.inf, 1.0]}, errors.NonFiniteError, "infinite"),
]


@pytest.mark.parametrize(
    ("changes", "error", "match"), [b[1:] for b in BAD], ids=[b[0] for b in BAD]
)
def test_a_bad_column_is_refused(
    shared: Repository, changes: dict[str, Any], error: type[Exception], match: str
):
    frame = contacts(**changes)
    before = frame.copy(deep=True)
    with pytest.raises(error, match=match):
        shared.add("interactions", frame)
    pd.testing.assert_frame_equal(frame, before)
    assert shared.table("interactions").empty
    assert len(shared.batches()) == 1


@pytest.mark.parametrize(
    ("period", "error", "match"),
    [
        (["2024-01", "2024-02"], errors.DtypeError, "parse it first"),
        ([202401, 202402], errors.DtypeError, "looks like a date"),
        ([1.5, 2.0], errors.DtypeError, "whole numbers"),
        (pd.period_range("2024-01", periods=2, freq="M"), errors.DtypeError, "to_timestamp"),
        (times("2024-01-01T10:00", "2024-02-01"), errors.DtypeError, "time of day in 1 row"),
        (times("2024-01-01", "2024-02-01").tz_localize("UTC"), errors.TimezoneError, "calendar"),
    ],
)
def test_a_period_is_a_date_or_a_small_number(shared: Repository, period, error, match):
    frame = pd.DataFrame({"customer": [1, 2], "period": period, "spend": [1.0, 2.0]})
    with pytest.raises(error, match=match):
        shared.add("behavior", frame)


def test_whole_float_ids_are_taken_with_a_warning(repo: Repository):
    with pytest.warns(errors.DataWarning, match="'customer' came as floats"):
        repo.add("interactions", contacts(customer=[1.0, 2.0]))
    assert repo.table("interactions")["customer"].tolist() == [1, 2]


def test_values_are_stored_as_their_contract_says(repo: Repository):
    changes = {
        "wait": [1, 2],
        "transfers": [1.0, np.nan],
        "resolved": [1.0, np.nan],
        "channel": pd.Categorical(["web", "web"]),
        "cost": [Decimal("1.5"), None],
    }
    repo.add("interactions", contacts(**changes))
    table = repo.table("interactions")
    assert table["wait"].tolist() == [1.0, 2.0]
    assert table["transfers"].tolist() == [1, pd.NA]
    assert table["resolved"].tolist() == [True, pd.NA]
    assert table["channel"].tolist() == ["web", "web"]
    assert table["cost"].iloc[0] == 1.5


def test_numbered_and_dated_periods_are_kept(repo: Repository):
    for period in ([1, 2], [1.0, 2.0], times("2024-01-01", "2024-02-01")):
        with Repository() as other:
            other.add("customers", pd.DataFrame({"customer": [1, 2]}))
            other.add("behavior", pd.DataFrame({"customer": [1, 2], "period": period, "spend": 1}))
            assert other.table("behavior")["period"].tolist() == list(period)
