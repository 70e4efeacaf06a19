"""Counts: Poisson regression, with errors that hold for other counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from cximpact.core.errors import ConvergenceError, DataError, rows_phrase
from cximpact.effects.linkage.models.fit import ModelFit, from_scores

_TAIL = 1e-10
_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Count:
    """Poisson regression; parameters are coefficients."""

    name: str = "count"
    link: str = "log"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse values that are no counts."""
        if (bad := np.flatnonzero((y < 0) | (y != np.floor(y)))).size:
            raise DataError(
                f"{what!r} is no whole number from 0 in {rows_phrase(bad)}; a count model needs "
                "counts."
            )

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit by maximum likelihood."""
        beta = _newton(x, y, w)
        mean = np.exp(x @ beta)
        information = (x * (w * mean)[:, None]).T @ x
        return from_scores(terms, beta, x * (w * (y - mean))[:, None], information)

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expected count of each row."""
        return np.exp(x @ values)

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return each row's quantile at the probability ``u``."""
        whole = np.ceil(special.pdtrik(u, np.exp(x @ values)))
        return np.maximum(np.nan_to_num(whole), 0.0)

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the counts that matter with their probabilities."""
        mean = np.exp(x @ values)
        top = int(stats.poisson.isf(_TAIL, mean.max()))
        points = np.arange(top + 1.0)
        weights = stats.poisson.pmf(points, mean[:, None])
        return np.broadcast_to(points, weights.shape), weights


def _newton(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    def value(beta: np.ndarray) -> float:
        eta = x @ beta
        return float(w @ (y * eta - np.exp(eta)))

    beta = np.zeros(x.shape[1])
    beta[0] = np.log(max(w @ y / w.sum(), 1e-8))
    for _ in range(_ITERATIONS):
        mean = np.exp(x @ beta)
        gradient = x.T @ (w * (y - mean))
        step = np.linalg.solve((x * (w * mean)[:, None]).T @ x, gradient)
        if gradient @ step < 1e-12 * w.sum():
            return beta
        size = 1.0
        while size > 1e-8 and not value(beta + size * step) >= value(beta):
            size /= 2
        beta = beta + size * step
    raise ConvergenceError("the model of a count did not settle; look for a term that tells zeros.")
