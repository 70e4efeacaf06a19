"""Free numbers of the generative form as functions of about independent standard normal ones.

A scale that is learned makes a funnel: the smaller it is, the less the data say about the numbers
that it multiplies. Here the center and the width of each number move with its scale, as they would
if the likelihood were normal; what is left of the funnel is what is not normal in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, optimize

from cximpact.effects.did.cell_model import CellPosterior, likelihood

_START = 0.5
"""Free scales from which the search begins, as a share of their prior scales."""
_LOGS = (-4.0, 2.0)
"""Range of the logarithms of scales, relative to their prior scales, that is searched."""
_UNIT = 0.5
"""Typical uncertainty of the logarithm of a scale."""
_CURVATURE_STEP = 1e-4
_MAX_STEPS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class FreeBlock:
    """A block whose scale is learned, on axes on which its numbers are about independent.

    Parameters
    ----------
    at : slice
        Its place among the standard normal numbers of the posterior.
    among : slice
        Its place among the numbers of all such blocks.
    scale : int
        Its place among the free scales.
    axes : numpy.ndarray, shape (size, size)
        The axes, by column.
    precision, score : numpy.ndarray, shape (size,)
        What the data say about the scaled numbers on each axis: ``precision`` times their
        best value is ``score``.
    """

    at: slice
    among: slice
    scale: int
    axes: np.ndarray = field(repr=False)
    precision: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)

    def width(self, scale: np.ndarray | float) -> np.ndarray:
        """Return the standard deviation on each axis for a scale.

        Parameters
        ----------
        scale : float or numpy.ndarray, shape (...)
            The scale.

        Returns
        -------
        numpy.ndarray, shape (..., size)
            At most 1.
        """
        return 1 / np.sqrt(1 + np.asarray(scale)[..., None] ** 2 * self.precision)


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """From about independent standard normal numbers to the free numbers of a posterior.

    Parameters
    ----------
    posterior : CellPosterior
        The posterior.
    fixed : numpy.ndarray of int
        Places of the numbers whose scale is known.
    free : tuple of FreeBlock
        The others.
    center : numpy.ndarray, shape (fixed,)
        Mode of the fixed ones, given that of the others.
    root : numpy.ndarray, shape (fixed, fixed)
        Root of their covariance given the others.
    pull, best : numpy.ndarray, shapes (fixed, other) and (other,)
        How the fixed ones follow the scaled others, and the mode of these.
    mix : numpy.ndarray, shape (other, other)
        Root of the correlation of the others on their axes.
    logs : numpy.ndarray, shape (scale,)
        Logarithms of the scales at the mode, relative to the prior scales.
    """

    posterior: CellPosterior
    fixed: np.ndarray = field(repr=False)
    free: tuple[FreeBlock, ...] = field(repr=False)
    center: np.ndarray = field(repr=False)
    root: np.ndarray = field(repr=False)
    pull: np.ndarray = field(repr=False)
    best: np.ndarray = field(repr=False)
    mix: np.ndarray = field(repr=False)
    logs: np.ndarray

    def numbers(self, x: np.ndarray) -> np.ndarray:
        """Turn whitened numbers into free numbers.

        Parameters
        ----------
        x : numpy.ndarray, shape (..., free)
            Whitened.

        Returns
        -------
        numpy.ndarray, shape (..., free)
            Of the posterior.
        """
        k, f = self.posterior.n_linear, len(self.fixed)
        out = np.empty_like(x)
        out[..., k:] = self.logs + _UNIT * x[..., k:]
        scales = self.posterior.split(out)[1]
        mixed = x[..., f:k] @ self.mix.T
        scaled = np.empty_like(mixed)
        for b in self.free:
            s = scales[..., b.scale]
            width = b.width(s)
            y = s[..., None] * b.score * width**2 + width * mixed[..., b.among]
            out[..., b.at] = y @ b.axes.T
            scaled[..., b.among] = s[..., None] * out[..., b.at]
        fixed = self.center + x[..., :f] @ self.root.T - (scaled - self.best) @ self.pull.T
        out[..., self.fixed] = fixed
        return out

    def log_density(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density of whitened numbers with its gradient.

        Parameters
        ----------
        x : numpy.ndarray, shape (free,)
            Whitened.

        Returns
        -------
        tuple of float and numpy.ndarray, shape (free,)
            Up to a constant.
        """
        k, f = self.posterior.n_linear, len(self.fixed)
        numbers = self.numbers(x)
        log, slope = self.posterior.log_density(numbers)
        scales = self.posterior.split(numbers)[1]
        out = np.empty_like(x)
        out[:f] = slope[self.fixed] @ self.root
        followed = slope[self.fixed] @ self.pull
        in_logs, on_axes = slope[k:].copy(), np.empty(k - f)
        mixed = self.mix @ x[f:k]
        for b in self.free:
            s, z = scales[b.scale], numbers[b.at]
            width = b.width(s)
            known = s**2 * b.precision * width**2
            by_z = slope[b.at] - s * followed[b.among]
            by_axis = by_z @ b.axes
            on_axes[b.among] = by_axis * width
            moved = s * b.score * width**2 * (1 - 2 * known) - width * known * mixed[b.among]
            in_logs[b.scale] += by_axis @ moved - known.sum() - s * z @ followed[b.among]
            log += float(np.log(width).sum())
        out[f:k] = on_axes @ self.mix
        out[k:] = _UNIT * in_logs
        return log, out


def whitened(posterior: CellPosterior) -> Whitening:
    """Find the scales that fit best, and the normal approximation there.

    Parameters
    ----------
    posterior : CellPosterior
        The posterior.

    Returns
    -------
    Whitening
        Sampling is exact wherever it is centered; that decides only how quick it is.
    """
    logs = _best_logs(posterior)
    scales = posterior.prior_scales * np.exp(logs)
    z, _, curvature = mode_for(posterior, scales)
    design = posterior.design
    data = design.T @ (curvature[:, None] * design)
    places = _places(posterior)
    free = [(at, i) for at, i in places if i is not None]
    fixed = np.concatenate([np.arange(at.start, at.stop) for at, i in places if i is None])
    others = np.concatenate([np.arange(at.start, at.stop) for at, _ in free])
    size = np.concatenate([np.full(at.stop - at.start, scales[i]) for at, i in free])
    precision = data[np.ix_(fixed, fixed)] + np.eye(len(fixed))
    factor = linalg.cholesky(precision, lower=True)
    pull = linalg.cho_solve((factor, True), data[np.ix_(fixed, others)])
    left = data[np.ix_(others, others)] - data[np.ix_(others, fixed)] @ pull
    best = size * z[others]
    blocks = _free_blocks(free, left, size, best)
    return Whitening(
        posterior=posterior,
        fixed=fixed,
        free=blocks,
        center=z[fixed],
        root=linalg.solve_triangular(factor, np.eye(len(fixed)), lower=True).T,
        pull=pull,
        best=best,
        mix=_mix(blocks, left, size),
        logs=logs,
    )


def _places(posterior: CellPosterior) -> list[tuple[slice, int | None]]:
    """Say where each block is, and which scale it has."""
    out: list[tuple[slice, int | None]] = []
    at = 0
    for block in posterior.blocks:
        scale = posterior.scales.index(block.free) if block.free else None
        out.append((slice(at, at + block.size), scale))
        at += block.size
    return out


def _free_blocks(
    free: list[tuple[slice, int]], left: np.ndarray, size: np.ndarray, best: np.ndarray
) -> tuple[FreeBlock, ...]:
    """Find the axes of each block, with all others integrated out."""
    total = left + np.diag(size**-2)
    score = total @ best
    blocks, start = [], 0
    for at, scale in free:
        own = np.arange(start, start + at.stop - at.start)
        rest = np.setdiff1d(np.arange(len(size)), own)
        known, says = left[np.ix_(own, own)], score[own]
        if rest.size:
            through = np.linalg.solve(total[np.ix_(rest, rest)], left[np.ix_(rest, own)])
            known = known - left[np.ix_(own, rest)] @ through
            says = says - through.T @ score[rest]
        precision, axes = np.linalg.eigh((known + known.T) / 2)
        blocks.append(
            FreeBlock(
                at=at,
                among=slice(start, start + len(own)),
                scale=scale,
                axes=axes,
                precision=np.maximum(precision, 0.0),
                score=axes.T @ says,
            )
        )
        start += len(own)
    return tuple(blocks)


def _mix(blocks: tuple[FreeBlock, ...], left: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the root of the correlation of all blocks on their axes, at the mode."""
    covariance = np.linalg.inv(left + np.diag(size**-2)) / np.outer(size, size)
    turn = linalg.block_diag(*[b.axes for b in blocks])
    width = np.concatenate([b.width(size[b.among.start]) for b in blocks])
    turned = turn.T @ covariance @ turn / np.outer(width, width)
    return linalg.cholesky((turned + turned.T) / 2, lower=True)


def _best_logs(posterior: CellPosterior) -> np.ndarray:
    """Find the scales with the highest posterior, numbers integrated out by Laplace's method."""

    def cost(logs: np.ndarray) -> float:
        inside = np.clip(logs, *_LOGS)
        _, height, _ = mode_for(posterior, posterior.prior_scales * np.exp(inside))
        return float(
            np.square(logs - inside).sum() - height - (inside - np.exp(2 * inside) / 2).sum()
        )

    start = np.full(len(posterior.scales), np.log(_START))
    found = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 0.05, "fatol": 0.02, "maxfev": 200}
    )
    return np.clip(found.x, *_LOGS)


def mode_for(posterior: CellPosterior, scales: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Climb to the mode of the standard normal numbers for given scales.

    Parameters
    ----------
    posterior : CellPosterior
        The posterior.
    scales : numpy.ndarray, shape (scale,)
        Free scales.

    Returns
    -------
    tuple of numpy.ndarray, float and numpy.ndarray, shape (cell,)
        The mode; the logarithm of the integral over the numbers by Laplace's method, up to a
        constant; and the curvature of the log likelihood of every cell there.
    """
    cells, shock = posterior.cells, float(scales[-1])
    design, constant = posterior.design * posterior.number_scales(scales), posterior.constant
    z = np.zeros(posterior.n_linear)
    curvature, root = np.zeros(len(cells.n)), np.eye(len(z))

    def height(at: np.ndarray) -> float:
        return likelihood(cells, constant + design @ at, shock)[0] - float(at @ at) / 2

    now = height(z)
    for _ in range(_MAX_STEPS):
        eta = constant + design @ z
        slope = likelihood(cells, eta, shock)[1]
        ahead = likelihood(cells, eta + _CURVATURE_STEP, shock)[1]
        behind = likelihood(cells, eta - _CURVATURE_STEP, shock)[1]
        curvature = np.maximum((behind - ahead) / (2 * _CURVATURE_STEP), 0.0)
        precision = design.T @ (curvature[:, None] * design) + np.eye(len(z))
        root = linalg.cholesky(precision, lower=True)
        step = linalg.cho_solve((root, True), design.T @ slope - z)
        length = 1.0
        while length > 1e-4 and not height(z + length * step) >= now:
            length /= 2
        z, before = z + length * step, now
        now = height(z)
        if abs(now - before) < 1e-6:
            break
    return z, float(now - np.log(np.diag(root)).sum()), curvature
