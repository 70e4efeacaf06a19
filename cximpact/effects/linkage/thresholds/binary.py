"""Outcomes that happen or not: the evidence for a shape, and draws given it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, special

_NODES = 25
_PROPOSALS = 4_000
_PER_DRAW = 5
_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class BinaryPart:
    """Counts of an outcome that happens or not, by score and covariates.

    Parameters
    ----------
    score : numpy.ndarray, shape (cell,)
        Score of each cell.
    x : numpy.ndarray, shape (cell, term)
        Covariates, about standard.
    successes, trials : numpy.ndarray, shape (cell,)
        Counts.
    beta : tuple of float
        Parameters of the beta prior of the rates at the bottom and the top of a shape.
    """

    score: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    successes: np.ndarray = field(repr=False)
    trials: np.ndarray = field(repr=False)
    beta: tuple[float, float]

    @classmethod
    def from_rows(
        cls, score: np.ndarray, x: np.ndarray, y: np.ndarray, beta: tuple[float, float]
    ) -> BinaryPart:
        """Count rows that are alike.

        Parameters
        ----------
        score : numpy.ndarray, shape (row,)
            Scores.
        x : numpy.ndarray, shape (row, term)
            Covariates.
        y : numpy.ndarray, shape (row,)
            0 or 1.
        beta : tuple of float
            Prior.

        Returns
        -------
        BinaryPart
            Its cells.
        """
        cells, code = np.unique(np.column_stack([score, x]), axis=0, return_inverse=True)
        code = code.ravel()
        trials = np.bincount(code).astype(float)
        successes = np.bincount(code, weights=y)
        return cls(score=cells[:, 0], x=cells[:, 1:], successes=successes, trials=trials, beta=beta)

    def log_evidence(self, heights: np.ndarray | None) -> float:
        """Return the log probability of the data under a shape.

        Parameters
        ----------
        heights : numpy.ndarray, shape (cell,), or None
            How far up the shape each cell is; None for no shape.

        Returns
        -------
        float
            Exact for steps without covariates, by quadrature for other shapes without
            covariates, and by Laplace's method with covariates.
        """
        if self._is_exact(heights):
            return sum(
                float(special.betaln(a, b) - special.betaln(*self.beta))
                for a, b in self._betas(heights)
            )
        problem = _Posterior.of(self, heights)
        if self.x.shape[1]:
            return problem.laplace()
        return problem.quadrature()

    def draw(self, heights: np.ndarray | None, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw coefficients given a shape.

        Parameters
        ----------
        heights : numpy.ndarray, shape (cell,), or None
            How far up the shape each cell is; None for no shape.
        size : int
            How many draws.
        rng : Generator
            Randomness.

        Returns
        -------
        numpy.ndarray, shape (draw, 2 + term)
            Log-odds at the bottom, at the top, and coefficients of the covariates.
        """
        if self._is_exact(heights):
            sides = [special.logit(_inside(rng.beta(a, b, size))) for a, b in self._betas(heights)]
            return np.column_stack([sides[0], sides[-1]])
        problem = _Posterior.of(self, heights)
        out = problem.draw(size, rng, exact=not self.x.shape[1])
        return out if heights is not None else np.insert(out, 1, out[:, 0], axis=1)

    def _is_exact(self, heights: np.ndarray | None) -> bool:
        """Whether beta integrals give the answer."""
        return not self.x.shape[1] and (heights is None or bool(np.isin(heights, (0, 1)).all()))

    def _betas(self, heights: np.ndarray | None) -> list[tuple[float, float]]:
        h = np.zeros(self.score.size) if heights is None else heights
        sides = [h == 0] if heights is None else [h == 0, h == 1]
        counts = [(self.successes[side].sum(), self.trials[side].sum()) for side in sides]
        return [(self.beta[0] + k, self.beta[1] + n - k) for k, n in counts]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Posterior:
    """A logistic regression whose prior is a few imagined rows; its density has one mode."""

    design: np.ndarray
    successes: np.ndarray
    trials: np.ndarray
    n_terms: int
    constant: float

    @classmethod
    def of(cls, part: BinaryPart, heights: np.ndarray | None) -> _Posterior:
        """Put the beta priors in as rows at the bottom and the top of the shape."""
        a, b = part.beta
        ends = np.array([0.0] if heights is None else [0.0, 1.0])
        h = np.append(np.zeros(part.score.size) if heights is None else heights, ends)
        sides = np.ones((h.size, 1)) if heights is None else np.column_stack([1 - h, h])
        n_terms = part.x.shape[1]
        x = np.vstack([part.x, np.zeros((ends.size, n_terms))])
        return cls(
            design=np.column_stack([sides, x]),
            successes=np.append(part.successes, np.full(ends.size, a)),
            trials=np.append(part.trials, np.full(ends.size, a + b)),
            n_terms=n_terms,
            constant=-ends.size * float(special.betaln(a, b)) - 0.5 * n_terms * np.log(2 * np.pi),
        )

    def log_density(self, beta: np.ndarray) -> np.ndarray:
        """Log of likelihood times prior, for many coefficients at once."""
        eta = beta @ self.design.T
        fit = eta @ self.successes - np.logaddexp(0.0, eta) @ self.trials
        tail = beta[..., beta.shape[-1] - self.n_terms :]
        return self.constant + fit - 0.5 * (tail**2).sum(axis=-1)

    def mode(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the mode and the negative Hessian there, by Newton's method."""
        beta = np.zeros(self.design.shape[1])
        penalty = np.zeros(beta.size)
        penalty[beta.size - self.n_terms :] = 1.0
        value = float(self.log_density(beta))
        for _ in range(_ITERATIONS):
            p = special.expit(self.design @ beta)
            slope = self.design.T @ (self.successes - self.trials * p) - penalty * beta
            weight = self.trials * p * (1 - p)
            curve = (self.design.T * weight) @ self.design + np.diag(penalty)
            step = linalg.solve(curve, slope, assume_a="pos")
            if float(slope @ step) < 1e-12 * max(1.0, abs(value)):
                return beta, curve
            size = 1.0
            while float(self.log_density(beta + size * step)) < value and size > 1e-8:
                size /= 2
            beta = beta + size * step
            value = float(self.log_density(beta))
        return beta, curve

    def laplace(self) -> float:
        beta, curve = self.mode()
        return float(
            self.log_density(beta)
            + 0.5 * beta.size * np.log(2 * np.pi)
            - 0.5 * np.linalg.slogdet(curve)[1]
        )

    def quadrature(self) -> float:
        """Integrate by Gauss and Hermite's rule around the mode."""
        beta, curve = self.mode()
        root = np.linalg.inv(np.linalg.cholesky(curve)).T
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        mesh = np.meshgrid(*[nodes] * beta.size, indexing="ij")
        z = np.stack([m.ravel() for m in mesh], axis=1)
        mass = np.log(weights)
        log_weight = sum(m.ravel() for m in np.meshgrid(*[mass] * beta.size, indexing="ij"))
        value = self.log_density(beta + z @ root.T) + 0.5 * (z**2).sum(axis=1) + log_weight
        return float(special.logsumexp(value) - 0.5 * np.linalg.slogdet(curve)[1])

    def draw(self, size: int, rng: np.random.Generator, *, exact: bool) -> np.ndarray:
        """Draw around the mode; where the density is cheap, reweight to be exact."""
        beta, curve = self.mode()
        root = np.linalg.inv(np.linalg.cholesky(curve)).T
        if not exact:
            return beta + rng.standard_normal((size, beta.size)) @ root.T
        df, d, n = 5.0, beta.size, max(_PROPOSALS, _PER_DRAW * size)
        z = rng.standard_normal((n, d)) * np.sqrt(df / rng.chisquare(df, (n, 1)))
        proposal = -0.5 * (df + d) * np.log1p((z**2).sum(axis=1) / df)
        values = beta + z @ root.T
        log_weight = self.log_density(values) - proposal
        weight = np.exp(log_weight - log_weight.max())
        return values[rng.choice(n, size, p=weight / weight.sum())]


def _inside(p: np.ndarray) -> np.ndarray:
    return np.clip(p, 1e-15, 1 - 1e-15)
