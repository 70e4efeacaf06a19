"""Uplift and Qini curves: what treating the first k customers brings, for every k."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from cximpact.effects.uplift.curve_sums import cumulated, curve_frame
from cximpact.effects.uplift.evaluation_data import HeldOut, score_vector


def uplift_curve(
    outcome: ArrayLike, treatment: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Return the uplift curve of a score.

    Parameters
    ----------
    outcome, treatment : array_like, shape (n,)
        Any outcome; treatment 0 or 1.
    score : array_like, shape (n,)
        Higher is treated first.
    weights : array_like, shape (n,), optional
        Weights of the customers.

    Returns
    -------
    pandas.DataFrame
        ``n`` (customers), ``fraction`` of all and ``value``, from (0, 0) on, one row a distinct
        score. Between two rows the curve is straight.

    Notes
    -----
    ``value(k) = k (mean treated outcome - mean untreated outcome)`` among the first ``k``
    customers, an estimate of what treating all of them brings; an arm without rows has the mean
    0. It needs a treatment that is random, as the arms are compared as they are.

    References
    ----------
    Devriendt, F., Van Belle, J., Guns, T. and Verbeke, W. (2020). Learning to rank for uplift
    modeling. IEEE Transactions on Knowledge and Data Engineering 34, 4888-4904.
    """
    data = HeldOut(outcome=outcome, treatment=treatment, weights=weights)
    sums = cumulated(data, score_vector(score, data.n))
    return curve_frame(sums.size, sums.uplift())


def qini_curve(
    outcome: ArrayLike, treatment: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Return the Qini curve of a score.

    Parameters
    ----------
    outcome, treatment, score, weights : array_like, shape (n,)
        As for `uplift_curve`.

    Returns
    -------
    pandas.DataFrame
        As `uplift_curve`.

    Notes
    -----
    ``value(k) = Y1(k) - Y0(k) N1(k) / N0(k)``, where Y and N are outcomes and customers of the
    treated (1) and the untreated (0) among the first ``k``: the outcomes that the treated have
    beyond those of as many untreated. It needs a random treatment.

    References
    ----------
    Radcliffe, N. (2007). Using control groups to target on predicted lift: building and assessing
    uplift models. Direct Marketing Analytics Journal 1, 14-21.
    """
    data = HeldOut(outcome=outcome, treatment=treatment, weights=weights)
    sums = cumulated(data, score_vector(score, data.n))
    return curve_frame(sums.size, sums.qini())
