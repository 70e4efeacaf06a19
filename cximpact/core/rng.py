"""Randomness is an argument: one seed in, named child streams out."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

from cximpact.core.errors import ConfigError

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
    ConfigError
        If the seed is negative, a bool or not a whole number.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng)
    if isinstance(rng, bool | np.bool_) or not isinstance(rng, int | np.integer) or rng < 0:
        raise ConfigError(
            f"rng is {rng!r}; expected a whole number from 0, a numpy Generator, "
            "a SeedSequence or None."
        )
    return np.random.default_rng(int(rng))


def spawn(rng: RngLike, *names: str) -> list[np.random.Generator]:
    """Give each named task a stream of its own.

    The stream of a name depends on the seed and the name alone, so adding a task
    or reordering tasks leaves the numbers of the others unchanged. A generator is advanced
    by one draw, whatever the number of names; calling again gives other streams.

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

    Raises
    ------
    ConfigError
        If a name occurs twice: both tasks would draw the same numbers.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"tasks {twice} share a name and would draw the same numbers; rename.")
    root = seed_of(rng)
    return [np.random.default_rng([*_words(name), root]) for name in names]


def seed_of(rng: RngLike) -> int:
    """Reduce ``rng`` to one integer seed, for libraries that take only that.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        A plain seed comes back unchanged; a generator is advanced by one draw; None gives
        a fresh seed, which can be recorded and used again.

    Returns
    -------
    int
        A seed from 0; below 2**63 unless a larger one was given.
    """
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        as_generator(rng)
        return int(rng)
    return int(as_generator(rng).integers(0, 2**63 - 1))


def _words(name: str) -> list[int]:
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in (0, 4, 8, 12)]
