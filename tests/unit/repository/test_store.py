"""A file is ours or refused, whole after a kill, open once, and closed to the outside."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository, store
from tests.unit.repository.conftest import contacts

CUSTOMERS = pd.DataFrame({"customer": [1, 2]})

CHILD = """
import sys, numpy as np, pandas as pd
from cximpact.repository import Repository, adding
from cximpact.repository.sql import sql

path, pause = sys.argv[1:]
n = 200_000
rows = pd.DataFrame({
    "customer": np.arange(n) % 2 + 1,
    "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="s"),
    "channel": "web", "note": np.arange(n).astype(str),
})
repo = Repository(path)

def stop(name):
    print(name, flush=True)
    sys.stdin.read()

if pause == "open":
    stop("open")
insert = adding._insert
def insert_and_stop(*args):
    insert(*args)
    stop("inserted")
if pause == "inserted":
    adding._insert = insert_and_stop
print("adding", flush=True)
repo.add("interactions", rows, batch="large")
print("added", flush=True)
stop("done")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two customers and two contacts."""
    path = tmp_path / "study.duckdb"
    with Repository(path) as repo:
        repo.add("customers", CUSTOMERS)
        repo.add("interactions", contacts(), batch="small")
    return path


def start(path: Path, pause: str, until: str) -> subprocess.Popen[str]:
    """Start a process that works on the file, and wait until it says a word."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), pause],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while (line := child.stdout.readline().strip()) != until:
        assert line, "the process ended early"
    return child


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def check_all_or_nothing(path: Path) -> int:
    with Repository(path) as repo:
        assert len(repo.table("customers")) == 2
        names = repo.batches()["batch"].tolist()
        rows = len(repo.table("interactions"))
        assert rows == (200_002 if "large" in names else 2)
        assert "small" in names
        assert ("note" in repo.table("interactions")) == ("large" in names)
        again = contacts(customer=[2, 1])
        assert repo.add("interactions", again).rows == 2
    return rows


def test_nothing_stays_of_a_batch_whose_process_was_killed_before_the_end(path: Path):
    kill(start(path, "inserted", "inserted"))
    assert check_all_or_nothing(path) == 2


def test_all_stays_of_a_batch_whose_process_was_killed_after_it(path: Path):
    kill(start(path, "never", "added"))
    assert check_all_or_nothing(path) == 200_002


@pytest.mark.parametrize("seconds", [0.1, 0.6])
def test_a_file_is_readable_whenever_its_process_was_killed(path: Path, seconds: float):
    child = start(path, "never", "adding")
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    kill(child)
    assert check_all_or_nothing(path) in (2, 200_002)


def test_a_second_process_is_told_so(path: Path):
    child = start(path, "open", "open")
    try:
        with pytest.raises(errors.StoreLockedError, match="open in another process"):
            Repository(path)
    finally:
        kill(child)
    Repository(path).close()


def test_a_file_keeps_its_tables(path: Path):
    with Repository(str(path)) as repo:
        assert repo.table("interactions")["channel"].tolist() == ["web", "phone"]
        assert repo.add("interactions", contacts(), if_exists="skip").batch == "small"


def test_what_is_not_ours_is_refused_and_left_alone(tmp_path: Path):
    text, database, empty = tmp_path / "a.txt", tmp_path / "b.duckdb", tmp_path / "c.duckdb"
    text.write_text("not a database " * 500)
    empty.touch()
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS customer")
    before = [p.read_bytes() for p in (text, database, empty)]
    for path, match in (
        (text, "no DuckDB file"),
        (database, "without our table of versions"),
        (empty, "no DuckDB file"),
    ):
        with pytest.raises(errors.BatchError, match=f"not a cximpact repository: .*{match}"):
            Repository(path)
    assert [p.read_bytes() for p in (text, database, empty)] == before
    with duckdb.connect(str(database)) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("customers",)]


def test_another_version_is_refused(path: Path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE cximpact_meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(errors.BatchError, match="schema version 99; this release reads version 1"):
        Repository(path)


def test_the_connection_reaches_nothing_else(path: Path):
    with Repository(path) as repo:
        for statement in (
            f"SELECT * FROM read_text('{path.parent / 'x.txt'}')",
            f"ATTACH '{path.parent / 'y.duckdb'}'",
            f"COPY customers TO '{path.parent / 'z.csv'}'",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SELECT * FROM CUSTOMERS_IN_PYTHON",
        ):
            with pytest.raises(duckdb.Error):
                repo._connection.execute(statement)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("md:study", ":memory:x"):
        Repository(name).close()
        assert (tmp_path / name).is_file()
    with Repository(":memory:") as repo:
        assert repr(repo) == "Repository(in memory)"


@pytest.mark.parametrize("path", [3, b"x", ["x"]])
def test_a_path_is_a_name(path):
    with pytest.raises(errors.ConfigError, match="expected a file name"):
        Repository(path)


def test_a_closed_repository_says_so(path: Path):
    with Repository(path) as repo:
        pass
    repo.close()
    assert repr(repo).endswith("closed)")
    for use in (repo.coverage, repo.batches, lambda: repo.table("customers")):
        with pytest.raises(errors.ConfigError, match="closed"):
            use()


def test_two_in_memory_share_nothing():
    with Repository() as one, Repository() as two:
        one.add("customers", CUSTOMERS)
        assert two.table("customers").empty


def test_an_unfinished_file_is_never_seen(tmp_path: Path, monkeypatch):
    def fail(connection):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_create_schema", fail)
    with pytest.raises(KeyboardInterrupt):
        Repository(tmp_path / "a.duckdb")
    assert not (tmp_path / "a.duckdb").exists()
