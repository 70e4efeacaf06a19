"""Signals from operations, against a history counted by hand."""

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DtypeError, MissingColumnError, MissingValueError
from cximpact.imputation.operations import operational_signals
from tests.support.engines import ENGINES

# Customer a: phone, web the next day, phone 7 days later (to the second), then 7 days and one
# second later a new matter: two episodes of 3 and 1. Customer b: two contacts at one moment.
HISTORY = pd.DataFrame(
    [
        ("a", "2026-01-02 09:00:00", "web", np.nan, 0.0),
        ("a", "2026-01-01 09:00:00", "phone", 60.0, 1.0),
        ("b", "2026-01-05 00:00:00", "store", np.nan, np.nan),
        ("a", "2026-01-09 09:00:00", "phone", 180.0, 2.0),
        ("a", "2026-01-16 09:00:01", "store", 0.0, 0.0),
        ("b", "2026-01-05 00:00:00", "web", np.nan, 1.0),
        ("c", "2026-01-05 00:00:00", "web", 30.0, 0.0),
    ],
    columns=["customer", "time", "channel", "wait", "transfers"],
).astype({"time": "datetime64[us]"})
COUNTED = pd.DataFrame(
    {
        "customer": ["a", "b", "c"],
        "contacts": [4, 2, 1],
        "episodes": [2, 1, 1],
        "repeat_contacts": [2, 1, 0],
        "channels_in_episode": [2, 2, 1],
        "hopping_episodes": [1, 1, 0],
        "wait_mean": [80.0, np.nan, 30.0],
        "wait_max": [180.0, np.nan, 30.0],
        "wait_known": [3, 0, 1],
        "transfers": [3, 1, 0],
        "transfers_known": [4, 1, 1],
    }
)


def signals(frame, **options):
    found = nw.from_native(operational_signals(frame, **options)).lazy().collect().to_pandas()
    return found.sort_values("customer", ignore_index=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_counts_what_was_counted_by_hand(engine):
    found = signals(ENGINES[engine](HISTORY))
    assert list(found.columns) == list(COUNTED.columns)
    assert found["customer"].tolist() == ["a", "b", "c"]
    numbers = found.drop(columns="customer").to_numpy(dtype=float, na_value=np.nan)
    assert numbers == pytest.approx(COUNTED.drop(columns="customer").to_numpy(float), nan_ok=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_signals_stay_in_the_engine_of_the_contacts(engine):
    frame = ENGINES[engine](HISTORY)
    assert type(operational_signals(frame)) is type(frame)


def test_a_longer_window_joins_the_episodes():
    row = signals(HISTORY, repeat_within=30).iloc[0]
    assert (row["episodes"], row["repeat_contacts"], row["channels_in_episode"]) == (1, 3, 3)


def test_times_may_be_days_as_numbers():
    days = HISTORY.assign(time=(HISTORY["time"] - HISTORY["time"].min()).dt.total_seconds() / 86400)
    pd.testing.assert_frame_equal(signals(days), signals(HISTORY))


def test_only_contacts_in_the_window_count():
    found = signals(HISTORY, start=pd.Timestamp("2026-01-02"), end=pd.Timestamp("2026-01-09 09:00"))
    assert found["contacts"].tolist() == [1, 2, 1]
    assert found.loc[0, "repeat_contacts"] == 0


def test_the_order_of_the_rows_does_not_matter():
    mixed = HISTORY.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(signals(mixed), signals(HISTORY))


def test_without_waits_and_transfers_they_are_not_known():
    found = signals(HISTORY.drop(columns=["wait", "transfers"]), wait=None, transfers=None)
    assert found["wait_known"].tolist() == [0, 0, 0] and found["wait_mean"].isna().all()
    assert found["contacts"].tolist() == [4, 2, 1]


def test_the_contacts_are_left_alone():
    before = HISTORY.copy()
    operational_signals(HISTORY)
    pd.testing.assert_frame_equal(HISTORY, before)


def test_bad_input_is_refused():
    with pytest.raises(MissingColumnError, match="'tim'"):
        operational_signals(HISTORY, time="tim")
    with pytest.raises(MissingValueError, match="'channel' is missing in 1 row, at position 2"):
        operational_signals(HISTORY.assign(channel=["x", "x", None, "x", "x", "x", "x"]))
    with pytest.raises(DtypeError, match="role 'wait'"):
        operational_signals(HISTORY.assign(wait="long"))
    with pytest.raises(ConfigError, match="repeat_within is 0"):
        operational_signals(HISTORY, repeat_within=0)
    with pytest.raises(ConfigError, match="start is not before end"):
        operational_signals(
            HISTORY, start=pd.Timestamp("2026-02-01"), end=pd.Timestamp("2026-01-01")
        )
