"""The posterior of the shifted-beta-geometric model, with segments that learn from each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from scipy import optimize, special

from cximpact.core import sampling
from cximpact.value import sbg
from cximpact.value.cohorts import Cohorts

SCALE = 0.5
"""Prior scale of how far segments lie apart, in logits."""
_MANY = 60
Pair: TypeAlias = tuple[np.ndarray, np.ndarray]


class RetentionPosterior:
    """Log density over about standard normal numbers.

    With one segment they are the logits of mean ``alpha / (alpha + beta)`` and polarization
    ``1 / (alpha + beta + 1)``, both uniform a priori. With several, the logits of a segment
    are normal around common ones: ``mu + x'b + tau z``, with uniform means, half-normal
    ``tau`` of scale 0.5 and standard normal ``b``. The mean of a segment that lost many
    customers is sampled as its own logit and all else as ``z``: the same posterior, without
    narrow ridges and funnels.

    Parameters
    ----------
    cohorts : Cohorts
        The counts.
    """

    def __init__(self, cohorts: Cohorts) -> None:
        self.cohorts, self.at_risk = cohorts, cohorts.at_risk
        self.n_segments = len(cohorts.segments)
        self.n_covariates = cohorts.covariates.shape[1]
        self.pooled = self.n_segments > 1
        many = cohorts.lost.sum(axis=1) >= _MANY
        self.own = (many & self.pooled, np.zeros_like(many))

    @property
    def n_free(self) -> int:
        """How many numbers are free."""
        return 4 + self.n_covariates + 2 * self.n_segments if self.pooled else 2

    def parts(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the logits of mean and polarization of every segment.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., free)
            Free numbers.

        Returns
        -------
        tuple of numpy.ndarray, each (..., segment)
            Logits.
        """
        if not self.pooled:
            return z[..., :1], z[..., 1:2]
        c, s = self.n_covariates, self.n_segments
        tau = SCALE * np.exp(z[..., 2:4])
        slopes = z[..., 4 : 4 + c] @ self.cohorts.covariates.T
        out = []
        for k, center in enumerate((z[..., :1] + slopes, z[..., 1:2])):
            free = z[..., 4 + c + k * s : 4 + c + (k + 1) * s]
            out.append(np.where(self.own[k], free, center + tau[..., k : k + 1] * free))
        return out[0], out[1]

    def log_density(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density, up to a constant, and its gradient.

        Parameters
        ----------
        z : numpy.ndarray, shape (free,)
            Free numbers.

        Returns
        -------
        tuple of float and numpy.ndarray
            Value and gradient.
        """
        with np.errstate(all="ignore"):
            total, gradient = self._log_density(z)
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            return -1e300, np.zeros(self.n_free)
        return total, gradient

    def _log_density(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        mean, polar = self.parts(z)
        alpha, beta = shapes(mean, polar)
        value, by_alpha, by_beta = sbg.log_likelihood(alpha, beta, self.cohorts.lost, self.at_risk)
        total = float(value.sum()) + _logistic(z[:2])
        share = special.expit(mean)
        by_mean = (by_alpha - by_beta) * (alpha + beta) * share * (1 - share)
        by_polar = -by_alpha * alpha - by_beta * beta
        gradient = np.zeros(self.n_free)
        gradient[:2] = 1 - 2 * special.expit(z[:2])
        if self.pooled:
            total += self._hierarchy(z, gradient, (mean, polar), (by_mean, by_polar))
        else:
            gradient += [by_mean.sum(), by_polar.sum()]
        return total, gradient

    def _hierarchy(self, z: np.ndarray, gradient: np.ndarray, at: Pair, by: Pair) -> float:
        """Add the gradient of what segments share, and return the log density of it."""
        c, s, x = self.n_covariates, self.n_segments, self.cohorts.covariates
        log_tau, slope = z[2:4], z[4 : 4 + c]
        gradient[2:4] = 1 - np.exp(2 * log_tau)
        gradient[4 : 4 + c] = -slope
        total = float(log_tau.sum() - np.exp(2 * log_tau).sum() / 2 - slope @ slope / 2)
        for k in range(2):
            start, tau = 4 + c + k * s, SCALE * np.exp(log_tau[k])
            center = z[k] + (x @ slope if k == 0 else 0.0)
            own = self.own[k]
            apart = np.where(own, (at[k] - center) / tau, z[start : start + s])
            to_center = np.where(own, apart / tau, by[k])
            gradient[start : start + s] = np.where(own, by[k] - apart / tau, tau * by[k] - apart)
            gradient[k] += to_center.sum()
            gradient[2 + k] += np.where(own, apart**2 - 1, tau * by[k] * apart).sum()
            if k == 0:
                gradient[4 : 4 + c] += to_center @ x
            total -= float(apart @ apart / 2 + own.sum() * log_tau[k])
        return total

    def expand(self, draws: xr.Dataset) -> xr.Dataset:
        """Turn free numbers into parameters.

        Parameters
        ----------
        draws : xarray.Dataset
            ``z``, dimensions chain, draw and free.

        Returns
        -------
        xarray.Dataset
            ``alpha`` and ``beta`` by segment; with segments also the common ``mean`` and
            ``polarization``, ``spread`` of both and the ``slope`` of covariates.
        """
        z = draws["z"].values
        alpha, beta = shapes(*self.parts(z))
        lead = ("chain", "draw")
        if not self.pooled:
            return _dataset({"alpha": (lead, alpha[..., 0]), "beta": (lead, beta[..., 0])}, draws)
        dims = (*lead, "segment")
        parts: dict[str, Any] = {
            "alpha": (dims, alpha),
            "beta": (dims, beta),
            "mean": (lead, special.expit(z[..., 0])),
            "polarization": (lead, special.expit(z[..., 1])),
            "spread": ((*lead, "of"), SCALE * np.exp(z[..., 2:4])),
        }
        if self.n_covariates:
            parts["slope"] = ((*lead, "covariate"), z[..., 4 : 4 + self.n_covariates])
        labels = {
            "segment": list(self.cohorts.segments),
            "of": ["mean", "polarization"],
            "covariate": list(self.cohorts.covariate_names),
        }
        used = {d for dim, _ in parts.values() for d in dim}
        return _dataset(parts, draws).assign_coords({k: v for k, v in labels.items() if k in used})

    def sample(self, seed: int, draws: int) -> xr.DataTree:
        """Sample the posterior by NUTS, two chains.

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
        center, width = self._ranges()

        def whitened(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = self.log_density(center + width * u)
            return value, width * gradient

        def expand(found: xr.Dataset) -> xr.Dataset:
            return self.expand(found.assign(z=center + width * found["z"]))

        density = sampling.Density(log_density=whitened, n_free=self.n_free, expand=expand, cores=1)
        return sampling.sample(
            None, compiled=density, rng=seed, draws=draws // 2, tune=600, target_accept=0.9
        )

    def _ranges(self) -> Pair:
        """Say where the data place each number, and how closely; others are standard normal."""
        center, width = np.zeros(self.n_free), np.ones(self.n_free)
        for segment in np.flatnonzero(self.own[0]) if self.pooled else [0]:
            alone = replace(
                self.cohorts,
                segments=self.cohorts.segments[segment : segment + 1],
                lost=self.cohorts.lost[segment : segment + 1],
                left=self.cohorts.left[segment : segment + 1],
            )
            density = RetentionPosterior(alone).log_density
            mode, sd = _mode(density)
            at = [4 + self.n_covariates + segment] if self.pooled else [0, 1]
            center[at], width[at] = mode[: len(at)], sd[: len(at)]
        return center, width


def _mode(density: Callable[[np.ndarray], tuple[float, np.ndarray]]) -> Pair:
    found = optimize.minimize(
        lambda z: tuple(-x for x in density(z)), np.zeros(2), jac=True, method="BFGS"
    )
    mode = np.asarray(found.x)
    hessian = [(density(mode - d)[1] - density(mode + d)[1]) / 2e-4 for d in 1e-4 * np.eye(2)]
    return mode, np.sqrt(np.diag(np.linalg.inv(np.array(hessian))))


def shapes(mean: np.ndarray, polar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn logits of mean and polarization into the parameters of a beta distribution.

    Parameters
    ----------
    mean, polar : numpy.ndarray
        Logits.

    Returns
    -------
    tuple of numpy.ndarray
        ``alpha`` and ``beta``.
    """
    total = np.exp(-np.clip(polar, -30, 30))
    share = special.expit(np.clip(mean, -30, 30))
    return share * total, special.expit(-np.clip(mean, -30, 30)) * total


def _logistic(x: np.ndarray) -> float:
    """Log density of logits of uniform numbers."""
    return float((special.log_expit(x) + special.log_expit(-x)).sum())


def _dataset(parts: dict[str, Any], draws: xr.Dataset) -> xr.Dataset:
    return xr.Dataset(parts, {"chain": draws["chain"], "draw": draws["draw"]})
