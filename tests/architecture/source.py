"""What the architecture tests look at: the files of the package and their syntax trees."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts import reference

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cximpact"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def package_files() -> list[Path]:
    """All Python files of the library."""
    return sorted(PACKAGE.rglob("*.py"))


def files_of_tests() -> list[Path]:
    """All Python files of the tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def where(path: Path, node: ast.AST | None = None) -> str:
    """Name a place for a message."""
    name = path.relative_to(ROOT).as_posix()
    return name if node is None else f"{name}:{getattr(node, 'lineno', 0)}"


def functions(root: ast.AST) -> Iterator[Function]:
    """All functions and methods of a tree, nested ones too."""
    return (node for node in ast.walk(root) if isinstance(node, Function))


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rooms() -> list[str]:
    """Dotted names of all sub-packages and top-level modules that are public."""
    found = [module_name(p) for p in package_files() if p.name == "__init__.py"]
    found += [module_name(p) for p in PACKAGE.glob("*.py") if p.name != "__init__.py"]
    return sorted(n for n in found if not any(part.startswith("_") for part in n.split(".")))


def public_objects(wanted: str) -> list[tuple[str, Any]]:
    """Everything that the reference lists for a room, methods and properties too."""
    found: list[tuple[str, Any]] = []
    for module in reference.modules(wanted):
        for name in reference.public_names(module):
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                home = importlib.import_module(thing.__module__)
                found.append((f"{home.__name__}.{thing.__qualname__}", thing))
                found += _members(f"{home.__name__}.{thing.__qualname__}", thing, home)
    return list({name: (name, thing) for name, thing in found}.values())


def _members(name: str, cls: Any, module: ModuleType) -> list[tuple[str, Any]]:
    if not inspect.isclass(cls):
        return []
    return [
        (f"{name}.{member}", thing)
        for member, thing in vars(cls).items()
        if not member.startswith("_") and _written_in(thing, module)
    ]


def _written_in(thing: Any, module: ModuleType) -> bool:
    """Tell methods and properties of the file from what libraries add at run time."""
    function = inspect.unwrap(getattr(thing, "fget", None) or getattr(thing, "__func__", thing))
    return inspect.isfunction(function) and function.__code__.co_filename == module.__file__
