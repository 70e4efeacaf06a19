"""Amounts that are often 0: whether there is one, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri

from cximpact.core.errors import DataError, InsufficientDataError, rows_phrase
from cximpact.effects.linkage.models.fit import ModelFit, check_design
from cximpact.effects.linkage.models.linear import NODE_WEIGHTS, NODES, fit_normal
from cximpact.effects.linkage.models.logistic import fit_binary


@dataclass(frozen=True, kw_only=True, eq=False)
class Hurdle:
    """Logistic regression of a positive amount, and a lognormal amount where there is one."""

    name: str = "hurdle"
    link: str = "logit and log"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse negative amounts, and amounts that are never or always 0."""
        if (bad := np.flatnonzero(y < 0)).size:
            raise DataError(f"{what!r} is negative in {rows_phrase(bad)}; amounts start at 0.")
        if not (y == 0).any() or not (y > 0).any():
            raise InsufficientDataError(
                f"{what!r} is {'never' if (y > 0).all() else 'always'} 0; a hurdle model needs "
                "both. Use 'lognormal' where it is never 0."
            )

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit the two parts."""
        some = y > 0
        check_design(x[some], terms, "the amount where there is one")
        any_ = fit_binary(x, some.astype(float), w, terms)
        much = fit_normal(x[some], np.log(y[some]), w[some], terms)
        spread = np.zeros((len(y), much.values.size))
        spread[some] = much.influence
        return ModelFit(
            names=(*(f"any: {t}" for t in terms), *(f"amount: {t}" for t in much.names)),
            values=np.concatenate([any_.values, much.values]),
            influence=np.column_stack([any_.influence, spread]),
        )

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expected amount of each row."""
        p, center, sd = _parts(values, x)
        return p * np.exp(center + 0.5 * sd**2)

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return each row's quantile at the probability ``u``."""
        p, center, sd = _parts(values, x)
        inside = np.clip((u - (1 - p)) / p, 1e-12, 1 - 1e-12)
        return np.where(u > 1 - p, np.exp(center + sd * ndtri(inside)), 0.0)

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 0 and amounts, with weights whose sums are expectations."""
        p, center, sd = _parts(values, x)
        points = np.exp(center[:, None] + sd * NODES)
        zero = np.zeros((p.size, 1))
        return (
            np.column_stack([zero, points]),
            np.column_stack([1 - p, p[:, None] * NODE_WEIGHTS]),
        )


def _parts(values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    k = x.shape[1]
    return expit(x @ values[:k]), x @ values[k : 2 * k], float(np.exp(values[-1]))
