"""Continuous variables: normal on their own scale, or on that of the logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from cximpact.core.errors import DataError, NonFiniteError, ZeroVarianceError, rows_phrase
from cximpact.effects.linkage.models.fit import ModelFit, from_scores

NODES, _RAW = np.polynomial.hermite_e.hermegauss(15)
NODE_WEIGHTS = _RAW / _RAW.sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class Normal:
    """Least squares with normal errors; parameters are coefficients and log standard deviation."""

    name: str = "normal"
    link: str = "identity"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse values that are not finite."""
        if (bad := np.flatnonzero(~np.isfinite(y))).size:
            raise NonFiniteError(f"{what!r} is not finite in {rows_phrase(bad)}; correct them.")

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit by weighted least squares."""
        return fit_normal(x, y, w, terms)

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expectation of each row."""
        return x @ values[:-1]

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return each row's quantile at the probability ``u``."""
        return x @ values[:-1] + np.exp(values[-1]) * ndtri(u)

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points and weights whose sums are expectations."""
        points = (x @ values[:-1])[:, None] + np.exp(values[-1]) * NODES
        return points, np.broadcast_to(NODE_WEIGHTS, points.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lognormal:
    """A positive amount whose logarithm is normal."""

    name: str = "lognormal"
    link: str = "log"

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse amounts that are not positive."""
        check_positive(y, what)

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit the logarithm by weighted least squares."""
        return fit_normal(x, np.log(y), w, terms)

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expectation of each row."""
        return np.exp(x @ values[:-1] + 0.5 * np.exp(2 * values[-1]))

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return each row's quantile at the probability ``u``."""
        return np.exp(x @ values[:-1] + np.exp(values[-1]) * ndtri(u))

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points and weights whose sums are expectations."""
        points = np.exp((x @ values[:-1])[:, None] + np.exp(values[-1]) * NODES)
        return points, np.broadcast_to(NODE_WEIGHTS, points.shape)


def fit_normal(x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
    """Fit coefficients and the log of the standard deviation.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, term)
        Design.
    y, w : numpy.ndarray, shape (row,)
        Values and weights.
    terms : sequence of str
        Names.

    Returns
    -------
    ModelFit
        The standard deviation has the divisor n - terms.

    Raises
    ------
    ZeroVarianceError
        If the fit is perfect.
    """
    gram = (x * w[:, None]).T @ x
    beta = np.linalg.solve(gram, x.T @ (w * y))
    residual = y - x @ beta
    variance = float(w @ residual**2 / w.sum())
    spread = float(w @ (y - w @ y / w.sum()) ** 2 / w.sum())
    if variance <= 1e-18 * max(spread, 1e-300):
        raise ZeroVarianceError(
            "a variable is told by its parents exactly; give it a rule, or leave the model out."
        )
    slopes = from_scores(terms, beta, x * (w * residual)[:, None], gram)
    log_sd = 0.5 * np.log(variance * len(y) / (len(y) - x.shape[1]))
    of_sd = 0.5 * w * (residual**2 / variance - 1) / w.sum()
    return ModelFit(
        names=(*terms, "log sd"),
        values=np.append(beta, log_sd),
        influence=np.column_stack([slopes.influence, of_sd]),
    )


def check_positive(y: np.ndarray, what: str) -> None:
    """Refuse amounts that are not positive.

    Parameters
    ----------
    y : numpy.ndarray
        Amounts.
    what : str
        Name of the variable.

    Raises
    ------
    DataError
        With the rows.
    """
    if (bad := np.flatnonzero(y <= 0)).size:
        raise DataError(
            f"{what!r} is not positive in {rows_phrase(bad)}; a lognormal model needs amounts "
            "above 0. Use 'normal', or 'hurdle' where 0 is common."
        )
