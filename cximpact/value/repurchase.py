"""How often customers come back: cycles that are not cut short, and segments by probability."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from cximpact.core.errors import (
    ConfigError,
    CxImpactWarning,
    DataError,
    InsufficientDataError,
    rows_phrase,
)
from cximpact.core.results import quantile
from cximpact.core.validate import as_floats, check_number, check_prob
from cximpact.core.wording import number, percent
from cximpact.data import frames
from cximpact.value.purchase_fit import PurchaseFit
from cximpact.value.transactions import COLUMNS

SEGMENTS = ("fanatic", "neutral", "sceptic", "gone")


def repurchase_segments(fit: PurchaseFit, *, fanatic: float, sceptic: float) -> pd.DataFrame:
    """Return the probability of each customer to be a fanatic, neutral, a sceptic or gone.

    Parameters
    ----------
    fit : PurchaseFit
        From `BetaGeoNBD` or `ParetoNBD`.
    fanatic, sceptic : float
        Mean time between purchases, in periods of the fit: fanatics buy at shorter intervals
        than the first, sceptics at longer ones than the second.

    Returns
    -------
    pandas.DataFrame
        Columns ``fanatic, neutral, sceptic, gone``, which sum to 1, and ``cycle``, the median of
        the mean time between purchases if the customer is still there.

    Raises
    ------
    ConfigError
        If fanatics do not buy at shorter intervals than sceptics.

    Notes
    -----
    Given that a customer is there, the buying rate is gamma(r + x, alpha + T) distributed.
    Nobody is put in one segment for good: a customer with one purchase may be anything. The
    median is reported because the mean of ``1 / rate`` is infinite for ``r + x`` up to 1.
    """
    fast = check_number(fanatic, "fanatic", low=0, open_low=True)
    slow = check_number(sceptic, "sceptic", low=0, open_low=True)
    if not fast < slow:
        raise ConfigError(
            f"fanatic is {fast:g} and sceptic {slow:g}; fanatics buy at shorter intervals."
        )
    table = fit.history.table
    x, _, age = (table[c].to_numpy(float) for c in COLUMNS)
    alive = fit.predict(0.0)["alive"].to_numpy()
    shape, rate = fit.maximum.theta[0] + x, fit.maximum.theta[1] + age  # r and alpha of both models
    faster = special.gammaincc(shape, rate / fast)
    slower = special.gammainc(shape, rate / slow)
    return pd.DataFrame(
        {
            "fanatic": alive * faster,
            "neutral": alive * (1 - faster - slower),
            "sceptic": alive * slower,
            "gone": 1 - alive,
            "cycle": rate / special.gammaincinv(shape, 0.5),
        },
        index=table.index,
    )


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """The time between purchases.

    Parameters
    ----------
    median : float
        Median time to the next purchase; infinite when fewer than half come back in time.
    conf_low, conf_high : float
        Its confidence interval.
    conf_level : float
        Coverage.
    completed_only : float
        The median of completed gaps alone, which is too short: long gaps are still open.
    gaps, open_gaps : int
        Gaps in all, and those that were still open at the end.
    """

    median: float
    conf_low: float
    conf_high: float
    conf_level: float
    completed_only: float
    gaps: int
    open_gaps: int

    def explain(self) -> str:
        """Say what the cycle is and what completed gaps alone would say.

        Returns
        -------
        str
            Two sentences.
        """
        return (
            f"The median time to the next purchase is {number(self.median)} "
            f"({percent(self.conf_level)} confidence interval {number(self.conf_low)} to "
            f"{number(self.conf_high)}), from {self.gaps:,} gaps of which {self.open_gaps:,} were "
            f"still open. Completed gaps alone would say {number(self.completed_only)}: long gaps "
            "are the ones not yet over."
        )


def observed_cycle(data: Any, *, gap: str, completed: str, prob: float = 0.9) -> Cycle:
    """Estimate the median time between purchases with open gaps counted as open.

    Parameters
    ----------
    data : frame
        One row a gap between purchases, the last open one of every customer included.
    gap : str
        Column with its length so far.
    completed : str
        Column with 1 where it ended in a purchase and 0 where it was still open.
    prob : float, default 0.9
        Coverage of the interval.

    Returns
    -------
    Cycle
        Kaplan-Meier median with its interval, and the median of completed gaps.

    Raises
    ------
    DataError, InsufficientDataError
        If lengths are not above 0, the flag is not 0 or 1, or no gap was completed.

    Notes
    -----
    The interval inverts the sign test on the survival curve with Greenwood's variance on the
    log-log scale (Brookmeyer and Crowley 1982).
    """
    opened = frames.open_frame(data)
    frames.check_columns(opened, {"gap": gap, "completed": completed})
    rows = frames.collect(frames.select(opened, {"gap": gap, "completed": completed}))
    length, flag = as_floats(rows["gap"], gap), as_floats(rows["completed"], completed)
    if (bad := np.flatnonzero(~(length > 0))).size:
        raise DataError(f"Column {gap!r} is missing or not above 0 in {rows_phrase(bad)}.")
    if (bad := np.flatnonzero(~np.isin(flag, (0.0, 1.0)))).size:
        raise DataError(f"Column {completed!r} is not 0 or 1 in {rows_phrase(bad)}.")
    if not flag.any():
        raise InsufficientDataError("no gap was completed; nothing is known about the cycle.")
    result = stats.ecdf(stats.CensoredData(uncensored=length[flag == 1], right=length[flag == 0]))
    times, left = result.sf.quantiles, result.sf.probabilities
    low, high = _median_interval(times, left, length, flag, check_prob(prob))
    return Cycle(
        median=_first(times, left <= 0.5),
        conf_low=low,
        conf_high=high,
        conf_level=prob,
        completed_only=float(np.median(length[flag == 1])),
        gaps=int(length.size),
        open_gaps=int((flag == 0).sum()),
    )


@dataclass(frozen=True, kw_only=True)
class StatedBias:
    """What customers say about their cycle against what they do.

    Parameters
    ----------
    ratio : float
        Mean stated over mean observed time between purchases.
    conf_low, conf_high : float
        Confidence interval of the ratio.
    conf_level : float
        Coverage.
    n : int
        Customers with both.
    """

    ratio: float
    conf_low: float
    conf_high: float
    conf_level: float
    n: int

    def explain(self) -> str:
        """Say how far the stated cycle is off.

        Returns
        -------
        str
            Two sentences.
        """
        return (
            f"Customers state {percent(self.ratio)} of the time between purchases that is seen "
            f"({percent(self.conf_level)} confidence interval {percent(self.conf_low)} to "
            f"{percent(self.conf_high)}, {self.n:,} customers). What is stated must not be used "
            "as what is observed."
        )


def stated_against_observed(
    stated: ArrayLike, observed: ArrayLike, *, prob: float = 0.9
) -> StatedBias:
    """Compare stated with observed times between purchases, customer by customer.

    Parameters
    ----------
    stated, observed : array_like, shape (customer,)
        Of the same customers in the same order; only the completely observed.
    prob : float, default 0.9
        Coverage of the interval.

    Returns
    -------
    StatedBias
        Ratio of the means with Fieller's interval.

    Raises
    ------
    DataError, InsufficientDataError
        If lengths differ, times are not above 0, or there are fewer than 3 customers.
    """
    a, b = (as_floats(v, n) for v, n in ((stated, "stated"), (observed, "observed")))
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"stated has shape {a.shape} and observed {b.shape}; expected pairs.")
    if (bad := np.flatnonzero(~((a > 0) & (b > 0)))).size:
        raise DataError(f"stated or observed is missing or not above 0 in {rows_phrase(bad)}.")
    if a.size < 3:
        raise InsufficientDataError(f"there are {a.size} customers with both; expected at least 3.")
    n, ratio = a.size, float(a.mean() / b.mean())
    t = quantile(n - 1, (1 + check_prob(prob)) / 2)
    cov = np.cov(a, b) / n
    g = t**2 * cov[1, 1] / b.mean() ** 2
    center = ratio - t**2 * cov[0, 1] / b.mean() ** 2
    inside = center**2 - (1 - g) * (ratio**2 - t**2 * cov[0, 0] / b.mean() ** 2)
    if g >= 1:
        warnings.warn(
            "the observed cycle is not clearly above 0, so the ratio has no finite interval.",
            CxImpactWarning,
            stacklevel=2,
        )
        low, high = 0.0, np.inf
    else:
        half = np.sqrt(max(inside, 0.0))
        low, high = (center - half) / (1 - g), (center + half) / (1 - g)
    return StatedBias(ratio=ratio, conf_low=float(low), conf_high=float(high), conf_level=prob, n=n)


def _first(times: np.ndarray, reached: np.ndarray) -> float:
    return float(times[reached.argmax()]) if reached.any() else float("inf")


def _median_interval(
    times: np.ndarray, left: np.ndarray, length: np.ndarray, flag: np.ndarray, prob: float
) -> tuple[float, float]:
    at_risk = (length[:, None] >= times).sum(axis=0)
    ended = ((length[:, None] == times) & (flag[:, None] == 1)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(ended / (at_risk * np.maximum(at_risk - ended, 1e-300)))
        spread = np.sqrt(greenwood) / np.abs(np.log(left))
        z = (np.log(-np.log(left)) - np.log(-np.log(0.5))) / spread
    half = quantile(None, (1 + prob) / 2)
    inside = np.abs(z) <= half
    if not inside.any():
        at = _first(times, left <= 0.5)
        return at, at
    after = np.flatnonzero(z > half)
    return float(times[inside.argmax()]), float(times[after[0]]) if after.size else float("inf")
