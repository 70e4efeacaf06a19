"""A curve that never falls as a Bayesian model: its log density, fast and without a graph."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

BASE_SD, TOTAL_SD, TERM_SD, SIGMA_SD = 1.5, 2.0, 1.0, 1.0
"""Prior spreads: lowest level, total rise, covariates, residuals."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BinaryCells:
    """Counts of an outcome that happens or not.

    Parameters
    ----------
    level : numpy.ndarray of int, shape (cell,)
        Level of each cell.
    x : numpy.ndarray, shape (cell, term)
        Covariates.
    successes, trials : numpy.ndarray, shape (cell,)
        Counts.
    """

    level: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    successes: np.ndarray = field(repr=False)
    trials: np.ndarray = field(repr=False)
    n_scales: int = 0

    @classmethod
    def from_rows(cls, level: np.ndarray, x: np.ndarray, y: np.ndarray) -> BinaryCells:
        """Count rows that are alike.

        Parameters
        ----------
        level : numpy.ndarray of int, shape (row,)
            Levels.
        x : numpy.ndarray, shape (row, term)
            Covariates.
        y : numpy.ndarray, shape (row,)
            0 or 1.

        Returns
        -------
        BinaryCells
            Counts.
        """
        cells, code = np.unique(np.column_stack([level, x]), axis=0, return_inverse=True)
        code = code.ravel()
        return cls(
            level=cells[:, 0].astype(int),
            x=cells[:, 1:],
            successes=np.bincount(code, weights=y),
            trials=np.bincount(code).astype(float),
        )

    def log_likelihood(
        self, theta: np.ndarray, gamma: np.ndarray, log_scale: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return the log likelihood and its slopes.

        Parameters
        ----------
        theta : numpy.ndarray, shape (level,)
            Log-odds of each level.
        gamma : numpy.ndarray, shape (term,)
            Coefficients.
        log_scale : numpy.ndarray, shape (0,)
            Not used.

        Returns
        -------
        tuple
            Value, slopes by level, by coefficient and by log scale.
        """
        eta = theta[self.level] + self.x @ gamma
        value = float(self.successes @ eta - self.trials @ np.logaddexp(0.0, eta))
        error = self.successes - self.trials * special.expit(eta)
        by_level = np.bincount(self.level, weights=error, minlength=theta.size)
        return value, by_level, self.x.T @ error, np.zeros(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalCells:
    """Sums of an amount by level; all that a normal model needs.

    Parameters
    ----------
    n, y : numpy.ndarray, shape (level,)
        Rows and sums of the outcome.
    x : numpy.ndarray, shape (level, term)
        Sums of the covariates.
    xx, xy, yy : numpy.ndarray and float
        Sums of products.
    """

    n: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    xx: np.ndarray = field(repr=False)
    xy: np.ndarray = field(repr=False)
    yy: float
    n_scales: int = 1

    @classmethod
    def from_rows(cls, level: np.ndarray, x: np.ndarray, y: np.ndarray) -> NormalCells:
        """Add up rows by level.

        Parameters
        ----------
        level : numpy.ndarray of int, shape (row,)
            Levels.
        x : numpy.ndarray, shape (row, term)
            Covariates.
        y : numpy.ndarray, shape (row,)
            Outcomes, about standard.

        Returns
        -------
        NormalCells
            Sums.
        """
        sums = np.zeros((int(level.max()) + 1, x.shape[1]))
        np.add.at(sums, level, x)
        return cls(
            n=np.bincount(level).astype(float),
            y=np.bincount(level, weights=y),
            x=sums,
            xx=x.T @ x,
            xy=x.T @ y,
            yy=float(y @ y),
        )

    def log_likelihood(
        self, theta: np.ndarray, gamma: np.ndarray, log_scale: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return the log likelihood and its slopes.

        Parameters
        ----------
        theta : numpy.ndarray, shape (level,)
            Mean of each level.
        gamma : numpy.ndarray, shape (term,)
            Coefficients.
        log_scale : numpy.ndarray, shape (1,)
            Log of the residual standard deviation.

        Returns
        -------
        tuple
            Value, slopes by level, by coefficient and by log scale.
        """
        at_level, at_term = self.x @ gamma, self.xx @ gamma
        squares = (
            self.yy
            - 2 * (self.y @ theta + self.xy @ gamma)
            + (self.n @ theta**2 + 2 * theta @ at_level + gamma @ at_term)
        )
        n, precision = self.n.sum(), np.exp(-2 * log_scale[0])
        value = -0.5 * n * np.log(2 * np.pi) - n * log_scale[0] - 0.5 * precision * squares
        by_level = precision * (self.y - self.n * theta - at_level)
        by_term = precision * (self.xy - self.x.T @ theta - at_term)
        return float(value), by_level, by_term, np.array([precision * squares - n])


Cells = BinaryCells | NormalCells


@dataclass(frozen=True, kw_only=True, eq=False)
class MonotoneModel:
    """Lowest level plus a total rise, parted among the steps by a flat Dirichlet.

    Parameters
    ----------
    cells : BinaryCells or NormalCells
        Data.
    n_levels, n_terms : int
        Levels and covariates.
    increasing : bool, default True
        Direction.

    Notes
    -----
    ``theta_k = base +- total (delta_1 + ... + delta_k)``. The free numbers are the base over its
    spread, the log of the total, the shares on the scale on which they are centered logs, the
    coefficients and, for amounts, the log of the residual standard deviation.
    """

    cells: Cells = field(repr=False)
    n_levels: int
    n_terms: int
    increasing: bool = True

    @property
    def n_free(self) -> int:
        """How many free numbers there are."""
        return self.n_levels + self.n_terms + self.cells.n_scales

    def split(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Name the parts of free numbers.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., free)
            Free numbers.

        Returns
        -------
        tuple of numpy.ndarray
            Base, log total, free shares, coefficients, log scale; each keeps a last axis.
        """
        k = self.n_levels
        cuts = [1, 2, k, k + self.n_terms]
        return tuple(np.split(z, cuts, axis=-1))

    def parameters(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what free numbers mean.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., free)
            Free numbers.

        Returns
        -------
        tuple of numpy.ndarray
            Level by level the log-odds or means, the coefficients, the residual standard
            deviation.
        """
        base, log_total, free, gamma, log_scale = self.split(z)
        climbed = np.cumsum(self._shares(free), axis=-1) * np.exp(log_total) * self._sign
        theta = BASE_SD * base + np.concatenate([np.zeros(base.shape), climbed], axis=-1)
        return theta, gamma, np.exp(log_scale)

    def log_density(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log posterior density of free numbers, up to no constant, and its slope.

        Parameters
        ----------
        z : numpy.ndarray, shape (free,)
            Free numbers.

        Returns
        -------
        tuple
            Value and slope.
        """
        base, log_total, free, gamma, log_scale = self.split(z)
        shares, total = self._shares(free), float(np.exp(log_total[0]))
        climbed = np.append(0.0, np.cumsum(shares))
        theta = BASE_SD * base[0] + self._sign * total * climbed
        value, by_theta, by_gamma, by_scale = self.cells.log_likelihood(theta, gamma, log_scale)
        slope = np.empty(z.size)
        k = self.n_levels
        value += -0.5 * base[0] ** 2 - 0.5 * np.log(2 * np.pi)
        slope[0] = BASE_SD * by_theta.sum() - base[0]
        value += _half_normal(log_total[0], TOTAL_SD)
        slope[1] = self._sign * total * float(climbed @ by_theta) - (total / TOTAL_SD) ** 2 + 1
        # share j lifts all levels from j + 1 on
        by_share = self._sign * total * np.cumsum(by_theta[:0:-1])[::-1]
        prior, by_free = _flat_shares(shares)
        value += prior
        weighed = shares * (by_share - float(shares @ by_share))
        slope[2:k] = weighed[:-1] - weighed[-1] + by_free
        value += float(
            -0.5 * (gamma / TERM_SD) @ (gamma / TERM_SD)
            - gamma.size * (0.5 * np.log(2 * np.pi) + np.log(TERM_SD))
        )
        slope[k : k + self.n_terms] = by_gamma - gamma / TERM_SD**2
        for j, u in enumerate(log_scale):
            value += _half_normal(u, SIGMA_SD)
            slope[k + self.n_terms + j] = by_scale[j] - np.exp(2 * u) / SIGMA_SD**2 + 1
        return float(value), slope

    @property
    def _sign(self) -> float:
        return 1.0 if self.increasing else -1.0

    @staticmethod
    def _shares(free: np.ndarray) -> np.ndarray:
        last = -free.sum(axis=-1, keepdims=True)
        return special.softmax(np.concatenate([free, last], axis=-1), axis=-1)


def _half_normal(u: float, sd: float) -> float:
    """Log density of the log of a half-normal number."""
    return float(0.5 * np.log(2 / np.pi) - np.log(sd) - 0.5 * (np.exp(u) / sd) ** 2 + u)


def _flat_shares(shares: np.ndarray) -> tuple[float, np.ndarray]:
    """Log density of a flat Dirichlet on the centered log scale, and its slope."""
    k = shares.size
    value = float(special.gammaln(k) + np.log(k) + np.log(shares).sum())
    # d log share_j / d free_i = 1{j = i} - 1{j = last} - share_i + share_last, summed over j
    slope = k * (shares[-1] - shares[:-1])
    return value, slope
