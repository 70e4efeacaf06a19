"""The plan of an experiment, and the power of a test."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd
from scipy import optimize, stats

from cximpact.core.errors import ConfigError
from cximpact.core.results import quantile
from cximpact.core.validate import check_prob
from cximpact.core.wording import number, percent

MOST = 1e12


@dataclass(frozen=True, kw_only=True, eq=False)
class ExperimentPlan:
    """Customers that an experiment needs.

    Parameters
    ----------
    purpose : str
        What it has to tell apart from nothing, in words.
    target : float
        How large that is.
    n_treated, n_control : int
        Customers by arm.
    power : float
        Probability to find it.
    prob : float
        Mass of the interval that has to leave out 0.
    std_error : float
        Standard error that is expected with these customers.
    design_effect : float
        By how much clusters inflate the variance.
    clusters : int, optional
        Clusters in both arms together; None where customers are randomized one by one.
    details : mapping
        What else went in.
    """

    purpose: str
    target: float
    n_treated: int
    n_control: int
    power: float
    prob: float
    std_error: float
    design_effect: float = 1.0
    clusters: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    @property
    def n(self) -> int:
        """Customers in both arms."""
        return self.n_treated + self.n_control

    def tidy(self) -> pd.DataFrame:
        """Return the plan as a table of one row.

        Returns
        -------
        pandas.DataFrame
            Numbers of the plan.
        """
        row = {k: v for k, v in vars(self).items() if k != "details"}
        return pd.DataFrame([{"n": self.n, **row, **self.details}])

    def explain(self) -> str:
        """Say how many customers are needed for what.

        Returns
        -------
        str
            A paragraph.
        """
        clusters = ""
        if self.clusters is not None:
            clusters = (
                f" They come in {self.clusters:,} clusters, which inflate the variance "
                f"{number(self.design_effect)} times."
            )
        return (
            f"{self.n:,} customers ({self.n_treated:,} contacted, {self.n_control:,} not) find "
            f"{self.purpose} of {number(self.target)} with a probability of {percent(self.power)}, "
            f"by a {100 * self.prob:g}% interval that leaves out 0.{clusters} The standard error "
            f"is then about {number(self.std_error)}. If the truth is half as large, four times as "
            "many are needed."
        )


def plan_for_scores(
    purpose: str,
    target: float,
    spread: float,
    share: float,
    power: float,
    prob: float,
    details: Mapping[str, Any],
) -> ExperimentPlan:
    """Plan for a mean of scores with a given standard deviation.

    Parameters
    ----------
    purpose : str
        What has to be found.
    target : float
        The mean.
    spread : float
        Standard deviation of a score.
    share : float
        Share that is contacted.
    power, prob : float
        Probability to find it, and mass of the interval.
    details : mapping
        What else went in.

    Returns
    -------
    ExperimentPlan
        Customers by arm, rounded up.
    """
    check_prob(prob)
    check_prob(power, "power")
    n = smallest_size(lambda n: power_at(abs(target) * math.sqrt(n) / spread, None, prob), power)
    treated, control = math.ceil(share * n - 1e-9), math.ceil((1 - share) * n - 1e-9)
    return ExperimentPlan(
        purpose=purpose,
        target=target,
        n_treated=treated,
        n_control=control,
        power=power,
        prob=prob,
        std_error=spread / math.sqrt(treated + control),
        details={"treated_share": share, **details},
    )


def power_at(distance: float, df: float | None, prob: float) -> float:
    """Return the power of a two-sided test.

    Parameters
    ----------
    distance : float
        The effect in standard errors.
    df : float or None
        Degrees of freedom; None is normal.
    prob : float
        Mass of the interval that has to leave out 0.

    Returns
    -------
    float
        Probability that it does.
    """
    critical = quantile(df, (1 + prob) / 2)
    if df is None:
        return float(stats.norm.sf(critical - distance) + stats.norm.cdf(-critical - distance))
    return float(stats.nct.sf(critical, df, distance) + stats.nct.cdf(-critical, df, distance))


def smallest_size(reached: Callable[[float], float], power: float) -> float:
    """Return the smallest size, not rounded, that reaches a power.

    Parameters
    ----------
    reached : callable
        Power at a size.
    power : float
        What it has to reach.

    Returns
    -------
    float
        At least 2.

    Raises
    ------
    ConfigError
        If no size does.
    """
    high = 4.0
    while not reached(high) >= power:
        high *= 2
        if high > MOST:
            raise ConfigError(
                f"no experiment below {MOST:g} customers has a power of {power:g}; the effect is "
                "too small for its spread."
            )
    if reached(2.0) >= power:
        return 2.0
    return float(optimize.brentq(lambda n: reached(n) - power, 2.0, high, xtol=1e-6))
