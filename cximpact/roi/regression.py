"""Conditional expectations from draws, by regression on splines: what knowing an input tells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

KNOTS = 5
_RIDGE = 1e-8


def conditional_mean(inputs: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """Estimate the expectation of outcomes given inputs, at every draw.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (sample, input)
        What would be known.
    outcomes : numpy.ndarray, shape (sample, outcome)
        What depends on it.

    Returns
    -------
    numpy.ndarray, shape (sample, outcome)
        Fitted values of a regression on natural cubic splines of each input and the products
        of their first two terms.
    """
    design, _ = basis(inputs)
    center = outcomes.mean(axis=0)
    gram = design.T @ design
    gram[np.diag_indices_from(gram)] += _RIDGE * len(design)
    return center + design @ np.linalg.solve(gram, design.T @ (outcomes - center))


def basis(inputs: np.ndarray) -> tuple[np.ndarray, list[frozenset[int]]]:
    """Lay out splines of inputs and their products, each centered and scaled.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (sample, input)
        Inputs.

    Returns
    -------
    design : numpy.ndarray, shape (sample, term)
        Without a constant; terms that do not vary are left out.
    owners : list of frozenset of int
        Which inputs each term is made of.
    """
    splines = [_natural_spline(column) for column in np.asarray(inputs, dtype=float).T]
    columns = [c for block in splines for c in block.T]
    owners = [frozenset({i}) for i, block in enumerate(splines) for _ in block.T]
    for i, one in enumerate(splines):
        for j, other in enumerate(splines[:i]):
            products = [a * b for a in one.T[:2] for b in other.T[:2]]
            columns += products
            owners += [frozenset({i, j})] * len(products)
    if not columns:
        return np.zeros((len(inputs), 0)), []
    design = np.column_stack(columns)
    design -= design.mean(axis=0)
    spread = design.std(axis=0)
    varies = spread > 1e-10
    kept = [owner for owner, is_kept in zip(owners, varies, strict=True) if is_kept]
    return design[:, varies] / spread[varies], kept


class Explained:
    """How much of the variance of an outcome knowing some inputs would explain.

    The cross-products are made once; every set of inputs is then a small system of equations.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (sample, input)
        Inputs.
    outcome : numpy.ndarray, shape (sample,)
        Outcome.
    """

    def __init__(self, inputs: np.ndarray, outcome: np.ndarray) -> None:
        design, self.owners = basis(inputs)
        y = outcome - outcome.mean()
        self.n, self.total = len(design), float(y @ y)
        self.gram, self.right = design.T @ design, design.T @ y
        self.gram[np.diag_indices_from(self.gram)] += _RIDGE * self.n

    def by(self, known: Iterable[int]) -> float:
        """Return the variance of the conditional expectation given some inputs.

        Parameters
        ----------
        known : iterable of int
            Which inputs; none explain nothing.

        Returns
        -------
        float
            Less what a regression of as many terms would explain of pure noise; not below 0.
        """
        inside = frozenset(known)
        at = np.flatnonzero([owner <= inside for owner in self.owners])
        if at.size == 0:
            return 0.0
        fitted = float(self.right[at] @ np.linalg.solve(self.gram[np.ix_(at, at)], self.right[at]))
        rest = (self.total - fitted) / max(self.n - at.size - 1, 1)
        return float(np.clip(self.total / (self.n - 1) - rest, 0.0, self.total / (self.n - 1)))


def _natural_spline(x: np.ndarray) -> np.ndarray:
    """Natural cubic spline terms: linear beyond the outer knots, so that tails stay tame."""
    spread = x.std()
    if spread == 0:
        return np.zeros((x.size, 0))
    z = (x - x.mean()) / spread
    knots = np.unique(np.quantile(z, np.linspace(0.02, 0.98, KNOTS)))
    if knots.size < 3:
        return z[:, None]
    last, before = knots[-1], knots[-2]

    def bend(knot: float) -> np.ndarray:
        up = np.maximum(z - knot, 0.0) ** 3 - np.maximum(z - last, 0.0) ** 3
        return up / (last - knot)

    return np.column_stack([z, *(bend(k) - bend(before) for k in knots[:-2])])
