"""Outcomes of a dose-response curve as columns; a hurdle becomes whether, and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import InsufficientDataError
from cximpact.effects.linkage.dose.levels import Levels
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.linkage.thresholds.outcomes import HURDLE, family_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """One column whose mean is wanted at each level.

    Parameters
    ----------
    name : str
        What it is.
    y : numpy.ndarray, shape (row,)
        Values; 0 where a row is not used.
    used : numpy.ndarray of bool, shape (row,)
        Rows that have it.
    """

    name: str
    y: np.ndarray = field(repr=False)
    used: np.ndarray = field(repr=False)

    @property
    def is_rate(self) -> bool:
        """Whether it is 0 or 1."""
        return bool(np.isin(self.y[self.used], (0, 1)).all())


def targets_of(
    rows: LinkedRows, names: Sequence[str], family: str | Mapping[str, str], levels: Levels
) -> list[Target]:
    """List the columns.

    Parameters
    ----------
    rows : LinkedRows
        Rows with the roles ``outcome[0]`` and so on.
    names : sequence of str
        Columns of the outcomes.
    family : str or mapping of str to str
        What outcomes are; ``"hurdle"`` gives two columns.
    levels : Levels
        Level of each row.

    Returns
    -------
    list of Target
        In order.

    Raises
    ------
    InsufficientDataError
        If nobody at some level has an amount.
    """
    out: list[Target] = []
    everyone = np.ones(rows.n, dtype=bool)
    for i, name in enumerate(names):
        y = rows.numbers[f"outcome[{i}]"]
        if family_of(y, name, family) != HURDLE:
            out.append(Target(name=name, y=y, used=everyone))
            continue
        some = y > 0
        lacking = levels.value[np.bincount(levels.code[some], minlength=levels.size) == 0]
        if lacking.size:
            raise InsufficientDataError(
                f"nobody at the levels {', '.join(f'{v:g}' for v in lacking)} has an amount of "
                f"{name!r} above 0; join levels by bands=."
            )
        logs = np.log(np.where(some, y, 1.0))
        out.append(Target(name=f"{name} > 0", y=some.astype(float), used=everyone))
        out.append(Target(name=f"log {name}, if any", y=logs, used=some))
    return out
