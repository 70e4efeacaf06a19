"""Ends of intervals for many groups at once, by every method on offer."""

from __future__ import annotations

import numpy as np
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_number
from cximpact.scores.score_interval import merge_equal_values, score_limits

DIRICHLET_DRAWS = 100_000
METHODS = ("score", "t", "wald", "adjusted_wald", "jeffreys", "clopper_pearson", "dirichlet")


def interval_limits(
    shares: np.ndarray,
    values: np.ndarray,
    n: np.ndarray,
    *,
    prob: float,
    method: str,
    prior: float = 1.0,
    rng: RngLike = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bracket the mean of every group; the shared work behind all intervals from counts.

    Parameters
    ----------
    shares : numpy.ndarray, shape (group, category)
        Weighted shares of the answers.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    n : numpy.ndarray, shape (group,)
        Effective number of answers, above 0.
    prob : float
        Mass of the interval, checked.
    method : str
        One of the methods of `proportion_interval`, `net_interval` and `mean_interval`.
    prior, rng : float, RngLike
        For ``"dirichlet"``.

    Returns
    -------
    tuple of numpy.ndarray, shape (group,)
        Lower and upper ends, within the range of the values.

    Raises
    ------
    ConfigError
        If the method does not fit the values.
    """
    z = float(stats.norm.ppf((1 + prob) / 2))
    if method == "score":
        return score_limits(shares, values, n, z)
    low, high = values.min(), values.max()
    mean = shares @ values
    variance = np.maximum(shares @ values**2 - mean**2, 0)
    if method == "dirichlet":
        return _dirichlet_limits(shares, values, n, prob=prob, prior=prior, rng=rng)
    if method in ("jeffreys", "clopper_pearson"):
        ends = _beta_limits((mean - low) / (high - low), n, values, prob, method)
        return low + (high - low) * ends[0], low + (high - low) * ends[1]
    center, half = mean, z * np.sqrt(variance / n)
    if method == "adjusted_wald":
        center, half = _adjusted_wald(shares, values, n, z)
    elif method == "t":
        df = np.where(n > 1, n - 1, np.nan)
        half = stats.t.ppf((1 + prob) / 2, df) * np.sqrt(variance / df)
    return np.clip(center - half, low, high), np.clip(center + half, low, high)


def _adjusted_wald(
    shares: np.ndarray, values: np.ndarray, n: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    low, high = values.min(), values.max()
    if not np.isin(values, (low, (low + high) / 2, high)).all():
        raise ConfigError(
            "method 'adjusted_wald' is for net scores (bad, neutral, good); use 'score' here."
        )
    top = (shares[:, values == high].sum(axis=1) * n + 0.75) / (n + 3)
    bottom = (shares[:, values == low].sum(axis=1) * n + 0.75) / (n + 3)
    reach = (high - low) / 2
    net = top - bottom
    spread = np.sqrt((top + bottom - net**2) / (n + 3))
    return (low + high) / 2 + reach * net, z * reach * spread


def _beta_limits(
    p: np.ndarray, n: np.ndarray, values: np.ndarray, prob: float, method: str
) -> tuple[np.ndarray, np.ndarray]:
    if np.unique(values).size != 2:
        raise ConfigError(f"method {method!r} is for shares alone; use 'score' here.")
    k, tail = p * n, (1 - prob) / 2
    extra_low, extra_high = (0.5, 0.5) if method == "jeffreys" else (0.0, 1.0)
    tiny = 1e-9
    low = stats.beta.ppf(tail, np.maximum(k + extra_low, tiny), n - k + extra_high)
    high = stats.beta.isf(tail, k + extra_high, np.maximum(n - k + extra_low, tiny))
    return np.where(k <= tiny * n, 0, low), np.where(k >= n * (1 - tiny), 1, high)


def _dirichlet_limits(
    shares: np.ndarray,
    values: np.ndarray,
    n: np.ndarray,
    *,
    prob: float,
    prior: float,
    rng: RngLike,
) -> tuple[np.ndarray, np.ndarray]:
    if rng is None:
        raise ConfigError("method 'dirichlet' draws from a posterior: pass rng, such as rng=1.")
    prior = check_number(prior, "prior", low=0, open_low=True)
    merged, kept = merge_equal_values(shares, values)
    generator, ends = as_generator(rng), []
    for row, size in zip(merged, n, strict=True):
        draws = generator.dirichlet(row * size + prior, DIRICHLET_DRAWS) @ kept
        ends.append(np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2]))
    low, high = np.array(ends).reshape(-1, 2).T
    return low, high
