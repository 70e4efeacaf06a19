"""Exact draws of a random-intercept model: units, their variance, the answers' and case mix."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import InsufficientDataError, RankError, ZeroVarianceError, join_names

_GRID = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 400)])
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
        Means of the covariates, the constant first.
    xx, xy, yy : numpy.ndarray and float
        Sums over all rows of the cross-products.
    names : tuple of str
        Terms.
    """

    n: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    xx: np.ndarray = field(repr=False)
    xy: np.ndarray = field(repr=False)
    yy: float
    names: tuple[str, ...]

    @property
    def within(self) -> float:
        """Variance of an answer within a unit, after covariates."""
        inner = self.xx - (self.n[:, None] * self.x).T @ self.x
        cross = self.xy - (self.n[:, None] * self.x).T @ self.y
        slopes = np.linalg.lstsq(inner, cross, rcond=None)[0]
        rest = self.yy - self.n @ self.y**2 - slopes @ cross
        return max(float(rest), 0.0) / (self.n.sum() - self.n.size - len(self.names) + 1)


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
        Constant and slopes of the covariates.
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
    full = np.column_stack([np.ones(y.size), x])
    if n.size < 2 or n.sum() - n.size <= full.shape[1]:
        raise InsufficientDataError(
            f"{y.size:,} answers of {n.size:,} units; expected at least 2 units, and several "
            "answers in some of them, more than covariates."
        )
    xx = (full * w[:, None]).T @ full
    if np.linalg.matrix_rank(xx, tol=1e-9 * np.trace(xx)) < len(xx):
        raise RankError(f"the covariates {join_names(names)} follow from each other; drop some.")
    means = np.column_stack([np.bincount(unit, weights=w * c) / n for c in full.T])
    out = UnitSums(
        n=n,
        y=np.bincount(unit, weights=w * y) / n,
        x=means,
        xx=xx,
        xy=(full * w[:, None]).T @ y,
        yy=float(w @ y**2),
        names=("constant", *names),
    )
    if not out.within > 1e-12 * max(np.var(y), 1e-300):
        raise ZeroVarianceError("answers do not vary within units; reliability has no meaning.")
    return out


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
    The ratio r of the two standard deviations has a half-Cauchy prior with scale 1, the variance
    of an answer and the slopes have flat ones. Given r all else is known in closed form, so r is
    drawn from its exact marginal posterior on a fine grid.
    """
    ratio = _GRID
    fits = [_given(sums, float(r) ** 2) for r in ratio]
    log_density = np.array([f[0] for f in fits]) - np.log1p(ratio**2)
    width = np.gradient(ratio)
    mass = np.exp(log_density - log_density.max()) * width
    chosen = rng.choice(ratio.size, draws, p=mass / mass.sum())
    degrees = sums.n.sum() - len(sums.names)
    chi = rng.chisquare(degrees, draws)
    noise_slopes = rng.standard_normal((draws, len(sums.names)))
    noise_units = rng.standard_normal((draws, sums.n.size))
    units = np.empty((draws, sums.n.size))
    slopes = np.empty((draws, len(sums.names)))
    within = np.empty(draws)
    for k in np.unique(chosen):
        own, square = np.flatnonzero(chosen == k), float(ratio[k]) ** 2
        _, slope, root, rest = fits[k]
        within[own] = np.sqrt(rest / chi[own])
        slopes[own] = slope + within[own, None] * (noise_slopes[own] @ root.T)
        trust = square * sums.n / (1 + square * sums.n)
        error = sums.y - slopes[own] @ sums.x.T
        spread = np.sqrt(square / (1 + square * sums.n)) * within[own, None]
        units[own] = slopes[own, :1] + trust * error + spread * noise_units[own]
    return UnitDraws(units=units, between=ratio[chosen] * within, within=within, slopes=slopes)


def _given(sums: UnitSums, square: float) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Log density, slopes, root of their covariance and rest, for one ratio of variances."""
    shrink = square / (1 + square * sums.n) * sums.n**2
    xx = sums.xx - (sums.x * shrink[:, None]).T @ sums.x
    xy = sums.xy - sums.x.T @ (shrink * sums.y)
    yy = sums.yy - shrink @ sums.y**2
    inverse = np.linalg.inv(xx)
    slopes = inverse @ xy
    rest = float(yy - slopes @ xy)
    degrees = sums.n.sum() - len(sums.names)
    log_density = (
        -0.5 * np.log1p(square * sums.n).sum()
        - 0.5 * np.linalg.slogdet(xx)[1]
        - 0.5 * degrees * np.log(rest)
    )
    return float(log_density), slopes, np.linalg.cholesky(inverse), rest
