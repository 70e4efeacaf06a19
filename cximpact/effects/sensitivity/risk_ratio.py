"""The E-value: how strong an unmeasured cause of both sides must be, on the risk-ratio scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import number

MEASURES = (
    "risk_ratio",
    "rate_ratio",
    "odds_ratio",
    "hazard_ratio",
    "standardized_difference",
    "risk_difference",
)
_RATIOS = MEASURES[:4]


@dataclass(frozen=True, kw_only=True, eq=False)
class EValue:
    """How strong an unmeasured confounder must be to explain an effect away.

    Parameters
    ----------
    risk_ratio : float
        The effect on the risk-ratio scale.
    low, high : float, optional
        Ends of its interval on that scale; None where no interval was given.
    estimate : float
        E-value of the effect itself.
    limit : float, optional
        E-value of the end of the interval nearest to 1; 1 where the interval holds 1.
    measure : str
        What was given.
    """

    risk_ratio: float
    low: float | None = None
    high: float | None = None
    estimate: float
    limit: float | None = None
    measure: str

    def explain(self) -> str:
        """Say what the number means.

        Returns
        -------
        str
            One or two sentences.
        """
        how = "raise" if self.risk_ratio >= 1 else "lower"
        text = (
            f"To explain away the risk ratio of {number(self.risk_ratio)}, something unmeasured "
            f"would have to go with treatment, and {how} the outcome, by a factor of "
            f"{number(self.estimate)} each, beyond what was adjusted for."
        )
        if self.limit is None:
            return text
        if self.limit == 1:
            return f"{text} The interval includes no effect, so nothing is needed to reach that."
        return f"{text} To make the interval include no effect, {number(self.limit)} is enough."


def e_value(
    estimate: float,
    low: float | None = None,
    high: float | None = None,
    *,
    measure: str = "risk_ratio",
    common_outcome: bool = True,
    baseline: float | None = None,
) -> EValue:
    """Return the E-value of an effect and of the end of its interval nearest to no effect.

    Parameters
    ----------
    estimate : float
        The effect.
    low, high : float, optional
        Ends of its interval.
    measure : {"risk_ratio", "rate_ratio", "odds_ratio", "hazard_ratio", \
"standardized_difference", "risk_difference"}
        What the numbers are. A standardized difference is one of means, in standard deviations of
        the outcome; a risk difference is a fraction such as 0.058.
    common_outcome : bool, default True
        Whether the outcome happens to more than about 15% of customers, for odds and hazard
        ratios; those of a rare outcome are taken as risk ratios.
    baseline : float, optional
        Risk without treatment, for a risk difference; taken as known.

    Returns
    -------
    EValue
        Both E-values, from 1.

    Raises
    ------
    ConfigError
        If the numbers are not usable, or the estimate lies outside its interval.

    Notes
    -----
    ``E = RR + sqrt(RR (RR - 1))`` for a risk ratio of at least 1; one below 1 is inverted first.
    Approximate risk ratios: ``sqrt(OR)`` and ``(1 - .5^sqrt(HR)) / (1 - .5^sqrt(1 / HR))`` for a
    common outcome, ``exp(0.91 d)`` for a standardized difference d, and ``(p + r) / p`` for a risk
    difference r at the baseline p.

    References
    ----------
    VanderWeele, T. J. and Ding, P. (2017). Sensitivity analysis in observational research:
    introducing the E-value. Annals of Internal Medicine 167, 268-274.
    """
    check_choice(measure, "measure", MEASURES)
    if (baseline is None) == (measure == "risk_difference"):
        need = "needs a baseline" if baseline is None else "takes no baseline"
        raise ConfigError(f"measure {measure!r} {need}; it is for measure='risk_difference'.")
    convert = _converter(measure, common_outcome, baseline)
    ratio = _ratio(estimate, "estimate", measure, convert)
    below = None if low is None else _ratio(low, "low", measure, convert)
    above = None if high is None else _ratio(high, "high", measure, convert)
    if not (0.0 if below is None else below) <= ratio <= (np.inf if above is None else above):
        raise ConfigError(
            f"the estimate {estimate:g} lies outside its interval ({low} to {high}); "
            "expected low <= estimate <= high."
        )
    return EValue(
        risk_ratio=ratio,
        low=below,
        high=above,
        estimate=_e(ratio),
        limit=_limit(below, above=False) if ratio >= 1 else _limit(above, above=True),
        measure=measure,
    )


def _limit(end: float | None, *, above: bool) -> float | None:
    """Return the E-value of the end nearest to 1, unless the interval holds 1."""
    if end is None:
        return None
    return 1.0 if (end >= 1 if above else end <= 1) else _e(end)


def _e(ratio: float) -> float:
    ratio = max(ratio, 1 / ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def _ratio(value: float, name: str, measure: str, convert: Callable[[float], float]) -> float:
    low = 0.0 if measure in _RATIOS else -np.inf
    ratio = convert(check_number(value, name, low=low, open_low=True))
    if not 0 < ratio < np.inf:
        raise ConfigError(f"{name} is {value!r}, which is a risk ratio of {ratio:g}; check it.")
    return ratio


def _hazard(ratio: float) -> float:
    return float((1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio)))


_COMMON: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {"odds_ratio": lambda ratio: float(np.sqrt(ratio)), "hazard_ratio": _hazard}
)


def _converter(
    measure: str, common_outcome: bool, baseline: float | None
) -> Callable[[float], float]:
    """Return the function from the measure to an approximate risk ratio."""
    if measure == "standardized_difference":
        return lambda d: float(np.exp(0.91 * d))
    if baseline is not None:
        return partial(_from_difference, baseline=check_prob(baseline, "baseline"))
    return _COMMON.get(measure, float) if common_outcome else float


def _from_difference(difference: float, baseline: float) -> float:
    if baseline + difference > 1:
        raise ConfigError(
            f"a risk difference of {difference:g} on a baseline of {baseline:g} is a risk of "
            f"{baseline + difference:g}; expected one of at most 1."
        )
    return (baseline + difference) / baseline
