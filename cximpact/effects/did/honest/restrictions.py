"""How far trends may differ: differences of the departure from parallel trends, and bounds.

The departure ``delta`` has one number a time since treatment and is zero at the reference. A
restriction bounds the size of differences of it that reach into the time after the reference:
first differences by a multiple of one before, or second differences by a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cximpact.effects.did.honest.path import EventPath


@dataclass(frozen=True, kw_only=True, eq=False)
class Restriction:
    """Bounds ``|differences @ delta| <= bound + slack @ delta``.

    Parameters
    ----------
    differences : numpy.ndarray, shape (after, term)
        Differences that involve times after the reference; their part after it is square and
        invertible.
    bound : float
        The number.
    slack : numpy.ndarray, shape (term,)
        The difference before the reference that the bound is a multiple of.
    """

    differences: np.ndarray
    bound: float
    slack: np.ndarray


def first_differences(path: EventPath) -> np.ndarray:
    """Return first differences of the departure, in order of time.

    Parameters
    ----------
    path : EventPath
        The event study.

    Returns
    -------
    numpy.ndarray, shape (term, term)
        Those before the reference first.
    """
    n, at = len(path.value), path.n_before
    level = np.insert(np.eye(n), at, 0.0, axis=0)  # the reference is zero
    return np.diff(level, axis=0)


def second_differences(path: EventPath) -> np.ndarray:
    """Return second differences of the departure, in order of time.

    Parameters
    ----------
    path : EventPath
        The event study.

    Returns
    -------
    numpy.ndarray, shape (term - 1, term)
        Those that end at the reference or before it first.
    """
    return np.diff(first_differences(path), axis=0)


def smoothness(path: EventPath, bound: float) -> Restriction:
    """Let the slope of the departure change by so much from one period to the next.

    Parameters
    ----------
    path : EventPath
        The event study.
    bound : float
        M, in the outcome's unit.

    Returns
    -------
    Restriction
        On second differences.
    """
    rows = second_differences(path)[path.n_before - 1 :]
    return Restriction(differences=rows, bound=bound, slack=np.zeros(len(path.value)))


def relative_magnitudes(path: EventPath, bound: float) -> Iterator[Restriction]:
    """Let the departure change by so many times its largest change before the reference.

    Parameters
    ----------
    path : EventPath
        The event study.
    bound : float
        Mbar.

    Returns
    -------
    iterator of Restriction
        One for every change before, and each sign of it; together they are the restriction.
    """
    rows = first_differences(path)
    for before in rows[: path.n_before]:
        for sign in (1.0, -1.0):
            yield Restriction(
                differences=rows[path.n_before :], bound=0.0, slack=bound * sign * before
            )


def identified(
    path: EventPath, restriction: Restriction, weights: np.ndarray
) -> tuple[float, float] | None:
    """Bound the target if coefficients before the reference were known without error.

    Parameters
    ----------
    path : EventPath
        The event study; its estimates are taken for the truth.
    restriction : Restriction
        The restriction.
    weights : numpy.ndarray, shape (after,)
        The target.

    Returns
    -------
    tuple of float or None
        Lower and upper bound; None if the restriction cannot hold.
    """
    k = path.n_before
    before, after = path.value[:k], path.value[k:]
    size = restriction.bound + float(restriction.slack[:k] @ before)
    if size < 0:
        return None
    back = np.linalg.solve(restriction.differences[:, k:].T, weights)
    middle = weights @ after + back @ (restriction.differences[:, :k] @ before)
    half = float(np.abs(back).sum() * size)
    return float(middle - half), float(middle + half)
