"""Size budgets: a clean start stays clean only where growth fails the build."""

import ast
from pathlib import Path

import pytest

from tests.architecture import source

MAX_FILE_LINES = 400
MAX_BODY_LINES = 60
MAX_PARAMETERS = 9


def body_lines(function: source.Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def parameters(function: source.Function) -> int:
    args = function.args
    given = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return sum(a.arg not in ("self", "cls") for a in given)


@pytest.mark.parametrize("path", source.package_files(), ids=source.where)
def test_a_file_fits(path: Path):
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES


def test_function_bodies_fit():
    long = [
        f"{source.where(path, f)} {f.name}: {body_lines(f)} lines"
        for path in source.package_files()
        for f in source.functions(source.tree(path))
        if body_lines(f) > MAX_BODY_LINES
    ]
    assert not long


def test_parameter_lists_fit():
    long = [
        f"{source.where(path, f)} {f.name}: {parameters(f)} parameters"
        for path in source.package_files()
        for f in source.functions(source.tree(path))
        if parameters(f) > MAX_PARAMETERS
    ]
    assert not long


def test_the_budgets_count_rightly():
    text = 'def f(self, a, b=1, *rest, c=2):\n    """A.\n\n    B."""\n    x = 1\n\n    y = 2'
    (function,) = source.functions(ast.parse(text))
    assert body_lines(function) == 3
    assert parameters(function) == 3
