"""A battery of tests for normal random numbers: p-values by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

Numbers = Callable[[int, int, int, int], np.ndarray]
MOMENTS = {1: (0.0, 1.0), 2: (1.0, 2.0), 3: (0.0, 15.0), 4: (3.0, 96.0)}


def battery(make: Numbers, draws: int = 200_000, size: int = 40) -> dict[str, float]:
    """Test numbers made by ``make(first draw, draws, numbers a draw, seed)``."""
    z = make(0, draws, size, 1)
    flat, n, p = z.ravel(), z.size, {}
    for power, (mean, variance) in MOMENTS.items():
        score = ((flat**power).mean() - mean) / np.sqrt(variance / n)
        p[f"moment {power}"] = float(2 * stats.norm.sf(abs(score)))
    for edge in (2.0, 3.0, 3.442619855899, 4.0, 4.5):
        for side, seen in (("above", (flat > edge).sum()), ("below", (flat < -edge).sum())):
            p[f"tail {side} {edge:.3g}"] = float(
                stats.binomtest(int(seen), n, stats.norm.sf(edge)).pvalue
            )
    edges = stats.norm.ppf(np.linspace(0, 1, 1001)[1:-1])
    p["chi-square, 1000 bins"] = _even(np.bincount(np.searchsorted(edges, flat), minlength=1000))
    fine = np.floor(np.abs(flat) * 2**12).astype(int) & 255
    near = np.abs(flat) < 0.05  # the density is flat here
    p["low bits"] = _even(np.bincount(fine[near & (np.abs(flat) < 0.046875)], minlength=256)[:192])
    p["correlation in a draw"] = _correlation(z[:, :-1], z[:, 1:])
    p["correlation of blocks"] = _correlation(z[:, :-4], z[:, 4:])
    p["correlation of draws"] = _correlation(z[:-1], z[1:])
    p["correlation of squares"] = _correlation(z[:-1] ** 2, z[1:] ** 2)
    p["correlation of seeds"] = _correlation(z, make(0, draws, size, 2))
    far = make(2**33, draws // 10, size, 1)
    p["correlation of far draws"] = _correlation(z[: draws // 10], far)
    sums = z.sum(axis=1) / np.sqrt(size)
    p["sums of a draw"] = float(stats.kstest(sums, "norm").pvalue)
    pairs = np.histogram2d(
        stats.norm.cdf(z[:, 0]), stats.norm.cdf(z[:, 1]), bins=32, range=[[0, 1], [0, 1]]
    )[0]
    p["pairs, 32 x 32"] = _even(pairs.ravel())
    return p


def _even(counts: np.ndarray) -> float:
    return float(stats.chisquare(counts).pvalue)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    score = (a @ b) / np.sqrt((a @ a) * (b @ b)) * np.sqrt(a.size)
    return float(2 * stats.norm.sf(abs(score)))
