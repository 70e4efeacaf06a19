"""Curves of the best ranking that outcomes of 0 and 1 allow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import DesignError
from cximpact.effects.uplift.curve_sums import Sums, cumulated, curve_frame
from cximpact.effects.uplift.evaluation_data import HeldOut, check_varies


def perfect_uplift_curve(
    outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None = None
) -> pd.DataFrame:
    """Return the uplift curve of the best ranking that could have been seen.

    Parameters
    ----------
    outcome, treatment, weights : array_like, shape (n,)
        As for `uplift_curve`; the outcome is 0 or 1.

    Returns
    -------
    pandas.DataFrame
        As `uplift_curve`.

    Notes
    -----
    First the treated with outcome 1, then the untreated with outcome 0. Of the others, the larger
    group comes first: untreated with outcome 1, or treated with outcome 0.

    References
    ----------
    Devriendt, F., Van Belle, J., Guns, T. and Verbeke, W. (2020). Learning to rank for uplift
    modeling. IEEE Transactions on Knowledge and Data Engineering 34, 4888-4904.
    """
    data = binary_data(outcome, treatment, weights)
    y, t, w = (np.asarray(a) for a in (data.outcome, data.treatment, data.weights))
    untreated_first = (w * y * (1 - t)).sum() > (w * (1 - y) * t).sum()
    best = 2.0 * (y == t) + (y if untreated_first else t)
    sums = cumulated(data, best)
    return curve_frame(sums.size, sums.uplift())


def perfect_qini_curve(
    outcome: ArrayLike,
    treatment: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    harm: bool = True,
) -> pd.DataFrame:
    """Return the Qini curve of the best ranking that could have been seen.

    Parameters
    ----------
    outcome, treatment, weights : array_like, shape (n,)
        As for `uplift_curve`; the outcome is 0 or 1.
    harm : bool, default True
        Whether treatment may harm. If not, the curve rises by one a customer to the incremental
        outcomes of all, and stays there.

    Returns
    -------
    pandas.DataFrame
        As `uplift_curve`.

    Raises
    ------
    DesignError
        If harm is ruled out, but treatment gained nothing on average.

    Notes
    -----
    With harm: first the treated with outcome 1, then everybody with outcome 0, last the
    untreated with outcome 1.

    References
    ----------
    Radcliffe, N. (2007). Using control groups to target on predicted lift: building and assessing
    uplift models. Direct Marketing Analytics Journal 1, 14-21.
    """
    data = binary_data(outcome, treatment, weights)
    y, t = np.asarray(data.outcome), np.asarray(data.treatment)
    sums = cumulated(data, y * t - y * (1 - t))
    if harm:
        return curve_frame(sums.size, sums.qini())
    total, n = float(sums.qini()[-1]), float(sums.size[-1])
    if total <= 0:
        raise DesignError(
            f"the treated have {total:g} outcomes beyond as many untreated; a curve without harm "
            "needs more than 0. Allow for harm (normalization='perfect')."
        )
    return curve_frame(np.array([total, n]), np.array([total, total]))


def binary_data(
    outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None = None
) -> HeldOut:
    """Check an outcome for which a perfect ranking is defined.

    Parameters
    ----------
    outcome, treatment, weights : array_like, shape (n,)
        Customers.

    Returns
    -------
    HeldOut
        The checked customers.

    Raises
    ------
    DesignError
        If an outcome is neither 0 nor 1.
    ZeroVarianceError
        If all outcomes are equal.
    """
    data = HeldOut(outcome=outcome, treatment=treatment, weights=weights)
    y = np.asarray(data.outcome)[np.asarray(data.weights) > 0]
    if not data.binary:
        raise DesignError(
            f"the outcome runs from {y.min():g} to {y.max():g}; a perfect ranking is defined for 0 "
            "and 1 only. Use normalization='none', or the toc, for counts and amounts."
        )
    check_varies(data)
    return data


def perfect_areas(total: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of the perfect curves beyond random targeting, from four counts.

    Parameters
    ----------
    total : Sums
        All customers, with an outcome of 0 and 1.

    Returns
    -------
    tuple of numpy.ndarray
        Of the Qini curve with harm, and of the uplift curve.
    """
    gained, kept = total.treated_outcome, total.untreated - total.untreated_outcome
    lost, spared = total.treated - gained, total.untreated_outcome
    n, end = total.size, total.qini()
    qini = gained**2 / 2 + gained * (lost + kept) + spared * (gained + end) / 2 - n * end / 2
    good = gained + kept
    certain = np.where(gained > 0, 1.0, 0.0)
    first = np.where(spared > lost, spared, lost)
    middle = np.where(
        spared > lost, certain - spared / (spared + kept), gained / (gained + lost)
    ) * (good + first)
    final = n * total.difference()
    height = certain * good
    start = np.where(gained > 0, gained, 0.0)
    uplift = (
        gained * start / 2
        + kept * (start + height) / 2
        + first * (height + middle) / 2
        + (n - good - first) * (middle + final) / 2
        - n * final / 2
    )
    return qini, uplift
