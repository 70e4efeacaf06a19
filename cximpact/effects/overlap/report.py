"""Whether treated and untreated customers can be compared at all, from their propensities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.results import plotting, result_html
from cximpact.core.validate import check_count, check_number, check_weights
from cximpact.core.wording import number, percent
from cximpact.effects.overlap.arms import check_arms, check_overlap
from cximpact.effects.overlap.trimming import crump_cutoff

EDGE = 0.1
"""Propensities below it, or above 1 less it, are called extreme."""
_THIN = (0.05, 0.5)
"""Share of extreme propensities, or share of rows that count, from which overlap is thin."""
_POOR = (0.2, 0.25)
_WORDS = {
    "good": "Treated and untreated customers can be compared nearly everywhere.",
    "thin": (
        "In part of the customers hardly anybody is found in the other arm, and estimates for "
        "everybody lean on a few. Compare them with those of overlap_weights(target='ato')."
    ),
    "poor": (
        "Treated and untreated customers are too different for an effect on everybody. Trim, or "
        "use overlap_weights(target='ato'); both change whom the effect is about."
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class OverlapReport:
    """How far the arms overlap.

    Parameters
    ----------
    arms : pandas.DataFrame
        ``arm, n, effective_n, lowest, highest, in_range``: customers, for how many they count once
        weighted by the inverse propensity, the range of propensities, and the share of them within
        the range of the other arm.
    histogram : pandas.DataFrame
        ``arm, low, high, n, share``: propensities by arm in bins of one width.
    share_low, share_high : float
        Share of customers with a propensity below `edge`, and above 1 less it.
    cutoff : float
        Where trimming would lower the variance most, from `crump_cutoff`; 0 where nowhere.
    verdict : {"good", "thin", "poor"}
        By rule of thumb: thin from 5% extreme propensities or less than 50% effective rows in an
        arm; poor from 20% or less than 25%.
    edge : float
        What counts as extreme.
    """

    arms: pd.DataFrame
    histogram: pd.DataFrame = field(repr=False)
    share_low: float
    share_high: float
    cutoff: float
    verdict: str
    edge: float

    def tidy(self) -> pd.DataFrame:
        """Return the report by arm.

        Returns
        -------
        pandas.DataFrame
            As ``arms``.
        """
        return self.arms.copy()

    def explain(self) -> str:
        """Say whether the arms can be compared, and what to do about it.

        Returns
        -------
        str
            A few sentences.
        """
        counts = " and ".join(
            f"{row.n:,} {row.arm} customers count for {number(row.effective_n, digits=1)}"
            for row in self.arms.itertuples()
        )
        cut = (
            f" The variance is least among those between {number(self.cutoff)} and "
            f"{number(1 - self.cutoff)}."
            if self.cutoff > 0
            else ""
        )
        return (
            f"Overlap is {self.verdict}: {percent(self.share_low)} of customers have a propensity "
            f"below {self.edge:g} and {percent(self.share_high)} above {1 - self.edge:g}. "
            f"Weighted by the inverse propensity, {counts}.{cut} {_WORDS[self.verdict]}"
        )

    def plot(self, **options: Any) -> Any:
        """Draw the propensities of both arms, with extreme ones shaded.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.overlap_histogram`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("edge", self.edge)
        return plotting().overlap_histogram(self.histogram, **options)

    def _repr_html_(self) -> str:
        return result_html("Overlap of propensities", self.arms, self.explain())


def overlap_report(
    propensity: ArrayLike,
    treatment: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    edge: float = EDGE,
    bins: int = 20,
) -> OverlapReport:
    """Describe the overlap of treated and untreated customers.

    Parameters
    ----------
    propensity : array_like, shape (n,)
        Probability of treatment of every customer, strictly between 0 and 1.
    treatment : array_like, shape (n,)
        0 and 1.
    weights : array_like, shape (n,), optional
        Survey weights.
    edge : float, default 0.1
        Propensities below it, or above 1 less it, are called extreme.
    bins : int, default 20
        Bars of the histogram.

    Returns
    -------
    OverlapReport
        Numbers by arm, a histogram and a verdict.

    Raises
    ------
    OverlapError
        If a propensity is 0 or 1.

    Notes
    -----
    The effective number of an arm is ``(sum w)^2 / sum w^2`` of its inverse-propensity weights:
    so many customers of equal weight would give the same variance (Kish).

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley. Stuart, E. A. (2010). Matching methods for causal
    inference. Statistical Science 25, 1-21.
    """
    treated = check_arms(treatment)
    e = check_overlap(propensity, treated.size)
    w = check_weights(weights, treated.size)
    edge = check_number(edge, "edge", low=0, high=0.5)
    check_count(bins, "bins", low=2)
    sides = {"treated": treated, "untreated": ~treated}
    chance = {"treated": e, "untreated": 1 - e}
    rows, bars = [], []
    for name, side in sides.items():
        other = e[~side]
        inverse = w[side] / chance[name][side]
        square = float((inverse**2).sum())
        rows.append(
            {
                "arm": name,
                "n": int(side.sum()),
                "effective_n": float(inverse.sum() ** 2 / square) if square > 0 else 0.0,
                "lowest": float(e[side].min()),
                "highest": float(e[side].max()),
                "in_range": float(((e[side] >= other.min()) & (e[side] <= other.max())).mean()),
            }
        )
        bars.append(_bars(name, e[side], w[side], bins))
    low, high = (float(w @ extreme / w.sum()) for extreme in (e < edge, e > 1 - edge))
    arms = pd.DataFrame(rows)
    return OverlapReport(
        arms=arms,
        histogram=pd.concat(bars, ignore_index=True),
        share_low=low,
        share_high=high,
        cutoff=crump_cutoff(e, w),
        verdict=_verdict(low + high, float((arms["effective_n"] / arms["n"]).min())),
        edge=edge,
    )


def _bars(arm: str, e: np.ndarray, w: np.ndarray, bins: int) -> pd.DataFrame:
    edges = np.linspace(0, 1, bins + 1)
    mass = np.histogram(e, edges, weights=w)[0]
    return pd.DataFrame(
        {
            "arm": arm,
            "low": edges[:-1],
            "high": edges[1:],
            "n": np.histogram(e, edges)[0],
            "share": mass / mass.sum() if mass.sum() > 0 else mass,
        }
    )


def _verdict(extreme: float, effective: float) -> str:
    if extreme >= _POOR[0] or effective < _POOR[1]:
        return "poor"
    return "thin" if extreme >= _THIN[0] or effective < _THIN[1] else "good"
