"""Write the list of files into the architecture page, one line each from the docstring.

python scripts/inventory.py
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
MARK = "<!-- files -->"


def purpose(path: Path) -> str:
    """Return the first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def listing() -> str:
    """Lay out all files of the package, a room after the other."""
    files = sorted((ROOT / "cximpact").rglob("*.py"), key=lambda path: (path.parent, path.name))
    rows = [f"| `{path.relative_to(ROOT)}` | {purpose(path)} |" for path in files]
    return "\n".join(["| file | what it holds |", "|---|---|", *rows, ""])


def expected() -> str:
    """Return the page as it should be."""
    return f"{PAGE.read_text().split(MARK)[0]}{MARK}\n\n{listing()}"


if __name__ == "__main__":
    PAGE.write_text(expected())
