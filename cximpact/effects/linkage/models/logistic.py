"""Variables that are 0 or 1: logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from cximpact.core.errors import DataError, rows_phrase
from cximpact.effects.linkage.models.fit import ModelFit, from_scores
from cximpact.scores.logit import fit_logit


@dataclass(frozen=True, kw_only=True, eq=False)
class Binary:
    """Logistic regression; parameters are coefficients."""

    name: str = "binary"
    link: str = "logit"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse values other than 0 and 1."""
        if (bad := np.flatnonzero(~np.isin(y, (0, 1)))).size:
            raise DataError(
                f"{what!r} is neither 0 nor 1 in {rows_phrase(bad)}; a binary model needs 0 and 1."
            )

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit by maximum likelihood."""
        return fit_binary(x, y, w, terms)

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the probability of 1."""
        return expit(x @ values)

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return 1 where the probability of 1 exceeds ``1 - u``."""
        return (u > expit(-(x @ values))).astype(float)

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 0 and 1 with their probabilities."""
        p = expit(x @ values)
        points = np.broadcast_to(np.array([0.0, 1.0]), (p.size, 2))
        return points, np.column_stack([1 - p, p])


def fit_binary(x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
    """Fit a logistic regression with weights.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, term)
        Design.
    y, w : numpy.ndarray, shape (row,)
        0 or 1, and weights.
    terms : sequence of str
        Names.

    Returns
    -------
    ModelFit
        Coefficients.
    """
    beta = fit_logit(x, w * y, w, terms).coefficients
    p = expit(x @ beta)
    information = (x * (w * p * (1 - p))[:, None]).T @ x
    return from_scores(terms, beta, x * (w * (y - p))[:, None], information)
