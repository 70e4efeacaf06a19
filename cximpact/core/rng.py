"""Randomness is an argument: one seed in, named child streams out."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

RngLike: TypeAlias = int | np.integer | np.random.Generator | np.random.SeedSequence | None
"""What every ``rng`` argument accepts. ``None`` asks for fresh entropy."""


def as_generator(rng: RngLike) -> np.random.Generator:
    """Turn a seed or a generator into a generator.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        A generator is returned as it is and will be advanced.

    Returns
    -------
    numpy.random.Generator
        The stream to draw from.

    Raises
    ------
    ValueError
        If the seed is negative, a bool or not a whole number.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng)
    if isinstance(rng, bool | np.bool_) or not isinstance(rng, int | np.integer) or rng < 0:
        raise ValueError(
            f"rng is {rng!r}; expected a whole number from 0, a numpy Generator, "
            "a SeedSequence or None."
        )
    return np.random.default_rng(int(rng))


def spawn(rng: RngLike, *names: str) -> list[np.random.Generator]:
    """Give each named task a stream of its own.

    The stream of a name depends on the seed and the name alone, so adding a task
    or reordering tasks leaves the numbers of the others unchanged.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        Where the streams come from.
    *names : str
        One name a task.

    Returns
    -------
    list of numpy.random.Generator
        In the order of ``names``.
    """
    root = seed_of(rng)
    return [np.random.default_rng([*_words(name), root]) for name in names]


def seed_of(rng: RngLike) -> int:
    """Reduce ``rng`` to one integer seed, for libraries that take only that.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        A plain seed comes back unchanged; a generator is advanced by one draw.

    Returns
    -------
    int
        A seed from 0 to 2**63 - 1.
    """
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        as_generator(rng)
        return int(rng)
    return int(as_generator(rng).integers(0, 2**63 - 1))


def _words(name: str) -> list[int]:
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in (0, 4, 8, 12)]
