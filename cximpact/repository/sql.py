"""The only place where SQL is put together: names are quoted here, values are always bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from cximpact.core.errors import ColumnError


class Fragment(str):
    """A piece of SQL that `sql` made; it is inserted as it stands."""

    __slots__ = ()


Name = str | Fragment
_TYPES = ("BIGINT", "BOOLEAN", "DATE", "DOUBLE", "TIMESTAMP", "VARCHAR")


def quote(name: str) -> Fragment:
    """Quote an identifier.

    Parameters
    ----------
    name : str
        Name of a table or column, with any characters but a null byte.

    Returns
    -------
    Fragment
        The name in double quotes.

    Raises
    ------
    ColumnError
        If the name is empty or holds a null byte, which no identifier can.
    """
    if not name or "\0" in name:
        raise ColumnError(f"Column {name!r} has no usable name; rename it.")
    return Fragment('"' + name.replace('"', '""') + '"')


def sql(template: LiteralString, **parts: Name | Sequence[Name]) -> Fragment:
    """Fill the names into a statement.

    Parameters
    ----------
    template : str
        SQL written out in the source, with ``{name}`` where an identifier goes and ``?`` where
        a value is bound.
    **parts : str, Fragment or sequence of them
        A string is an identifier and is quoted; a `Fragment` is inserted; a sequence becomes a
        list with commas.

    Returns
    -------
    Fragment
        The statement.
    """
    return Fragment(template.format(**{key: _render(part) for key, part in parts.items()}))


def type_name(name: str) -> Fragment:
    """Return the name of a column type that the repository stores.

    Parameters
    ----------
    name : str
        One of BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP and VARCHAR.

    Returns
    -------
    Fragment
        The name.
    """
    return Fragment(_TYPES[_TYPES.index(name)])


def all_of(conditions: Sequence[Fragment]) -> Fragment:
    """Join conditions by AND.

    Parameters
    ----------
    conditions : sequence of Fragment
        At least one.

    Returns
    -------
    Fragment
        The conjunction.
    """
    return Fragment(" AND ".join(conditions))


def _render(part: Name | Sequence[Name]) -> str:
    if isinstance(part, Fragment):
        return part
    if isinstance(part, str):
        return quote(part)
    return ", ".join(_render(p) for p in part)
