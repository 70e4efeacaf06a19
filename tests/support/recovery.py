"""Worlds of cases with a known effect of closing the loop."""

import numpy as np
import pandas as pd


def holdout_world(
    n: int, rng: np.random.Generator, *, effect: float = 0.5, reach: float = 0.6, held: float = 0.3
) -> pd.DataFrame:
    """Alerts held back by lot; who can be recovered buys more anyway."""
    alert = (rng.random(n) > held).astype(int)
    complier = rng.random(n) < reach
    tenure = rng.normal(size=n)
    recovered = alert * complier
    spend = 1 + 0.8 * complier + 0.4 * tenure + effect * recovered + rng.normal(size=n)
    return pd.DataFrame({"alert": alert, "recovered": recovered, "spend": spend, "tenure": tenure})


def weak_world(n: int, rng: np.random.Generator, *, effect: float = 0.0) -> pd.DataFrame:
    """Agents call the held back nearly as often as the alerted."""
    alert = rng.integers(0, 2, n)
    eager = rng.normal(size=n)
    recovered = (eager + 0.12 * alert + rng.normal(size=n) > 0).astype(int)
    spend = effect * recovered + 1.5 * eager + rng.normal(size=n)
    return pd.DataFrame({"alert": alert, "recovered": recovered, "spend": spend})


def regression_world(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Two scores of reliability one half, and nothing done in between."""
    true = rng.normal(size=n)
    first, second = true + rng.normal(size=n), true + rng.normal(size=n)
    return pd.DataFrame({"first": first, "second": second})


def score_world(
    n: int, rng: np.random.Generator, *, jump: float = 0.0, bend: float = 0.0
) -> pd.DataFrame:
    """Spend by a score of eleven points; it bends down below the cutoff 6 and up above it."""
    score = np.clip(np.round(6.5 + 2.2 * rng.normal(size=n)), 0, 10)
    ahead = score - 6
    away = np.abs(ahead)
    mean = 0.3 * score + 0.5 * bend * np.sign(ahead) * away * (away - 1)
    alert = (score <= 6).astype(int)
    return pd.DataFrame(
        {"score": score, "alert": alert, "spend": mean + jump * alert + rng.normal(size=n)}
    )
