"""Whatever comes in, in whatever order: the tables are the same, or a clear error is raised."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cximpact.core.errors import BatchError, CxImpactError, DuplicateKeyError
from cximpact.repository import CONTRACTS, Repository

CUSTOMERS = pd.DataFrame({"customer": range(5)})
START = pd.Timestamp("2024-01-01")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)),
    st.dates(date(1, 1, 1)),
    st.sampled_from([b"x", 1j, [1], {"a": 1}, pd.NaT, pd.NA, object()]),
)


def columns(rows: int) -> st.SearchStrategy[list[Any]]:
    """Values of one column: of one type most of the time, of any sometimes."""
    kinds = [
        st.integers(-1, 6),
        st.floats(width=32),
        st.text(max_size=3),
        st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1)),
        VALUES,
    ]
    return st.one_of(*(st.lists(kind, min_size=rows, max_size=rows) for kind in kinds))


@st.composite
def frames(draw: st.DrawFn, table: str) -> pd.DataFrame:
    """A frame with most of the columns of a table, and odd ones, holding anything."""
    rows = draw(st.integers(0, 3))
    names = [n for n in CONTRACTS[table].names if draw(st.integers(0, 9))]
    names += draw(st.lists(st.text(max_size=4), max_size=2, unique=True))
    data = {name: draw(columns(rows)) for name in names}
    return pd.DataFrame({n: pd.Series(v, dtype=draw(_dtypes(v))) for n, v in data.items()})


def _dtypes(values: list[Any]) -> st.SearchStrategy[Any]:
    try:
        pd.Series(values)
    except (ValueError, TypeError, OverflowError):
        return st.just(object)
    return st.sampled_from([object, None])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", list(CONTRACTS))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_nothing_but_our_errors_escapes_and_the_input_stays(table: str, data: st.DataObject):
    frame = data.draw(frames(table))
    before = frame.copy(deep=True)
    with Repository() as repo:
        repo.add("customers", CUSTOMERS)
        try:
            added = repo.add(table, frame).rows
        except CxImpactError:
            added = 0
        expected = added + (len(CUSTOMERS) if table == "customers" else 0)
        assert len(repo.table(table)) == expected
        assert added in (0, len(frame))
    pd.testing.assert_frame_equal(frame, before)


@st.composite
def batches(draw: st.DrawFn) -> list[pd.DataFrame]:
    """Batches of contacts that can all be added, with attributes that come and go."""
    n = draw(st.integers(2, 4))
    made = []
    for number in range(n):
        rows = draw(st.integers(1, 4))
        frame = pd.DataFrame(
            {
                "customer": draw(st.lists(st.integers(0, 4), min_size=rows, max_size=rows)),
                "time": START + pd.to_timedelta(draw(_hours(rows)), unit="h"),
                "event": [100 * number + i for i in range(rows)],
                "channel": draw(st.lists(st.sampled_from("abc"), min_size=rows, max_size=rows)),
            }
        )
        for name, values in (
            ("wait", st.one_of(st.none(), st.floats(0, 1e6))),
            ("fee", st.integers(-9, 9)),
            ("fee", st.floats(-9, 9)),
            ("note", st.one_of(st.none(), st.text(max_size=3))),
        ):
            if draw(st.booleans()):
                frame[name] = draw(st.lists(values, min_size=rows, max_size=rows))
        made.append(frame)
    return made


def _hours(rows: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 50), min_size=rows, max_size=rows)


def stored(parts: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame, set[str]]:
    """Add batches in the order given and return what is there then."""
    with Repository() as repo:
        repo.add("customers", CUSTOMERS)
        names = {repo.add("interactions", part).batch for part in parts}
        return repo.table("interactions"), repo.contact_features(), names


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_batches_in_any_order_give_the_same_tables(data: st.DataObject):
    parts = data.draw(batches())
    shuffled = [part.iloc[::-1] for part in data.draw(st.permutations(parts))]
    table, features, names = stored(parts)
    other_table, other_features, other_names = stored(shuffled)
    pd.testing.assert_frame_equal(table, other_table)
    pd.testing.assert_frame_equal(features, other_features)
    assert names == other_names


class Adding(RuleBasedStateMachine):
    """A repository beside a plain dictionary of what should be in it."""

    @initialize()
    def open(self) -> None:
        self.repo = Repository()
        self.repo.add("customers", CUSTOMERS)
        self.rows: dict[tuple[int, int], float] = {}
        self.batches: list[pd.DataFrame] = []

    @rule(periods=st.sets(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=4))
    def add(self, periods: set[tuple[int, int]]) -> None:
        values = {key: float(len(self.rows) + i) for i, key in enumerate(sorted(periods))}
        frame = pd.DataFrame(
            [(*k, v) for k, v in values.items()], columns=["customer", "period", "spend"]
        )
        if values.keys() & self.rows.keys():
            with pytest.raises((DuplicateKeyError, BatchError)):
                self.repo.add("behavior", frame)
            return
        self.repo.add("behavior", frame)
        self.rows |= values
        self.batches.append(frame)

    @rule(data=st.data(), if_exists=st.sampled_from(["skip", "refuse"]))
    def repeat(self, data: st.DataObject, if_exists: str) -> None:
        if not self.batches:
            return
        frame = data.draw(st.sampled_from(self.batches))
        if if_exists == "skip":
            assert self.repo.add("behavior", frame, if_exists="skip").skipped
            return
        with pytest.raises(BatchError):
            self.repo.add("behavior", frame)

    @invariant()
    def the_table_holds_what_was_added(self) -> None:
        if hasattr(self, "repo"):
            table = self.repo.table("behavior")
            found = dict(
                zip(
                    zip(table["customer"], table["period"], strict=True),
                    table["spend"],
                    strict=True,
                )
            )
            assert found == self.rows

    def teardown(self) -> None:
        if hasattr(self, "repo"):
            self.repo.close()


TestAdding = Adding.TestCase
TestAdding.settings = settings(max_examples=5, stateful_step_count=6, deadline=None)
