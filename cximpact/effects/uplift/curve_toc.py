"""The targeting operator characteristic: how much more the first customers gain than all."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import digamma

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_vector, check_weights
from cximpact.effects.uplift.curve_metrics import is_whole, top_size
from cximpact.effects.uplift.curve_sums import ranking
from cximpact.effects.uplift.evaluation_data import HeldOut, score_vector

WEIGHTINGS = ("autoc", "qini")


def arm_pseudo_outcome(
    outcome: ArrayLike,
    treatment: ArrayLike,
    weights: ArrayLike | None = None,
    propensity: ArrayLike | None = None,
) -> np.ndarray:
    """Return doubly robust scores that use one constant mean an arm.

    Parameters
    ----------
    outcome, treatment : array_like, shape (n,)
        Outcome; treatment 0 or 1.
    weights : array_like, shape (n,), optional
        Weights of the customers.
    propensity : array_like, shape (n,), optional
        Probability of treatment; by default the weighted treated share.

    Returns
    -------
    numpy.ndarray, shape (n,)
        ``m1 - m0 + T (Y - m1) / e - (1 - T) (Y - m0) / (1 - e)``, with the means ``m`` of the
        arms weighted by ``1 / e`` and ``1 / (1 - e)``.

    Notes
    -----
    Their mean is the difference of these means. They are valid where the propensity is right, as
    in a randomized trial; scores with models of the outcome vary less.

    References
    ----------
    Robins, J., Rotnitzky, A. and Zhao, L. (1994). Estimation of regression coefficients when
    some regressors are not always observed. Journal of the American Statistical Association 89,
    846-866.
    """
    data = HeldOut(outcome=outcome, treatment=treatment, weights=weights, propensity=propensity)
    return np.array(data.pseudo_outcome)


def toc(
    outcome: ArrayLike | None,
    treatment: ArrayLike | None,
    score: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    propensity: ArrayLike | None = None,
    pseudo_outcome: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return the targeting operator characteristic of a score.

    Parameters
    ----------
    outcome, treatment : array_like, shape (n,), or None
        Outcome; treatment 0 or 1. Not needed where ``pseudo_outcome`` is given.
    score : array_like, shape (n,)
        Higher is treated first.
    weights : array_like, shape (n,), optional
        Weights of the customers.
    propensity : array_like, shape (n,), optional
        Probability of treatment; by default the treated share.
    pseudo_outcome : array_like, shape (n,), optional
        Doubly robust scores of the effect; by default `arm_pseudo_outcome`.

    Returns
    -------
    pandas.DataFrame
        ``fraction`` and ``toc``, one row a distinct score; with untied scores at ``i / n``.

    Notes
    -----
    ``TOC(q) = E[Gamma | top q] - E[Gamma]``: by how much the average effect among the share ``q``
    with the highest scores exceeds that among all. It ends at 0. It needs a score made without
    these rows, and no unmeasured confounding beyond what ``Gamma`` corrects.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    ordered, gamma, w = _checked(outcome, treatment, score, weights, propensity, pseudo_outcome)
    ranked = ranking(ordered, w)
    size, gain = ranked.cumulated(w), ranked.cumulated(w * gamma)
    return pd.DataFrame({"fraction": size / size[-1], "toc": gain / size - gain[-1] / size[-1]})


def rate(
    outcome: ArrayLike | None,
    treatment: ArrayLike | None,
    score: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    weighting: str = "autoc",
    propensity: ArrayLike | None = None,
    pseudo_outcome: ArrayLike | None = None,
) -> float:
    """Return a rank-weighted average treatment effect: one number for a whole ranking.

    Parameters
    ----------
    outcome, treatment, score, weights : array_like, shape (n,)
        As for `toc`.
    weighting : {"autoc", "qini"}
        ``"autoc"``: mean of TOC over ``q = 1/n, ..., 1``, which looks most at the customers who
        come first. ``"qini"``: mean of ``q TOC(q)``, which looks at all alike.
    propensity, pseudo_outcome : array_like, shape (n,), optional
        As for `toc`.

    Returns
    -------
    float
        0 for a random ranking, in the unit of the effect.

    Notes
    -----
    Among customers who tie, ``Gamma`` is averaged. A whole weight counts as many rows, exactly;
    other weights are scaled to the mean 1, and the sums over ranks are continued between whole
    numbers by the digamma function.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    check_choice(weighting, "weighting", WEIGHTINGS)
    ordered, gamma, w = _checked(outcome, treatment, score, weights, propensity, pseudo_outcome)
    if not is_whole(w):
        w = w * (w > 0).sum() / w.sum()
    ranked = ranking(ordered, w)
    end, gain = ranked.cumulated(w), ranked.cumulated(w * gamma)
    n, mean = end[-1], gain[-1] / end[-1]
    start, before = np.append(0.0, end[:-1]), np.append(0.0, gain[:-1])
    m = end - start
    own = (gain - before) / m
    if weighting == "autoc":
        harmonic = digamma(end + 1) - digamma(start + 1)
        return float((own * m + (before - own * start) * harmonic).sum() / n - mean)
    total = (before * m + own * m * (m + 1) / 2).sum()
    return float(total / n**2 - mean * (n + 1) / (2 * n))


def autoc(
    outcome: ArrayLike | None,
    treatment: ArrayLike | None,
    score: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    propensity: ArrayLike | None = None,
    pseudo_outcome: ArrayLike | None = None,
) -> float:
    """Return the area under the targeting operator characteristic.

    Parameters
    ----------
    outcome, treatment, score, weights, propensity, pseudo_outcome : array_like, shape (n,)
        As for `toc`.

    Returns
    -------
    float
        As `rate` with ``weighting="autoc"``.

    Notes
    -----
    Estimand: ``E[Gamma (-log(1 - F(score)) - 1)]``, above 0 if customers who come first gain more
    than the average.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    return rate(
        outcome,
        treatment,
        score,
        weights,
        propensity=propensity,
        pseudo_outcome=pseudo_outcome,
    )


def effect_at_k(
    pseudo_outcome: ArrayLike,
    score: ArrayLike,
    k: float,
    weights: ArrayLike | None = None,
) -> float:
    """Return the average effect among the customers with the highest scores.

    Parameters
    ----------
    pseudo_outcome : array_like, shape (n,)
        Doubly robust scores of the effect.
    score : array_like, shape (n,)
        Higher is treated first.
    k : int or float
        A whole number of customers, or a share above 0 and at most 1, as for `uplift_at_k`.
    weights : array_like, shape (n,), optional
        Weights of the customers.

    Returns
    -------
    float
        Mean of the scores, with the same fraction of everybody who ties at the boundary. Times
        the share it is the gain a head of the whole population.

    Notes
    -----
    Unlike `uplift_at_k` it is right also where the probability of treatment varies.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    ordered, gamma, w = _checked(None, None, score, weights, None, pseudo_outcome)
    ranked = ranking(ordered, w)
    size, gain = ranked.cumulated(w), ranked.cumulated(w * gamma)
    top = top_size(k, float(size[-1]), is_whole(w))
    return float(np.interp(top, np.append(0.0, size), np.append(0.0, gain)) / top)


def _checked(
    outcome: ArrayLike | None,
    treatment: ArrayLike | None,
    score: ArrayLike,
    weights: ArrayLike | None,
    propensity: ArrayLike | None,
    pseudo_outcome: ArrayLike | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, pseudo-outcome and weights."""
    if outcome is not None and treatment is not None:
        data = HeldOut(
            outcome=outcome,
            treatment=treatment,
            pseudo_outcome=pseudo_outcome,
            propensity=propensity,
            weights=weights,
        )
        gamma, w = np.asarray(data.pseudo_outcome), np.asarray(data.weights)
    elif pseudo_outcome is not None:
        gamma = check_vector(pseudo_outcome, "pseudo_outcome")
        w = check_weights(weights, gamma.size)
    else:
        raise ConfigError("give outcome and treatment, or pseudo_outcome.")
    return score_vector(score, gamma.size), gamma, w
