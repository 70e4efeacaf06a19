"""Attributes come and go with the batches; their types fit together or are refused."""

import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import contacts


def test_new_attributes_are_added_and_missing_before(repo: Repository):
    repo.add("interactions", contacts(event=[1, 1]))
    repo.add("interactions", contacts(event=[2, 2], note=["a", "b"], fee=[1, 2]))
    table = repo.table("interactions")
    assert table.columns[-2:].tolist() == ["fee", "note"]
    assert table["note"].isna().tolist() == [True, False, True, False]


@pytest.mark.parametrize("order", [1, -1])
def test_integers_and_floats_become_floats(repo: Repository, order: int):
    batches = [contacts(event=[1, 1], fee=[1, 2]), contacts(event=[2, 2], fee=[0.5, 1.5])]
    for batch in batches[::order]:
        repo.add("interactions", batch)
    assert repo.table("interactions")["fee"].tolist() == [1.0, 0.5, 2.0, 1.5]


@pytest.mark.parametrize("order", [1, -1])
def test_integers_that_floats_cannot_hold_are_refused(repo: Repository, order: int):
    big = contacts(event=[1, 1], fee=[2**53 + 1, 1])
    first, second = [big, contacts(event=[2, 2], fee=[0.5, 1.5])][::order]
    repo.add("interactions", first)
    with pytest.raises(errors.DtypeError, match="cannot hold"):
        repo.add("interactions", second)


def test_text_and_numbers_do_not_mix(repo: Repository):
    repo.add("interactions", contacts(event=[1, 1], note=["a", "b"]))
    with pytest.raises(
        errors.DtypeError, match="'note' .* comes as integer, but is stored as text"
    ):
        repo.add("interactions", contacts(event=[2, 2], note=[1, 2]))
    with pytest.raises(errors.DtypeError, match="'event'"):
        repo.add("interactions", contacts(event=["x", "y"]))


def test_one_spelling_is_kept(repo: Repository):
    repo.add("interactions", contacts(event=[1, 1], note=["a", "b"]))
    with pytest.raises(errors.ColumnError, match="stored as 'note'"):
        repo.add("interactions", contacts(event=[2, 2], Note=["a", "b"]))


def test_a_column_without_values_decides_no_type(repo: Repository):
    repo.add("interactions", contacts(note=[None, None], fee=[float("nan")] * 2))
    assert not {"note", "fee"} & set(repo.table("interactions").columns)
    repo.add("interactions", contacts(event=["x", "y"], fee=["low", "high"]))
    assert repo.table("interactions")["event"].dropna().tolist() == ["x", "y"]


def test_odd_names_and_values_are_stored_as_they_are(repo: Repository):
    odd = {'we"ird; DROP TABLE customers; --': "a", "{x}": "'; DROP TABLE customers; --", "$z": "?"}
    repo.add("interactions", contacts(**odd))
    table = repo.table("interactions")
    assert {name: table[name].iloc[0] for name in odd} == odd
    assert len(repo.table("customers")) == 4
