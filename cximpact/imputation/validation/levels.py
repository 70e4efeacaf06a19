"""Where predictions are off: observed and predicted scores of each level of each factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.validate import check_prob


def level_table(
    index: pd.DataFrame,
    pmf: np.ndarray,
    count: np.ndarray,
    values: np.ndarray,
    columns: Sequence[str],
    *,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Compare the score of held-out answers with its prediction, level by level.

    Parameters
    ----------
    index : pandas.DataFrame, shape (row, column)
        Columns of the cells.
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.
    count : numpy.ndarray of int, shape (row, category)
        Answers that were held out.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    columns : sequence of str
        Columns whose levels are looked at.
    prob : float, default 0.9
        Mass of the intervals of the gap.

    Returns
    -------
    pandas.DataFrame
        ``column``, ``level``, ``predicted``, ``observed``, then of observed minus predicted:
        ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``conf_level``; ``p_adjusted``
        (Holm, over all levels), ``n``.

    Notes
    -----
    The standard error is that of answers drawn from the predictions: it leaves out how well the
    fits know their parameters, so a gap of a small group may look clearer than it is.
    """
    z = float(stats.norm.ppf((1 + check_prob(prob)) / 2))
    n = count.sum(axis=1)
    mean = pmf @ values
    parts = pd.DataFrame(
        {
            "n": n,
            "observed": count @ values,
            "predicted": n * mean,
            "variance": n * np.maximum(pmf @ values**2 - mean**2, 0),
        }
    )
    tables = []
    for column in columns:
        total = parts.groupby(index[column].to_numpy(), sort=True).sum()
        total = total[total["n"] > 0]
        tables.append(
            pd.DataFrame(
                {
                    "column": column,
                    "level": total.index.astype(object),
                    "predicted": (total["predicted"] / total["n"]).to_numpy(),
                    "observed": (total["observed"] / total["n"]).to_numpy(),
                    "std_error": (np.sqrt(total["variance"]) / total["n"]).to_numpy(),
                    "n": total["n"].to_numpy(dtype=int),
                }
            )
        )
    names = ["column", "level", "predicted", "observed", "std_error", "n"]
    out = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
    gap = (out["observed"] - out["predicted"]).astype(float)
    error = out["std_error"].astype(float)
    ratio = np.divide(gap, error, out=np.zeros(len(out)), where=error.to_numpy() > 0)
    return out[["column", "level", "predicted", "observed"]].assign(
        estimate=gap,
        std_error=error,
        conf_low=gap - z * error,
        conf_high=gap + z * error,
        conf_level=prob,
        p_adjusted=holm(2 * stats.norm.sf(np.abs(ratio))),
        n=out["n"],
    )


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values so that all of them hold together.

    Parameters
    ----------
    p : numpy.ndarray, shape (test,)
        p-values, whatever their dependence.

    Returns
    -------
    numpy.ndarray, shape (test,)
        Holm's step-down adjustment.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6, 65-70.
    """
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return out
