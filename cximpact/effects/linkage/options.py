"""Further options of a function, kept in a small class and checked by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from cximpact.core.errors import unknown_name

Options = TypeVar("Options")


def options_of(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Make options from what the user gave by name.

    Parameters
    ----------
    kind : type
        Dataclass of the options.
    given : mapping
        Names and values.

    Returns
    -------
    object
        Options of that kind.

    Raises
    ------
    ConfigError
        If there is no option of a name, with the closest one.
    """
    known = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise unknown_name("option", name, known)
    return kind(**given)
