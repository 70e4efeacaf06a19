"""What every way of reading a design notes, refuses and is known by."""

from __future__ import annotations

from typing import Any

import numpy as np

from cximpact.core.errors import (
    ClusterError,
    NoControlError,
    NoPreperiodError,
    NoTreatedError,
    ZeroVarianceError,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.estimates import Design


def outcome_id(first_treated: Any, rows: Any, total: Any) -> str:
    """Say which outcomes a design holds: the same for its rows, its cells and its moments.

    Parameters
    ----------
    first_treated, rows, total : array, shape (row,)
        First treated period, number of rows and sum of their outcomes, in any grouping.

    Returns
    -------
    str
        Fingerprint of the number and sum of outcomes a cohort, to ten digits.
    """
    cohort, code = np.unique(np.asarray(first_treated, dtype=float), return_inverse=True)
    sums = np.bincount(code, weights=np.asarray(total, dtype=float))
    size = max(float(np.abs(sums).max(initial=0.0)), 1e-300)
    n = np.bincount(code, weights=np.asarray(rows, dtype=float))
    return fingerprint(cohort, n, f"{size:.10g}", np.round(sums / size, 10) + 0.0)


def later_note(n: int, last: float) -> str:
    """Say that some are treated after the periods seen.

    Parameters
    ----------
    n : int
        How many units or groups.
    last : float
        Last period.

    Returns
    -------
    str
        The note.
    """
    return (
        f"{n} units or groups are first treated after the last period, {last:g}, and count as "
        "untreated."
    )


def always_note(n: int, total: int, *, every: bool) -> str:
    """Say that some are treated in every period they are seen.

    Parameters
    ----------
    n, total : int
        How many units or groups are, and how many there are.
    every : bool
        Whether these are all that are treated.

    Returns
    -------
    str
        The note.

    Raises
    ------
    NoPreperiodError
        If nobody else is treated.
    """
    if every:
        raise NoPreperiodError(
            f"all {n} treated units or groups are treated from the first period they are seen; "
            "an effect needs a period before treatment."
        )
    return (
        f"{n} of {total} units or groups are treated in every period they are seen and were "
        "left out: they show no change."
    )


def dropped_note(data: Panel | RepeatedCrossSection) -> list[str]:
    """Say how many rows without an outcome were left out.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.

    Returns
    -------
    list of str
        A note, or none.
    """
    if not data.n_dropped:
        return []
    return [f"{data.n_dropped:,} rows without an outcome were left out, as asked."]


def check_comparison(did: Design, *, treated: bool, constant: bool) -> None:
    """Refuse a design in which nothing can be compared.

    Parameters
    ----------
    did : Design
        The design.
    treated : bool
        Whether somebody is seen after treatment.
    constant : bool
        Whether the outcome is the same everywhere.

    Raises
    ------
    NoTreatedError, NoControlError, ClusterError, ZeroVarianceError
        With what is missing.
    """
    if not treated:
        raise NoTreatedError("nobody is seen after treatment; the data end before it begins.")
    if not did.has_never and len(did.cohorts) < 2:
        raise NoControlError("nobody is untreated while others are treated.")
    if did.n_clusters < 2:
        raise ClusterError("there is one cluster; a standard error needs at least two.")
    if constant:
        raise ZeroVarianceError("the outcome is constant; there is nothing to compare.")
