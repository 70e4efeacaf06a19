"""A batch goes in whole, once, or not at all."""

import dataclasses
from itertools import product
from unittest import mock

import pandas as pd
import pyarrow as pa
import pytest

from cximpact.core import errors
from cximpact.repository import Receipt, Repository, adding
from tests.unit.repository.conftest import SCALE, contacts, invitations, times


def test_a_receipt_says_what_was_done(repo: Repository):
    receipt = repo.add("interactions", contacts(), batch="January")
    assert receipt == Receipt(table="interactions", batch="January", rows=2, skipped=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        receipt.rows = 3


def test_a_batch_is_refused_the_second_time_or_skipped(repo: Repository):
    first = repo.add("interactions", contacts())
    with pytest.raises(errors.BatchError, match=f"before, as batch '{first.batch}'.*if_exists"):
        repo.add("interactions", contacts())
    again = repo.add("interactions", contacts(), if_exists="skip")
    assert (again.batch, again.rows, again.skipped) == (first.batch, 0, True)
    assert len(repo.table("interactions")) == 2


def test_the_same_rows_under_another_name_are_the_same_batch(repo: Repository):
    repo.add("interactions", contacts(), batch="a")
    shuffled = contacts().iloc[::-1][["channel", "time", "customer"]]
    with pytest.raises(errors.BatchError, match="batch 'a'"):
        repo.add("interactions", shuffled, batch="b")
    assert repo.add("interactions", shuffled, batch="b", if_exists="skip").batch == "a"


@pytest.mark.parametrize("if_exists", ["refuse", "skip"])
def test_other_rows_under_the_same_name_are_refused(repo: Repository, if_exists):
    repo.add("interactions", contacts(), batch="a")
    with pytest.raises(errors.BatchError, match="other content"):
        repo.add("interactions", contacts(channel=["x", "y"]), batch="a", if_exists=if_exists)


def test_a_hash_tells_fields_and_missing_values_apart(repo: Repository):
    hashes = set()
    for i, (a, b) in enumerate([("x", "yz"), ("xy", "z"), ("x", None), (None, "x"), ("", "x")]):
        frame = contacts(event=[i, i], touchpoint=[a, a], note=[b, b]).drop(columns="event")
        with Repository() as other:
            other.add("customers", pd.DataFrame({"customer": [1, 2]}))
            hashes.add(other.add("interactions", frame).batch)
    assert len(hashes) == 5


def test_a_hash_depends_on_every_row():
    hashes = set()
    for channels in product("abc", repeat=2):
        with Repository() as other:
            other.add("customers", pd.DataFrame({"customer": [1, 2]}))
            hashes.add(other.add("interactions", contacts(channel=channels)).batch)
    assert len(hashes) == 9


def test_nothing_stays_of_a_batch_that_fails_at_the_end(repo: Repository):
    before = repo.batches()
    insert = adding._insert
    failing = mock.Mock(side_effect=[KeyboardInterrupt])

    def insert_and_fail(*args):
        insert(*args)
        failing()

    with mock.patch.object(adding, "_insert", insert_and_fail):
        with pytest.raises(KeyboardInterrupt):
            repo.add("interactions", contacts(note=["a", "b"]))
    pd.testing.assert_frame_equal(repo.batches(), before)
    assert repo.table("interactions").empty
    assert repo.add("interactions", contacts()).rows == 2
    assert "note" not in repo.table("interactions")


def test_a_key_occurs_once_in_a_batch_and_with_what_is_stored(repo: Repository):
    doubled = pd.concat([contacts(), contacts().iloc[:1]])
    with pytest.raises(errors.DuplicateKeyError, match="2 rows, at positions 0, 2; give an 'event"):
        repo.add("interactions", doubled)
    repo.add("interactions", contacts())
    later = contacts(customer=[3, 1], time=times("2024-02-01", "2024-01-05"), channel=["x", "y"])
    with pytest.raises(errors.DuplicateKeyError, match="already for 1 row, at position 1"):
        repo.add("interactions", later)
    assert repo.add("interactions", later.assign(event=1)).rows == 2


def test_missing_parts_of_a_key_are_equal(repo: Repository):
    repo.add("interactions", contacts())
    with pytest.raises(errors.DuplicateKeyError, match="already for 1 row, at position 1"):
        repo.add("interactions", contacts(event=["x", None], channel=["a", "b"]))


def test_an_unknown_customer_is_refused(repo: Repository):
    with pytest.raises(errors.DanglingReferenceError, match="1 row, at position 1"):
        repo.add("interactions", contacts(customer=[1, 9]))
    with Repository() as empty, pytest.raises(errors.DanglingReferenceError, match="no customers"):
        empty.add("interactions", contacts())


def test_times_of_a_repository_are_in_one_zone(repo: Repository):
    repo.add("interactions", contacts())
    zoned = invitations(invited=times("2024-01-05", "2024-01-06").tz_localize("Europe/Berlin"))
    with pytest.raises(errors.TimezoneError, match="in Europe/Berlin, but .* in no zone"):
        repo.add("surveys", zoned, scale=SCALE)


def test_two_zones_are_refused(repo: Repository):
    repo.add("interactions", contacts(time=contacts()["time"].dt.tz_localize("Europe/Berlin")))
    with pytest.raises(errors.TimezoneError, match="in UTC, but .* Europe/Berlin; use dt.tz_conv"):
        repo.add(
            "surveys",
            invitations(invited=times("2024-01-05", "2024-01-06").tz_localize("UTC")),
            scale=SCALE,
        )
    mixed = contacts(event=[1, 2], seen=times("2024-01-05", "2024-01-06").tz_localize("UTC"))
    with pytest.raises(errors.TimezoneError, match="several zones"):
        repo.add("interactions", mixed)


def test_a_zone_that_only_one_side_knows_is_refused(shared: Repository):
    frame = pa.Table.from_pandas(contacts())
    for zone in ("GMT+02:00", "Mars/Olympus", "../etc"):
        time = frame["time"].cast(pa.timestamp("us", tz=zone))
        with pytest.raises(errors.TimezoneError, match="named zone"):
            shared.add("interactions", frame.set_column(1, "time", time))


def test_a_zone_without_a_name_is_refused(shared: Repository):
    time = contacts()["time"].dt.tz_localize("+02:00")
    with pytest.raises(errors.TimezoneError, match="named zone"):
        shared.add("interactions", contacts(time=time))


def test_what_contradicts_itself_is_refused(shared: Repository):
    answered = invitations(delivered=[0, 1])
    with pytest.raises(errors.DataError, match="'answer' contradicts 'delivered'.* position 0"):
        shared.add("surveys", answered, scale=SCALE)
    with pytest.raises(errors.DataError, match="'completed' contradicts 'started'"):
        shared.add("surveys", invitations(started=[1, 0], completed=[1, 1]), scale=SCALE)


def test_unknown_stages_contradict_nothing(repo: Repository):
    frame = invitations(delivered=[None, 1], opened=[0, 1], started=[1, None], completed=[1, None])
    assert repo.add("surveys", frame, scale=SCALE).rows == 2


def test_costs_are_in_one_currency_and_not_negative(repo: Repository):
    costs = pd.DataFrame({"initiative": "a", "period": [1, 2], "amount": [1, 2], "currency": "EUR"})
    with pytest.raises(errors.UnitsError, match="mixes 'EUR', 'USD'"):
        repo.add("costs", costs.assign(currency=["EUR", "USD"]))
    with pytest.raises(errors.UnitsError, match="ISO code"):
        repo.add("costs", costs.assign(currency="euro"))
    with pytest.raises(errors.DataError, match="'amount' is below 0"):
        repo.add("costs", costs.assign(amount=[-1, 1]))
    repo.add("costs", costs)
    with pytest.raises(errors.UnitsError, match="mixes"):
        repo.add("costs", costs.assign(period=[3, 4], currency="USD"))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"if_exists": "replace"}, "if_exists is 'replace'"),
        ({"batch": 3}, "batch is 3"),
        ({"batch": ""}, "batch is ''"),
        ({"scale": SCALE}, "scale= has no meaning"),
    ],
)
def test_options_are_checked(shared: Repository, options, match: str):
    with pytest.raises(errors.ConfigError, match=match):
        shared.add("interactions", contacts(), **options)


def test_an_unknown_table_names_the_closest(shared: Repository):
    with pytest.raises(errors.ConfigError, match="Did you mean 'behavior'"):
        shared.add("behaviour", contacts())
    with pytest.raises(errors.ConfigError, match="source= has no meaning"):
        shared.add("customers", contacts(), source="crm")
