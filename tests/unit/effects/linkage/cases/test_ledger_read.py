import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.errors import (
    ConfigError,
    CxImpactError,
    DataError,
    DtypeError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
    TimeOrderError,
    TimezoneError,
)
from cximpact.effects.linkage.cases import CaseLedger

FRAME = pd.DataFrame(
    {
        "key": [1, 2, 3],
        "opened": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
        "closed": pd.to_datetime(["2026-01-05", None, "2026-01-09"]),
        "due": pd.to_datetime(["2026-01-04", "2026-01-05", "2026-01-06"]),
        "how": ["resolved", None, "left"],
    }
)


def read(frame: pd.DataFrame, **change) -> CaseLedger:
    roles = {"case": "key", "opened": "opened", "closed": "closed", "due": "due", "outcome": "how"}
    return CaseLedger(frame, **(roles | {"at": "2026-01-31"} | change))


def put(column: str, row: int, value) -> pd.DataFrame:
    out = FRAME.astype({"how": object})
    out.loc[row, column] = value
    return out


BEFORE, LATER = pd.Timestamp("2025-12-30"), pd.Timestamp("2026-03-01")
UTC = FRAME["closed"].dt.tz_localize("UTC")
MIXED = pd.Series(
    [pd.Timestamp("2026-01-05", tz="UTC"), None, pd.Timestamp("2026-01-09", tz="Asia/Tokyo")],
    dtype=object,
)


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        (put("closed", 0, BEFORE), TimeOrderError, "closed before .* 0: .*2025-12-30 .*2026-01-01"),
        (put("due", 1, pd.Timestamp("2026-01-01")), TimeOrderError, "due before they were opened"),
        (put("opened", 1, LATER).assign(due=pd.NaT), TimeOrderError, "'opened' is after the"),
        (put("closed", 2, LATER), TimeOrderError, "'closed' is after the moment"),
        (put("key", 2, 1), DuplicateKeyError, "'key' repeats in 2 rows, at positions 0, 2"),
        (put("how", 0, "solved"), DataError, "unknown outcome 'solved' in 1 row.*mean 'resolved'"),
        (put("how", 1, "left"), DataError, "still open"),
        (put("how", 0, None), MissingValueError, "say how they ended"),
        (put("opened", 0, pd.NaT), MissingValueError, "'opened' is missing in 1 row"),
        (FRAME.assign(key=[1.0, None, 3.0]), MissingValueError, "every case needs a key"),
        (FRAME.assign(closed=UTC), TimezoneError, "in different zones"),
        (FRAME.assign(closed=MIXED), TimezoneError, "mixes times of the zones"),
        (FRAME.assign(closed=[4.0, None, 8.0]), DtypeError, "some times are dates"),
        (FRAME.assign(opened=["1/2/2026"] * 3), DtypeError, "parsed dates"),
        (FRAME[:0], EmptyDataError, "0 rows"),
        (FRAME.drop(columns="closed"), MissingColumnError, "'closed'"),
    ],
)  # fmt: skip
def test_a_broken_ledger_is_refused_with_its_rows(frame, error, said):
    with pytest.raises(error, match=said):
        read(frame)


@pytest.mark.parametrize(
    "at", ["yesterday", None, 7.5, pd.Timestamp("2026-01-31", tz="UTC"), "NaT"]
)
def test_a_moment_that_is_none_is_refused(at):
    with pytest.raises((DtypeError, TimeOrderError)):
        read(FRAME, at=at)


def test_numbers_need_a_number():
    frame = FRAME.assign(opened=[0.0, 1, 2], closed=[4.0, None, 8], due=[3.0, 4, 5])
    assert read(frame, at=10).n == 3
    with pytest.raises(DtypeError, match="expected a number"):
        read(frame, at="2026-01-31")
    with pytest.raises(DtypeError, match="infinite in 1 row"):
        read(frame.assign(closed=[4.0, np.inf, 8]), at=10)


def test_times_in_one_zone_are_fine():
    zoned = FRAME.assign(
        **{c: FRAME[c].dt.tz_localize("Europe/Berlin") for c in ("opened", "closed", "due")}
    )
    assert read(zoned, at=pd.Timestamp("2026-01-31", tz="Europe/Berlin")).n == 3
    with pytest.raises(DtypeError, match="with the zone"):
        read(zoned, at="2026-01-31")


def test_outcomes_can_be_named():
    frame = put("how", 0, "solved")
    assert read(frame, outcomes=["solved", "left"]).outcomes == ("solved", "left")
    with pytest.raises(ConfigError, match="outcomes names nothing"):
        read(frame, outcomes=[])


times = st.one_of(st.none(), st.floats(-5, 30))


@given(st.lists(st.tuples(times, times, times), min_size=1, max_size=6), st.floats(-10, 40))
def test_numbers_give_a_ledger_or_an_error_of_ours(rows, at):
    frame = pd.DataFrame(rows, columns=["opened", "closed", "due"], dtype=float)
    frame["key"] = range(len(frame))
    try:
        found = read(frame, outcome=None, at=at)
    except CxImpactError:
        return
    table = found.status()
    assert table["cases"].sum() == len(frame)
    assert found.flow(3).iloc[-1]["open"] == frame["closed"].isna().sum()
