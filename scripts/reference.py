"""Write the lists of public names into the reference pages, from the code's own ``__all__``.

Prose on a page is kept; only the part from ``<!-- names -->`` on is rewritten.

    python scripts/reference.py [--check]
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

PAGES = Path(__file__).parent.parent / "docs" / "reference"
MARK = "<!-- names -->"


def rooms() -> list[str]:
    """List the rooms that have a page: the packages of the top level."""
    package = importlib.import_module("cximpact")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg)


def listing(room: str) -> str:
    """Lay out the names of a room, one table for each of its modules that lists any."""
    seen: set[int] = set()
    blocks = []
    for module in modules(room):
        names = [n for n in public_names(module) if _new(getattr(module, n), seen)]
        if names:
            blocks.append(_block(module.__name__, names))
    return "\n".join(blocks)


def modules(room: str) -> list[ModuleType]:
    """Import a room and its public sub-packages; core opens its modules one by one."""
    top = importlib.import_module(f"cximpact.{room}")
    wanted = [
        info.name
        for info in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")
        if (info.ispkg or not hasattr(top, "__all__")) and "._" not in info.name
    ]
    return [top, *(importlib.import_module(name) for name in wanted)]


def public_names(module: ModuleType) -> list[str]:
    """Names that a module promises: its ``__all__``, else what is defined in it."""
    if hasattr(module, "__all__"):
        return sorted(n for n in module.__all__ if not inspect.ismodule(getattr(module, n)))
    return sorted(
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__
    )


def page_path(room: str) -> Path:
    """Place of the page of a room."""
    return PAGES / f"{room}.md"


def expected(room: str) -> str:
    """Return the page as it should be: its prose, then the names."""
    path = page_path(room)
    module = importlib.import_module(f"cximpact.{room}")
    start = f"# {room}\n\n{(module.__doc__ or '').strip()}\n\n"
    prose = path.read_text().split(MARK)[0] if path.exists() else start
    return f"{prose}{MARK}\n\n{listing(room)}"


def _new(thing: object, seen: set[int]) -> bool:
    """Tell whether an object was listed before on this page, under another module."""
    known = id(thing) in seen
    seen.add(id(thing))
    return not known


def _block(module: str, names: list[str]) -> str:
    rows = "".join(f"   {name}\n" for name in names)
    return (
        f"## `{module}`\n\n```{{eval-rst}}\n.. currentmodule:: {module}\n\n"
        f".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{rows}```\n"
    )


def main(check: bool) -> None:
    """Write every page, or only say which are out of date."""
    stale = [
        r for r in rooms() if not page_path(r).exists() or page_path(r).read_text() != expected(r)
    ]
    for room in [] if check else stale:
        page_path(room).write_text(expected(room))
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'nothing'}")
    if check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
