"""Outcomes in amounts: the exact evidence for a shape, and draws given it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

SHAPE, RATE = 1.0, 1.0
"""Inverse gamma prior of the residual variance, with the outcome's own variance as unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalPart:
    """Sums of an outcome by score, all that a normal model needs of the rows.

    Parameters
    ----------
    score : numpy.ndarray, shape (level,)
        Scores.
    n : numpy.ndarray, shape (level,)
        Rows of each score.
    y : numpy.ndarray, shape (level,)
        Sum of the outcome, centered and scaled.
    x : numpy.ndarray, shape (level, term)
        Sums of the covariates.
    xx, xy, yy : numpy.ndarray and float
        Sums of products over all rows.
    center, spread : float
        Mean and standard deviation of the outcome.
    """

    score: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    xx: np.ndarray = field(repr=False)
    xy: np.ndarray = field(repr=False)
    yy: float
    center: float
    spread: float

    @classmethod
    def from_rows(cls, score: np.ndarray, x: np.ndarray, y: np.ndarray) -> NormalPart:
        """Add up rows by score.

        Parameters
        ----------
        score : numpy.ndarray, shape (row,)
            Scores.
        x : numpy.ndarray, shape (row, term)
            Covariates.
        y : numpy.ndarray, shape (row,)
            Outcomes, not all alike.

        Returns
        -------
        NormalPart
            Its sums.
        """
        levels, code = np.unique(score, return_inverse=True)
        center, spread = float(y.mean()), float(y.std())
        z = (y - center) / spread
        sums = np.zeros((levels.size, x.shape[1]))
        np.add.at(sums, code, x)
        return cls(
            score=levels,
            n=np.bincount(code).astype(float),
            y=np.bincount(code, weights=z),
            x=sums,
            xx=x.T @ x,
            xy=x.T @ z,
            yy=float(z @ z),
            center=center,
            spread=spread,
        )

    def log_evidence(self, heights: np.ndarray | None) -> float:
        """Return the log density of the data under a shape, exactly.

        Parameters
        ----------
        heights : numpy.ndarray, shape (level,), or None
            How far up the shape each score is; None for no shape.

        Returns
        -------
        float
            With outcomes in units of their standard deviation.
        """
        precision, _, a, b = self._posterior(heights)
        return float(
            -0.5 * self.n.sum() * np.log(2 * np.pi)
            - 0.5 * np.linalg.slogdet(precision)[1]
            + SHAPE * np.log(RATE)
            - a * np.log(b)
            + special.gammaln(a)
            - special.gammaln(SHAPE)
        )

    def draw(self, heights: np.ndarray | None, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw coefficients and the residual variance given a shape.

        Parameters
        ----------
        heights : numpy.ndarray, shape (level,), or None
            How far up the shape each score is; None for no shape.
        size : int
            How many draws.
        rng : Generator
            Randomness.

        Returns
        -------
        numpy.ndarray, shape (draw, 3 + term)
            Mean at the bottom and at the top, coefficients of the covariates, and the residual
            variance, all in units of the outcome.
        """
        precision, mean, a, b = self._posterior(heights)
        variance = b / rng.gamma(a, 1.0, size)
        root = np.linalg.inv(np.linalg.cholesky(precision)).T
        z = rng.standard_normal((size, mean.size)) @ root.T
        beta = mean + z * np.sqrt(variance)[:, None]
        if heights is None:
            beta = np.insert(beta, 1, beta[:, 0], axis=1)
        beta = beta * self.spread
        beta[:, :2] += self.center
        return np.column_stack([beta, variance * self.spread**2])

    def _posterior(self, heights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Precision over the residual variance, mean, and the inverse gamma's two numbers."""
        if heights is None:
            sides = np.ones((self.n.size, 1))
        else:
            sides = np.column_stack([1 - heights, heights])
        k, n_terms = sides.shape[1], self.x.shape[1]
        gram = np.empty((k + n_terms, k + n_terms))
        gram[:k, :k] = (sides.T * self.n) @ sides
        gram[:k, k:] = sides.T @ self.x
        gram[k:, :k] = gram[:k, k:].T
        gram[k:, k:] = self.xx
        precision = gram + np.eye(k + n_terms)
        moment = np.append(sides.T @ self.y, self.xy)
        mean = np.linalg.solve(precision, moment)
        a = SHAPE + self.n.sum() / 2
        b = RATE + 0.5 * max(self.yy - float(moment @ mean), 0.0)
        return precision, mean, a, b
