"""Customers for tests of rankings by effect."""

from __future__ import annotations

import numpy as np


def fixed_cases() -> dict[str, dict[str, list[float]]]:
    """Small fixed data sets: ties, harm in a group, arms of unequal size."""
    out = {}
    for name, seed, n, share, digits in (
        ("even", 1, 60, 0.5, 6),
        ("ties", 2, 80, 0.5, 1),
        ("few treated", 3, 90, 0.2, 6),
        ("harm", 4, 100, 0.6, 1),
    ):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-1, 1, n)
        treated = (rng.random(n) < share).astype(int)
        slope = 0.9 if name == "harm" else 0.4
        lift = 0.1 if name != "harm" else -0.05
        outcome = rng.random(n) < np.clip(0.4 + (lift + slope * x) * treated, 0, 1)
        score = np.round(x + 0.5 * rng.standard_normal(n), digits)
        out[name] = {
            "outcome": outcome.astype(int).tolist(),
            "treatment": treated.tolist(),
            "score": score.tolist(),
        }
    return out


def randomized(rng: np.random.Generator, n: int, *, spread: float = 0.4) -> dict[str, np.ndarray]:
    """A randomized trial with outcomes of 0 and 1 and known effects ``tau``."""
    x = rng.random((n, 2))
    tau = 0.05 + spread * (x[:, 0] - 0.5)
    treatment = rng.integers(0, 2, n).astype(float)
    outcome = (rng.random(n) < 0.3 + 0.2 * x[:, 1] + tau * treatment).astype(float)
    return {"outcome": outcome, "treatment": treatment, "tau": tau, "other": x[:, 1]}
