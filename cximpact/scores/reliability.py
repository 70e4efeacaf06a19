"""How far the score of one agent or store can be trusted."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import InsufficientDataError, ZeroVarianceError
from cximpact.core.validate import check_number, check_vector
from cximpact.scores.weighted import label_codes


def reliability(n: ArrayLike, between: float, within: float) -> np.ndarray:
    """Return the reliability of a unit's mean score.

    Parameters
    ----------
    n : array_like, shape (unit,)
        Answers of each unit, at least 1.
    between, within : float
        Variance of the true unit means, and of one answer within a unit.

    Returns
    -------
    numpy.ndarray, shape (unit,)
        between / (between + within / n), from 0 to 1: the share of the variance of the observed
        means that is real, and the weight of the unit's own mean in its shrunken score.
    """
    counts = check_vector(n, "n")
    for count in (counts.min(), counts.max()):
        check_number(float(count), "n", low=1)
    between = check_number(between, "between", low=0)
    within = check_number(within, "within", low=0, open_low=True)
    return between / (between + within / counts)


def answers_for_reliability(target: float, between: float, within: float) -> int:
    """Return how many answers a unit needs for a given reliability.

    Parameters
    ----------
    target : float
        Reliability from 0 to 1; .7 is a common floor for pay or ranking.
    between, within : float
        Variance of the true unit means, above 0, and of one answer within a unit.

    Returns
    -------
    int
        Answers, rounded up.
    """
    target = check_number(target, "target", low=0, high=1 - 1e-9, open_low=True)
    between = check_number(between, "between", low=0, open_low=True)
    within = check_number(within, "within", low=0, open_low=True)
    return max(1, math.ceil(target / (1 - target) * within / between - 1e-9))


def unit_scores(values: ArrayLike, units: ArrayLike) -> pd.DataFrame:
    """Score every agent or store, shrunk by its reliability.

    Parameters
    ----------
    values : array_like, shape (n,)
        What each answer counts for; (-100, 0, 100) for the NPS.
    units : array_like, shape (n,)
        Agent or store of each answer.

    Returns
    -------
    pandas.DataFrame
        One row a unit, in the order of their names: ``unit, raw`` (its mean), ``estimate``
        (shrunken), ``std_error`` (posterior), ``reliability, n, between, within`` (the two
        variances, the same in all rows).

    Raises
    ------
    InsufficientDataError
        With one unit, or one answer in each.
    ZeroVarianceError
        If answers do not vary within units.

    Notes
    -----
    Estimand: each unit's long-run mean. Estimate = mean + lambda (raw - mean), with lambda the
    reliability and the overall mean weighted by it. Variances by the analysis of variance for
    unequal counts [1]_; a negative variance between units is set to 0, and then all units share
    the overall mean. The standard errors take the variances as known, which is a little too sure
    with few units. Units that serve other customers than their peers are compared unadjusted.

    References
    ----------
    .. [1] Searle, S. R., Casella, G. & McCulloch, C. E. (1992). Variance Components, section 3.6.
       New York: Wiley.
    """
    s = check_vector(values, "values")
    codes, levels = label_codes(units, s.size, "units")
    n = np.bincount(codes).astype(float)
    raw = np.bincount(codes, weights=s) / n
    groups = n.size
    if groups < 2 or s.size == groups:
        raise InsufficientDataError(
            f"{s.size} answers of {groups} units; expected at least 2 units, and several answers "
            "in some."
        )
    within = float(((s - raw[codes]) ** 2).sum() / (s.size - groups))
    if not within > 0:
        raise ZeroVarianceError("answers do not vary within units; reliability has no meaning.")
    mean_square = float(n @ (raw - s.mean()) ** 2 / (groups - 1))
    effective = (s.size - (n @ n) / s.size) / (groups - 1)
    between = float(max(0.0, (mean_square - within) / effective))
    trust = reliability(n, between, within)
    # With no variance between units the best overall mean is that of all answers.
    share = trust if between > 0 else n
    mean = share @ raw / share.sum()
    mean_variance = between / trust.sum() if between > 0 else within / s.size
    spread = np.sqrt(between * (1 - trust) + (1 - trust) ** 2 * mean_variance)
    columns = {"unit": levels, "raw": raw, "estimate": mean + trust * (raw - mean)}
    columns |= {"std_error": spread, "reliability": trust, "n": n.astype(int)}
    table = pd.DataFrame(columns | {"between": between, "within": within})
    return table.iloc[np.argsort([str(level) for level in levels], kind="stable")].reset_index(
        drop=True
    )
