"""Scores on ordered levels: cumulative logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.special import expit, log1p

from cximpact.core.errors import ConvergenceError, InsufficientDataError
from cximpact.effects.linkage.models.fit import ModelFit

_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Ordinal:
    """Proportional odds; parameters are slopes, the first cutpoint and the logs of the gaps.

    Parameters
    ----------
    levels : tuple of float
        Values of the score that occur, increasing.
    """

    levels: tuple[float, ...]
    name: str = "ordinal"
    link: str = "cumulative logit"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse fewer than two levels.

        Raises
        ------
        InsufficientDataError
            With the level.
        """
        if len(self.levels) < 2:
            raise InsufficientDataError(f"{what!r} has {len(self.levels)} level; expected two.")

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit by Newton's method; the constant of the design is left to the cutpoints."""
        code = np.searchsorted(self.levels, y)
        problem = _Problem(x=x[:, 1:], code=code, w=w, n_cuts=len(self.levels) - 1)
        slopes, cuts = _newton(problem)
        scores, information = problem.derivatives(slopes, cuts)
        influence = np.linalg.solve(information, scores.T).T
        of_cuts = influence[:, slopes.size :]
        gaps = np.diff(cuts)
        of_gaps = np.diff(of_cuts, axis=1) / gaps
        names = [f"cut {low:g}|{high:g}" for low, high in pairwise(self.levels)]
        names = [names[0], *(f"log gap to {name}" for name in names[1:])]
        return ModelFit(
            names=(*terms[1:], *names),
            values=np.concatenate([slopes, cuts[:1], np.log(gaps)]),
            influence=np.column_stack([influence[:, : slopes.size], of_cuts[:, :1], of_gaps]),
        )

    def cuts(self, values: np.ndarray) -> np.ndarray:
        """Return the cutpoints, increasing."""
        own = values[values.size - len(self.levels) + 1 :]
        return own[0] + np.concatenate([[0.0], np.cumsum(np.exp(own[1:]))])

    def probabilities(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the probability of each level, shape (row, level)."""
        return np.diff(self._cumulative(values, x), axis=1, prepend=0.0, append=1.0)

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expected score of each row."""
        steps = np.diff(self.levels)
        return self.levels[-1] - self._cumulative(values, x) @ steps

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the level at which the cumulative probability passes ``u``."""
        passed = (u[:, None] > self._cumulative(values, x)).sum(axis=1)
        return np.asarray(self.levels)[passed]

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the levels with their probabilities."""
        probabilities = self.probabilities(values, x)
        return np.broadcast_to(np.asarray(self.levels), probabilities.shape), probabilities

    def _cumulative(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        eta = x[:, 1:] @ values[: x.shape[1] - 1]
        return expit(self.cuts(values) - eta[:, None])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """Log-likelihood of an ordered score, on slopes and cutpoints."""

    x: np.ndarray = field(repr=False)
    code: np.ndarray = field(repr=False)
    w: np.ndarray = field(repr=False)
    n_cuts: int

    def value(self, slopes: np.ndarray, cuts: np.ndarray) -> float:
        """Weighted log-likelihood; minus infinity where cutpoints cross."""
        if (np.diff(cuts) <= 0).any():
            return -np.inf
        above, below = self._distances(slopes, cuts)
        gap = np.concatenate([[np.inf], np.diff(cuts), [np.inf]])[self.code]
        # of P = F(a) - F(b): log F(a) + log F(-b) + log(1 - exp(-(a - b)))
        log_p = -np.logaddexp(0, -above) - np.logaddexp(0, below) + log1p(-np.exp(-gap))
        return float(self.w @ log_p)

    def derivatives(self, slopes: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted scores of the rows, and the information, on slopes and cutpoints."""
        above, below = self._distances(slopes, cuts)
        upper, lower = expit(-above), expit(below)  # 1 - F(a), F(b)
        n, p, k = self.code.size, self.x.shape[1], self.n_cuts
        scores = np.empty((n, p + k))
        scores[:, :p] = self.x * (lower - upper)[:, None]
        gap = np.concatenate([[np.inf], np.diff(cuts), [np.inf]])
        share = 1 / np.expm1(gap)  # of the gap's own term
        at = np.zeros((n, k))
        rows, inner = np.arange(n), self.code
        has_upper, has_lower = inner < k, inner > 0
        own = share[inner]
        at[rows[has_upper], inner[has_upper]] += (upper + own)[has_upper]
        at[rows[has_lower], inner[has_lower] - 1] -= (lower + own)[has_lower]
        scores[:, p:] = at
        curve_up, curve_low = upper * (1 - upper), lower * (1 - lower)
        information = np.zeros((p + k, p + k))
        wide = self.w * (curve_up + curve_low)
        information[:p, :p] = (self.x * wide[:, None]).T @ self.x
        for j in range(k):
            pull = self.w * (curve_up * (inner == j) + curve_low * (inner == j + 1))
            information[p + j, p + j] = pull.sum()
            information[:p, p + j] = information[p + j, :p] = -(pull @ self.x)
        counts = np.bincount(inner, weights=self.w, minlength=k + 1)
        for j in range(1, k):
            bend = counts[j] * np.exp(gap[j]) / np.expm1(gap[j]) ** 2
            information[p + j, p + j] += bend
            information[p + j - 1, p + j - 1] += bend
            information[p + j, p + j - 1] -= bend
            information[p + j - 1, p + j] -= bend
        return scores * self.w[:, None], information

    def _distances(self, slopes: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        eta = self.x @ slopes
        edges = np.concatenate([[-np.inf], cuts, [np.inf]])
        return edges[self.code + 1] - eta, edges[self.code] - eta


def _newton(problem: _Problem) -> tuple[np.ndarray, np.ndarray]:
    shares = np.cumsum(np.bincount(problem.code, weights=problem.w))
    shares = shares[:-1] / shares[-1]
    cuts, slopes = np.log(shares / (1 - shares)), np.zeros(problem.x.shape[1])
    value = problem.value(slopes, cuts)
    for _ in range(_ITERATIONS):
        scores, information = problem.derivatives(slopes, cuts)
        gradient = scores.sum(axis=0)
        step = np.linalg.solve(information, gradient)
        if gradient @ step < 1e-12 * problem.w.sum():
            return slopes, cuts
        size = 1.0
        while size > 1e-8:
            moved = slopes + size * step[: slopes.size], cuts + size * step[slopes.size :]
            if (new := problem.value(*moved)) >= value:
                break
            size /= 2
        (slopes, cuts), value = moved, new
        if np.abs(slopes).max(initial=0.0) > 30:
            break
    raise ConvergenceError(
        "the model of an ordered score did not settle; a term may tell the score without error. "
        "Merge its levels or leave it out."
    )
