"""What is committed: no machine's paths, no package hosts, pages about files that are true."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts import inventory
from tests.architecture import source

# pieces, so that this file does not find itself
PRIVATE = re.compile(
    "|".join(
        [
            r"(?<![\w.~])/" + r"(work|tmp|root|home)/[\w.]",
            "files" + r"\.pythonhosted\.org",
            r"pypi" + r"\.org",
            r"registry" + r"\.npmjs",
        ]
    )
)
BINARY = {".png", ".parquet", ".nc", ".gz", ".xlsx", ".duckdb"}


def committed() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=source.ROOT, capture_output=True, text=True, check=False
    )
    found = [source.ROOT / name for name in names.stdout.split("\0") if name]
    return [path for path in found if path.is_file() and path.suffix not in BINARY]


def test_committed_text_names_no_machine():
    files = committed()
    if not files:
        pytest.skip("not a git checkout")
    found = [
        f"{source.where(path)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert not found


@pytest.mark.parametrize("text", ["see /" + "tmp/x.nc", "https://pypi" + ".org/simple"])
def test_a_private_place_is_seen(text: str):
    assert PRIVATE.search(text)


@pytest.mark.parametrize("text", ["docs/home/x", "https://example.org/work", "scripts/pin.py"])
def test_a_public_place_is_not(text: str):
    assert not PRIVATE.search(text)


def test_the_architecture_page_lists_every_file():
    assert inventory.PAGE.read_text() == inventory.expected(), "run python scripts/inventory.py"


def test_every_dependency_is_explained():
    page = (source.ROOT / "docs" / "explanation" / "dependencies.md").read_text().casefold()
    text = (source.ROOT / "pyproject.toml").read_text()
    wanted = re.findall(r'"([a-z0-9-]+)', text.partition("\ndependencies = [")[2].partition("]")[0])
    given = {"numpy"}  # what xarray, pandas and SciPy stand on
    assert [name for name in wanted if name not in page and name not in given] == []
