"""How many customers an experiment needs to find an average effect."""

from __future__ import annotations

import math

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number, check_prob
from cximpact.effects.uplift.experiment_plan import ExperimentPlan, power_at, smallest_size


def experiment_size(
    effect: float,
    *,
    baseline: float | None = None,
    sd: float | tuple[float, float] | None = None,
    treated_share: float = 0.5,
    power: float = 0.8,
    prob: float = 0.95,
    cluster_size: float = 1,
    icc: float = 0.0,
) -> ExperimentPlan:
    """Return the customers needed to find an average effect.

    Parameters
    ----------
    effect : float
        Smallest effect that matters, in the unit of the outcome.
    baseline : float, optional
        Rate of a 0/1 outcome without contact.
    sd : float or tuple of float, optional
        Standard deviation of another outcome; of control and treated if they differ.
    treated_share : float, default 0.5
        Share that is contacted.
    power : float, default 0.8
        Probability to find it.
    prob : float, default 0.95
        Mass of the interval.
    cluster_size : float, default 1
        Customers per cluster, where whole clusters such as stores are randomized.
    icc : float, default 0
        Share of the variance that lies between clusters.

    Returns
    -------
    ExperimentPlan
        Customers by arm, rounded up, to whole clusters where there are any.

    Raises
    ------
    ConfigError
        If neither or both of baseline and sd are given, or the effect takes a rate out of 0 to 1.

    Notes
    -----
    The variance of the difference is ``s1^2 / n1 + s0^2 / n0`` times the design effect
    ``1 + (cluster_size - 1) icc``. For means the power is that of the t test; for rates, with
    ``s^2 = p (1 - p)`` in each arm, that of the normal test with unpooled variance. Adjusting for
    features that explain a share ``R^2`` of the outcome needs about ``1 - R^2`` times as many.

    References
    ----------
    Chow, S.-C., Shao, J. and Wang, H. (2008). Sample Size Calculations in Clinical Research,
    chapters 3 and 4.

    Examples
    --------
    >>> experiment_size(0.2, baseline=0.65).n_treated
    70
    """
    size = abs(check_number(effect, "effect"))
    if size == 0:
        raise ConfigError("effect is 0; expected the smallest effect that matters.")
    control, treated = _deviations(effect, baseline, sd)
    share = check_prob(treated_share, "treated_share")
    m = check_number(cluster_size, "cluster_size", low=1)
    inflation = 1 + (m - 1) * check_number(icc, "icc", low=0, high=1)
    spread = math.sqrt(inflation * (treated**2 / share + control**2 / (1 - share)))
    check_prob(prob)
    check_prob(power, "power")

    def reached(n: float) -> float:
        df = None if baseline is not None else max(n / m - 2, 1e-3)
        return power_at(size * math.sqrt(n) / spread, df, prob)

    n = smallest_size(reached, power)
    whole = [m * math.ceil(part * n / m - 1e-9) for part in (share, 1 - share)]
    n_treated, n_control = (math.ceil(x - 1e-9) for x in whole)
    return ExperimentPlan(
        purpose="an average effect",
        target=float(effect),
        n_treated=n_treated,
        n_control=n_control,
        power=power,
        prob=prob,
        std_error=math.sqrt(inflation * (treated**2 / n_treated + control**2 / n_control)),
        design_effect=inflation,
        clusters=None if m == 1 else round(sum(whole) / m),
        details={"treated_share": share, "cluster_size": m, "icc": icc},
    )


def score_deviation(
    sd: float | tuple[float, float], *, treated_share: float = 0.5, effect_sd: float = 0.0
) -> float:
    """Return the standard deviation of the doubly robust score of a randomized contact.

    Parameters
    ----------
    sd : float or tuple of float
        Standard deviation of the outcome given features; of control and treated if they differ.
    treated_share : float, default 0.5
        Share that is contacted.
    effect_sd : float, default 0
        Standard deviation of the effects between customers.

    Returns
    -------
    float
        ``sqrt(s1^2 / e + s0^2 / (1 - e) + effect_sd^2)``.
    """
    control, treated = _pair(sd)
    e = check_prob(treated_share, "treated_share")
    between = check_number(effect_sd, "effect_sd", low=0)
    return math.sqrt(treated**2 / e + control**2 / (1 - e) + between**2)


def _deviations(
    effect: float, baseline: float | None, sd: float | tuple[float, float] | None
) -> tuple[float, float]:
    if (baseline is None) == (sd is None):
        raise ConfigError("give either baseline, for a 0/1 outcome, or sd, for any other.")
    if sd is not None:
        return _pair(sd)
    rate = check_prob(baseline, "baseline") if baseline is not None else np.nan
    after = rate + effect
    if not 0 < after < 1:
        raise ConfigError(
            f"effect is {effect:g}, which takes the baseline {rate:g} to {after:g}, outside 0 to 1."
        )
    return math.sqrt(rate * (1 - rate)), math.sqrt(after * (1 - after))


def _pair(sd: float | tuple[float, float]) -> tuple[float, float]:
    control, treated = sd if isinstance(sd, tuple) else (sd, sd)
    low = {"low": 0.0, "open_low": True}
    return check_number(control, "sd", **low), check_number(treated, "sd", **low)
