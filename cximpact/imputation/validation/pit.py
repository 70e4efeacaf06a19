"""Probability integral transforms of ordinal answers: uniform when predictions are calibrated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.validate import check_count, check_prob


def pit_limits(pmf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cumulative probability below and up to every answer.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (row, category)
        ``F(y - 1)`` and ``F(y)``.
    """
    upper = np.minimum(pmf.cumsum(axis=1), 1.0)
    upper[:, -1] = 1.0
    lower = np.concatenate([np.zeros((len(pmf), 1)), upper[:, :-1]], axis=1)
    return lower, upper


def randomized_pit(pmf: np.ndarray, count: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one transform an answer, uniform between F(y - 1) and F(y).

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities of answers that were held out.
    count : numpy.ndarray of int, shape (row, category)
        How often each was given.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (answer,)
        Exactly uniform on 0 to 1 if the answers come from the predicted probabilities.

    References
    ----------
    Czado, C., Gneiting, T. and Held, L. (2009). Predictive model assessment for count data.
    Biometrics 65, 1254-1261.
    """
    _check_shapes(pmf, count)
    lower, upper = pit_limits(pmf)
    times = count.astype(np.int64).ravel()
    start = np.repeat(lower.ravel(), times)
    return start + rng.random(len(start)) * (np.repeat(upper.ravel(), times) - start)


def mean_pit(pmf: np.ndarray, count: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Average the transforms without drawing: the distribution that drawing would have.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.
    count : numpy.ndarray, shape (row, category)
        How often each answer was given.
    points : numpy.ndarray, shape (point,)
        Between 0 and 1.

    Returns
    -------
    numpy.ndarray, shape (point,)
        Mean over the answers of ``P(U <= point)``, with U as in `randomized_pit`.

    References
    ----------
    Czado, Gneiting and Held (2009), equation 2.
    """
    _check_shapes(pmf, count)
    lower, upper = pit_limits(pmf)
    given = count > 0
    low, high, weight = lower[given], upper[given], count[given]
    width = np.maximum(high - low, 1e-300)
    return np.array([weight @ np.clip((u - low) / width, 0, 1) for u in points]) / weight.sum()


def pit_histogram(
    pmf: np.ndarray, count: np.ndarray, *, bins: int = 10, prob: float = 0.9
) -> pd.DataFrame:
    """Lay out the mean transform as a histogram.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities.
    count : numpy.ndarray, shape (row, category)
        How often each answer was given.
    bins : int, default 10
        Bars.
    prob : float, default 0.9
        Simultaneous probability of the band.

    Returns
    -------
    pandas.DataFrame
        ``low``, ``high`` (ends of the bin), ``estimate`` (height, 1 when calibrated),
        ``conf_low``, ``conf_high``, ``conf_level``, ``n``.

    Notes
    -----
    The band is binomial with Bonferroni's correction, as for drawn transforms; the mean
    transform varies less, so the band is on the safe side.
    """
    edges = np.linspace(0, 1, check_count(bins, "bins", low=2) + 1)
    n = int(count.sum())
    return _bars(np.diff(mean_pit(pmf, count, edges)) * bins, edges, n, check_prob(prob))


def rank_histogram(values: np.ndarray, *, bins: int = 10, prob: float = 0.9) -> pd.DataFrame:
    """Lay out transforms of groups or cells as a histogram.

    Parameters
    ----------
    values : numpy.ndarray, shape (value,)
        Between 0 and 1, such as those of `randomized_ranks`.
    bins : int, default 10
        Bars.
    prob : float, default 0.9
        Simultaneous probability of the band.

    Returns
    -------
    pandas.DataFrame
        As `pit_histogram`.
    """
    edges = np.linspace(0, 1, check_count(bins, "bins", low=2) + 1)
    share = np.histogram(values, edges)[0] / len(values)
    return _bars(share * bins, edges, len(values), check_prob(prob))


def randomized_ranks(
    below: np.ndarray, equal: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Turn ranks among predictive draws into transforms, ties broken at random.

    Parameters
    ----------
    below, equal : numpy.ndarray, shape (unit,)
        How many draws lie below the observed number, and how many equal it.
    n_draws : int
        Draws.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (unit,)
        Uniform on 0 to 1 if the observed number is one more draw.

    Raises
    ------
    ConfigError
        If there are more ranks than draws.
    """
    if (below + equal > n_draws).any():
        raise ConfigError(f"ranks exceed the number of draws, {n_draws}.")
    return (below + rng.random(len(below)) * (equal + 1)) / (n_draws + 1)


def _bars(height: np.ndarray, edges: np.ndarray, n: int, prob: float) -> pd.DataFrame:
    bins = len(height)
    tail = (1 - prob) / (2 * bins)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "estimate": height,
            "conf_low": stats.binom.ppf(tail, n, 1 / bins) * bins / n,
            "conf_high": stats.binom.isf(tail, n, 1 / bins) * bins / n,
            "conf_level": prob,
            "n": n,
        }
    )


def _check_shapes(pmf: np.ndarray, count: np.ndarray) -> None:
    if pmf.shape != count.shape:
        raise AlignmentError(f"pmf has shape {pmf.shape} and count {count.shape}; expected equal.")
