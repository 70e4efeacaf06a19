"""Partial pooling of estimates that belong together, exactly: no sampler is needed.

Given how much effects differ, effects and their mean are normal. Only that one number, omega, is
left, and its posterior is integrated over a grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import ConfigError, DtypeError, NonFiniteError, ZeroVarianceError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice, check_count, check_number, check_vector

OMEGA_PRIORS = ("half_normal", "half_cauchy", "uniform")
_STEP = 1.3
"""Ratio of the ends of a panel of the grid before it is refined."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_SETTLED = 1e-9
"""Change of the evidence and of the mean of omega at which the grid is fine enough."""
_REFINEMENTS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledEffects:
    """Posterior of effects that are alike but not equal.

    Parameters
    ----------
    effects : numpy.ndarray, shape (sample, segment)
        Draws of the effects.
    coefficients : numpy.ndarray, shape (sample, 1 + covariate)
        Draws of the mean of all segments that might be, mu, then of the slopes.
    omega : numpy.ndarray, shape (sample,)
        Draws of the standard deviation between segments.
    mean, covariance : numpy.ndarray, shapes (segment,) and (segment, segment)
        Exact posterior moments of the effects.
    coefficient_mean, coefficient_covariance : numpy.ndarray
        Exact posterior moments of mu and the slopes.
    omega_mean, omega_sd : float
        Exact posterior moments of omega.
    own_weight : numpy.ndarray, shape (segment,)
        How much of its own estimate a segment keeps; the rest comes from the others.
    """

    effects: np.ndarray = field(repr=False)
    coefficients: np.ndarray = field(repr=False)
    omega: np.ndarray = field(repr=False)
    mean: np.ndarray
    covariance: np.ndarray = field(repr=False)
    coefficient_mean: np.ndarray
    coefficient_covariance: np.ndarray = field(repr=False)
    omega_mean: float
    omega_sd: float
    own_weight: np.ndarray


def partial_pooling(
    estimate: ArrayLike,
    covariance: ArrayLike,
    *,
    omega_scale: float,
    mu_scale: float = np.inf,
    omega_prior: str = "half_normal",
    z: np.ndarray | None = None,
    draws: int = 4000,
    rng: RngLike = None,
) -> PooledEffects:
    """Pool estimates of segments toward what the segments have in common.

    Parameters
    ----------
    estimate : array_like, shape (segment,)
        Estimates, in the outcome's unit.
    covariance : array_like, shape (segment, segment)
        Their joint covariance, taken as known.
    omega_scale : float
        Scale of the prior of omega; the upper end of the uniform one.
    mu_scale : float, default infinity
        Standard deviation of the normal prior of mu, and of the slopes; infinite is flat.
    omega_prior : {"half_normal", "half_cauchy", "uniform"}
        Prior of omega.
    z : numpy.ndarray, shape (segment, covariate), optional
        What is known of the segments besides, centered.
    draws : int, default 4000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws; the moments do not depend on it.

    Returns
    -------
    PooledEffects
        Draws and exact moments.

    Raises
    ------
    ConfigError, DtypeError, NonFiniteError
        For shapes, settings or numbers that cannot be used.
    ZeroVarianceError
        If an estimate comes without any error.

    Notes
    -----
    ``estimate ~ N(tau, V)``, ``tau_s ~ N(mu + z_s'b, omega^2)``. With tau, mu and b integrated
    out in closed form, ``p(omega | estimate)`` is a function of one number. It is integrated by
    Gauss-Legendre panels of growing width from zero on, halved until the integral settles;
    omega = 0, where all effects are equal, is inside. Draws take omega from there, then mu and b,
    then tau from their normal distributions.

    References
    ----------
    Rubin, D. B. (1981). Estimation in parallel randomized experiments. Journal of Educational
    Statistics 6, 377-401. Gelman, A. et al. (2013). Bayesian Data Analysis, 3rd ed., section 5.4.
    """
    problem = _problem(estimate, covariance, z, mu_scale)
    prior = omega_distribution(omega_prior, omega_scale)
    omega, weight = _posterior_grid(problem, prior)
    at = problem.given(omega)
    moments = _moments(problem, omega, weight, at)
    generator = as_generator(rng)
    drawn = _draw_omega(omega, weight, check_count(draws, "draws", low=1), generator)
    effects, coefficients = _draw_effects(problem, drawn, generator)
    return PooledEffects(effects=effects, coefficients=coefficients, omega=drawn, **moments)


def omega_distribution(omega_prior: str, omega_scale: float) -> Any:
    """Return the prior of how much effects differ.

    Parameters
    ----------
    omega_prior : {"half_normal", "half_cauchy", "uniform"}
        Its family.
    omega_scale : float
        Its scale; the upper end of the uniform one.

    Returns
    -------
    scipy.stats frozen distribution
        On numbers from zero.
    """
    check_choice(omega_prior, "omega_prior", OMEGA_PRIORS)
    scale = check_number(omega_scale, "omega_scale", low=0, open_low=True)
    family = {"half_normal": stats.halfnorm, "half_cauchy": stats.halfcauchy}
    return family.get(omega_prior, stats.uniform)(scale=scale)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Given:
    """What is known once omega is: one row a value of omega."""

    log_likelihood: np.ndarray
    precision: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """Estimates on the axes on which their errors are independent."""

    y: np.ndarray
    x: np.ndarray
    variance: np.ndarray
    axes: np.ndarray
    prior_precision: np.ndarray

    def given(self, omega: np.ndarray) -> _Given:
        """Integrate out the effects, and solve for mu and the slopes."""
        w = 1 / (self.variance + omega[:, None] ** 2)
        precision = np.einsum("ns,sk,sj->nkj", w, self.x, self.x) + self.prior_precision
        score = (w * self.y) @ self.x
        mean = np.linalg.solve(precision, score[:, :, None])[:, :, 0]
        misfit = w @ self.y**2 - (score * mean).sum(axis=1)
        log_det = np.linalg.slogdet(precision)[1]
        out = 0.5 * (np.log(w).sum(axis=1) - log_det - misfit)
        return _Given(log_likelihood=out, precision=precision, mean=mean)


def _problem(
    estimate: ArrayLike, covariance: ArrayLike, z: np.ndarray | None, mu_scale: float
) -> _Problem:
    y = check_vector(estimate, "estimate")
    v = np.asarray(covariance, dtype=float)
    n = len(y)
    if v.shape != (n, n):
        raise DtypeError(
            f"covariance has the shape {v.shape} for {n} estimates; expected ({n}, {n})."
        )
    if not np.isfinite(v).all():
        raise NonFiniteError("covariance has values that are NaN or infinite; correct them.")
    if not np.allclose(v, v.T, rtol=1e-8, atol=1e-12 * np.abs(v).max()):
        raise ConfigError(
            "covariance is not symmetric; give the joint covariance of the estimates."
        )
    if (none := np.flatnonzero(np.diag(v) <= 0)).size:
        raise ZeroVarianceError(
            f"estimates {none[:5].tolist()} have no error (variance 0 or below); leave them out or "
            "give their variance."
        )
    variance, axes = np.linalg.eigh((v + v.T) / 2)
    if variance[0] < -1e-8 * variance[-1]:
        raise ConfigError(
            f"covariance has the negative eigenvalue {variance[0]:.3g}; it is no covariance."
        )
    x = np.column_stack([np.ones(n), *([] if z is None else [z])])
    if x.shape[1] >= n:
        raise ConfigError(f"{x.shape[1] - 1} covariates of {n} segments; use fewer, or none.")
    scale = (
        mu_scale if mu_scale == np.inf else check_number(mu_scale, "mu_scale", low=0, open_low=True)
    )
    return _Problem(
        y=axes.T @ y,
        x=axes.T @ x,
        variance=np.maximum(variance, 1e-14 * variance[-1]),
        axes=axes,
        prior_precision=np.eye(x.shape[1]) / scale**2,
    )


def _posterior_grid(problem: _Problem, prior: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return values of omega and their posterior mass, refined until both integrals settle."""
    top = float(prior.ppf(1 - 1e-15))
    errors = np.sqrt(problem.variance)
    finest = 0.1 * min(float(np.median(errors)), float(prior.median()))
    edges = np.geomspace(finest, top, 2 + int(np.log(top / finest) / np.log(_STEP)))
    edges = np.append(0.0, edges)
    before = (np.inf, np.inf)
    for _ in range(_REFINEMENTS):
        omega, width = _panels(edges)
        log = problem.given(omega).log_likelihood + prior.logpdf(omega)
        mass = width * np.exp(log - log.max())
        found = (float(log.max() + np.log(mass.sum())), float(omega @ mass / mass.sum()))
        moved = abs(found[0] - before[0]), abs(found[1] / before[1] - 1)
        if max(moved) < _SETTLED:
            break
        before = found
        edges = np.unique(np.append(edges, (edges[1:] + edges[:-1]) / 2))
    kept = mass > 1e-18 * mass.max()
    return omega[kept], mass[kept] / mass[kept].sum()


def _panels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights of neighboring panels."""
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * _NODES).ravel(), (half * _WEIGHTS).ravel()


def _moments(
    problem: _Problem, omega: np.ndarray, weight: np.ndarray, at: _Given
) -> dict[str, Any]:
    """Average the moments given omega over its posterior."""
    axes, x, variance = problem.axes, problem.x, problem.variance
    share = omega[:, None] ** 2 / (variance + omega[:, None] ** 2)
    inverse = np.linalg.inv(at.precision)
    means = share * problem.y + (1 - share) * (at.mean @ x.T)
    mean = weight @ means
    pulled = (1 - share)[:, :, None] * x
    within = np.diag(weight @ (share * variance))
    within += np.einsum("n,nsk,nkj,nrj->sr", weight, pulled, inverse, pulled, optimize=True)
    between = (means - mean).T @ (weight[:, None] * (means - mean))
    center = weight @ at.mean
    off = at.mean - center
    omega_mean = float(weight @ omega)
    return {
        "mean": axes @ mean,
        "covariance": axes @ (within + between) @ axes.T,
        "coefficient_mean": center,
        "coefficient_covariance": np.tensordot(weight, inverse, 1)
        + off.T @ (weight[:, None] * off),
        "omega_mean": omega_mean,
        "omega_sd": float(np.sqrt(weight @ (omega - omega_mean) ** 2)),
        "own_weight": (axes**2) @ (weight @ share),
    }


def _draw_omega(
    omega: np.ndarray, weight: np.ndarray, size: int, generator: np.random.Generator
) -> np.ndarray:
    """Invert the distribution function at evenly spread numbers, in random order."""
    order = np.argsort(omega)
    omega, weight = omega[order], weight[order]
    below = np.cumsum(weight) - weight / 2
    even = (np.arange(size) + generator.random(size)) / size
    drawn = np.interp(even, np.append(0.0, below), np.append(0.0, omega))
    return generator.permutation(drawn)


def _draw_effects(
    problem: _Problem, omega: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw mu and slopes given omega, then the effects given both."""
    at = problem.given(omega)
    root = np.linalg.cholesky(np.linalg.inv(at.precision))
    noise = generator.standard_normal(at.mean.shape)
    coefficients = at.mean + np.einsum("nkj,nj->nk", root, noise)
    share = omega[:, None] ** 2 / (problem.variance + omega[:, None] ** 2)
    centers = coefficients @ problem.x.T
    spread = np.sqrt(share * problem.variance)
    effects = centers + share * (problem.y - centers)
    effects += spread * generator.standard_normal(effects.shape)
    return effects @ problem.axes.T, coefficients
