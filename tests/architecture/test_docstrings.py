"""Every public object is documented, and its documentation matches its signature."""

import ast
import importlib
import inspect

import pytest
from numpydoc.validate import validate

from scripts import reference
from tests.architecture import source

CHECKS = {
    "GL05": "tabs",
    "GL06": "unknown section",
    "GL07": "sections out of order",
    "GL08": "no docstring",
    "SS01": "no summary",
    "SS03": "summary without a full stop",
    "SS04": "summary with leading spaces",
    "PR01": "parameters missing",
    "PR02": "unknown parameters",
    "PR03": "parameters in another order",
    "PR04": "parameter without type",
    "PR07": "parameter without description",
    "PR10": "parameter without space before the colon",
    "RT01": "no Returns section",
    "RT03": "return value without description",
    "YD01": "no Yields section",
}


def undocumented_raise(thing: object) -> bool:
    """Whether a function raises in its own body and says nothing about it."""
    function = getattr(thing, "fget", None) or getattr(thing, "__func__", thing)
    if not inspect.isfunction(function):
        return False
    (root,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function))).body
    raises = any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(root))
    return raises and "Raises\n" not in (inspect.getdoc(function) or "")


def complaints(room: str) -> list[str]:
    found = []
    for name, thing in source.public_objects(room):
        errors = [e for e in validate(name)["errors"] if e[0] in CHECKS]
        if inspect.isclass(thing) and not _has_own_init(thing):
            errors = [e for e in errors if not e[0].startswith("PR")]
        found += [f"{name}: {code} {text}" for code, text in errors]
        if undocumented_raise(thing):
            found.append(f"{name}: raises, but has no Raises section")
    return found


def _has_own_init(cls: type) -> bool:
    """Tell a class that says how it is made from one that leaves it to a library's base."""
    return next(base for base in cls.__mro__ if "__init__" in vars(base)).__module__.startswith(
        "cximpact"
    )


@pytest.mark.parametrize("room", reference.rooms())
def test_docstrings_are_complete(room: str):
    assert not complaints(room)


@pytest.mark.parametrize("path", source.package_files(), ids=source.where)
def test_every_module_says_what_it_holds(path):
    assert ast.get_docstring(source.tree(path)) or path.read_text() == ""


def test_every_room_lists_its_public_names():
    silent = [r for r in source.rooms() if not hasattr(importlib.import_module(r), "__all__")]
    assert set(silent) <= {"cximpact.cli", "cximpact.core"}


def raises_silently():
    """Do nothing well."""
    raise ValueError("no")


def test_an_undocumented_raise_is_seen():
    assert undocumented_raise(raises_silently)
    assert not undocumented_raise(_has_own_init)
