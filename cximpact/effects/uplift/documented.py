"""Parameters that classes share are written once and shown in each of their docstrings."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import TypeVar

Kind = TypeVar("Kind", bound=type)
_TITLE = "Parameters\n----------\n"


def shares_parameters(base: type) -> Callable[[Kind], Kind]:
    """Put the parameters of one class into the docstring of another.

    Parameters
    ----------
    base : type
        Class whose docstring ends with its parameters.

    Returns
    -------
    callable
        Decorator of a class. Its docstring gets the section before its notes, or before its own
        parameters.
    """
    shared = cleandoc(base.__doc__ or "").partition(_TITLE)[2]

    def decorate(cls: Kind) -> Kind:
        own = cleandoc(cls.__doc__ or "")
        if _TITLE in own:
            first, _, rest = own.partition(_TITLE)
            cls.__doc__ = f"{first}{_TITLE}{shared}\n{rest}"
        else:
            first, mark, rest = own.partition("Notes\n-----\n")
            cls.__doc__ = f"{first}{_TITLE}{shared}\n\n{mark}{rest}"
        return cls

    return decorate
