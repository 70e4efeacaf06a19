"""Contacts come in order, and their sums are those of counting by hand."""

from collections.abc import Iterator

import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import contacts, times

ROWS = pd.DataFrame(
    {
        "customer": [1, 1, 1, 1, 1, 2],
        "time": times(
            "2024-01-01T09:00", "2024-01-01T09:00", "2024-01-05T12:00",
            "2024-01-12T12:00", "2024-02-01T08:00", "2024-01-03T10:00",
        ),
        "event": [2, 1, 1, 1, 1, 1],
        "channel": ["web", "phone", "phone", "chat", "phone", "web"],
        "wait": [10.0, 20.0, None, 5.0, 0.0, None],
        "transfers": [1, 0, 2, None, 0, None],
        "resolved": [False, False, True, None, True, None],
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def told() -> Iterator[Repository]:
    with Repository() as repo:
        repo.add("customers", pd.DataFrame({"customer": [1, 2, 3, 4]}))
        repo.add("interactions", ROWS.sample(frac=1, random_state=1))
        yield repo


def test_a_journey_is_ordered_by_time_then_event(told: Repository):
    journey = told.journey(1)
    assert journey["channel"].tolist() == ["phone", "web", "phone", "chat", "phone"]
    assert journey["event"].tolist() == [1, 2, 1, 1, 1]
    assert told.journey(3).empty


def test_a_contact_without_event_comes_first(repo: Repository):
    same = times("2024-01-05", "2024-01-05")
    repo.add("interactions", contacts(customer=[1, 1], time=same, event=["b", None]))
    assert repo.journey(1)["channel"].tolist() == ["phone", "web"]


@pytest.mark.parametrize(
    ("customer", "error"),
    [
        (9, errors.DanglingReferenceError),
        ("1", errors.IdTypeError),
        (True, errors.IdTypeError),
        (1.0, errors.IdTypeError),
        (None, errors.IdTypeError),
        (2**70, errors.DanglingReferenceError),
    ],
)
def test_a_journey_of_nobody_is_refused(told: Repository, customer, error):
    with pytest.raises(error, match="customer"):
        told.journey(customer)


def test_a_journey_needs_customers():
    with Repository() as repo, pytest.raises(errors.DanglingReferenceError, match="no customers"):
        repo.journey(1)


def test_features_are_those_of_counting_by_hand(told: Repository):
    rows = told.contact_features().set_index("customer")
    first = {
        "contacts": 5, "channels": 3, "channel_hops": 4, "transfers": 3, "transfers_known": 4,
        "wait": 35.0, "wait_known": 4, "repeat_contacts": 3, "unresolved_share": 0.5,
        "resolved_known": 4,
    }  # fmt: skip
    assert rows.loc[1].to_dict() == first
    assert rows.loc[2, ["contacts", "channel_hops", "wait", "wait_known"]].tolist() == [1, 0, 0, 0]
    assert pd.isna(rows.loc[2, "unresolved_share"])
    assert rows.loc[[3, 4], "contacts"].tolist() == [0, 0]


@pytest.mark.parametrize(("days", "repeats"), [(20, 4), (7, 3), (6.9, 2), (4, 1), (0.001, 1)])
def test_a_repeat_lies_within_the_days(told: Repository, days: float, repeats: int):
    rows = told.contact_features(repeat_within=days).set_index("customer")
    assert rows.loc[1, "repeat_contacts"] == repeats


def test_a_window_includes_its_start_and_not_its_end(told: Repository):
    rows = told.contact_features("2024-01-05T12:00", pd.Timestamp("2024-02-01T08:00"))
    assert rows["contacts"].tolist() == [2, 0, 0, 0]
    assert rows["channel_hops"].tolist() == [1, 0, 0, 0]
    assert told.contact_features(start="2024-02-01")["repeat_contacts"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"start": "2024-02-01", "end": "2024-01-01"}, errors.ConfigError, "not before"),
        ({"start": "soon"}, errors.ConfigError, "expected a date"),
        ({"start": 20240101}, errors.ConfigError, "expected a date"),
        ({"end": pd.NaT}, errors.ConfigError, "expected a date"),
        ({"end": [1]}, errors.ConfigError, "expected a date"),
        ({"start": pd.Timestamp("2024-01-01", tz="UTC")}, errors.TimezoneError, "start has a "),
        ({"repeat_within": 0}, errors.ConfigError, "above 0"),
        ({"repeat_within": 1e9}, errors.ConfigError, "at most"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(told: Repository, options, error, match: str):
    with pytest.raises(error, match=match):
        told.contact_features(**options)


def test_zoned_times_come_out_in_their_zone(repo: Repository):
    time = times("2024-03-31T00:30", "2024-03-31T03:30").tz_localize("Europe/Berlin")
    repo.add("interactions", contacts(customer=[1, 1], time=time))
    assert repo.journey(1)["time"].tolist() == list(time)
    start = pd.Timestamp("2024-03-31T01:29", tz="UTC")
    assert repo.contact_features(start)["contacts"].tolist() == [1, 0, 0, 0]
    with pytest.raises(errors.TimezoneError, match="start has no time zone"):
        repo.contact_features("2024-03-31")


def test_features_need_interactions(repo: Repository):
    with pytest.raises(errors.DataError, match="no interactions"):
        repo.contact_features()
