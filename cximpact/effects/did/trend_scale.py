"""Parallel trends on a scale: differences, odds or ratios of cell means, by pooled regression.

Mean outcomes of untreated cells of a cohort and a period are ``g(mean) = a_cohort + b_period``
with the identity, logit or logarithm for g: pooled quasi-maximum likelihood with the canonical
link. What it predicts for treated cells is their untreated mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from cximpact.core.errors import ConfigError, SeparationError
from cximpact.effects.did.imputed_blocks import RCOND

MAX_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class TrendScale:
    """A scale on which trends may be parallel.

    Parameters
    ----------
    name : str
        ``"difference"``, ``"odds"`` or ``"ratio"``.
    link, mean, slope : callable
        From the mean to the scale, back, and the derivative of the way back.
    low, high : float
        What outcomes may be.
    words : str
        What it means.
    """

    name: str
    link: Callable[[np.ndarray], np.ndarray]
    mean: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    words: str


SCALES = {
    "difference": TrendScale(
        name="difference",
        link=lambda m: m,
        mean=lambda eta: eta,
        slope=np.ones_like,
        low=-np.inf,
        high=np.inf,
        words="means would have changed by the same amount",
    ),
    "odds": TrendScale(
        name="odds",
        link=special.logit,
        mean=special.expit,
        slope=lambda eta: special.expit(eta) * special.expit(-eta),
        low=0.0,
        high=1.0,
        words="odds would have changed by the same factor",
    ),
    "ratio": TrendScale(
        name="ratio",
        link=np.log,
        mean=np.exp,
        slope=np.exp,
        low=0.0,
        high=np.inf,
        words="means would have changed by the same factor",
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class CellMeans:
    """Sums of a design by cohort and period.

    Parameters
    ----------
    cohort, period : numpy.ndarray, shape (cell,)
        First treated period (infinite for never) and period of each cell that is seen.
    weight, mean : numpy.ndarray, shape (cell,)
        Weight of the rows, and their mean outcome.
    free : numpy.ndarray of bool, shape (cell,)
        Whether the cell is untreated.
    """

    cohort: np.ndarray
    period: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    free: np.ndarray

    @property
    def columns(self) -> np.ndarray:
        """Cohort and period effects, shape (cell, effect)."""
        parts = [of[:, None] == np.unique(of) for of in (self.cohort, self.period)]
        return np.concatenate(parts, axis=1).astype(float)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaleFit:
    """Untreated means on one scale.

    Parameters
    ----------
    predictor, fitted : numpy.ndarray, shape (cell,)
        On the scale, and as means; of every cell.
    coefficients : numpy.ndarray, shape (column,)
        Cohort and period effects, then those of further columns.
    spread : numpy.ndarray, shape (column, cell)
        How the coefficients move with the sum of the errors of each untreated cell.
    move : numpy.ndarray, shape (cell, cell)
        How fitted means move with it.
    seen : numpy.ndarray of bool, shape (cell,)
        Whether the untreated mean follows from untreated cells.
    known : numpy.ndarray of bool, shape (column,)
        Whether the coefficient can be told apart from the others.
    """

    predictor: np.ndarray
    fitted: np.ndarray
    coefficients: np.ndarray
    spread: np.ndarray = field(repr=False)
    move: np.ndarray = field(repr=False)
    seen: np.ndarray
    known: np.ndarray


def fit_scale(cells: CellMeans, scale: TrendScale, more: np.ndarray | None = None) -> ScaleFit:
    """Fit untreated cells.

    Parameters
    ----------
    cells : CellMeans
        The design.
    scale : TrendScale
        On which trends are parallel.
    more : numpy.ndarray, shape (cell, column), optional
        Further columns, such as leads.

    Returns
    -------
    ScaleFit
        By Newton's method.

    Raises
    ------
    ConfigError
        If outcomes lie outside the scale.
    SeparationError
        If a cohort or period has no untreated mean inside the scale.
    """
    _check_range(cells, scale)
    x = cells.columns if more is None else np.concatenate([cells.columns, more], axis=1)
    weight = np.where(cells.free, cells.weight, 0.0)
    coefficients = np.zeros(x.shape[1])
    middle = scale.link(np.average(cells.mean, weights=weight))
    predictor = np.full(len(x), float(middle))
    for _ in range(MAX_STEPS):
        slope = weight * scale.slope(predictor)
        inverse = np.linalg.pinv(x.T @ (slope[:, None] * x), rcond=RCOND, hermitian=True)
        error = weight * (cells.mean - scale.mean(predictor))
        step = inverse @ (x.T @ (slope * predictor + error)) - coefficients
        coefficients = coefficients + step
        moved = x @ coefficients
        if np.abs(moved - predictor)[cells.free].max() < 1e-12 * (1 + np.abs(moved).max()):
            predictor = moved
            break
        predictor = np.clip(moved, predictor - 4.0, predictor + 4.0) if scale.low == 0 else moved
    else:
        raise SeparationError(
            f"on the scale of {scale.name} the untreated means have no best fit, as some of them "
            "are 0 or 1 throughout. Use longer periods or trend='difference'."
        )
    slope = scale.slope(predictor)
    normal = x.T @ ((weight * slope)[:, None] * x)
    inverse = np.linalg.pinv(normal, rcond=RCOND, hermitian=True)
    spread = inverse @ (x * cells.free[:, None]).T
    left = x - x @ inverse @ normal
    return ScaleFit(
        predictor=predictor,
        fitted=scale.mean(predictor),
        coefficients=coefficients,
        spread=spread,
        move=slope[:, None] * (x @ spread),
        seen=np.abs(left).max(axis=1) < 1e-6,
        known=np.abs(np.diag(inverse @ normal) - 1) < 1e-6,
    )


def _check_range(cells: CellMeans, scale: TrendScale) -> None:
    mean, free = cells.mean, cells.free
    if mean.min() < scale.low or mean.max() > scale.high:
        raise ConfigError(
            f"trend={scale.name!r} needs outcomes from {scale.low:g} to {scale.high:g}; means run "
            f"from {mean.min():g} to {mean.max():g}. Use trend='difference'."
        )
    inside = (mean > scale.low) & (mean < scale.high)
    for what, of in (("cohort", cells.cohort), ("period", cells.period)):
        for label in np.unique(of[free]):
            mine = free & (of == label)
            if not inside[mine].any():
                raise SeparationError(
                    f"every untreated outcome of {what} {label:g} is {mean[mine][0]:g}, so its "
                    f"{scale.name} cannot be compared. Use longer periods, join cohorts, or use "
                    "trend='difference'."
                )
