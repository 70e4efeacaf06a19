"""Whether treated and untreated moved alike before treatment."""

from __future__ import annotations

import numpy as np
from scipy import stats


def pretrend_test(
    times: np.ndarray, estimate: np.ndarray, covariance: np.ndarray, df: float | None
) -> dict[str, float]:
    """Joint Wald test that all coefficients before treatment are zero.

    Parameters
    ----------
    times : numpy.ndarray, shape (term,)
        Time since treatment of each coefficient.
    estimate : numpy.ndarray, shape (term,)
        Coefficients.
    covariance : numpy.ndarray, shape (term, term)
        Their covariance.
    df : float or None
        Degrees of freedom of the F reference; None gives chi-square.

    Returns
    -------
    dict of str to float
        ``statistic`` (F, or chi-square without ``df``), ``terms``, ``df`` and ``p``; not a number
        where there is nothing to test or the covariance has not the rank.
    """
    before = np.asarray(times) < 0
    k = int(before.sum())
    left, inner = estimate[before], covariance[np.ix_(before, before)]
    bound = np.inf if df is None else df
    statistic = p = float("nan")
    if 0 < k <= bound and np.linalg.matrix_rank(inner, hermitian=True) == k:
        statistic = float(left @ np.linalg.solve(inner, left))
        if df is None:
            p = float(stats.chi2.sf(statistic, k))
        else:
            statistic /= k
            p = float(stats.f.sf(statistic, k, df))
    return {"statistic": statistic, "terms": k, "df": bound, "p": p}


def trend_words(trends: dict[str, float]) -> tuple[str, str]:
    """Say what the test of trends found, or why there was none.

    Parameters
    ----------
    trends : dict
        From `pretrend_test`.

    Returns
    -------
    tuple of str
        What was found, or why nothing was; one of them is empty.
    """
    if not np.isnan(trends["p"]):
        found = f"joint test of {trends['terms']} coefficients before treatment "
        return f"{found}p = {trends['p']:.3f}", ""
    if trends["terms"] == 0:
        return "", "the periods before treatment serve as references: nothing is left to test"
    return "", (
        f"{trends['terms']} coefficients before treatment and {trends['df'] + 1:g} clusters: "
        "too few for a joint test"
    )
