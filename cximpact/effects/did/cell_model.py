"""The generative form: how cells of segments, clusters and periods come about.

All effects are standard normal numbers times a scale, and enter a linear predictor; so the log
density and its gradient are a few sums over cells, without a graph to compile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, gammaln, psi

from cximpact.effects.did.cell_data import Cells

OVERDISPERSION = "shock"
"""Name of the scale of what shakes a cluster in a single period."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Effects of one kind.

    Parameters
    ----------
    name : str
        Of the effects.
    index : numpy.ndarray of int, shape (cell,)
        Which effect enters each cell.
    weight : numpy.ndarray, shape (cell,)
        With which weight; 0 where none enters.
    shape : tuple of int
        ``(groups, steps)``: independent effects have one step, random walks several.
    scale : float
        Standard deviation of the effects, or of the steps; the prior scale where it is free.
    free : str, default ""
        Name of the free scale, whose prior is half-normal; empty for one that is known.
    center : float, default 0
        Mean of the effects.
    walk : bool, default False
        Whether effects are sums of steps from zero on.
    """

    name: str
    index: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    shape: tuple[int, int]
    scale: float
    free: str = ""
    center: float = 0.0
    walk: bool = False

    @property
    def size(self) -> int:
        """How many standard normal numbers it takes."""
        return self.shape[0] * self.shape[1]

    def value(self, z: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
        """Turn standard normal numbers into effects.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., size)
            The numbers.
        scale : float or numpy.ndarray, shape (...)
            The scale.

        Returns
        -------
        numpy.ndarray, shape (..., effect)
            Walks have one effect more than steps a group: the zero they start from.
        """
        scaled = self.center + np.asarray(scale)[..., None] * self.unscaled(z)
        return scaled

    def unscaled(self, z: np.ndarray) -> np.ndarray:
        """Return the effects for scale one and center zero.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., size)
            Standard normal numbers.

        Returns
        -------
        numpy.ndarray, shape (..., effect)
            The effects.
        """
        if not self.walk:
            return z
        steps = z.reshape(*z.shape[:-1], *self.shape)
        sums = np.zeros((*z.shape[:-1], self.shape[0], self.shape[1] + 1))
        np.cumsum(steps, axis=-1, out=sums[..., 1:])
        return sums.reshape(*z.shape[:-1], -1)

    def back(self, slope: np.ndarray) -> np.ndarray:
        """Turn slopes in the effects into slopes in the numbers, for scale one.

        Parameters
        ----------
        slope : numpy.ndarray, shape (effect,)
            Derivatives with respect to effects.

        Returns
        -------
        numpy.ndarray, shape (size,)
            Derivatives with respect to the numbers.
        """
        if not self.walk:
            return slope
        by_group = slope.reshape(self.shape[0], self.shape[1] + 1)[:, 1:]
        return np.cumsum(by_group[:, ::-1], axis=1)[:, ::-1].ravel()

    @property
    def n_effects(self) -> int:
        """How many effects there are."""
        return self.shape[0] * (self.shape[1] + self.walk)


@dataclass(frozen=True, kw_only=True, eq=False)
class CellPosterior:
    """Log posterior of the generative form.

    Parameters
    ----------
    cells : Cells
        The data.
    blocks : tuple of Block
        Effects that add up to the linear predictor.
    shock_scale : float
        Scale of the half-normal prior of the shock of a cluster in a period.

    Notes
    -----
    Free numbers are the standard normal ``z`` of all blocks, then one ``w`` a free scale, where
    the scale is its prior scale times ``exp(w)``, and last that of the shock. The shock is
    integrated out: counts of successes are beta-binomial with ``1 / shock^2`` prior
    observations, counts negative binomial with coefficient of variation ``shock`` between
    cells, means normal with variance ``known^2 + shock^2``.
    """

    cells: Cells
    blocks: tuple[Block, ...]
    shock_scale: float

    @property
    def scales(self) -> tuple[str, ...]:
        """Names of the free scales, the shock last."""
        return (*[b.free for b in self.blocks if b.free], OVERDISPERSION)

    @property
    def prior_scales(self) -> np.ndarray:
        """Scales of their half-normal priors."""
        return np.array([b.scale for b in self.blocks if b.free] + [self.shock_scale])

    @property
    def n_linear(self) -> int:
        """How many standard normal numbers there are."""
        return sum(b.size for b in self.blocks)

    @property
    def n_free(self) -> int:
        """How many free numbers there are."""
        return self.n_linear + len(self.scales)

    def split(self, free: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Take free numbers apart.

        Parameters
        ----------
        free : numpy.ndarray, shape (..., free)
            Free numbers.

        Returns
        -------
        tuple of dict and numpy.ndarray, shape (..., scale)
            Standard normal numbers by block, and the scales.
        """
        z, at = {}, 0
        for block in self.blocks:
            z[block.name] = free[..., at : at + block.size]
            at += block.size
        return z, self.prior_scales * np.exp(np.minimum(free[..., at:], 50.0))

    def scale_of(self, block: Block, scales: np.ndarray) -> np.ndarray | float:
        """Return the scale of a block.

        Parameters
        ----------
        block : Block
            One of the blocks.
        scales : numpy.ndarray, shape (..., scale)
            The free scales.

        Returns
        -------
        float or numpy.ndarray
            Known or free.
        """
        return scales[..., self.scales.index(block.free)] if block.free else block.scale

    def log_density(self, free: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log posterior, up to a constant, with its gradient.

        Parameters
        ----------
        free : numpy.ndarray, shape (free,)
            Free numbers.

        Returns
        -------
        tuple of float and numpy.ndarray, shape (free,)
            Log density and gradient.
        """
        z, scales = self.split(free)
        parts = {b.name: b.unscaled(z[b.name]) for b in self.blocks}
        eta = np.zeros(len(self.cells.n))
        for b in self.blocks:
            effects = b.center + self.scale_of(b, scales) * parts[b.name]
            eta += b.weight * effects[b.index]
        log, slope, shock_slope = likelihood(self.cells, eta, float(scales[-1]))
        gradient = np.zeros(len(free))
        to_scales = np.zeros(len(scales))
        to_scales[-1] = shock_slope
        at = 0
        for b in self.blocks:
            by_effect = np.bincount(b.index, weights=b.weight * slope, minlength=b.n_effects)
            gradient[at : at + b.size] = self.scale_of(b, scales) * b.back(by_effect)
            if b.free:
                to_scales[self.scales.index(b.free)] = by_effect @ parts[b.name]
            at += b.size
        linear, w = free[:at], free[at:]
        relative = scales / self.prior_scales
        gradient[:at] -= linear
        gradient[at:] = to_scales * scales + 1.0 - relative**2
        return float(log - linear @ linear / 2 + (w - relative**2 / 2).sum()), gradient


def likelihood(cells: Cells, eta: np.ndarray, shock: float) -> tuple[float, np.ndarray, float]:
    """Return the log likelihood of cells, and its slopes.

    Parameters
    ----------
    cells : Cells
        The data.
    eta : numpy.ndarray, shape (cell,)
        Linear predictor: logit of a share, logarithm of a rate, or mean.
    shock : float
        Size of the shock of a cluster in a period.

    Returns
    -------
    tuple of float, numpy.ndarray, shape (cell,), and float
        Up to a constant; derivatives with respect to ``eta`` and ``shock``.
    """
    if cells.family == "normal":
        return _normal(cells, eta, shock)
    if cells.family == "binomial":
        return _beta_binomial(cells, eta, shock)
    return _negative_binomial(cells, eta, shock)


def inverse_link(family: str, eta: np.ndarray) -> np.ndarray:
    """Return the mean outcome for a linear predictor.

    Parameters
    ----------
    family : str
        What the outcomes are.
    eta : numpy.ndarray
        Linear predictor.

    Returns
    -------
    numpy.ndarray
        A share, a rate, or the predictor itself.
    """
    if family == "binomial":
        return expit(eta)
    return np.exp(eta) if family == "negative_binomial" else eta


def _normal(cells: Cells, eta: np.ndarray, shock: float) -> tuple[float, np.ndarray, float]:
    variance = cells.known**2 + shock**2
    off = cells.mean - eta
    log = -0.5 * (np.log(variance) + off**2 / variance).sum()
    return float(log), off / variance, float(shock * ((off**2 / variance - 1) / variance).sum())


def _beta_binomial(cells: Cells, eta: np.ndarray, shock: float) -> tuple[float, np.ndarray, float]:
    k, n, m = cells.total, cells.n, max(shock, 1e-5) ** -2
    p = np.clip(expit(eta), 1e-12, 1 - 1e-12)
    a, b = m * p, m * (1 - p)
    log = gammaln(k + a) - gammaln(a) + gammaln(n - k + b) - gammaln(b)
    log += gammaln(m) - gammaln(n + m)
    in_a, in_b = psi(k + a) - psi(a), psi(n - k + b) - psi(b)
    in_m = p * in_a + (1 - p) * in_b + psi(m) - psi(n + m)
    slope = m * p * (1 - p) * (in_a - in_b)
    return float(log.sum()), slope, float(-2 * m / max(shock, 1e-5) * in_m.sum())


def _negative_binomial(
    cells: Cells, eta: np.ndarray, shock: float
) -> tuple[float, np.ndarray, float]:
    y, r = cells.total, max(shock, 1e-5) ** -2
    mean = cells.n * np.exp(np.minimum(eta, 50.0))
    log = gammaln(y + r) - gammaln(r) - (y + r) * np.log1p(mean / r) + y * np.log(mean / r)
    slope = y - (y + r) * mean / (mean + r)
    in_r = psi(y + r) - psi(r) - np.log1p(mean / r) + (mean - y) / (mean + r)
    return float(log.sum()), slope, float(-2 * r / max(shock, 1e-5) * in_r.sum())
