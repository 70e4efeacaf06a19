"""Names are quoted in one place, values are bound, and nothing else reaches the store."""

import ast
from pathlib import Path

import duckdb
import pytest

import cximpact.repository
from cximpact.core.errors import ColumnError
from cximpact.repository.sql import Fragment, quote, sql, type_name

FILES = sorted(Path(cximpact.repository.__file__).parent.glob("*.py"))
SQL_WORDS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP ", " FROM ")


@pytest.mark.parametrize(
    "name", ['a"b', "a b", "select", "{x}", "?", "$x", "'; DROP TABLE t; --", "é"]
)
def test_a_quoted_name_is_that_name(name: str):
    with duckdb.connect() as connection:
        connection.execute(sql("CREATE TABLE t ({name} INTEGER)", name=name))
        found = connection.execute("DESCRIBE t").fetchall()
    assert [row[0] for row in found] == [name]


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_cannot_be_quoted_is_refused(name: str):
    with pytest.raises(ColumnError, match="no usable name"):
        quote(name)


def test_a_string_is_quoted_and_a_fragment_is_not():
    part = sql("{a} > ?", a="x")
    assert sql("SELECT {c} FROM {t} WHERE {w}", c=["a", part], t="t", w=part) == (
        'SELECT "a", "x" > ? FROM "t" WHERE "x" > ?'
    )


def test_only_known_types_are_inserted():
    assert type_name("BIGINT") == "BIGINT"
    with pytest.raises(ValueError, match="tuple"):
        type_name("BIGINT); DROP TABLE t; --")


def breaches(tree: ast.Module) -> list[str]:
    """List the places where SQL is made in another way than by `sql`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and _is_sql(node):
            found.append(f"f-string in line {node.lineno}")
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name == "Fragment":
            found.append(f"Fragment in line {node.lineno}")
        if name == "sql" and isinstance(node.func, ast.Name) and not _is_text(node.args[0]):
            found.append(f"template in line {node.lineno}")
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            made = _made_by_sql(function)
            found += [
                f"statement in line {call.lineno}"
                for call in ast.walk(function)
                if isinstance(call, ast.Call)
                and getattr(call.func, "attr", "") in ("execute", "sql", "executemany")
                and not _is_safe(call.args[0], made)
            ]
    return found


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_sql(node: ast.JoinedStr) -> bool:
    text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return any(word in text for word in SQL_WORDS)


def _is_safe(node: ast.AST, made: set[str]) -> bool:
    is_call = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "sql"
    return _is_text(node) or is_call or (isinstance(node, ast.Name) and node.id in made)


def _made_by_sql(function: ast.FunctionDef) -> set[str]:
    made = {a.arg for a in function.args.args if getattr(a.annotation, "id", "") == "Fragment"}
    assigned: dict[str, list[ast.AST]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
    return made | {n for n, values in assigned.items() if all(_is_safe(v, set()) for v in values)}


@pytest.mark.parametrize("path", [f for f in FILES if f.name != "sql.py"], ids=lambda p: p.name)
def test_every_statement_is_made_by_sql(path: Path):
    assert breaches(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "x = f'SELECT a FROM {t}'",
        "def f(c, t):\n    c.execute('SELECT ' + t)",
        "def f(c, t):\n    c.execute(t)",
        "def f(c, t):\n    s = t + '1'\n    c.execute(s)",
        "sql(template)",
        "sql(f'a {b}')",
        "Fragment(name)",
    ],
)
def test_another_way_is_seen(code: str):
    assert breaches(ast.parse(code))


def test_a_fragment_is_a_text():
    assert isinstance(sql("SELECT 1"), Fragment)
