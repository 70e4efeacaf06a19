"""Intervals for shares, net scores and means, from counts of answers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice, check_number, check_prob, check_vector
from cximpact.scores.counts import check_counts
from cximpact.scores.limits import interval_limits
from cximpact.scores.score_interval import score_limits

PROPORTION_METHODS = ("score", "jeffreys", "clopper_pearson", "wald")
NET_METHODS = ("score", "adjusted_wald", "wald", "dirichlet")
MEAN_METHODS = ("score", "t", "dirichlet")


class Interval(NamedTuple):
    """Both ends of an interval.

    Parameters
    ----------
    low, high : float
        In the unit of what they bracket.
    """

    low: float
    high: float


def proportion_interval(
    successes: float, n: float, *, prob: float = 0.9, method: str = "score"
) -> Interval:
    """Bracket a share, such as the top-box share of CSAT or a stage of the funnel.

    Parameters
    ----------
    successes, n : float
        Successes and answers; weighted successes and effective answers are allowed.
    prob : float, default 0.9
        Mass of the interval.
    method : {"score", "jeffreys", "clopper_pearson", "wald"}
        Wilson's score interval [1]_ by default; the equal-tailed posterior under Jeffreys' prior;
        the exact interval, which is wider than need be; or the textbook one, which fails.

    Returns
    -------
    Interval
        Within 0 and 1.

    Raises
    ------
    ConfigError
        For an unknown method or counts that are no counts.

    Notes
    -----
    Estimand: the share in the process the answers are a simple random sample of. Jeffreys' lower
    end is 0 when there are no successes, its upper end 1 when there is nothing else [2]_.

    References
    ----------
    .. [1] Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
       inference. Journal of the American Statistical Association 22, 209-212.
    .. [2] Brown, L. D., Cai, T. T. & DasGupta, A. (2001). Interval estimation for a binomial
       proportion. Statistical Science 16, 101-133.
    """
    check_choice(method, "method", PROPORTION_METHODS)
    n = check_number(n, "n", low=0, open_low=True)
    k = check_number(successes, "successes", low=0, high=n)
    return _limits(np.array([n - k, k]), np.array([0.0, 1.0]), check_prob(prob), method)


def net_interval(
    top: float,
    bottom: float,
    n: float,
    *,
    prob: float = 0.9,
    method: str = "score",
    prior: float = 1.0,
    rng: RngLike = None,
) -> Interval:
    """Bracket a net score: NPS (promoters minus detractors) or net ease, in points.

    Parameters
    ----------
    top, bottom, n : float
        Answers at the good end, at the bad end, and in all.
    prob : float, default 0.9
        Mass of the interval.
    method : {"score", "adjusted_wald", "wald", "dirichlet"}
        Tango's score interval [1]_ by default; Wald after adding 3/4 of an answer to each end
        and 3 to ``n`` [2]_; the textbook interval with ddof 0, which fails; or posterior quantiles.
    prior : float, default 1.0
        Dirichlet pseudo-count of each of the three classes.
    rng : int or Generator
        Seed of the posterior draws; needed for ``"dirichlet"`` alone.

    Returns
    -------
    Interval
        Within -100 and 100.

    Raises
    ------
    ConfigError
        For an unknown method, no seed where one is needed, or counts that do not add up.

    Notes
    -----
    Estimand: 100 (P - D) in the process the answers are a simple random sample of. The adjusted
    Wald interval is centered on a value shrunken towards 0, so at a low ``prob`` it can miss the
    estimate; the score interval cannot.

    References
    ----------
    .. [1] Tango, T. (1998). Equivalence test and confidence interval for the difference in
       proportions for the paired-sample design. Statistics in Medicine 17, 891-908.
    .. [2] Rocks, B. (2016). Interval estimation for the "net promoter score". The American
       Statistician 70, 365-372.
    """
    check_choice(method, "method", NET_METHODS)
    n = check_number(n, "n", low=0, open_low=True)
    top = check_number(top, "top", low=0, high=n)
    bottom = check_number(bottom, "bottom", low=0, high=n)
    if top + bottom > n:
        raise ConfigError(f"top + bottom is {top + bottom:g} but n is {n:g}; expected at most n.")
    counts = np.array([bottom, n - top - bottom, top])
    values = np.array([-100.0, 0.0, 100.0])
    return _limits(counts, values, check_prob(prob), method, prior, rng)


def mean_interval(
    counts: ArrayLike,
    values: ArrayLike,
    *,
    prob: float = 0.9,
    method: str = "score",
    prior: float = 1.0,
    rng: RngLike = None,
) -> Interval:
    """Bracket the mean of answers on a bounded scale.

    Parameters
    ----------
    counts : array_like, shape (category,)
        How often each answer was given.
    values : array_like, shape (category,)
        What each answer counts for.
    prob : float, default 0.9
        Mass of the interval.
    method : {"score", "t", "dirichlet"}
        The score interval by default, which has a width even when all answers agree and stays on
        the scale; Student's t (ddof 1), good from about 30 answers that are not piled up at one
        end, and missing for fewer than two; or posterior quantiles.
    prior : float, default 1.0
        Dirichlet pseudo-count of each answer. With few answers it pulls to the middle.
    rng : int or Generator
        Seed of the posterior draws; needed for ``"dirichlet"`` alone.

    Returns
    -------
    Interval
        Within the range of the values.

    Raises
    ------
    ConfigError, WeightError
        For an unknown method, no seed where one is needed, or counts that are no counts.

    Notes
    -----
    Estimand: the mean answer in the process the answers are a simple random sample of. Score
    interval: all means whose best-fitting multinomial is not rejected by the score test.
    """
    check_choice(method, "method", MEAN_METHODS)
    points = check_vector(values, "values")
    array = check_counts(counts)
    if array.size != points.size or points.min() == points.max():
        raise ConfigError(
            f"values has {points.size} entries from {points.min():g} to {points.max():g} for "
            f"{array.size} counts; expected one a count, and at least two different ones."
        )
    return _limits(array, points, check_prob(prob), method, prior, rng)


def dirichlet_moments(
    counts: ArrayLike, values: ArrayLike, *, prior: float = 1.0
) -> tuple[float, float]:
    """Return the posterior mean and standard deviation of a mean of categorical answers.

    Parameters
    ----------
    counts, values : array_like, shape (category,)
        How often each answer was given, and what it counts for.
    prior : float, default 1.0
        Dirichlet pseudo-count of each answer.

    Returns
    -------
    tuple of float
        Mean and standard deviation, in the unit of the values.

    Notes
    -----
    With alpha_k = n_k + prior and A = sum alpha_k: mean = sum v_k alpha_k / A and variance
    (sum v_k^2 alpha_k / A - mean^2) / (A + 1).
    """
    alpha = check_counts(counts) + check_number(prior, "prior", low=0, open_low=True)
    points, total = check_vector(values, "values"), alpha.sum()
    mean = float(points @ alpha / total)
    spread = float(((points - mean) ** 2) @ alpha / total)
    return mean, float(np.sqrt(spread / (total + 1)))


def goodman_intervals(counts: ArrayLike, *, prob: float = 0.9) -> pd.DataFrame:
    """Bracket all shares of a table at once, so that together they hold with mass ``prob``.

    Parameters
    ----------
    counts : array_like, shape (category,)
        Counts of the categories that are reported together.
    prob : float, default 0.9
        Joint mass.

    Returns
    -------
    pandas.DataFrame
        Columns ``category`` (position), ``estimate, conf_low, conf_high, conf_level, n``.

    Notes
    -----
    Wilson's interval with the Bonferroni quantile chi-square(1, 1 - (1 - prob) / k) [1]_. For a
    single share use `proportion_interval`, which is narrower.

    References
    ----------
    .. [1] Goodman, L. A. (1965). On simultaneous confidence intervals for multinomial
       proportions. Technometrics 7, 247-254.
    """
    array, prob = check_counts(counts), check_prob(prob)
    n = array.sum()
    z = float(np.sqrt(stats.chi2.isf((1 - prob) / array.size, 1)))
    shares = np.stack([1 - array / n, array / n], axis=1)
    low, high = score_limits(shares, np.array([0.0, 1.0]), np.full(array.size, n), z)
    columns = {"category": np.arange(array.size), "estimate": array / n}
    return pd.DataFrame(columns | {"conf_low": low, "conf_high": high, "conf_level": prob, "n": n})


def _limits(
    counts: np.ndarray,
    values: np.ndarray,
    prob: float,
    method: str,
    prior: float = 1.0,
    rng: RngLike = None,
) -> Interval:
    n = counts.sum()
    low, high = interval_limits(
        counts[None] / n, values, np.array([n]), prob=prob, method=method, prior=prior, rng=rng
    )
    return Interval(float(low[0]), float(high[0]))
