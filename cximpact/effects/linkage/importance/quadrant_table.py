"""Importance against performance: what to fix first, with the probability of being there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, join_names, unknown_name

QUADRANTS = ("fix first", "keep up", "low priority", "possible overkill")


def quadrant_table(
    names: Sequence[str],
    importance: np.ndarray,
    performance: np.ndarray,
    estimates: tuple[np.ndarray, np.ndarray],
    tail: float,
) -> pd.DataFrame:
    """Place every driver among four quadrants, draw by draw.

    Parameters
    ----------
    names : sequence of str
        Drivers.
    importance, performance : numpy.ndarray, shape (draw, driver)
        Joint draws.
    estimates : tuple of numpy.ndarray, shape (driver,)
        Importance and performance in the data.
    tail : float
        Mass beyond each end of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``driver, importance, importance_low, importance_high, performance, performance_low,
        performance_high, quadrant, probability``, then the probability of each quadrant, the most
        important first. ``attrs`` holds the two limits.

    Notes
    -----
    A driver is important, or performs well, where it lies at or above the mean over drivers of the
    same draw. So the quadrants compare drivers with each other and say nothing of any level.
    """
    high = importance >= importance.mean(axis=1, keepdims=True)
    well = performance >= performance.mean(axis=1, keepdims=True)
    shares = np.stack([(high & ~well), (high & well), (~high & ~well), (~high & well)])
    probability = shares.mean(axis=1)
    best = probability.argmax(axis=0)
    ends = [np.quantile(a, [tail, 1 - tail], axis=0) for a in (importance, performance)]
    columns: dict[str, object] = {"driver": list(names)}
    for name, estimate, (low, top) in zip(
        ("importance", "performance"), estimates, ends, strict=True
    ):
        columns |= {name: estimate, f"{name}_low": low, f"{name}_high": top}
    columns["quadrant"] = [QUADRANTS[b] for b in best]
    columns["probability"] = probability.max(axis=0)
    columns |= dict(zip(QUADRANTS, probability, strict=True))
    table = pd.DataFrame(columns).sort_values("importance", ascending=False, kind="stable")
    table.attrs["limits"] = tuple(float(a.mean()) for a in estimates)
    return table.reset_index(drop=True)


def on_scales(
    performance: np.ndarray,
    names: Sequence[str],
    scales: Mapping[str, Sequence[float]] | Sequence[float],
) -> np.ndarray:
    """Turn mean ratings into shares of the way from the worst to the best answer.

    Parameters
    ----------
    performance : numpy.ndarray, shape (..., driver)
        Mean ratings.
    names : sequence of str
        Drivers.
    scales : mapping of str to (float, float), or (float, float)
        Worst and best answer of each driver, or of all.

    Returns
    -------
    numpy.ndarray
        From 0 to 1.

    Raises
    ------
    ConfigError
        If a driver is unknown or has no scale, or a scale no two different ends.
    """
    if isinstance(scales, Mapping):
        if strangers := [name for name in scales if name not in names]:
            raise unknown_name("driver", strangers[0], names)
        if lacking := [name for name in names if name not in scales]:
            raise ConfigError(f"scales lacks {join_names(lacking)}; give worst and best of each.")
        pairs = [scales[name] for name in names]
    else:
        pairs = [scales] * len(names)
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise ConfigError(f"a scale is {pair!r}; expected worst and best answer, as (1, 5).")
    worst, best = (np.array([float(pair[i]) for pair in pairs]) for i in (0, 1))
    return (performance - worst) / (best - worst)
