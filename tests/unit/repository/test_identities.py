"""Many identifiers lead to one customer, never one to many."""

from collections.abc import Iterator

import pandas as pd
import polars as pl
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import contacts


def add_identities(repo: Repository) -> Repository:
    repo.add(
        "identities",
        pd.DataFrame({"source_id": ["x", "y", "z"], "customer": [1, 1, 2]}),
        source="crm",
    )
    repo.add(
        "identities", pd.DataFrame({"source": "web", "source_id": [10, 20], "customer": [1, 2]})
    )
    return repo


@pytest.fixture
def mapped(repo: Repository) -> Repository:
    return add_identities(repo)


@pytest.fixture(scope="module")
def fixed() -> Iterator[Repository]:
    with Repository() as repo:
        repo.add("customers", pd.DataFrame({"customer": [1, 2, 3, 4]}))
        yield add_identities(repo)


def test_identifiers_are_resolved_in_their_order(fixed: Repository):
    frame = pd.DataFrame({"id": ["z", "x", "z"], "value": [1, 2, 3]}, index=[7, 7, 8])
    before = frame.copy()
    found = fixed.resolve(frame, "crm", "id")
    assert found["customer"].tolist() == [2, 1, 2]
    assert found.index.tolist() == [7, 7, 8]
    pd.testing.assert_frame_equal(frame, before)
    assert fixed.resolve(pl.DataFrame({"id": [20, 10]}), "web", "id")["customer"].tolist() == [
        2,
        1,
    ]


def test_an_unknown_identifier_is_refused_or_null(fixed: Repository):
    frame = pd.DataFrame({"id": ["z", "gone"]})
    with pytest.raises(errors.DanglingReferenceError, match="1 row, at position 1") as caught:
        fixed.resolve(frame, "crm", "id")
    assert "gone" not in str(caught.value)
    assert fixed.resolve(frame, "crm", "id", unknown="null")["customer"].tolist() == [2, pd.NA]


@pytest.mark.parametrize(
    ("frame", "source", "column", "error", "match"),
    [
        ({"id": [1]}, "crm", "id", errors.IdTypeError, "is integer, but .* is text"),
        ({"id": [None]}, "crm", "id", errors.IdTypeError, "no values"),
        ({"id": ["x", None]}, "crm", "id", errors.IdTypeError, "missing in 1 row"),
        ({"id": [1.5]}, "web", "id", errors.IdTypeError, "fractional"),
        ({"id": ["x"]}, "crn", "id", errors.ConfigError, "Did you mean 'crm'"),
        ({"id": ["x"]}, "crm", "idd", errors.MissingColumnError, "Did you mean 'id'"),
        ({"id": ["x"], "customer": [1]}, "crm", "id", errors.ColumnError, "rename it"),
        ({"id": []}, "crm", "id", errors.DataError, "0 rows|no values"),
    ],
)
def test_what_cannot_be_resolved_is_refused(fixed: Repository, frame, source, column, error, match):
    with pytest.raises(error, match=match):
        fixed.resolve(pd.DataFrame(frame), source, column)


def test_a_conflict_lists_the_rows(fixed: Repository):
    within = pd.DataFrame({"source": "crm", "source_id": ["a", "b", "a"], "customer": [1, 1, 2]})
    with pytest.raises(errors.MergeError, match="2 rows, at positions 0, 2"):
        fixed.add("identities", within)
    across = pd.DataFrame({"source": "crm", "source_id": ["a", "x"], "customer": [1, 2]})
    with pytest.raises(errors.MergeError, match="1 row, at position 1; expected many"):
        fixed.add("identities", across)
    assert len(fixed.table("identities")) == 5


def test_the_same_identifier_of_two_sources_is_no_conflict(mapped: Repository):
    mapped.add("identities", pd.DataFrame({"source_id": ["x"], "customer": [2]}), source="app")
    assert mapped.resolve(pd.DataFrame({"id": ["x"]}), "app", "id")["customer"].tolist() == [2]
    assert mapped.resolve(pd.DataFrame({"id": ["x"]}), "crm", "id")["customer"].tolist() == [1]


def test_a_known_mapping_is_not_added_again(fixed: Repository):
    rows = pd.DataFrame({"source": "crm", "source_id": ["x", "new"], "customer": [1, 1]})
    with pytest.raises(errors.DuplicateKeyError, match="already for 1 row, at position 0"):
        fixed.add("identities", rows)


def test_a_source_keeps_the_type_of_its_identifiers(fixed: Repository):
    with pytest.raises(errors.IdTypeError, match="of source 'crm' so far is text"):
        fixed.add("identities", pd.DataFrame({"source_id": [5], "customer": [1]}), source="crm")


def test_rows_come_in_under_the_identifiers_of_a_source(mapped: Repository):
    mapped.add("interactions", contacts(customer=["z", "y"]), source="crm")
    assert mapped.table("interactions")["customer"].tolist() == [1, 2]
    with pytest.raises(errors.DanglingReferenceError, match="of source 'crm' .* position 1"):
        mapped.add("interactions", contacts(customer=["z", "gone"]), source="crm")
    with pytest.raises(errors.IdTypeError, match="is integer"):
        mapped.add("interactions", contacts(), source="crm")
    with pytest.raises(errors.DanglingReferenceError, match="no identities of source 'shop'"):
        mapped.add("interactions", contacts(), source="shop")


def test_two_identifiers_of_a_customer_share_a_key(mapped: Repository):
    frame = contacts(customer=["x", "y"], time=["2024-01-05"] * 2).astype(
        {"time": "datetime64[us]"}
    )
    with pytest.raises(errors.DuplicateKeyError, match="2 rows"):
        mapped.add("interactions", frame, source="crm")


def test_the_source_is_said_once(mapped: Repository):
    rows = pd.DataFrame({"source": ["crm"], "source_id": ["q"], "customer": [1]})
    with pytest.raises(errors.ConfigError, match="leave out source="):
        mapped.add("identities", rows, source="crm")
    with pytest.raises(errors.MissingColumnError, match="'source'"):
        mapped.add("identities", rows.drop(columns="source"))
