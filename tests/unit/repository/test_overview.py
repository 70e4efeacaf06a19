"""What is in the repository can be seen."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.repository import CONTRACTS, Repository
from tests.unit.repository.conftest import SCALE, contacts, invitations, times


def test_coverage_says_whom_each_table_knows(repo: Repository):
    repo.add("interactions", contacts(customer=[1, 1]))
    repo.add("surveys", invitations(customer=[1, 2], invited=[3, 4]), scale=SCALE)
    repo.add(
        "costs",
        pd.DataFrame({"initiative": ["a"], "period": [1], "amount": [1], "currency": ["EUR"]}),
    )
    found = repo.coverage().set_index("table")
    assert found.index.tolist() == list(CONTRACTS)
    assert found.loc[["customers", "interactions", "surveys", "behavior"], "share"].tolist() == [
        1.0, 0.25, 0.5, 0.0,
    ]  # fmt: skip
    assert found["rows"].tolist() == [4, 0, 2, 2, 0, 0, 1]
    assert found.loc["interactions", ["first", "last"]].tolist() == list(
        times("2024-01-05", "2024-01-06")
    )
    assert found.loc["surveys", ["first", "last"]].tolist() == [3, 4]
    assert found.loc["customers", "first"] is None
    assert pd.isna(found.loc["costs", "customers"]) and np.isnan(found.loc["costs", "share"])


def test_an_empty_repository_covers_nobody():
    with Repository() as repo:
        found = repo.coverage()
    assert found["rows"].tolist() == [0] * len(CONTRACTS)
    assert found["share"].isna().all()


def test_a_table_is_a_copy_in_the_order_of_its_key(repo: Repository):
    repo.add("interactions", contacts(customer=[2, 1], note=["x", "y"], also=[1, 2]))
    table = repo.table("interactions")
    assert table["customer"].tolist() == [1, 2]
    assert table.columns.tolist() == [*CONTRACTS["interactions"].names, "also", "note"]
    table["customer"] = 0
    assert repo.table("interactions")["customer"].tolist() == [1, 2]


def test_a_table_without_rows_has_its_columns(repo: Repository):
    for name, contract in CONTRACTS.items():
        if name != "customers":
            assert repo.table(name).columns.tolist() == list(contract.names)
            assert repo.table(name).empty


def test_an_unknown_table_is_refused(repo: Repository):
    with pytest.raises(ConfigError, match="Did you mean 'customers'"):
        repo.table("customer")


def test_batches_are_listed_in_their_order(repo: Repository):
    repo.add("interactions", contacts(event=[2, 2]), batch="z")
    repo.add("interactions", contacts(event=[1, 1]), batch="a")
    found = repo.batches()
    assert found["table"].tolist() == ["customers", "interactions", "interactions"]
    assert found["batch"].tolist()[1:] == ["z", "a"]
    assert found["rows"].tolist() == [4, 2, 2]


def test_every_contract_is_sound():
    for name, contract in CONTRACTS.items():
        names = contract.names
        assert contract.table == name and len(set(names)) == len(names)
        assert set(contract.key) <= set(names)
        assert {column for pair in contract.implies for column in pair} <= set(names)
        assert all(column.meaning for column in contract.columns)
        assert contract.column("no such column") is None
