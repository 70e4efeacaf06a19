"""Pages with pictures: a cell that draws must show what it drew."""

import re
from pathlib import Path

import pytest

from tests.architecture import source

PAGES = sorted(
    p
    for folder in ("docs", "examples")
    for p in (source.ROOT / folder).rglob("*.md")
    if "{code-cell}" in p.read_text()
)


def cells(path: Path) -> list[str]:
    """Code cells of a page."""
    return re.findall(
        r"^```\{code-cell\}[^\n]*\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("path", PAGES, ids=source.where)
def test_no_cell_hides_what_it_ends_with(path: Path):
    """Pictures are shown by their own representation, which a semicolon would switch off."""
    hidden = [cell for cell in cells(path) if cell.rstrip().endswith(";")]
    assert cells(path) and not hidden
