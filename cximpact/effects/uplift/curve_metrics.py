"""Areas under uplift and Qini curves, and the uplift of the first k customers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, DesignError, NoControlError, NoTreatedError
from cximpact.core.validate import check_choice
from cximpact.effects.uplift.curve_perfect import perfect_qini_curve, perfect_uplift_curve
from cximpact.effects.uplift.curve_sums import Ranking, Sums, ranking
from cximpact.effects.uplift.curves import qini_curve, uplift_curve
from cximpact.effects.uplift.evaluation_data import HeldOut, score_vector

QINI_NORMALIZATIONS = ("perfect", "perfect_no_harm", "cumulative_gain", "none")
AUUC_NORMALIZATIONS = ("perfect", "cumulative_gain", "none")
STRATEGIES = ("overall", "by_arm")


def qini_coefficient(
    outcome: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    weights: ArrayLike | None = None,
    normalization: str = "perfect",
) -> float:
    """Return the area between the Qini curve of a score and random targeting.

    Parameters
    ----------
    outcome, treatment : array_like, shape (n,)
        Outcome; treatment 0 or 1.
    score : array_like, shape (n,)
        Higher is treated first.
    weights : array_like, shape (n,), optional
        Weights of the customers; a whole weight is as many rows.
    normalization : {"perfect", "perfect_no_harm", "cumulative_gain", "none"}
        What the area is divided by; see the notes.

    Returns
    -------
    float
        0 for random targeting in expectation, below for a score that ranks the wrong way round.

    Notes
    -----
    ``A`` is the area under `qini_curve` by the trapezoid rule, ``V`` its last value and ``n`` the
    customers (or their weights); random targeting has the area ``n V / 2``.

    =================== =========================================== ==============================
    normalization       value                                       as in
    =================== =========================================== ==============================
    "perfect"           (A - nV/2) / (A perfect - nV/2)             scikit-uplift qini_auc_score,
                                                                    negative_effect=True
    "perfect_no_harm"   the same with the perfect curve without     scikit-uplift qini_auc_score,
                        harm                                        negative_effect=False
    "cumulative_gain"   (A - nV/2) / ((n + 1) abs(V))               mean over 0..n customers, in
                                                                    the way of causalml
    "none"              (A - nV/2) / n^2                            gain per customer
    =================== =========================================== ==============================

    The first two need an outcome of 0 and 1. Ties are straight lines, so that results do not
    depend on the order of rows; causalml breaks them, and leaves out or interpolates the first
    customers, where only one arm is seen. It needs a random treatment; with a propensity that
    varies use `autoc`.

    References
    ----------
    Radcliffe, N. (2007). Using control groups to target on predicted lift: building and assessing
    uplift models. Direct Marketing Analytics Journal 1, 14-21.
    """
    check_choice(normalization, "normalization", QINI_NORMALIZATIONS)
    perfect = None
    if normalization.startswith("perfect"):
        perfect = perfect_qini_curve(outcome, treatment, weights, harm=normalization == "perfect")
    return _area(qini_curve(outcome, treatment, score, weights), normalization, perfect)


def auuc(
    outcome: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    weights: ArrayLike | None = None,
    normalization: str = "perfect",
) -> float:
    """Return the area under the uplift curve of a score.

    Parameters
    ----------
    outcome, treatment, score, weights : array_like, shape (n,)
        As for `qini_coefficient`.
    normalization : {"perfect", "cumulative_gain", "none"}
        What the area is divided by; see the notes.

    Returns
    -------
    float
        0 for random targeting in expectation, but 0.5 or -0.5 under ``"cumulative_gain"``.

    Notes
    -----
    ``A`` is the area under `uplift_curve` by the trapezoid rule, ``V`` its last value and ``n``
    the customers (or their weights).

    =================== =========================================== ==============================
    normalization       value                                       as in
    =================== =========================================== ==============================
    "perfect"           (A - nV/2) / (A perfect - nV/2)             scikit-uplift uplift_auc_score
    "cumulative_gain"   (A + V/2) / ((n + 1) abs(V))                causalml auuc_score: the mean
                                                                    of the curve over 0..n
                                                                    customers; its last value is 1
    "none"              (A - nV/2) / n^2                            gain per customer beyond
                                                                    random targeting
    =================== =========================================== ==============================

    causalml leaves out or interpolates the first customers, where only one arm is seen, and
    breaks ties by the order of rows; here that arm has the mean 0 and ties are straight lines.

    References
    ----------
    Devriendt, F., Van Belle, J., Guns, T. and Verbeke, W. (2020). Learning to rank for uplift
    modeling. IEEE Transactions on Knowledge and Data Engineering 34, 4888-4904.
    """
    check_choice(normalization, "normalization", AUUC_NORMALIZATIONS)
    curve = uplift_curve(outcome, treatment, score, weights)
    if normalization == "perfect":
        return _area(curve, normalization, perfect_uplift_curve(outcome, treatment, weights))
    found = _area(curve, normalization)
    # the mean of the curve itself, not of its distance from random targeting
    return found + 0.5 * np.sign(curve["value"].iloc[-1]) if normalization != "none" else found


def uplift_at_k(
    outcome: ArrayLike,
    treatment: ArrayLike,
    score: ArrayLike,
    k: float,
    weights: ArrayLike | None = None,
    strategy: str = "overall",
) -> float:
    """Return the difference of means among the customers with the highest scores.

    Parameters
    ----------
    outcome, treatment, score : array_like, shape (n,)
        As for `qini_coefficient`.
    k : int or float
        A whole number of customers, or a share above 0 and at most 1.
    weights : array_like, shape (n,), optional
        Weights of the customers.
    strategy : {"overall", "by_arm"}
        The first ``k`` of all customers, or of each arm.

    Returns
    -------
    float
        Mean outcome of the treated less that of the untreated, in the unit of the outcome.

    Raises
    ------
    ConfigError
        If ``k`` is no share and no number of customers.
    NoTreatedError, NoControlError
        If an arm is not among them.

    Notes
    -----
    A share is rounded down to whole customers, as scikit-uplift does, unless weights are
    fractions. Of customers who tie at the boundary each counts by the same fraction. It estimates
    the average effect among the first ``k`` where treatment is random.
    """
    check_choice(strategy, "strategy", STRATEGIES)
    data = HeldOut(outcome=outcome, treatment=treatment, weights=weights)
    ordered, w = score_vector(score, data.n), np.asarray(data.weights)
    t = np.asarray(data.treatment)
    inside = np.zeros(data.n)
    for group in (np.ones(data.n),) if strategy == "overall" else (t, 1 - t):
        inside += _included(ordered, w * group, k)
    sums = _arm_sums(data, inside)
    if not sums.treated > 0:
        raise NoTreatedError(f"nobody among the first {k:g} is treated; take a larger k.")
    if not sums.untreated > 0:
        raise NoControlError(f"everybody among the first {k:g} is treated; take a larger k.")
    return float(sums.difference())


def top_size(k: float, total: float, whole: bool) -> float:
    """Return how many customers a share or a number of customers is.

    Parameters
    ----------
    k : int or float
        A number of customers, or a share.
    total : float
        All customers, or their weights.
    whole : bool
        Whether weights are whole numbers, so that a share is rounded down.

    Returns
    -------
    float
        Above 0 and at most ``total``.

    Raises
    ------
    ConfigError
        If that is no customer, or more than there are.
    """
    if isinstance(k, bool) or not isinstance(k, int | float | np.integer | np.floating):
        raise ConfigError(f"k is {k!r}; expected a share or a number of customers.")
    if isinstance(k, float | np.floating):
        if not 0 < k <= 1:
            hint = f" Did you mean {int(k)} customers?" if k > 1 and k == int(k) else ""
            raise ConfigError(f"k is {k!r}; expected a share above 0, at most 1.{hint}")
        size = float(math.floor(total * k)) if whole else total * float(k)
    else:
        size = float(k)
    if not 0 < size <= total:
        raise ConfigError(
            f"k is {k!r}, which is {size:g} of {total:,.6g} customers; expected at least 1 and at "
            "most all. A share such as 0.1 is written with a decimal point."
        )
    return size


def is_whole(weights: np.ndarray) -> bool:
    """Whether weights count rows.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        Weights.

    Returns
    -------
    bool
        True if all are whole numbers.
    """
    return bool((weights == np.floor(weights)).all())


def _included(score: np.ndarray, weights: np.ndarray, k: float) -> np.ndarray:
    """Weight with which each row is among the first k; ties at the boundary share it."""
    size = top_size(k, float(weights.sum()), is_whole(weights))
    ranked: Ranking = ranking(score, weights)
    ends = np.cumsum(weights[ranked.order])[ranked.ends]
    before = np.append(0.0, ends[:-1])
    share = np.clip((size - before) / (ends - before), 0.0, 1.0)
    block = np.searchsorted(ranked.ends, np.arange(ranked.order.size))
    out = np.zeros(score.size)
    out[ranked.order] = weights[ranked.order] * share[block]
    return out


def _arm_sums(data: HeldOut, weights: np.ndarray) -> Sums:
    t, y = np.asarray(data.treatment), np.asarray(data.outcome)
    parts = (weights * t, weights * (1 - t), weights * t * y, weights * (1 - t) * y)
    names = ("treated", "untreated", "treated_outcome", "untreated_outcome")
    return Sums(**{k: np.asarray(v.sum()) for k, v in zip(names, parts, strict=True)})


def _area(curve: pd.DataFrame, normalization: str, perfect: pd.DataFrame | None = None) -> float:
    n, last = float(curve["n"].iloc[-1]), float(curve["value"].iloc[-1])
    area = _beyond_random(curve)
    if perfect is not None:
        best = _beyond_random(perfect)
        if best <= 1e-12 * n**2:
            raise DesignError(
                "the perfect curve is no better than random targeting, as treatment decides the "
                "outcome; there is nothing to rank. Use normalization='none'."
            )
        return area / best
    if normalization == "none":
        return area / n**2
    if last == 0:
        raise ConfigError(
            "the curve ends at 0, so it cannot be divided by its end; use normalization='none'."
        )
    return area / ((n + 1) * abs(last))


def _beyond_random(curve: pd.DataFrame) -> float:
    """Area between a curve and the straight line to its end."""
    n, value = curve["n"].to_numpy(), curve["value"].to_numpy()
    return float(np.trapezoid(value, n) - n[-1] * value[-1] / 2)
