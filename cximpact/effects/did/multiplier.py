"""The multiplier bootstrap: every cluster's share in the errors, times a random number."""

from __future__ import annotations

import numpy as np

from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice

MULTIPLIERS = ("rademacher", "mammen")
_CHUNK = 2**22
"""Random numbers held at once."""
_ROOT = np.sqrt(5.0)


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

    Notes
    -----
    Both kinds take two values, so that a random sum is the lower value times the sum of all, plus
    the step between the values times the sum of those that drew the higher one. That sum is taken
    in single precision, block by block: its rounding is far below the error of the draws.

    References
    ----------
    Callaway, B. and Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time
    periods. Journal of Econometrics 225, 200-230.
    """
    check_choice(kind, "multiplier", MULTIPLIERS)
    generator = as_generator(rng)
    high = np.zeros((size, influence.shape[1]))
    step = max(_CHUNK // size // 8 * 8, 8)
    for start in range(0, len(influence), step):
        part = influence[start : start + step].astype(np.float32)
        high += _drew_high(generator, (size, len(part)), kind) @ part
    low, jump = (-1.0, 2.0) if kind == "rademacher" else ((1 - _ROOT) / 2, _ROOT)
    return low * influence.sum(axis=0) + jump * high


def _drew_high(generator: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Say which clusters drew the higher value, as 0 or 1."""
    if kind == "mammen":
        return (generator.random(shape) >= (_ROOT + 1) / (2 * _ROOT)).astype(np.float32)
    width = -(-shape[1] // 8)
    drawn = np.frombuffer(generator.bytes(shape[0] * width), np.uint8).reshape(shape[0], width)
    return np.unpackbits(drawn, axis=1, count=shape[1]).astype(np.float32)
