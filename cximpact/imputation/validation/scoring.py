"""Proper scores of predicted answers, against predictions that know less."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import AlignmentError, InsufficientDataError
from cximpact.core.validate import check_prob
from cximpact.data import Cells

SMOOTHING = 0.5
"""Answers that are added to each category before shares are taken."""


def log_score(pmf: np.ndarray) -> np.ndarray:
    """Return the log score of every possible answer; higher is better.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.

    Returns
    -------
    numpy.ndarray, shape (row, category)
        ``log p(y)`` in nats; minus infinity where an answer was called impossible.
    """
    with np.errstate(divide="ignore"):
        return np.log(pmf)


def ranked_probability_score(pmf: np.ndarray) -> np.ndarray:
    """Return the ranked probability score of every possible answer; lower is better.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.

    Returns
    -------
    numpy.ndarray, shape (row, category)
        ``sum_m (F(m) - 1[y <= m])^2`` in steps of the scale, not divided by their number.

    Notes
    -----
    It equals ``E|Y - y| - E|Y - Y'| / 2`` with Y, Y' drawn from the prediction: a sure
    prediction scores its absolute error. Unlike the log score it knows that 9 is near 10.

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007). Strictly proper scoring rules, prediction, and
    estimation. Journal of the American Statistical Association 102, 359-378.
    """
    cdf = pmf.cumsum(axis=1)[:, :-1]
    at = np.arange(pmf.shape[1])
    reached = at[:, None] <= np.arange(pmf.shape[1] - 1)
    # expanding the square needs no array of (row, category, category)
    return (cdf**2).sum(axis=1)[:, None] + (1 - 2 * cdf) @ reached.T


def baseline_pmfs(train: Cells, segment: str | None) -> dict[str, np.ndarray]:
    """Predict every cell by shares of the training answers.

    Parameters
    ----------
    train : Cells
        Cells without the answers that are held out.
    segment : str or None
        Column of the cells.

    Returns
    -------
    dict of str to numpy.ndarray, shape (cell, category)
        ``"global"``: the shares of all answers, with half an answer added to each category.
        ``"segment"``, where a column is given: the shares within its levels, with as many
        answers added, spread as the global shares. So no answer is called impossible, and a
        level without answers gets the global shares.
    """
    counts = train.dense()
    added = SMOOTHING * counts.shape[1]
    overall = (counts.sum(axis=0) + SMOOTHING) / (counts.sum() + added)
    out = {"global": np.broadcast_to(overall, counts.shape)}
    if segment is not None:
        code, levels = pd.factorize(train.index[segment])
        by_level = np.zeros((len(levels), counts.shape[1]))
        np.add.at(by_level, code, counts)
        n = by_level.sum(axis=1, keepdims=True)
        out["segment"] = ((by_level + added * overall) / (n + added))[code]
    return out


def score_table(
    pmf: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    count: np.ndarray,
    *,
    cluster: np.ndarray | None = None,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Compare the scores of predictions and baselines on the same answers.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predictions.
    baselines : mapping of str to numpy.ndarray, shape (row, category)
        Other predictions.
    count : numpy.ndarray, shape (row, category)
        How often each answer was given.
    cluster : numpy.ndarray of int, shape (row,), optional
        Groups within which answers depend on each other; each answer by itself by default.
    prob : float, default 0.9
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``score`` (``log_score``, ``rps``), ``against`` (empty for the score itself, else the
        baseline), ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``conf_level``,
        ``skill``, ``n``. Against a baseline the estimate is the gain an answer, positive when
        the predictions are better.

    Notes
    -----
    Standard errors are those of paired differences, answer by answer. ``skill`` is the share of
    the baseline's mean loss that is saved; for the log score against the global shares it is
    McFadden's pseudo R squared. What breaks them: answers of one fold share a fit, which the
    standard error leaves out.
    """
    z = stats.norm.ppf((1 + check_prob(prob)) / 2)
    rows = []
    for name, score, sign in (("log_score", log_score, 1), ("rps", ranked_probability_score, -1)):
        own = score(pmf)
        level, error = weighted_mean(own, count, cluster)
        rows.append((name, "", level, error, np.nan))
        for against, other in baselines.items():
            theirs = score(other)
            gain, error = weighted_mean(sign * (own - theirs), count, cluster)
            rows.append((name, against, gain, error, gain / abs(level - sign * gain)))
    out = pd.DataFrame(rows, columns=["score", "against", "estimate", "std_error", "skill"])
    out["conf_low"] = out["estimate"] - z * out["std_error"]
    out["conf_high"] = out["estimate"] + z * out["std_error"]
    out = out.assign(conf_level=prob, n=int(count.sum()))
    return out[[c for c in out if c not in ("skill", "n")] + ["skill", "n"]]


def weighted_mean(
    values: np.ndarray, count: np.ndarray, cluster: np.ndarray | None = None
) -> tuple[float, float]:
    """Average over answers, with its standard error.

    Parameters
    ----------
    values : numpy.ndarray, shape (row, category)
        A value of each answer.
    count : numpy.ndarray, shape (row, category)
        How often it was given.
    cluster : numpy.ndarray of int, shape (row,), optional
        Groups within which answers depend on each other.

    Returns
    -------
    tuple of float
        Mean and standard error.

    Raises
    ------
    AlignmentError
        If values and counts differ in shape.
    InsufficientDataError
        If there are fewer than two answers or clusters.
    """
    if values.shape != count.shape:
        raise AlignmentError(f"values have shape {values.shape}, counts {count.shape}.")
    n = float(count.sum())
    filled = np.where(count > 0, values, 0.0)
    mean = float((filled * count).sum() / n)
    centered = np.where(count > 0, filled - mean, 0.0)
    if cluster is None:
        units, squares = n, float((count * centered**2).sum())
    else:
        totals = np.bincount(cluster, weights=(count * centered).sum(axis=1))
        units = float(np.count_nonzero(np.bincount(cluster, weights=count.sum(axis=1))))
        squares = float((totals**2).sum())
    if units < 2:
        raise InsufficientDataError(f"there are {units:.0f} units; expected at least 2.")
    return mean, float(np.sqrt(squares * units / (units - 1)) / n)
