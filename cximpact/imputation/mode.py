"""Where the posterior lies, and how wide it is.

The mode of everything else given the standard deviations of the terms, and a normal approximation
of their marginal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize

from cximpact.imputation.posterior import Posterior

_MAX_STEPS = 60
_LOG_2PI = float(np.log(2 * np.pi))


class InnerMode(NamedTuple):
    """The mode of everything else at given standard deviations.

    Parameters
    ----------
    theta : numpy.ndarray, shape (free,)
        Free numbers.
    factor : numpy.ndarray, shape (inner, inner)
        Lower Cholesky factor of the negative Hessian.
    log_marginal : float
        Laplace approximation of the log marginal density of the standard deviations.
    """

    theta: np.ndarray
    factor: np.ndarray
    log_marginal: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """A normal approximation of the posterior, in two layers.

    The logarithms of the standard deviations are about ``N(log_scales, covariance)``; given them,
    the other numbers are about normal with a mean that moves along ``slope``.

    Parameters
    ----------
    inner : InnerMode
        At the most likely standard deviations.
    log_scales : numpy.ndarray, shape (scale,)
        Mode of their approximate marginal.
    factor : numpy.ndarray, shape (scale, scale)
        Upper triangular root of their covariance.
    slope : numpy.ndarray, shape (inner, scale)
        Derivatives of the inner mode by them.
    """

    inner: InnerMode = field(repr=False)
    log_scales: np.ndarray
    factor: np.ndarray = field(repr=False)
    slope: np.ndarray = field(repr=False)


def inner_mode(posterior: Posterior, theta: np.ndarray) -> InnerMode:
    """Climb to the mode at fixed standard deviations, by Newton's method.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    theta : numpy.ndarray, shape (free,)
        Where to start; its standard deviations are kept.

    Returns
    -------
    InnerMode
        The mode with its curvature.
    """
    n = posterior.n_inner
    theta = theta.copy()
    value, gradient = posterior.value_and_gradient(theta)
    for _ in range(_MAX_STEPS):
        factor = _factor(posterior, theta)
        step = linalg.cho_solve((factor, True), gradient[:n])
        gain = float(gradient[:n] @ step)
        if gain < 1e-9:
            break
        length = 1.0
        while length > 1e-6:
            tried = theta.copy()
            tried[:n] += length * step
            new, slope = posterior.value_and_gradient(tried)
            if new > value + 1e-4 * length * gain:
                break
            length /= 2
        else:
            break
        theta, value, gradient = tried, new, slope
    log_det = 2 * np.log(np.diag(factor)).sum()
    return InnerMode(theta, factor, value - 0.5 * float(log_det) + 0.5 * n * _LOG_2PI)


def find_mode(posterior: Posterior) -> Mode:
    """Find the normal approximation of a posterior.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.

    Returns
    -------
    Mode
        Where sampling starts, and the scale on which it moves.
    """
    found = inner_mode(posterior, _start(posterior))
    n_scales = len(posterior.blocks)
    if n_scales == 0:
        nothing = np.zeros((0, 0))
        slope = np.zeros((posterior.n_inner, 0))
        return Mode(inner=found, log_scales=np.zeros(0), factor=nothing, slope=slope)
    best = found

    def climb(log_scales: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        at = inner_mode(posterior, _with_scales(posterior, best.theta, log_scales))
        if at.log_marginal > best.log_marginal:
            best = at
        return -at.log_marginal, -scale_gradient(posterior, at)

    log_prior = np.log([block.prior for block in posterior.blocks])
    bounds = [(p - 6.0, p + 1.5) for p in log_prior]
    start = np.log(0.3) + log_prior
    solved = optimize.minimize(climb, start, jac=True, method="L-BFGS-B", bounds=bounds)
    log_scales = solved.x
    found = inner_mode(posterior, _with_scales(posterior, best.theta, log_scales))
    return Mode(
        inner=found,
        log_scales=log_scales,
        factor=_scale_factor(posterior, found),
        slope=_mode_slope(posterior, found),
    )


def scale_gradient(posterior: Posterior, at: InnerMode) -> np.ndarray:
    """Differentiate the approximate log marginal of the standard deviations.

    The change of the likelihood's curvature along the mode is left out, as in an EM step.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    at : InnerMode
        Mode at these standard deviations.

    Returns
    -------
    numpy.ndarray, shape (scale,)
        Derivatives by their logarithms.
    """
    second = at.theta[: posterior.n_inner] ** 2 + variances(at)
    out = np.empty(len(posterior.blocks))
    for i, block in enumerate(posterior.blocks):
        scale = np.exp(at.theta[block.scale_at])
        moment = second[block.where] / scale**2
        out[i] = moment.sum() - len(moment) + 1 - (scale / block.prior) ** 2
    return out


def variances(at: InnerMode) -> np.ndarray:
    """Return the variances of the inner numbers given the standard deviations.

    Parameters
    ----------
    at : InnerMode
        The mode.

    Returns
    -------
    numpy.ndarray, shape (inner,)
        Diagonal of the inverse of the negative Hessian.
    """
    inverse = linalg.solve_triangular(at.factor, np.eye(len(at.factor)), lower=True)
    return np.einsum("ij,ij->j", inverse, inverse)


def choose_centered(posterior: Posterior, mode: Mode) -> Mapping[str, np.ndarray]:
    """Choose for each coordinate how far it is centered.

    Where the answers say much about a coordinate, its posterior hardly depends on the standard
    deviation of its term; where they say little, it scales with it. In between it is centered
    in part. What counts as little is judged at a standard deviation as small as the answers
    may leave it, for there the posterior is narrowest.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        The normal approximation.

    Returns
    -------
    mapping of str to numpy.ndarray
        Term to a number from 0 to 1 for each coordinate.

    References
    ----------
    Papaspiliopoulos, O., Roberts, G. O. and Sköld, M. (2007). A general framework for the
    parametrization of hierarchical models. Statistical Science 22, 59-73.
    """
    left = variances(mode.inner)
    scale = np.exp(mode.log_scales)
    smallest = scale * np.exp(-2 * np.sqrt((mode.factor**2).sum(axis=1)))
    out = {}
    for i, block in enumerate(posterior.blocks):
        information = np.maximum(1 / left[block.where] - scale[i] ** -2, 0)
        ratio = information * smallest[i] ** 2
        out[block.term.name] = ratio / (1 + ratio)
    return out


def _start(posterior: Posterior) -> np.ndarray:
    """Start at the answers' own distribution, without effects."""
    theta = np.zeros(posterior.n_free)
    share = posterior.answers + posterior.concentration
    log_share = np.log(share / share.sum())
    theta[: posterior.n_categories - 1] = (log_share - log_share.mean())[:-1]
    return _with_scales(posterior, theta, np.log([0.3 * block.prior for block in posterior.blocks]))


def _with_scales(posterior: Posterior, theta: np.ndarray, log_scales: np.ndarray) -> np.ndarray:
    out = theta.copy()
    out[posterior.n_inner :] = log_scales
    return out


def _factor(posterior: Posterior, theta: np.ndarray) -> np.ndarray:
    """Factor the negative Hessian; far from the mode without the part that may be indefinite."""
    try:
        return linalg.cholesky(-posterior.curvature(theta), lower=True)
    except linalg.LinAlgError:
        return linalg.cholesky(-posterior.curvature(theta, bent=False), lower=True)


def _mode_slope(posterior: Posterior, at: InnerMode) -> np.ndarray:
    """Differentiate the inner mode by the standard deviations, by the implicit function."""
    push = np.zeros((posterior.n_inner, len(posterior.blocks)))
    for i, block in enumerate(posterior.blocks):
        scale = np.exp(at.theta[block.scale_at])
        push[block.where, i] = 2 * at.theta[block.where] / scale**2
    return linalg.cho_solve((at.factor, True), push)


def _scale_factor(posterior: Posterior, at: InnerMode, step: float = 0.05) -> np.ndarray:
    """Factor the covariance of the standard deviations' logarithms, at most 2 wide."""
    log_scales = at.theta[posterior.n_inner :]
    n = len(log_scales)
    curve = np.empty((n, n))
    for i, unit in enumerate(step * np.eye(n)):
        up, down = (
            scale_gradient(posterior, inner_mode(posterior, _with_scales(posterior, at.theta, to)))
            for to in (log_scales + unit, log_scales - unit)
        )
        curve[i] = (up - down) / (2 * step)
    precision, axes = linalg.eigh(-(curve + curve.T) / 2)
    covariance = (axes / np.maximum(precision, 0.25)) @ axes.T
    return linalg.cholesky(covariance[::-1, ::-1], lower=True)[::-1, ::-1]
