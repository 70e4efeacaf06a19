"""Simultaneous bands for the empirical distribution of values that should be uniform."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count, check_prob, check_vector

POINTS = 100
SIMULATIONS = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class EcdfTest:
    """An empirical distribution against the uniform one.

    Parameters
    ----------
    points : numpy.ndarray, shape (point,)
        Where it is looked at, between 0 and 1.
    ecdf : numpy.ndarray, shape (point,)
        Share of values at or below each point.
    low, high : numpy.ndarray, shape (point,)
        Simultaneous band of that share.
    prob : float
        Probability that uniform values stay inside the band at all points.
    n : int
        Values.
    p_value : float
        Probability that uniform values leave their band by as much.
    """

    points: np.ndarray = field(repr=False)
    ecdf: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    prob: float
    n: int
    p_value: float

    @property
    def inside(self) -> bool:
        """Whether the values stay inside the band everywhere."""
        return bool(((self.ecdf >= self.low) & (self.ecdf <= self.high)).all())

    @property
    def largest_gap(self) -> float:
        """Largest difference to the uniform distribution, signed, as a share."""
        gap = self.ecdf - self.points
        return float(gap[np.abs(gap).argmax()])

    def table(self) -> pd.DataFrame:
        """Lay out the curve as differences to the uniform distribution.

        Returns
        -------
        pandas.DataFrame
            ``point``, ``estimate`` (share minus point), ``conf_low``, ``conf_high``,
            ``conf_level``, ``n``.
        """
        return pd.DataFrame(
            {
                "point": self.points,
                "estimate": self.ecdf - self.points,
                "conf_low": self.low - self.points,
                "conf_high": self.high - self.points,
                "conf_level": self.prob,
                "n": self.n,
            }
        )


def ecdf_test(
    values: ArrayLike,
    *,
    points: ArrayLike | None = None,
    prob: float = 0.9,
    n_sim: int = SIMULATIONS,
    rng: RngLike,
) -> EcdfTest:
    """Test whether values are uniform on 0 to 1.

    Parameters
    ----------
    values : array_like, shape (n,)
        Values between 0 and 1, such as probability integral transforms.
    points : array_like, optional
        Where to look; 99 equally spaced points by default. For ranks from 0 to L, give
        ``(1 + arange(L)) / (L + 1)`` and the values ``(rank + 0.5) / (L + 1)``.
    prob : float, default 0.9
        Simultaneous probability of the band.
    n_sim : int, default 10000
        Simulated samples; the error of the band's probability is about
        ``sqrt(prob * (1 - prob) / n_sim)``.
    rng : int or Generator
        Randomness.

    Returns
    -------
    EcdfTest
        Curve, band and p-value.

    Raises
    ------
    ConfigError
        If a value or point lies outside 0 to 1.

    Notes
    -----
    The count of values at or below a point z is binomial(n, z). Its two-sided tail probability
    is worked out at every point, and the smallest one judges the whole curve. The band holds
    every count whose tail probability is at least gamma, the ``1 - prob`` quantile of that
    smallest tail probability among simulated uniform samples. Only the counts at the points are
    simulated (multinomial), so the cost does not depend on n.

    What breaks it: values that depend on each other.

    References
    ----------
    Säilynoja, T., Bürkner, P.-C. and Vehtari, A. (2022). Graphical test for discrete uniformity
    and its applications in goodness-of-fit evaluation and multiple sample comparison. Statistics
    and Computing 32, 32. Section 2.3 (simulation).
    """
    values = np.sort(check_vector(values, "values"))
    points = np.arange(1, POINTS) / POINTS if points is None else check_vector(points, "points")
    prob, n_sim = check_prob(prob), check_count(n_sim, "n_sim", low=100)
    for name, array in (("values", values), ("points", points)):
        if array.min() < 0 or array.max() > 1:
            raise ConfigError(
                f"{name} run from {array.min():g} to {array.max():g}; expected 0 to 1."
            )
    n, points = len(values), np.sort(points)
    count = np.searchsorted(values, points, side="right")
    smallest = smallest_tails(simulated_counts(n, points, n_sim, as_generator(rng)), n, points)
    gamma = float(np.quantile(smallest, 1 - prob, method="lower"))
    low, high = _limits(n, points, gamma)
    own = smallest_tails(count[None], n, points)[0]
    return EcdfTest(
        points=points,
        ecdf=count / n,
        low=low / n,
        high=high / n,
        prob=prob,
        n=n,
        p_value=float((1 + (smallest <= own * (1 + 1e-9)).sum()) / (1 + n_sim)),
    )


def simulated_counts(
    n: int, points: np.ndarray, n_sim: int, rng: np.random.Generator
) -> np.ndarray:
    """Count how many of n uniform values lie at or below each point, many times.

    Parameters
    ----------
    n : int
        Values in a sample.
    points : numpy.ndarray, shape (point,)
        Increasing, between 0 and 1.
    n_sim : int
        Samples.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray of int, shape (n_sim, point)
        Counts.
    """
    widths = np.diff(points, prepend=0.0, append=1.0)
    return rng.multinomial(n, np.clip(widths, 0, 1), size=n_sim)[:, :-1].cumsum(axis=1)


def smallest_tails(counts: np.ndarray, n: int, points: np.ndarray) -> np.ndarray:
    """Find the smallest two-sided binomial tail probability of each curve.

    Parameters
    ----------
    counts : numpy.ndarray, shape (curve, point)
        How many of n values lie at or below each point.
    n : int
        Values.
    points : numpy.ndarray, shape (point,)
        The points.

    Returns
    -------
    numpy.ndarray, shape (curve,)
        Smallest of ``2 min(P(X <= count), P(X >= count))``, at most 1.
    """
    out = np.ones(len(counts))
    for column, point in zip(counts.T, points, strict=True):
        seen, back = np.unique(column, return_inverse=True)
        below = stats.binom.cdf(seen, n, point)
        above = stats.binom.sf(seen - 1, n, point)
        out = np.minimum(out, np.minimum(1.0, 2 * np.minimum(below, above))[back])
    return out


def _limits(n: int, points: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest count with a tail probability of at least gamma."""
    half = gamma / 2 * (1 - 1e-9)
    low = np.clip(stats.binom.ppf(half, n, points), 0, n)
    high = np.clip(stats.binom.isf(half, n, points), 0, n)
    low = np.where(stats.binom.cdf(low, n, points) >= half, low, low + 1)
    high = np.where(stats.binom.sf(high - 1, n, points) >= half, high, high - 1)
    return low, high
