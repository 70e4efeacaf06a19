"""How many customers an experiment needs to compare policies, or to test a ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from scipy import integrate, stats

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.effects.uplift.experiment_plan import ExperimentPlan, plan_for_scores

WEIGHTINGS: Mapping[str, float] = MappingProxyType({"autoc": 1.0, "qini": 1 / 12})
"""Variance of the weight of a customer in the area under the curve."""


def policy_experiment_size(
    gain: float,
    *,
    differing_share: float,
    score_sd: float,
    treated_share: float = 0.5,
    power: float = 0.8,
    prob: float = 0.95,
) -> ExperimentPlan:
    """Return the customers needed to find that one policy earns more than another.

    Parameters
    ----------
    gain : float
        Difference of profit per customer of the population, such as of a list by effect against
        contacting everybody.
    differing_share : float
        Share of customers whom the policies treat differently.
    score_sd : float
        Standard deviation of ``value * score - cost`` among them, as `score_deviation` gives it
        times the value.
    treated_share : float, default 0.5
        Share that is contacted in the experiment, at random.
    power : float, default 0.8
        Probability to find it.
    prob : float, default 0.95
        Mass of the interval.

    Returns
    -------
    ExperimentPlan
        Customers by arm. They evaluate the policies; those it was learned on come on top, unless
        it was cross-fitted.

    Raises
    ------
    ConfigError
        If there is no gain.

    Notes
    -----
    Customers whom both policies treat alike add nothing to the difference, nor to its error. Per
    customer it has the mean ``gain`` and the variance
    ``d score_sd^2 + d (1 - d) (gain / d)^2``, with the share ``d`` that differs.
    """
    size = abs(check_number(gain, "gain"))
    if size == 0:
        raise ConfigError("gain is 0; expected the smallest gain that matters.")
    d = check_number(differing_share, "differing_share", low=0, high=1, open_low=True)
    sd = check_number(score_sd, "score_sd", low=0, open_low=True)
    spread = math.sqrt(d * sd**2 + (1 - d) * size**2 / d)
    return plan_for_scores(
        "a difference in profit per customer",
        float(gain),
        spread,
        check_prob(treated_share, "treated_share"),
        power,
        prob,
        {"differing_share": d, "score_sd": sd},
    )


def ranking_experiment_size(
    effect_sd: float,
    *,
    score_sd: float,
    correlation: float = 1.0,
    weighting: str = "autoc",
    treated_share: float = 0.5,
    power: float = 0.8,
    prob: float = 0.95,
) -> ExperimentPlan:
    """Return the customers needed to tell a ranking by effect from a random one.

    Parameters
    ----------
    effect_sd : float
        Standard deviation of the effects between customers.
    score_sd : float
        Standard deviation of the doubly robust score, from `score_deviation`.
    correlation : float, default 1
        Of the ranking score with the effects.
    weighting : {"autoc", "qini"}
        Which area under the curve is tested.
    treated_share : float, default 0.5
        Share that is contacted in the experiment, at random.
    power : float, default 0.8
        Probability to find it.
    prob : float, default 0.95
        Mass of the interval.

    Returns
    -------
    ExperimentPlan
        Customers by arm that evaluate the ranking; its target is the area.

    Raises
    ------
    ConfigError
        If the score goes against the effects or does not go with them at all.

    Notes
    -----
    The area is the mean of ``w(U) score``, with the rank ``U`` from the top as a share:
    ``w = -log(U) - 1`` (AUTOC), with variance 1, or ``w = 1/2 - U`` (QINI), with variance 1/12. For
    effects that are normal and joint normal with the score it is ``correlation * effect_sd``
    times 0.9032 or 0.2821. Its standard error is about ``score_sd`` times the root of the
    variance of ``w`` over ``n``, exact when effects hardly vary.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    kind = check_choice(weighting, "weighting", tuple(WEIGHTINGS))
    spread = check_number(effect_sd, "effect_sd", low=0, open_low=True)
    agreement = check_number(correlation, "correlation", low=0, high=1, open_low=True)
    sd = check_number(score_sd, "score_sd", low=0, open_low=True)
    return plan_for_scores(
        f"an area under the curve ({kind.upper()})",
        agreement * spread * normal_area(kind),
        sd * math.sqrt(WEIGHTINGS[kind]),
        check_prob(treated_share, "treated_share"),
        power,
        prob,
        {"weighting": kind, "effect_sd": spread, "correlation": agreement, "score_sd": sd},
    )


def normal_area(weighting: str) -> float:
    """Return the area under the curve of a perfect ranking of standard normal effects.

    Parameters
    ----------
    weighting : {"autoc", "qini"}
        Which area.

    Returns
    -------
    float
        0.9032 or 0.2821.

    Notes
    -----
    ``E[Z w(1 - F(Z))]``; for AUTOC by Stein's identity the mean hazard of the normal.
    """
    if check_choice(weighting, "weighting", tuple(WEIGHTINGS)) == "qini":
        return 1 / (2 * math.sqrt(math.pi))

    def hazard(z: float) -> float:
        return math.exp(2 * stats.norm.logpdf(z) - stats.norm.logsf(z))

    return float(integrate.quad(hazard, -12, 12)[0])
