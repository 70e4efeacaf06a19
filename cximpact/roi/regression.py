"""Conditional expectations from draws, by regression on splines: what knowing an input tells."""

from __future__ import annotations

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
    design = basis(inputs)
    center = outcomes.mean(axis=0)
    gram = design.T @ design
    gram[np.diag_indices_from(gram)] += _RIDGE * len(design)
    return center + design @ np.linalg.solve(gram, design.T @ (outcomes - center))


def basis(inputs: np.ndarray) -> np.ndarray:
    """Lay out splines of inputs and their products, each centered and scaled.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (sample, input)
        Inputs.

    Returns
    -------
    numpy.ndarray, shape (sample, term)
        Without a constant; terms that do not vary are left out.
    """
    splines = [_natural_spline(column) for column in np.asarray(inputs, dtype=float).T]
    columns = [c for block in splines for c in block.T]
    for i, one in enumerate(splines):
        for other in splines[:i]:
            columns += [a * b for a in one.T[:2] for b in other.T[:2]]
    if not columns:
        return np.zeros((len(inputs), 0))
    design = np.column_stack(columns)
    design = design - design.mean(axis=0)
    spread = design.std(axis=0)
    return design[:, spread > 1e-10] / spread[spread > 1e-10]


def explained(inputs: np.ndarray, outcome: np.ndarray) -> float:
    """Estimate how much of the variance of an outcome knowing the inputs would explain.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (sample, input)
        Inputs; none explain nothing.
    outcome : numpy.ndarray, shape (sample,)
        Outcome.

    Returns
    -------
    float
        Variance of the conditional expectation, less what a regression of as many terms would
        explain of pure noise.
    """
    if inputs.shape[1] == 0:
        return 0.0
    design = basis(inputs)
    n, terms = design.shape
    fitted = conditional_mean(inputs, outcome[:, None])[:, 0]
    rest = float(((outcome - fitted) ** 2).sum()) / max(n - terms - 1, 1)
    return max(float(outcome.var(ddof=1)) - rest, 0.0)


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
