"""What the data said about a parameter: its posterior against its prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from cximpact.core.results import plotting

LEARNED = 0.8
"""A posterior wider than this share of the prior has learned nothing."""

NOT_LEARNED = "not learned: the prior decides, not the data"

_POINTS = 400
_TAIL = 0.0005


def learning(values: np.ndarray, prior_sd: float) -> dict[str, float | bool]:
    """Compare the posterior of a parameter with its normal prior around 0.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws.
    prior_sd : float
        Standard deviation of the prior.

    Returns
    -------
    dict
        ``mean`` and ``sd`` of the posterior, ``prior_sd``, ``overlap`` and ``learned`` (whether
        the posterior standard deviation is at most 0.8 of that of the prior).
    """
    sd = float(values.std(ddof=1))
    return {
        "mean": float(values.mean()),
        "sd": sd,
        "prior_sd": prior_sd,
        "overlap": overlap(values, prior_sd),
        "learned": sd <= LEARNED * prior_sd,
    }


def overlap(values: np.ndarray, prior_sd: float) -> float:
    """Measure the area that a normal prior around 0 and the posterior share.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws.
    prior_sd : float
        Standard deviation of the prior.

    Returns
    -------
    float
        From 0 (apart) to 1 (the same), by a kernel density.
    """
    low, high = (float(f(values)) for f in (np.min, np.max))
    reach = 6 * max(prior_sd, float(values.std()))
    at = np.linspace(min(-reach, low - reach), max(reach, high + reach), 4001)
    shared = np.minimum(stats.gaussian_kde(values)(at), stats.norm.pdf(at, scale=prior_sd))
    return float(np.clip(np.trapezoid(shared, at), 0, 1))


def plot_learning(prior: Any, posteriors: Mapping[str, np.ndarray], **options: Any) -> Any:
    """Draw a prior, and the posteriors of parameters that have it, one under the other.

    Parameters
    ----------
    prior : scipy.stats frozen distribution
        The prior.
    posteriors : mapping of str to numpy.ndarray, shape (sample,)
        Name of a row to draws.
    **options
        Passed to `cximpact.plots.densities`.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    low, high = (float(prior.ppf(tail)) for tail in (_TAIL, 1 - _TAIL))
    at = np.linspace(low, high, _POINTS)
    curves = {"prior": (at, prior.pdf(at))}
    for name, values in posteriors.items():
        curves[name] = density(values, prior.support())
    return plotting().densities(curves, **options)


def density(
    values: np.ndarray, support: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the density of draws by a kernel that is reflected at the ends of the support.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws.
    support : tuple of float
        Least and greatest value there can be.

    Returns
    -------
    tuple of numpy.ndarray
        Points inside the support, and the density at them.
    """
    kernel = stats.gaussian_kde(values)
    reach = 4 * float(np.sqrt(kernel.covariance[0, 0]))
    low, high = max(values.min() - reach, support[0]), min(values.max() + reach, support[1])
    at = np.linspace(low, high, _POINTS)
    height = kernel(at)
    for end in filter(np.isfinite, support):
        height += kernel(2 * end - at)
    return at, height
