"""Draws of a random-intercept model: units, their variance, the answers' and the case mix."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import InsufficientDataError, RankError, ZeroVarianceError, join_names

_GRID = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 300)])
"""Ratios of the standard deviation between units to that of one answer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitSums:
    """What the model needs to know of the rows.

    Parameters
    ----------
    n : numpy.ndarray, shape (unit,)
        Effective answers of each unit.
    y : numpy.ndarray, shape (unit,)
        Mean of each unit's answers.
    x : numpy.ndarray, shape (unit, term)
        Means of the covariates.
    slopes : numpy.ndarray, shape (term,)
        Slopes of the covariates within units.
    inverse : numpy.ndarray, shape (term, term)
        Inverse of the cross-products of the covariates within units.
    rest : float
        Sum of squares within units that the covariates leave.
    """

    n: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    slopes: np.ndarray = field(repr=False)
    inverse: np.ndarray = field(repr=False)
    rest: float

    @property
    def degrees(self) -> float:
        """Degrees of freedom within units."""
        return float(self.n.sum() - self.n.size - self.slopes.size)

    @property
    def within(self) -> float:
        """Variance of an answer within a unit, after covariates."""
        return self.rest / self.degrees

    @property
    def adjusted(self) -> np.ndarray:
        """Mean of each unit's answers at the average covariates."""
        return self.y - self.x @ self.slopes


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitDraws:
    """Joint draws of the model.

    Parameters
    ----------
    units : numpy.ndarray, shape (draw, unit)
        Long-run mean of each unit at the average covariates.
    between, within : numpy.ndarray, shape (draw,)
        Standard deviation between units, and of one answer.
    slopes : numpy.ndarray, shape (draw, term)
        Slopes of the covariates.
    """

    units: np.ndarray = field(repr=False)
    between: np.ndarray = field(repr=False)
    within: np.ndarray = field(repr=False)
    slopes: np.ndarray = field(repr=False)


def unit_sums(
    y: np.ndarray, x: np.ndarray, unit: np.ndarray, weight: np.ndarray, names: tuple[str, ...]
) -> UnitSums:
    """Reduce rows to sums; weights of a unit are scaled to its effective number of answers.

    Parameters
    ----------
    y : numpy.ndarray, shape (row,)
        Answers.
    x : numpy.ndarray, shape (row, term)
        Covariates with mean 0, without constant.
    unit : numpy.ndarray of int, shape (row,)
        Number of each row's unit.
    weight : numpy.ndarray, shape (row,)
        Weights, above 0.
    names : tuple of str
        Names of the covariates.

    Returns
    -------
    UnitSums
        Sums.

    Raises
    ------
    InsufficientDataError, RankError, ZeroVarianceError
        If the model cannot be learned from these rows.
    """
    total, squares = np.bincount(unit, weights=weight), np.bincount(unit, weights=weight**2)
    n = total**2 / squares
    w = weight * (n / total)[unit]
    if n.size < 2 or n.sum() - n.size - x.shape[1] < 1:
        raise InsufficientDataError(
            f"{y.size:,} answers of {n.size:,} units; expected at least 2 units, and several "
            "answers in some of them, more than covariates."
        )
    means = np.column_stack([y, x])
    means = np.column_stack([np.bincount(unit, weights=w * c) / n for c in means.T])
    own_y, own_x = y - means[unit, 0], x - means[unit, 1:]
    squares_x = (own_x * w[:, None]).T @ own_x
    _check_within(squares_x, (x * w[:, None]).T @ x, names)
    inverse = np.linalg.inv(squares_x)
    slopes = inverse @ (own_x.T @ (w * own_y))
    rest = float(w @ (own_y - own_x @ slopes) ** 2)
    if not rest > 1e-12 * float(w @ (y - y.mean()) ** 2):
        raise ZeroVarianceError("answers do not vary within units; reliability has no meaning.")
    return UnitSums(n=n, y=means[:, 0], x=means[:, 1:], slopes=slopes, inverse=inverse, rest=rest)


def draw_units(sums: UnitSums, draws: int, rng: np.random.Generator) -> UnitDraws:
    """Draw from the posterior, without a Markov chain.

    Parameters
    ----------
    sums : UnitSums
        Rows, reduced.
    draws : int
        How many draws.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    UnitDraws
        Independent joint draws.

    Notes
    -----
    The variance of an answer and the slopes are drawn from what is seen within units alone, so
    that a better unit with easier customers does not bend the slopes. Given these, the ratio of
    the two standard deviations, with a half-Cauchy prior of scale 1, is drawn from its exact
    posterior on a fine grid; then the overall mean, with a flat prior, and the units.
    """
    within = np.sqrt(sums.rest / rng.chisquare(sums.degrees, draws))
    root = np.linalg.cholesky(sums.inverse) if sums.slopes.size else sums.inverse
    noise = rng.standard_normal((draws, sums.slopes.size)) @ root.T
    slopes = sums.slopes + within[:, None] * noise
    adjusted = sums.y - slopes @ sums.x.T
    log_density = log_ratio_density(adjusted, within, sums.n, _GRID)
    mass = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * np.gradient(_GRID)
    steps = np.cumsum(mass, axis=1)
    chosen = (steps < (rng.random(draws) * steps[:, -1])[:, None]).sum(axis=1)
    square = _GRID[chosen][:, None] ** 2
    share = sums.n / (1 + square * sums.n)
    center = (share * adjusted).sum(axis=1) / share.sum(axis=1)
    mean = center + within * rng.standard_normal(draws) / np.sqrt(share.sum(axis=1))
    # the share of its own mean in a unit's score is its reliability
    units = mean[:, None] + square * share * (adjusted - mean[:, None])
    spread = np.sqrt(square / (1 + square * sums.n)) * within[:, None]
    units = units + spread * rng.standard_normal(units.shape)
    return UnitDraws(units=units, between=_GRID[chosen] * within, within=within, slopes=slopes)


def log_ratio_density(
    adjusted: np.ndarray, within: np.ndarray, n: np.ndarray, ratio: np.ndarray
) -> np.ndarray:
    """Return the log posterior density of the ratio of the two standard deviations.

    Parameters
    ----------
    adjusted : numpy.ndarray, shape (draw, unit)
        Means of the units.
    within : numpy.ndarray, shape (draw,)
        Standard deviation of an answer.
    n : numpy.ndarray, shape (unit,)
        Answers.
    ratio : numpy.ndarray, shape (ratio,)
        Where.

    Returns
    -------
    numpy.ndarray, shape (draw, ratio)
        Up to a constant, with the overall mean integrated out.
    """
    share = n / (1 + ratio[:, None] ** 2 * n)
    total = share.sum(axis=1)
    # around a mean of each draw, so that large means do not swallow the digits
    own = adjusted - adjusted.mean(axis=1, keepdims=True)
    rest = own**2 @ share.T - (own @ share.T) ** 2 / total
    constant = -0.5 * np.log1p(ratio[:, None] ** 2 * n).sum(axis=1) - 0.5 * np.log(total)
    return constant - np.log1p(ratio**2) - 0.5 * rest / within[:, None] ** 2


def _check_within(within: np.ndarray, overall: np.ndarray, names: tuple[str, ...]) -> None:
    still = np.diag(within) <= 1e-9 * np.diag(overall)
    if still.any():
        named = join_names([name for name, s in zip(names, still, strict=True) if s])
        raise RankError(
            f"the covariate {named} does not vary within units, so that it cannot be told from "
            "the units; leave it out, or compare units within its levels."
        )
    scale = np.sqrt(np.diag(within))
    if len(names) and np.linalg.eigvalsh(within / np.outer(scale, scale))[0] < 1e-9:
        raise RankError(f"the covariates {join_names(names)} follow from each other; drop some.")
