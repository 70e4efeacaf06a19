"""What the outcome changes per point of a rating, adjusted for all others, and what may hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.core.errors import ZeroVarianceError
from cximpact.core.results import quantile
from cximpact.core.validate import check_prob
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.sensitivity import partial_r2, robustness_value

_NULL = 1e-10
_ESTIMABLE = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class AdjustedEffects:
    """Coefficients of the drivers in one regression.

    Parameters
    ----------
    names : tuple of str
        Drivers.
    estimate, std_error, classical_error : numpy.ndarray, shape (driver,)
        Change of the outcome per point, its clustered error, and the classical one. NaN where the
        data do not tell it.
    df, test_df : float
        Degrees of freedom of the residuals and of the clustered error.
    """

    names: tuple[str, ...]
    estimate: np.ndarray = field(repr=False)
    std_error: np.ndarray = field(repr=False)
    classical_error: np.ndarray = field(repr=False)
    df: float
    test_df: float

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the coefficients with their sensitivity.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``driver, estimate, std_error, conf_low, conf_high, conf_level``, then ``partial_r2``,
            ``robustness`` and ``robustness_test``, the robustness values of the estimate and of its
            test at ``1 - prob``, from classical errors.
        """
        half = quantile(self.test_df, (1 + check_prob(prob)) / 2) * self.std_error
        known = np.isfinite(self.estimate)
        t = self.estimate / self.classical_error
        rows = [
            (partial_r2(x, self.df), robustness_value(x, self.df),
             robustness_value(x, self.df, alpha=1 - prob)) if ok else (np.nan,) * 3
            for x, ok in zip(t, known, strict=True)
        ]  # fmt: skip
        numbers = np.array(rows)
        return pd.DataFrame(
            {
                "driver": list(self.names),
                "estimate": self.estimate,
                "std_error": self.std_error,
                "conf_low": self.estimate - half,
                "conf_high": self.estimate + half,
                "conf_level": prob,
                "partial_r2": numbers[:, 0],
                "robustness": numbers[:, 1],
                "robustness_test": numbers[:, 2],
            }
        )


def adjusted_effects(
    rows: LinkedRows,
    columns: np.ndarray,
    names: Sequence[str],
    places: Sequence[Sequence[int]],
) -> AdjustedEffects:
    """Regress the outcome on all columns and read off each driver.

    Parameters
    ----------
    rows : LinkedRows
        Weights and clusters.
    columns : numpy.ndarray, shape (row, column + 1)
        Regressors, and the outcome last.
    names : sequence of str
        Drivers.
    places : sequence of sequence of int
        Columns of the ratings of each driver.

    Returns
    -------
    AdjustedEffects
        One number a driver.

    Raises
    ------
    ZeroVarianceError
        If the columns tell the outcome exactly.

    Notes
    -----
    Estimand: the coefficient in a linear regression on all ratings, on the marks of blank ones and
    on the covariates; for a driver of several ratings, the change when all of them rise by one
    point. It is an effect only if nothing unmeasured moves both; a robustness value says how strong
    that would have to be. Errors are clustered; without clusters they allow for unequal variances.
    """
    w = rows.weight / rows.weight.mean()
    centered = columns - np.average(columns, axis=0, weights=w)
    x, y = centered[:, :-1], centered[:, -1]
    scale = np.sqrt(np.einsum("ij,ij,i->j", x, x, w))
    scale[scale == 0] = 1.0
    gram = (x / scale * w[:, None]).T @ (x / scale)
    values, vectors = np.linalg.eigh(gram)
    good = values > _NULL * values[-1]
    inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T
    beta = inverse @ ((x / scale).T @ (w * y))
    residual = y - (x / scale) @ beta
    df = float(rows.n - good.sum() - 1)
    misfit = float(w @ residual**2)
    if misfit <= 1e-18 * float(w @ y**2):
        raise ZeroVarianceError("the ratings tell the outcome exactly; there is no error to learn.")
    contrast = np.zeros((len(names), len(scale)))
    for j, place in enumerate(places):
        contrast[j, list(place)] = 1 / scale[list(place)]
    contrast_null = contrast @ vectors[:, ~good]
    size = np.linalg.norm(contrast, axis=1)
    known = np.linalg.norm(contrast_null, axis=1) <= _ESTIMABLE * size
    scores = ((x / scale) @ (inverse @ contrast.T)) * (w * residual)[:, None]
    g = rows.n_clusters
    sums = np.stack([np.bincount(rows.cluster, column, minlength=g) for column in scores.T])
    factor = g / (g - 1) * (rows.n - 1) / df
    classical = np.einsum("ji,ik,jk->j", contrast, inverse, contrast) * misfit / df
    return AdjustedEffects(
        names=tuple(names),
        estimate=np.where(known, contrast @ beta, np.nan),
        std_error=np.where(known, np.sqrt(factor * (sums**2).sum(axis=1)), np.nan),
        classical_error=np.where(known, np.sqrt(classical), np.nan),
        df=df,
        test_df=float(g - 1) if rows.is_clustered else df,
    )
