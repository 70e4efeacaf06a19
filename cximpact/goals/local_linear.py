"""The local linear trend: a level and a slope that both wander, seen through survey error."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import special

from cximpact.goals.forecast import Forecast, History

_GRID = 16
_GRID_UNKNOWN = 10
_SLOPE_PRIOR = 0.25


def local_linear(history: History, rng: np.random.Generator) -> Forecast:
    """Forecast by a local linear trend with known survey variance.

    Parameters
    ----------
    history : History
        Its time must be whole steps; missing periods are allowed.
    rng : Generator
        Randomness of the draws.

    Returns
    -------
    Forecast
        Draws of the true score from the posterior over the variances.

    Notes
    -----
    ``level_t+1 = level_t + slope_t + eta_t``, ``slope_t+1 = slope_t + zeta_t`` with unknown
    starting level and slope (diffuse), and ``y_t = level_t + survey error`` with the survey
    covariance taken as known; it is estimated only where it was not given. The likelihood of
    the variances is the exact diffuse one of the Kalman filter, computed from the
    bordered covariance matrix instead, which also takes survey errors that are correlated
    between periods. The variances are integrated out over a grid that follows half-normal
    priors, with the standard deviation of the one-step differences as scale for the
    level (and the survey error), a quarter of it for the slope. Draws of the future are
    conditional simulations: ``f* + w'(history draw - h*)`` for a simulated path ``(h*, f*)``
    and the kriging weights ``w``. So they stay joint with the draws of the history.

    References
    ----------
    Durbin, J. and Koopman, S. J. (2012). Time series analysis by state space methods, 2nd ed.,
    sections 3.2 and 5.2.
    """
    steps = np.rint(np.concatenate([history.time, history.future])).astype(int)
    steps -= steps[0]
    t = history.time.size
    unit = _typical_step(history.estimate, steps[:t])
    grid = _prior_grid(unit, unknown=history.survey_cov is None)
    kernels = _kernels(steps)
    known = np.zeros((t, t)) if history.survey_cov is None else history.survey_cov
    fits = [_krige(history.estimate, steps, known, kernels, sds, unit) for sds in grid]
    log_lik = np.array([f[0] for f in fits])
    weights = np.stack([f[1] for f in fits])  # (grid, period, horizon)
    posterior = np.exp(log_lik - special.logsumexp(log_lik))
    picked = rng.choice(len(grid), size=history.draws.shape[0], p=posterior)
    path, error = _simulate(grid[picked], steps, t, rng)
    innovation = history.draws - path[:, :t] - error[:, :t]
    future = path[:, t:] + np.einsum("sth,st->sh", weights[picked], innovation)
    point = np.einsum("g,gth,t->h", posterior, weights, history.estimate)
    extra = error[:, t:] if history.survey_cov is None else None
    return Forecast(point=point, true=future, extra=extra)


def _typical_step(estimate: np.ndarray, steps: np.ndarray) -> float:
    gaps = np.diff(steps)
    changes = np.diff(estimate) / np.sqrt(gaps) - np.mean(np.diff(estimate) / gaps) * np.sqrt(gaps)
    rounding = 1e-8 * max(float(np.ptp(estimate)), float(np.abs(estimate).max()), 1e-300)
    return max(float(np.sqrt((changes**2).sum() / max(gaps.size - 1, 1))), rounding)


def _prior_grid(unit: float, *, unknown: bool) -> np.ndarray:
    """Grid of (level sd, slope sd, survey sd), equally probable under the prior."""
    n = _GRID_UNKNOWN if unknown else _GRID
    half_normal = special.ndtri(0.5 + 0.5 * (np.arange(n) + 0.5) / n)
    survey = unit * half_normal if unknown else np.zeros(1)
    return np.array([*product(unit * half_normal, _SLOPE_PRIOR * unit * half_normal, survey)])


def _kernels(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of a random walk and of its running sum, at whole steps from the start."""
    walk = np.minimum.outer(steps, steps).astype(float)
    past = np.arange(steps.max() + 1)
    reach = np.maximum(steps[:, None] - 1 - past, 0).astype(float)
    return walk, reach @ reach.T


def _krige(
    y: np.ndarray,
    steps: np.ndarray,
    known: np.ndarray,
    kernels: tuple[np.ndarray, np.ndarray],
    sds: np.ndarray,
    unit: float,
) -> tuple[float, np.ndarray]:
    """Diffuse log-likelihood and prediction weights (period, horizon) of one grid point."""
    t = y.size
    level, slope, survey = (sds / unit) ** 2
    cov = level * kernels[0] + slope * kernels[1]
    seen = cov[:t, :t] + known / unit**2 + survey * np.eye(t)
    design = np.column_stack([np.ones(steps.size), steps / steps[t - 1]])
    bordered = np.block([[seen, design[:t]], [design[:t].T, np.zeros((2, 2))]])
    right = np.zeros((t + 2, 1 + steps.size - t))
    right[:t, 0] = (y - y.mean()) / unit
    right[:t, 1:], right[t:, 1:] = cov[:t, t:], design[t:].T
    solved = np.linalg.solve(bordered, right)
    _, log_det = np.linalg.slogdet(bordered)
    return float(-0.5 * (log_det + right[:, 0] @ solved[:, 0])), solved[:t, 1:]


def _simulate(
    sds: np.ndarray, steps: np.ndarray, t: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paths that start from 0 with slope 0, and survey errors; each (sample, period)."""
    shape = (sds.shape[0], int(steps.max()))
    slopes = np.cumsum(sds[:, 1:2] * rng.standard_normal(shape), axis=1)
    before = np.concatenate([np.zeros((shape[0], 1)), slopes[:, :-1]], axis=1)
    level = np.cumsum(before + sds[:, :1] * rng.standard_normal(shape), axis=1)
    path = np.concatenate([np.zeros((shape[0], 1)), level], axis=1)
    return path[:, steps], sds[:, 2:3] * rng.standard_normal((shape[0], steps.size))
