"""The multiplier bootstrap: every cluster's share in the errors, times a random number."""

from __future__ import annotations

import numpy as np

from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice

MULTIPLIERS = ("rademacher", "mammen")
_CHUNK = 2**22
"""Random numbers held at once."""


def multiplier_draws(
    influence: np.ndarray, size: int, rng: RngLike, kind: str = "rademacher"
) -> np.ndarray:
    """Draw errors of estimates.

    Parameters
    ----------
    influence : numpy.ndarray, shape (cluster, term)
        Share of each cluster in the error of each estimate.
    size : int
        How many draws.
    rng : int or Generator
        Randomness.
    kind : {"rademacher", "mammen"}
        Random numbers with mean 0 and variance 1: plus or minus one, or two unequal values whose
        third moment is 1 as well.

    Returns
    -------
    numpy.ndarray, shape (sample, term)
        Errors, to be added to the estimates.

    References
    ----------
    Callaway, B. and Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time
    periods. Journal of Econometrics 225, 200-230.
    """
    check_choice(kind, "multiplier", MULTIPLIERS)
    generator = as_generator(rng)
    out = np.zeros((size, influence.shape[1]))
    step = max(_CHUNK // size, 1)
    for start in range(0, len(influence), step):
        part = influence[start : start + step]
        out += _numbers(generator, (size, len(part)), kind) @ part
    return out


def _numbers(generator: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Draw multipliers."""
    if kind == "rademacher":
        n = shape[0] * shape[1]
        bits = np.unpackbits(np.frombuffer(generator.bytes(-(-n // 8)), np.uint8), count=n)
        return (2.0 * bits - 1.0).reshape(shape)
    root = np.sqrt(5.0)
    low = generator.random(shape) < (root + 1) / (2 * root)
    return np.where(low, (1 - root) / 2, (1 + root) / 2)
