"""Which cohort is compared with whom, in which period, against which base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cximpact.core.errors import ConfigError, NoControlError, NoPreperiodError
from cximpact.core.validate import check_choice

CONTROLS = ("never", "not_yet")
BASES = ("varying", "universal")
_ALSO = {"nevertreated": "never", "notyettreated": "not_yet", "notyet": "not_yet"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One comparison of two periods.

    Parameters
    ----------
    cohort, period, base : float
        First treated period, the period looked at, and the one it is compared with.
    controls : tuple of float
        Cohorts that serve as controls; infinite is never treated.
    """

    cohort: float
    period: float
    base: float
    controls: tuple[float, ...]

    @property
    def reference(self) -> bool:
        """Whether the period is the base itself, so that the effect is 0 by construction."""
        return self.period == self.base


def control_group(name: str) -> str:
    """Read the name of a control group, also as R's `did` spells it.

    Parameters
    ----------
    name : str
        ``"never"`` or ``"not_yet"``.

    Returns
    -------
    str
        One of the two.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if not isinstance(name, str):
        raise ConfigError(f"control is {name!r}; expected 'never' or 'not_yet'.")
    return check_choice(
        _ALSO.get(name.replace("-", "").replace("_", ""), name), "control", CONTROLS
    )


def plan(
    periods: Sequence[float],
    cohorts: Sequence[float],
    *,
    control: str,
    base: str,
    anticipation: int,
) -> tuple[list[Cell], tuple[str, ...]]:
    """List the comparisons that a design allows.

    Parameters
    ----------
    periods : sequence of float
        Ascending.
    cohorts : sequence of float
        Ascending, infinite for never treated.
    control : {"never", "not_yet"}
        Who serves as control.
    base : {"varying", "universal"}
        Before treatment (and before units may anticipate it), the period before or always the
        last one before; from then on, the latter.
    anticipation : int
        Periods before treatment in which units may already react.

    Returns
    -------
    tuple of list of Cell and tuple of str
        Comparisons by cohort and period, and what could not be compared.

    Raises
    ------
    NoControlError
        If nobody can serve as control.
    NoPreperiodError
        If no cohort has a base.
    """
    treated = [g for g in cohorts if np.isfinite(g)]
    if control == "never" and len(treated) == len(cohorts):
        raise NoControlError(
            "nobody is never treated; use control='not_yet', which compares with units that are "
            "treated later."
        )
    cells: list[Cell] = []
    early, alone = [], 0
    for g in treated:
        before = [p for p in periods if p + anticipation < g]
        if not before:
            early.append(g)
            continue
        for i, period in enumerate(periods):
            if base == "universal" or period + anticipation >= g:
                against = before[-1]
            elif i == 0:
                continue
            else:
                against = periods[i - 1]
            latest = max(period, against) + anticipation
            pool = tuple(c for c in cohorts if c != g and (not np.isfinite(c) or c > latest))
            pool = (np.inf,) if control == "never" else pool
            if pool:
                cells.append(Cell(cohort=g, period=period, base=against, controls=pool))
            else:
                alone += 1
    if early and len(early) == len(treated):
        raise NoPreperiodError(
            f"no cohort is seen before {anticipation} periods ahead of its treatment; lower "
            "anticipation or add earlier periods."
        )
    if not any(c.period >= c.cohort for c in cells):
        raise NoControlError("nobody is untreated in any period in which others are treated.")
    return cells, _notes(early, alone, anticipation)


def _notes(early: list[float], alone: int, anticipation: int) -> tuple[str, ...]:
    notes = []
    if early:
        named = ", ".join(f"{g:g}" for g in early)
        notes.append(
            f"cohorts {named} have no period more than {anticipation} before treatment and were "
            "left out."
        )
    if alone:
        notes.append(
            f"{alone} pairs of cohort and period have no untreated units and were left out."
        )
    return tuple(notes)
