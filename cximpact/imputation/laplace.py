"""A fast answer: nested Laplace approximation with importance weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, special, stats

from cximpact.core.rng import RngLike, as_generator
from cximpact.imputation.mode import InnerMode, Mode, inner_mode
from cximpact.imputation.posterior import Posterior

ENOUGH_NODES = 300
"""Effective nodes from which standard deviations of terms may be read off."""

_FAR = 0.3
_PROBE = 2.0
_MOST_ROUNDS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class NestedDraws:
    """Draws of a nested Laplace approximation.

    Parameters
    ----------
    theta : numpy.ndarray, shape (sample, free)
        Free numbers, of equal weight, in random order.
    effective_nodes : float
        How many standard deviations the draws effectively rest on.
    effective_draws : float
        How many of them are effectively different: the effective size of the weights that
        correct the normal approximation.
    """

    theta: np.ndarray = field(repr=False)
    effective_nodes: float
    effective_draws: float


def nested_laplace(
    posterior: Posterior, mode: Mode, *, n_draws: int, n_nodes: int, rng: RngLike
) -> NestedDraws:
    """Draw from the posterior without a Markov chain.

    Standard deviations are drawn from around their mode, wider on the side where their density
    falls more slowly, and weighted by their Laplace-approximated marginal density; the other
    numbers are drawn from the normal at their mode given the standard deviations and weighted
    by the exact density.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    n_draws : int
        Draws.
    n_nodes : int
        Values of the standard deviations.
    rng : int or Generator
        Randomness.

    Returns
    -------
    NestedDraws
        Draws with what they are worth.

    Notes
    -----
    Where the normal at a node fits badly, as with answers that almost nobody gave, more is drawn
    than is kept. The score of everybody needs few nodes, as it hardly depends on the standard
    deviations of the terms. Those themselves need at least `ENOUGH_NODES` effective ones.

    References
    ----------
    Rue, H., Martino, S. and Chopin, N. (2009). Approximate Bayesian inference for latent Gaussian
    models by using integrated nested Laplace approximations. Journal of the Royal Statistical
    Society B 71, 319-392.
    """
    generator = as_generator(rng)
    log_scales, log_density = _nodes(posterior, mode, n_nodes, generator)
    nodes = [_at(posterior, mode, scales) for scales in log_scales]
    log_weight = np.array([node.log_marginal for node in nodes]) - log_density
    weight = special.softmax(log_weight)
    theta, log_ratio = np.zeros((0, posterior.n_free)), np.zeros(0)
    for _ in range(_MOST_ROUNDS):
        copies = np.bincount(_systematic(weight, n_draws, generator), minlength=len(nodes))
        for node, count in zip(nodes, copies, strict=True):
            if count:
                drawn, ratio = _around(posterior, node, int(count), generator)
                theta = np.concatenate([theta, drawn])
                log_ratio = np.concatenate([log_ratio, ratio])
        corrected = special.softmax(log_ratio)
        effective = float(1 / (corrected**2).sum())
        if effective > n_draws / 4:
            break
    chosen = _systematic(corrected, n_draws, generator)
    generator.shuffle(chosen)
    return NestedDraws(
        theta=theta[chosen],
        effective_nodes=float(1 / (weight**2).sum()),
        effective_draws=min(effective, float(n_draws)),
    )


def _nodes(
    posterior: Posterior, mode: Mode, n_nodes: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Spread standard deviations evenly around their mode, with the log density of doing so.

    Along each axis half-normal on the right; on the left, where a standard deviation goes to
    zero and the density of its logarithm falls by no more than its own rate, a half-normal
    mixed with an exponential of that rate.
    """
    n_scales = len(mode.log_scales)
    if n_scales == 0:
        return np.zeros((1, 0)), np.zeros(1)
    left, right = _sides(posterior, mode)
    rate = np.maximum(np.diag(mode.factor), 0.2)
    sobol = stats.qmc.Sobol(2 * n_scales, rng=generator)
    u, mix = np.split(sobol.random(2 ** int(np.ceil(np.log2(n_nodes)))), 2, axis=1)
    share = left / (left + right)
    below = u < share
    within = np.clip(np.where(below, u / share, (u - share) / (1 - share)), 1e-9, 1 - 1e-9)
    half = special.ndtri(0.5 + 0.5 * within)
    far = below & (mix < _FAR)
    z = np.where(far, -np.log1p(-within) / rate, half * np.where(below, left, right))
    near = (1 - _FAR) * np.exp(_half_normal(z, left)) + _FAR * rate * np.exp(-rate * z)
    log_density = np.where(
        below, np.log(share) + np.log(near), np.log1p(-share) + _half_normal(z, right)
    )
    signed = np.where(below, -z, z)
    return mode.log_scales + signed @ mode.factor.T, log_density.sum(axis=1)


def _half_normal(z: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return stats.halfnorm.logpdf(z, scale=scale)


def _sides(posterior: Posterior, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
    """Measure how much wider the marginal is on either side than at its mode, by axis."""
    sides = np.ones((2, len(mode.log_scales)))
    for i, sign in enumerate((-1.0, 1.0)):
        for k, axis in enumerate(mode.factor.T):
            there = _at(posterior, mode, mode.log_scales + sign * _PROBE * axis)
            drop = mode.inner.log_marginal - there.log_marginal
            sides[i, k] = _PROBE / np.sqrt(2 * max(drop, 1e-3))
    left, right = np.clip(sides, 0.5, 3.0)
    return left, right


def _at(posterior: Posterior, mode: Mode, log_scales: np.ndarray) -> InnerMode:
    """Climb to the mode at a node, from where the slope says it is."""
    theta = mode.inner.theta.copy()
    theta[posterior.n_inner :] = log_scales
    narrower = np.exp(np.minimum(log_scales - mode.log_scales, 0.0))
    for block, shrink in zip(posterior.blocks, narrower, strict=True):
        theta[block.where] *= shrink
    return inner_mode(posterior, theta)


def _around(
    posterior: Posterior, node: InnerMode, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw from the normal at a node, with the log ratio of the exact density to it."""
    n = posterior.n_inner
    z = generator.normal(size=(count, n))
    theta = np.tile(node.theta, (count, 1))
    theta[:, :n] += linalg.solve_triangular(node.factor, z.T, lower=True, trans="T").T
    exact = np.array([posterior.value_and_gradient(row)[0] for row in theta])
    log_det = 2 * np.log(np.diag(node.factor)).sum()
    normal = 0.5 * (log_det - n * np.log(2 * np.pi)) - 0.5 * (z**2).sum(axis=1)
    return theta, exact - normal - node.log_marginal


def _systematic(weight: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Choose positions in proportion to weights, each as often as expected up to one."""
    points = (np.arange(size) + generator.random()) / size
    return np.minimum(np.searchsorted(np.cumsum(weight), points), len(weight) - 1)
