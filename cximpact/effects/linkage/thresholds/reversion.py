"""Regression to the mean: what scores of the low will do without anybody's help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from cximpact.core.errors import InsufficientDataError, ZeroVarianceError
from cximpact.core.validate import check_number, check_vector


@dataclass(frozen=True, kw_only=True, eq=False)
class Reversion:
    """How a second score of the same customer follows from the first.

    Parameters
    ----------
    reliability : float
        Share of the variance of scores that lasts: the slope of a second score on the first.
    center : float
        Mean score of all customers.
    spread : float
        Standard deviation of one score.
    source : str
        Where the reliability comes from, in words.
    """

    reliability: float
    center: float
    spread: float
    source: str

    def later(self, scores: np.ndarray) -> np.ndarray:
        """Return the mean later score of customers with these scores.

        Parameters
        ----------
        scores : numpy.ndarray
            First scores.

        Returns
        -------
        numpy.ndarray
            Drawn to the mean.
        """
        return self.center + self.reliability * (scores - self.center)

    def rise(self, scores: np.ndarray) -> np.ndarray:
        """Return by how much the later score is higher although nothing was done.

        Parameters
        ----------
        scores : numpy.ndarray
            First scores.

        Returns
        -------
        numpy.ndarray
            ``(1 - reliability) (center - score)``.
        """
        return (1 - self.reliability) * (self.center - scores)

    def reaches(self, scores: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the probability that the later score reaches a value although nothing was done.

        Parameters
        ----------
        scores : numpy.ndarray, shape (score,)
            First scores.
        at : numpy.ndarray, shape (draw,)
            Values to reach.

        Returns
        -------
        numpy.ndarray, shape (score,)
            Mean over the values, with a normal second score.
        """
        sd = self.spread * np.sqrt(max(1 - self.reliability**2, 1e-12))
        values, counts = np.unique(at, return_counts=True)
        gap = (values[None, :] - self.later(scores)[:, None]) / sd
        return stats.norm.sf(gap) @ counts / counts.sum()


def stated(reliability: float, center: float, spread: float) -> Reversion:
    """Take the reliability from what the user states.

    Parameters
    ----------
    reliability : float
        From 0 to 1.
    center, spread : float
        Mean and standard deviation of the score.

    Returns
    -------
    Reversion
        With that reliability.
    """
    return Reversion(
        reliability=check_number(reliability, "reliability", low=0, high=1),
        center=center,
        spread=spread,
        source="as stated",
    )


def measured(first: np.ndarray, second: np.ndarray) -> Reversion:
    """Learn the reliability from customers who were asked twice, with nothing done in between.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (customer,)
        Scores.

    Returns
    -------
    Reversion
        With the slope of the second on the first, kept between 0 and 1.

    Raises
    ------
    InsufficientDataError, ZeroVarianceError
        If there are fewer than ten customers, or the first scores are all alike.
    """
    a, b = check_vector(first, "first scores"), check_vector(second, "second scores")
    if a.size < 10:
        raise InsufficientDataError(
            f"{a.size} customers have a second score; expected at least 10. State reliability= "
            "instead."
        )
    if np.ptp(a) == 0:
        raise ZeroVarianceError("the first scores are all alike; state reliability= instead.")
    slope = float(np.cov(a, b)[0, 1] / a.var(ddof=1))
    return Reversion(
        reliability=min(max(slope, 0.0), 1.0),
        center=float(a.mean()),
        spread=float(a.std(ddof=1)),
        source=f"from {a.size:,} customers with a second score",
    )
