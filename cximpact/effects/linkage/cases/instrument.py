"""One instrument, one treatment: the effect on those it moves, however weakly it moves them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from cximpact.core.errors import ClusterError, InsufficientDataError, RankError
from cximpact.core.rank import dependent_columns
from cximpact.core.rng import RngLike, as_generator
from cximpact.effects.linkage.cases.regions import ConfidenceSet
from cximpact.effects.linkage.rows import LinkedRows

STRONG = 104.7
"""First-stage F from which the usual t interval keeps its level (Lee and others, 2022)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wald:
    """Ratio of two coefficients: of the outcome, and of treatment, on the instrument.

    Parameters
    ----------
    reduced, first : float
        Coefficients of the instrument for the outcome and for treatment.
    covariance : numpy.ndarray, shape (2, 2)
        Of the two.
    df : float
        Degrees of freedom: clusters less one.
    """

    reduced: float
    first: float
    covariance: np.ndarray = field(repr=False)
    df: float

    @property
    def estimate(self) -> float:
        """The ratio."""
        return self.reduced / self.first

    @property
    def std_error(self) -> float:
        """Its error to first order, for a strong instrument alone."""
        contrast = np.array([1.0, -self.estimate])
        return float(np.sqrt(contrast @ self.covariance @ contrast)) / abs(self.first)

    @property
    def f(self) -> float:
        """First-stage F, robust to what the covariance is robust to."""
        variance = float(self.covariance[1, 1])
        return self.first**2 / variance if variance > 0 else math.inf

    @property
    def is_strong(self) -> bool:
        """Whether the usual t interval keeps its level."""
        return self.f >= STRONG

    def p_value(self, effect: float) -> float:
        """Return the p-value of the Anderson-Rubin test of one effect.

        Parameters
        ----------
        effect : float
            The effect to test.

        Returns
        -------
        float
            Two-sided.
        """
        contrast = np.array([1.0, -effect])
        variance = float(contrast @ self.covariance @ contrast)
        return float(stats.f.sf((self.reduced - effect * self.first) ** 2 / variance, 1, self.df))

    def confidence_set(self, prob: float) -> ConfidenceSet:
        """Return all effects that the Anderson-Rubin test does not reject.

        Parameters
        ----------
        prob : float
            Confidence.

        Returns
        -------
        ConfidenceSet
            The solution of a quadratic inequality: an interval, two rays or the whole line.
        """
        q2 = float(stats.f.ppf(prob, 1, self.df))
        square, middle, rest = self._quadratic(q2)
        inside = middle**2 - square * rest
        if square > 0:
            root = math.sqrt(max(inside, 0.0))
            pieces = (((middle - root) / square, (middle + root) / square),)
        elif square == 0:
            pieces = ((rest / (2 * middle), math.inf),) if middle > 0 else ()
            pieces = pieces or (((-math.inf, rest / (2 * middle)),) if middle < 0 else ())
        elif inside > 0:
            root = math.sqrt(inside)
            ends = sorted(((middle - root) / square, (middle + root) / square))
            pieces = ((-math.inf, ends[0]), (ends[1], math.inf))
        else:
            pieces = ((-math.inf, math.inf),)
        found = tuple((float(low), float(high)) for low, high in pieces)
        return ConfidenceSet(pieces=found, prob=prob)

    def draw(self, size: int, *, rng: RngLike) -> np.ndarray:
        """Draw from the confidence density: the test, inverted at every level.

        Parameters
        ----------
        size : int
            How many draws.
        rng : int or Generator
            Randomness of their order; their values are quantiles.

        Returns
        -------
        numpy.ndarray, shape (size,)
            Effects. Levels at which the set is not bounded have no density and are left out.
        """
        limit = math.sqrt(self.f)
        low, high = stats.t.cdf([-limit, limit], self.df)
        level = (np.arange(size) + 0.5) / size
        t = stats.t.ppf(low + level * (high - low), self.df)
        square, middle, rest = self._quadratic(t**2)
        root = np.sqrt(np.maximum(middle**2 - square * rest, 0.0))
        values = (middle - np.sign(t) * root) / square
        return as_generator(rng).permutation(values)

    def _quadratic(self, q2: Any) -> tuple[Any, Any, Any]:
        """Coefficients of effect**2, of -2 effect, and without it, of what must not exceed 0."""
        (vaa, vad), (_, vdd) = self.covariance
        a, d = self.reduced, self.first
        return d**2 - q2 * vdd, a * d - q2 * vad, a**2 - q2 * vaa


@dataclass(frozen=True, kw_only=True, eq=False)
class Partial:
    """An instrument with all that covariates tell of it taken out.

    Parameters
    ----------
    design : numpy.ndarray, shape (row, term)
        Constant and covariates.
    alone : numpy.ndarray, shape (row,)
        The instrument without what the design tells of it.
    rows : LinkedRows
        Weights and clusters.
    """

    design: np.ndarray = field(repr=False)
    alone: np.ndarray = field(repr=False)
    rows: LinkedRows = field(repr=False)

    def coefficients(self, *outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Regress outcomes on the instrument and the design.

        Parameters
        ----------
        *outcomes : numpy.ndarray, shape (row,)
            What is explained.

        Returns
        -------
        coefficient : numpy.ndarray, shape (outcome,)
            Of the instrument.
        covariance : numpy.ndarray, shape (outcome, outcome)
            Robust, by cluster, with the factor G / (G - 1) * (n - 1) / (n - k).
        """
        w, z, x = self.rows.weight, self.alone, self.design
        y = np.column_stack(outcomes)
        root = np.sqrt(w)[:, None]
        y = y - x @ np.linalg.lstsq(root * x, root * y, rcond=None)[0]
        size = float(w @ z**2)
        coefficient = (w * z) @ y / size
        scores = (w * z)[:, None] * (y - z[:, None] * coefficient)
        g, n = self.rows.n_clusters, self.rows.n
        sums = np.zeros((g, y.shape[1]))
        np.add.at(sums, self.rows.cluster, scores)
        factor = g / (g - 1) * (n - 1) / (n - x.shape[1] - 1)
        return coefficient, factor * sums.T @ sums / size**2

    @property
    def df(self) -> float:
        """Degrees of freedom: clusters less one, or rows less parameters."""
        rows = self.rows
        if rows.is_clustered:
            return rows.n_clusters - 1.0
        return rows.n - self.design.shape[1] - 1.0


def partial(rows: LinkedRows, instrument: np.ndarray) -> Partial:
    """Take out of an instrument what the covariates of the rows tell of it.

    Parameters
    ----------
    rows : LinkedRows
        Covariates, weights and clusters.
    instrument : numpy.ndarray, shape (row,)
        The instrument.

    Returns
    -------
    Partial
        Ready to regress on.

    Raises
    ------
    RankError
        If the covariates tell the instrument, or one of them the others.
    InsufficientDataError, ClusterError
        If there are no more rows than parameters, or fewer than two clusters.
    """
    x = np.column_stack([np.ones(rows.n), rows.design])
    if rows.n <= x.shape[1] + 1:
        raise InsufficientDataError(
            f"{rows.n} rows for {x.shape[1] + 1} parameters; more rows are needed."
        )
    if rows.n_clusters < 2:
        raise ClusterError("there is one cluster; an error needs at least two.")
    if dependent := dependent_columns(np.column_stack([x, instrument])):
        names = ("the constant", *rows.terms, "the assignment")
        raise RankError(
            f"{', '.join(names[k] for k in dependent)} can be told from the other columns "
            "exactly; leave out a covariate that says the same."
        )
    root = np.sqrt(rows.weight)[:, None]
    told = np.linalg.lstsq(root * x, root[:, 0] * instrument, rcond=None)[0]
    return Partial(design=x, alone=instrument - x @ told, rows=rows)
