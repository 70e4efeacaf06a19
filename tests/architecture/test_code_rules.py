"""Rules of the code that no linter knows: each is a function from a syntax tree to its breaches."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.architecture import source

Rule = Callable[[ast.AST], Iterator[ast.AST]]
RNG_NAMES = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox"}
SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|DROP|ALTER|COPY|ATTACH"
    r"|CREATE (OR REPLACE )?(TEMP )?(TABLE|VIEW))\b"
)
QUOTERS = re.compile(r"quot|ident|literal|placeholder|sql", re.IGNORECASE)


def dotted(node: ast.AST) -> str:
    """Spell a chain of names and attributes."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def prints(root: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(root):
        if isinstance(node, ast.Call) and dotted(node.func) in ("print", "sys.stdout.write"):
            yield node


def global_rng(root: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(root):
        if isinstance(node, ast.Attribute) and dotted(node.value) in ("np.random", "numpy.random"):
            yield from [node] if node.attr not in RNG_NAMES else []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if "random" in names or getattr(node, "module", "") == "random":
                yield node


def broad_except(root: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(root):
        if isinstance(node, ast.ExceptHandler):
            types = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(t is None or dotted(t) in ("Exception", "BaseException") for t in types)
            if broad and not _raises_again(node.body[-1]):
                yield node


def _raises_again(last: ast.stmt) -> bool:
    return isinstance(last, ast.Raise) and last.exc is None


def asserts(root: ast.AST) -> Iterator[ast.AST]:
    return (node for node in ast.walk(root) if isinstance(node, ast.Assert))


def pickles(root: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(root):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names}
            names.add((getattr(node, "module", "") or "").split(".")[0])
            if names & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}:
                yield node
        if isinstance(node, ast.Attribute) and node.attr in ("to_pickle", "read_pickle"):
            yield node


def stubs(root: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(root):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield node


def raw_sql(root: ast.AST) -> Iterator[ast.AST]:
    """Find SQL text into which something other than a quoted identifier is put."""
    for node in ast.walk(root):
        match node:
            case ast.JoinedStr() if SQL.search(_literal(node)):
                bad = not all(_is_quoted(hole.value) for hole in _holes(node))
            case ast.Call(func=ast.Attribute(attr="format", value=text)):
                bad = bool(SQL.search(_literal(text)))
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
                bad = bool(SQL.search(_literal(left))) and not isinstance(right, ast.Constant)
            case _:
                bad = False
        if bad:
            yield node


def _literal(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_literal(value) for value in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _holes(node: ast.JoinedStr) -> Iterator[ast.FormattedValue]:
    return (value for value in node.values if isinstance(value, ast.FormattedValue))


def _is_quoted(node: ast.AST) -> bool:
    name = dotted(node.func if isinstance(node, ast.Call) else node)
    return bool(QUOTERS.search(name.rsplit(".", 1)[-1]))


BREACHES: dict[Rule, tuple[str, ...]] = {
    prints: ("print('x')",),
    global_rng: ("np.random.normal()", "numpy.random.seed(1)", "import random"),
    broad_except: ("try:\n a()\nexcept Exception:\n b()", "try:\n a()\nexcept:\n b()"),
    asserts: ("assert x",),
    pickles: ("import pickle", "from pickle import loads", "frame.to_pickle(path)"),
    stubs: ("raise NotImplementedError('later')",),
    raw_sql: (
        "f'SELECT * FROM {table}'",
        "'SELECT * FROM {}'.format(table)",
        "'SELECT * FROM ' + table",
        "'SELECT %s' % value",
    ),
}
ALLOWED: dict[Rule, tuple[str, ...]] = {
    prints: ("printed = 1",),
    global_rng: ("np.random.default_rng(1)", "x: np.random.Generator"),
    broad_except: (
        "try:\n a()\nexcept (ValueError, KeyError):\n b()",
        "try:\n a()\nexcept BaseException:\n clean()\n raise",
    ),
    asserts: ("check(x)",),
    pickles: ("import json",),
    stubs: ("raise ConfigError('x')",),
    raw_sql: ("f'SELECT * FROM {quoted(table)}'", "f'{n} rows'", "'SELECT 1'"),
}
EXEMPT = {prints: {"cximpact/cli.py"}}


@pytest.mark.parametrize("rule", BREACHES, ids=lambda rule: rule.__name__)
def test_the_library_keeps(rule: Rule):
    found = [
        source.where(path, node)
        for path in source.package_files()
        if source.where(path) not in EXEMPT.get(rule, ())
        for node in rule(source.tree(path))
    ]
    assert not found


@pytest.mark.parametrize("rule", BREACHES, ids=lambda rule: rule.__name__)
def test_the_rule_sees_a_breach_and_nothing_else(rule: Rule):
    assert all(list(rule(ast.parse(code))) for code in BREACHES[rule])
    assert not any(list(rule(ast.parse(code))) for code in ALLOWED[rule])
