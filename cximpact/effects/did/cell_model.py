"""The generative form: how cells of segments, clusters and periods come about.

All effects are standard normal numbers times a scale, and enter a linear predictor; so the log
density and its gradient are a few sums over cells, without a graph to compile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import expit, gammaln, psi

from cximpact.effects.did.cell_data import Cells

OVERDISPERSION = "shock"
"""Name of the scale of what shakes a cluster in a single period."""
_MAX_LOG = 50.0
_LEAST_SHOCK = 1e-5


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
        return self.center + np.asarray(scale)[..., None] * self.unscaled(z)

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

    @cached_property
    def scales(self) -> tuple[str, ...]:
        """Names of the free scales, the shock last."""
        return (*[b.free for b in self.blocks if b.free], OVERDISPERSION)

    @cached_property
    def prior_scales(self) -> np.ndarray:
        """Scales of their half-normal priors."""
        return np.array([b.scale for b in self.blocks if b.free] + [self.shock_scale])

    @cached_property
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
        return z, self.prior_scales * np.exp(np.minimum(free[..., at:], _MAX_LOG))

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
        k = self.n_linear
        z, logs = free[:k], free[k:]
        relative = np.exp(np.minimum(logs, _MAX_LOG))
        scales = self.prior_scales * relative
        scale = self.number_scales(scales)
        log, slope, shock_slope = likelihood(
            self.cells, self.constant + self.design @ (scale * z), float(scales[-1])
        )
        back = slope @ self.design
        in_logs = np.bincount(
            self._scale_of_number, weights=scale * z * back, minlength=len(scales) + 1
        )[: len(scales)]
        in_logs[-1] += shock_slope * scales[-1]
        gradient = np.concatenate([scale * back - z, in_logs + 1.0 - relative**2])
        return float(log - z @ z / 2 + (logs - relative**2 / 2).sum()), gradient

    @cached_property
    def design(self) -> np.ndarray:
        """How numbers enter the predictor where every free scale is one, shape (cell, linear)."""
        columns = []
        for block in self.blocks:
            effects = block.unscaled(np.eye(block.size)).T * (1.0 if block.free else block.scale)
            columns.append(block.weight[:, None] * effects[block.index])
        return np.hstack(columns)

    @cached_property
    def constant(self) -> np.ndarray:
        """Linear predictor where all numbers are zero, shape (cell,)."""
        return np.sum([b.weight * b.center for b in self.blocks], axis=0)

    def number_scales(self, scales: np.ndarray) -> np.ndarray:
        """Return the free scale of every number, 1 where the scale is known.

        Parameters
        ----------
        scales : numpy.ndarray, shape (scale,)
            Free scales.

        Returns
        -------
        numpy.ndarray, shape (linear,)
            What the columns of ``design`` are still to be multiplied by.
        """
        return np.append(scales, 1.0)[self._scale_of_number]

    @cached_property
    def _scale_of_number(self) -> np.ndarray:
        """Place of each number's free scale; one past the last where it is known."""
        names, last = self.scales, len(self.scales)
        places = [names.index(b.free) if b.free else last for b in self.blocks]
        return np.repeat(places, [b.size for b in self.blocks])


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
    k, n, m = cells.total, cells.n, max(shock, _LEAST_SHOCK) ** -2
    sizes, of = cells.sizes
    p = np.clip(expit(eta), 1e-12, 1 - 1e-12)
    a, b = m * p, m * (1 - p)
    log = gammaln(k + a) - gammaln(a) + gammaln(n - k + b) - gammaln(b)
    log += (gammaln(m) - gammaln(sizes + m))[of]
    in_a, in_b = psi(k + a) - psi(a), psi(n - k + b) - psi(b)
    in_m = p * in_a + (1 - p) * in_b + (psi(m) - psi(sizes + m))[of]
    slope = m * p * (1 - p) * (in_a - in_b)
    return float(log.sum()), slope, float(-2 * m / max(shock, _LEAST_SHOCK) * in_m.sum())


def _negative_binomial(
    cells: Cells, eta: np.ndarray, shock: float
) -> tuple[float, np.ndarray, float]:
    y, r = cells.total, max(shock, _LEAST_SHOCK) ** -2
    mean = cells.n * np.exp(np.minimum(eta, 50.0))
    log = gammaln(y + r) - gammaln(r) - (y + r) * np.log1p(mean / r) + y * np.log(mean / r)
    slope = y - (y + r) * mean / (mean + r)
    in_r = psi(y + r) - psi(r) - np.log1p(mean / r) + (mean - y) / (mean + r)
    return float(log.sum()), slope, float(-2 * r / max(shock, _LEAST_SHOCK) * in_r.sum())
