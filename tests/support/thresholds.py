"""Worlds in which behavior follows a score, with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.support import golden


def printed_counts() -> pd.DataFrame:
    """One row a customer of the golden counts, scores 0 to 10."""
    numbers = golden.load("threshold")
    n = numbers["n"]
    bought = [np.repeat([1.0, 0.0], [k, n - k]) for k in numbers["successes"]]
    return pd.DataFrame({"s": np.repeat(np.arange(11), n), "y": np.concatenate(bought)})


def step_world(seed: int, *, n: int = 1500, c: float = 7, low=0.2, high=0.4) -> pd.DataFrame:
    """Rates that jump at a threshold; nothing else moves them."""
    rng = np.random.default_rng([71, seed])
    s = rng.integers(0, 11, n)
    y = (rng.random(n) < np.where(s >= c, high, low)).astype(float)
    return pd.DataFrame({"s": s, "y": y})


def kink_world(seed: int, *, n: int = 1500) -> pd.DataFrame:
    """Flat up to 5, then rising."""
    rng = np.random.default_rng([72, seed])
    s = rng.integers(0, 11, n)
    rate = 0.2 + 0.08 * np.maximum(s - 5, 0)
    return pd.DataFrame({"s": s, "y": (rng.random(n) < rate).astype(float)})


def chosen_world(seed: int, *, n: int = 4000) -> pd.DataFrame:
    """Liking moves both: T = 1{L + v > 0}, Y = .5 L + .2 T + e."""
    rng = np.random.default_rng([73, seed])
    liking = rng.normal(size=n)
    t = (liking + rng.normal(size=n) > 0).astype(float)
    y = 0.5 * liking + 0.2 * t + rng.normal(size=n)
    return pd.DataFrame({"liking": liking, "t": t, "y": y})
