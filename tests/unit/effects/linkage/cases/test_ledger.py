import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    InsufficientDataError,
    MissingColumnError,
    TimeOrderError,
)
from cximpact.effects.linkage.cases import CaseLedger

DAY = pd.Timestamp("2026-03-01")


def days(*values) -> list:
    return [pd.NaT if v is None else DAY + pd.Timedelta(days=v) for v in values]


FRAME = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d", "e"],
        "opened": days(0, 1, 2, 3, 9),
        "started": days(1, None, 3, 4, None),
        "closed": days(4, None, None, 8, None),
        "due": days(3, 5, 20, 9, 12),
        "how": ["resolved", None, None, "left", None],
        "agent": ["x", "x", "y", "y", None],
    }
)
ROLES = {"case": "key", "opened": "opened", "closed": "closed", "outcome": "how"}


def ledger(**change) -> CaseLedger:
    roles = ROLES | {"started": "started", "due": "due", "at": DAY + pd.Timedelta(days=10)}
    return CaseLedger(FRAME, **(roles | change))


def counts(table: pd.DataFrame) -> dict[str, int]:
    return dict(zip(table["status"], table["cases"], strict=True))


def test_where_cases_stand_now():
    found = ledger().status()
    assert counts(found) == {"new": 1, "in progress": 1, "overdue": 1, "closed": 2}
    assert found["share"].sum() == pytest.approx(1)


def test_where_cases_stood_then():
    found = ledger().status(DAY + pd.Timedelta(days=3.5))
    # a is past its due date and not closed yet, b new, c begun, d opened; e is not known yet
    assert counts(found) == {"new": 2, "in progress": 1, "overdue": 1, "closed": 0}
    with pytest.raises(TimeOrderError, match="after the ledger was drawn up"):
        ledger().status(DAY + pd.Timedelta(days=11))


def test_by_agent_with_the_missing_ones_named():
    found = ledger().status(by="agent")
    assert found["agent"].unique().tolist() == ["(missing)", "x", "y"]
    assert found.groupby("agent")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    with pytest.raises(MissingColumnError, match="Did you mean 'agent'"):
        ledger().status(by="agents")


def test_the_overdue_rate_counts_what_fell_due():
    row = ledger().overdue().iloc[0]
    # a closed late, b open and late, d in time; c and e are not due yet
    assert (row["late"], row["n"]) == (2, 3)
    assert row["conf_low"] < 2 / 3 < row["conf_high"]
    early = ledger().overdue(DAY + pd.Timedelta(days=3)).iloc[0]
    assert (early["late"], early["n"]) == (1, 1)
    by = ledger().overdue(by="agent").set_index("agent")
    assert by["n"].to_dict() == {"x": 2, "y": 1}


def test_without_due_dates_there_is_no_rate():
    with pytest.raises(ConfigError, match="no due dates"):
        ledger(due=None).overdue()
    with pytest.raises(InsufficientDataError, match="no case was due"):
        ledger().overdue(DAY + pd.Timedelta(days=1))


def test_the_flow_ends_where_the_ledger_stands():
    flow = ledger().flow(11)
    last = flow.iloc[-1]
    assert (last["opened"], last["closed"], last["open"], last["overdue"]) == (5, 2, 3, 1)
    assert flow["at"].iloc[0] == DAY
    assert (flow["open"] == flow["opened"] - flow["closed"]).all()


def test_numbers_do_as_well_as_dates():
    frame = FRAME.assign(
        **{
            c: (FRAME[c] - DAY) / pd.Timedelta(days=1)
            for c in ("opened", "started", "closed", "due")
        }
    )
    found = CaseLedger(frame, **ROLES, started="started", due="due", at=10)
    assert counts(found.status(3.5)) == counts(ledger().status(DAY + pd.Timedelta(days=3.5)))
    np.testing.assert_allclose(found.flow(5)["at"], np.linspace(0, 10, 5))
    assert found.time_to_close(rng=1, draws=100).estimate.equals(
        ledger().time_to_close(rng=1, draws=100).estimate
    )


def test_the_frame_stays_and_the_picture_is_drawn():
    copy = FRAME.copy(deep=True)
    figure = ledger().plot(title="Cases")
    assert len(figure.axes) == 3
    assert "Days since" in figure.axes[2].get_xlabel()
    pd.testing.assert_frame_equal(FRAME, copy)
    assert ledger().n == 5


def test_other_engines_are_read():
    pl = pytest.importorskip("polars")
    frame = pl.from_pandas(FRAME)
    found = CaseLedger(frame, **ROLES, started="started", due="due", at=DAY + pd.Timedelta(days=10))
    assert counts(found.status()) == counts(ledger().status())
    bare = CaseLedger(
        FRAME, case="key", opened="opened", closed="closed", at=DAY + pd.Timedelta(10, "D")
    )
    assert bare.outcomes == ("closed",)
    assert counts(bare.status()) == {"new": 3, "in progress": 0, "overdue": 0, "closed": 2}
