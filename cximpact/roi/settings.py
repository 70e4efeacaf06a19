"""The clock and the discounting that all initiatives of one simulation share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.units import (
    PAYMENT_TIMES,
    PERIODS_PER_YEAR,
    discount_factors,
    rate_per_period,
)
from cximpact.core.validate import check_choice, check_count, check_number

_EARLY = {"start": 1.0, "mid": 0.5, "end": 0.0}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Horizon, discounting and currency of a simulation.

    Parameters
    ----------
    horizon : int
        Periods after today.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.
    discount_rate : float
        Effective annual rate, such as 0.10.
    payment : {"start", "mid", "end"}
        When in a period money flows. One-off costs are paid today.
    currency : str
        ISO 4217 code.
    """

    horizon: int
    period: str
    discount_rate: float
    payment: str
    currency: str

    def __post_init__(self) -> None:
        check_count(self.horizon, "horizon")
        check_choice(self.period, "period", tuple(PERIODS_PER_YEAR))
        check_choice(self.payment, "payment", PAYMENT_TIMES)
        rate = check_number(self.discount_rate, "discount_rate", low=-1, open_low=True)
        if rate > 1:
            raise ConfigError(
                f"discount_rate is {rate:g}; expected a fraction a year of at most 1. "
                f"Did you mean {rate / 100:g}?"
            )

    @property
    def rate(self) -> float:
        """Discount rate per period."""
        return rate_per_period(self.discount_rate, self.period)

    @property
    def periods(self) -> np.ndarray:
        """Period numbers from 0, which is today, to the horizon."""
        return np.arange(self.horizon + 1)

    @property
    def times(self) -> np.ndarray:
        """When the money of each period flows, in periods from today."""
        return np.maximum(self.periods - _EARLY[self.payment], 0.0)

    @property
    def factors(self) -> np.ndarray:
        """What one unit of money in each period is worth today."""
        return discount_factors(self.rate, self.periods, self.payment)
