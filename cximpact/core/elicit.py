"""Distributions from what people can judge: two quantiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import optimize, stats

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_number, check_prob

DISTRIBUTIONS = ("lognormal", "normal", "gamma")


def fit_quantiles(
    quantiles: Mapping[float, float], distribution: str
) -> stats.rv_continuous_frozen:
    """Find the member of a family that has two given quantiles.

    Parameters
    ----------
    quantiles : mapping of float to float
        Two probabilities and the amounts at them.
    distribution : {"lognormal", "normal", "gamma"}
        Family.

    Returns
    -------
    scipy.stats frozen distribution
        With exactly these quantiles.

    Raises
    ------
    ConfigError
        If no member of the family has them.
    """
    check_choice(distribution, "distribution", DISTRIBUTIONS)
    (p_low, low), (p_high, high) = _two_points(quantiles, positive=distribution != "normal")
    if distribution == "gamma":
        return _gamma(p_low, low, p_high, high)
    a, b = (np.log(low), np.log(high)) if distribution == "lognormal" else (low, high)
    z_low, z_high = stats.norm.ppf([p_low, p_high])
    spread = (b - a) / (z_high - z_low)
    center = a - spread * z_low
    if distribution == "lognormal":
        return stats.lognorm(spread, scale=np.exp(center))
    return stats.norm(center, spread)


def _two_points(
    quantiles: Mapping[float, float], *, positive: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    if not isinstance(quantiles, Mapping) or len(quantiles) != 2:
        raise ConfigError("quantiles needs two entries, such as {0.1: 80, 0.9: 150}.")
    checked = sorted(
        (check_prob(p, "quantiles: probability"), check_number(v, f"quantiles[{p:g}]"))
        for p, v in quantiles.items()
    )
    low, high = checked
    if not low[1] < high[1]:
        raise ConfigError(
            f"quantiles do not increase: {low[1]:g} at {low[0]:g} and {high[1]:g} at "
            f"{high[0]:g}. A certain amount is value.fixed."
        )
    if positive and low[1] <= 0:
        raise ConfigError(
            f"quantiles[{low[0]:g}] is {low[1]:g}; this family is positive. "
            "Use distribution='normal'."
        )
    return low, high


def _gamma(p_low: float, low: float, p_high: float, high: float) -> stats.rv_continuous_frozen:
    target = np.log(high / low)

    def gap(log_shape: float) -> float:
        ends = stats.gamma.ppf([p_low, p_high], np.exp(log_shape))
        return float(np.log(ends[1] / ends[0]) - target) if ends[0] > 0 else np.inf

    bottom, top = -3.0, 16.0
    if not gap(bottom) > 0 > gap(top):
        raise ConfigError(
            f"quantiles {low:g} and {high:g} fit no gamma distribution; use 'lognormal'."
        )
    while not np.isfinite(gap(bottom)):
        bottom += 0.25
    shape = float(np.exp(optimize.brentq(gap, bottom, top, xtol=1e-13)))
    return stats.gamma(shape, scale=high / stats.gamma.ppf(p_high, shape))
