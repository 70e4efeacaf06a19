"""The terms of the latent score: a factor, an interaction or a path over periods.

Each is a fixed basis of effects times independent normal coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

KINDS = ("exchangeable", "open", "interaction", "walk", "drift", "style", "spread")


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """Effects of the levels of one column, or of a cross of columns.

    The effects are ``basis @ u`` with ``u ~ N(0, sigma^2)`` independent. With an orthonormal
    basis of the vectors that sum to zero this is a `pymc.ZeroSumNormal`; with cumulated sums
    it is a random walk.

    Parameters
    ----------
    name : str
        Such as ``"segment"`` or ``"segment:month"``.
    columns : tuple of str
        Columns it depends on.
    kind : {"exchangeable", "open", "interaction", "walk", "drift", "style", "spread"}
        What it is.
    labels : numpy.ndarray, shape (level,)
        Names of the levels.
    basis : numpy.ndarray, shape (level, coordinate), or None
        None is the identity: independent levels.
    """

    name: str
    columns: tuple[str, ...]
    kind: str
    labels: np.ndarray = field(repr=False)
    basis: np.ndarray | None = field(repr=False)

    @property
    def effect(self) -> str:
        """Name of its effects in the draws."""
        return f"effect_{self.name}"

    @property
    def scale(self) -> str:
        """Name of its standard deviation in the draws."""
        if self.kind in ("walk", "drift"):
            return f"{self.kind}_sd"
        return f"sigma_{self.name}"

    @property
    def n_levels(self) -> int:
        """How many levels it has."""
        return len(self.labels)

    @property
    def n_coordinates(self) -> int:
        """How many free coordinates it has."""
        return self.n_levels if self.basis is None else self.basis.shape[1]

    def effects(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the effects of the levels.

        Parameters
        ----------
        coordinates : numpy.ndarray, shape (..., coordinate)
            On the scale of the effects.

        Returns
        -------
        numpy.ndarray, shape (..., level)
            On the latent scale.
        """
        return coordinates if self.basis is None else coordinates @ self.basis.T

    def coordinates(self, by_level: np.ndarray) -> np.ndarray:
        """Pull a gradient by level back to the coordinates.

        Parameters
        ----------
        by_level : numpy.ndarray, shape (..., level)
            Derivatives by the effects.

        Returns
        -------
        numpy.ndarray, shape (..., coordinate)
            Derivatives by the coordinates.
        """
        return by_level if self.basis is None else by_level @ self.basis


def zero_sum_basis(n_answers: np.ndarray) -> np.ndarray:
    """Build an orthonormal basis of the effects that sum to zero.

    Coordinate ``i`` contrasts a level with the mean of all levels with more answers, so that it
    is known about as well as that level.

    Parameters
    ----------
    n_answers : numpy.ndarray, shape (level,)
        Answers of each level, or their information.

    Returns
    -------
    numpy.ndarray, shape (level, level - 1)
        Orthonormal columns, each summing to zero.
    """
    n = len(n_answers)
    out = np.zeros((n, n - 1))
    order = np.argsort(-np.asarray(n_answers), kind="stable")
    for i in range(1, n):
        norm = np.sqrt(i * (i + 1))
        out[order[:i], i - 1] = -1 / norm
        out[order[i], i - 1] = i / norm
    return out


def walk_basis(n: int) -> np.ndarray:
    """Build the basis of a random walk that is shifted to sum to zero.

    Parameters
    ----------
    n : int
        Periods, at least 2.

    Returns
    -------
    numpy.ndarray, shape (n, n - 1)
        Coordinates are the steps.
    """
    path = np.tril(np.ones((n, n)))[:, 1:]
    return path - path.mean(axis=0)


def drift_basis(n: int) -> np.ndarray:
    """Build the basis of a path whose slope is a random walk.

    Parameters
    ----------
    n : int
        Periods, at least 3.

    Returns
    -------
    numpy.ndarray, shape (n, n - 2)
        Coordinates are the changes of the slope; the paths sum to zero.
    """
    slopes = np.tril(np.ones((n - 1, n - 1)))[:, 1:]
    path = np.vstack([np.zeros(n - 2), np.cumsum(slopes, axis=0)])
    return path - path.mean(axis=0)


def crossed_basis(bases: Sequence[np.ndarray]) -> np.ndarray:
    """Build the basis of an interaction from those of its columns.

    Parameters
    ----------
    bases : sequence of numpy.ndarray, each of shape (level, coordinate)
        Bases of the columns.

    Returns
    -------
    numpy.ndarray, shape (product of levels, product of coordinates)
        Levels of the last column vary fastest; effects sum to zero along every column.
    """
    out = bases[0]
    for basis in bases[1:]:
        out = np.kron(out, basis)
    return out
