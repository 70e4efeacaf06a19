"""The posterior of baselines and effects by segment, from collapsed cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import special

from cximpact.core import sampling
from cximpact.core.rng import spawn
from cximpact.effects.uplift import segment_kernels as kernels
from cximpact.effects.uplift.segment_cells import BINOMIAL, SegmentCells
from cximpact.effects.uplift.segment_common import covariance_roots

_ROUNDS = 30
"""Rounds of the search for a starting point."""
_TUNE = 600
_ACCEPT, _CAREFUL = 0.8, 0.95
_LONGER = 3
"""How much longer the second attempt is, if the gate fails."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentPriors:
    """Priors of the hierarchy, on the scale of the linear predictor.

    Parameters
    ----------
    baseline_location, baseline_scale : float
        Normal prior of the mean baseline over segments.
    effect_scale : float
        Standard deviation of the normal prior of the mean effect, which is centered at 0.
    baseline_spread, effect_spread : float
        Scales of the half-normal priors of how far segments lie apart.
    concentration : float
        Of the prior of the correlations; 1 is uniform, above it they are drawn to 0.
    """

    baseline_location: float
    baseline_scale: float
    effect_scale: float
    baseline_spread: float
    effect_spread: float
    concentration: float

    def terms(self, n_arms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return location and scale of the means, and scale of the spreads, by term.

        Parameters
        ----------
        n_arms : int
            Treated arms.

        Returns
        -------
        tuple of numpy.ndarray, each (1 + arm,)
            Baseline first.
        """
        location = np.append(self.baseline_location, np.zeros(n_arms))
        mean = np.append(self.baseline_scale, np.full(n_arms, self.effect_scale))
        spread = np.append(self.baseline_spread, np.full(n_arms, self.effect_spread))
        return location, mean, spread


class Terms(NamedTuple):
    """Draws on the scale of the linear predictor.

    Attributes
    ----------
    mean, spread : numpy.ndarray, shape (draw, term)
        Over segments: of the baseline, then of the effect of each arm.
    factor, root : numpy.ndarray, shape (draw, term, term)
        Lower triangular roots of the correlation and of the covariance over segments.
    predictor : numpy.ndarray, shape (draw, segment, arm)
        Of every cell, control first.
    """

    mean: np.ndarray
    spread: np.ndarray
    factor: np.ndarray
    root: np.ndarray
    predictor: np.ndarray


class SegmentPosterior:
    """Log density over about standard normal numbers, whatever the size of the segments.

    Parameters
    ----------
    cells : SegmentCells
        What was counted.
    priors : SegmentPriors
        Priors.

    Notes
    -----
    A segment has a baseline ``a`` and an effect ``d_k`` of each arm, jointly normal over segments.
    The predictor of its control cell is ``a``, that of arm k is ``a + d_k``. Spreads are the
    quantile of their prior that a number is of the standard normal, so that no spread near 0 makes
    a tail; partial correlations are ``tanh`` of numbers scaled to variance 1, and in column ``j``
    of ``t`` terms have the prior ``(1 - r^2)^(b - 1)``, ``b = concentration + (t - 2 - j) / 2``.
    Means and segments are sampled as their standardized distance from where a normal approximation
    of the likelihood puts them, given spreads and correlations. For mean outcomes that is exact:
    segments need not be sampled but only drawn, and counts leave to the sampler what is not normal.

    References
    ----------
    Lewandowski, D., Kurowicka, D. and Joe, H. (2009). Generating random correlation matrices based
    on vines and extended onion method. Journal of Multivariate Analysis 100, 1989-2001.
    Papaspiliopoulos, O., Roberts, G. O. and Skold, M. (2007). A general framework for the
    parametrization of hierarchical models. Statistical Science 22, 59-73.
    """

    def __init__(self, cells: SegmentCells, priors: SegmentPriors) -> None:
        self.cells, self.priors = cells, priors
        self.binomial = cells.family == BINOMIAL
        self.n_terms = d = cells.n_arms + 1
        self.n_common = d + d * (d - 1) // 2
        self.arms = np.eye(d)
        self.arms[:, 0] = 1.0
        self.shift = 0.0 if self.binomial else cells.location
        location, mean_scale, spread_scale = priors.terms(cells.n_arms)
        location[0] -= self.shift
        column = np.array([j for i in range(1, d) for j in range(i)])
        shape = priors.concentration + (d - 2 - column) / 2
        self.prior = (
            location,
            mean_scale,
            spread_scale,
            shape,
            np.sqrt(special.polygamma(1, shape) / 2),
        )
        value = np.ascontiguousarray(cells.value - self.shift)
        size = np.ascontiguousarray(cells.size)
        weight, pull = size, size * value
        if self.binomial:
            weight, pull = _approximated(value, size, self.arms, *self.prior[:3])
        self.data = (value, size, weight, pull, self.arms, self.binomial)

    @property
    def n_free(self) -> int:
        """How many numbers are sampled."""
        own = self.cells.value.size if self.binomial else 0
        return self.n_terms + self.n_common + own

    def log_density(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density, up to a constant, and its gradient.

        Parameters
        ----------
        x : numpy.ndarray, shape (free,)
            Free numbers: means, spreads, correlations, and for counts the segments.

        Returns
        -------
        tuple of float and numpy.ndarray
            Value and gradient.
        """
        total, gradient = kernels.log_density(x, self.data, self.prior)
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            return -1e300, np.zeros(len(x))
        return total, gradient

    def terms(self, x: np.ndarray, w: np.ndarray) -> Terms:
        """Turn free numbers into what they stand for.

        Parameters
        ----------
        x : numpy.ndarray, shape (draw, term + common)
            Means, spreads and correlations.
        w : numpy.ndarray, shape (draw, segment, term)
            Segments.

        Returns
        -------
        Terms
            On the scale of the linear predictor.
        """
        x, d = np.ascontiguousarray(x), self.n_terms
        spread, factor, root = covariance_roots(x[:, d:], self.prior[2], self.prior[4])
        mean, predictor = kernels.predictors(
            x[:, :d], np.ascontiguousarray(w), root, self.data, self.prior
        )
        mean[:, 0] += self.shift
        return Terms(mean, spread, factor, root, predictor + self.shift)

    def outcome(self, predictor: np.ndarray) -> np.ndarray:
        """Return the expected outcome at a linear predictor.

        Parameters
        ----------
        predictor : numpy.ndarray
            Linear predictor.

        Returns
        -------
        numpy.ndarray
            A probability, or the mean itself.
        """
        return special.expit(predictor) if self.binomial else predictor

    def expand(self, draws: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Turn free numbers into parameters.

        Parameters
        ----------
        draws : xarray.Dataset
            ``z``, dimensions chain, draw and free.
        rng : numpy.random.Generator
            Draws segments that were not sampled.

        Returns
        -------
        xarray.Dataset
            ``control`` (segment): expected outcome without treatment; ``effect`` (segment, arm):
            its change; ``mean``, ``spread`` (term), ``factor`` and ``correlation`` (term, other)
            on the scale of the predictor, the baseline first.
        """
        z, lead = draws["z"].values, ("chain", "draw")
        flat, common = z.reshape(-1, self.n_free), self.n_terms + self.n_common
        shape = (len(flat), *self.cells.value.shape)
        w = flat[:, common:].reshape(shape) if self.binomial else rng.standard_normal(shape)
        found = self.terms(flat[:, :common], w)
        outcome = self.outcome(found.predictor)
        parts = {
            "control": (("segment",), outcome[..., 0]),
            "effect": (("segment", "arm"), outcome[..., 1:] - outcome[..., :1]),
            "mean": (("term",), found.mean),
            "spread": (("term",), found.spread),
            "factor": (("term", "other"), found.factor),
            "correlation": (("term", "other"), found.factor @ np.swapaxes(found.factor, 1, 2)),
        }
        return xr.Dataset(
            {
                k: ((*lead, *d), v.reshape(*z.shape[:2], *v.shape[1:]))
                for k, (d, v) in parts.items()
            },
            {"chain": draws["chain"], "draw": draws["draw"]},
        )

    def own_weight(self, common_root: np.ndarray) -> np.ndarray:
        """Return how much of its own effect each segment keeps, by the normal approximation.

        Parameters
        ----------
        common_root : numpy.ndarray, shape (draw, term, term)
            Draws of the root of the covariance over segments.

        Returns
        -------
        numpy.ndarray, shape (segment, arm)
            From 0, all is learned from the others, to 1.
        """
        told = np.einsum("ki,sk,kj->sij", self.arms, self.data[2], self.arms)
        out = np.zeros((len(told), self.cells.n_arms))
        for root in common_root:
            square = np.eye(len(root)) + root.T @ told @ root
            kept = root @ np.linalg.solve(square, root.T @ told)
            out += np.diagonal(kept, axis1=1, axis2=2)[:, 1:]
        return out / len(common_root)

    def sample(self, seed: int, draws: int) -> xr.DataTree:
        """Sample the posterior by NUTS, two chains; once more and longer if the gate fails.

        Parameters
        ----------
        seed : int
            Seed.
        draws : int
            Draws of both chains together.

        Returns
        -------
        xarray.DataTree
            Judged by the gate.
        """
        (rng,) = spawn(seed, "segments")
        density = sampling.Density(
            log_density=self.log_density,
            n_free=self.n_free,
            expand=lambda found: self.expand(found, rng),
            cores=1,
        )
        run = partial(sampling.sample, None, compiled=density, rng=seed)
        tree = run(draws=draws // 2, tune=_TUNE, target_accept=_ACCEPT)
        if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
            return tree
        accept = _CAREFUL if tree.attrs["divergences"] else _ACCEPT
        return run(draws=_LONGER * draws // 2, tune=_LONGER * _TUNE, target_accept=accept)


def _approximated(
    value: np.ndarray,
    size: np.ndarray,
    arms: np.ndarray,
    location: np.ndarray,
    mean_scale: np.ndarray,
    spread_scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Approximate the likelihood of counts by a normal one near the mode of a pooled fit."""
    n, eta = len(value), special.logit((value + 0.5) / (size + 1))
    mean, covariance = location, np.diag(spread_scale**2)
    weight, pull = size, size
    for _ in range(_ROUNDS):
        share = special.expit(eta)
        weight = size * share * (1 - share)
        pull = weight * eta + value - size * share
        told = np.einsum("ki,sk,kj->sij", arms, weight, arms)
        prior = np.linalg.inv(covariance)
        within = np.linalg.inv(told + prior)
        theta = np.einsum("sij,sj->si", within, pull @ arms + prior @ mean)
        eta = eta + np.clip(theta @ arms.T - eta, -1.0, 1.0)
        known = np.linalg.inv(n * prior + np.diag(1 / mean_scale**2))
        mean = known @ (prior @ theta.sum(axis=0) + location / mean_scale**2)
        off = theta - mean
        scatter = off.T @ off + within.sum(axis=0) + np.diag(spread_scale**2) / 2
        covariance = scatter / (n + 2)
    return weight, pull
