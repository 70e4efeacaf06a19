"""Bringing independent draws into one joint sample, and drawing whole samples anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cximpact.core.errors import AlignmentError, ConfigError, join_names
from cximpact.core.rng import RngLike, as_generator, seed_of, spawn
from cximpact.core.sample_order import (
    ASSUMED_INDEPENDENT,
    DATA_PREFIX,
    ESS,
    SAMPLE,
    Draws,
    DrawsT,
    carried_notes,
    effective_draws,
    noted,
    order_of,
    taken,
)
from cximpact.core.validate import check_count


def pair(
    *blocks: Draws, rng: RngLike, size: int | None = None, assume_independent: str | None = None
) -> tuple[Any, ...]:
    """Bring blocks of draws into one joint sample.

    Blocks that share a source and its order stay together, draw by draw. Blocks without
    a common source are independent: each such group is permuted as a whole by a stream of
    its own, and a shorter group is repeated evenly to the length of the longest.

    Parameters
    ----------
    *blocks : DataArray or Dataset
        Labelled draws. Give a Dataset to keep several arrays together.
    rng : int or Generator
        Randomness of the permutations.
    size : int, optional
        Length of the joint sample; the longest block by default.
    assume_independent : str, optional
        Reason for treating results of one source, or fits of the same data, as independent
        all the same. It is recorded in ``attrs["assumed_independent"]``.

    Returns
    -------
    tuple of DataArray or Dataset
        The blocks in their order, all of one length and one ``sample_order``, read-only where
        they moved.

    Raises
    ------
    AlignmentError
        If blocks share a source or data but differ in its order or in length: they are
        dependent in a way that was lost, and resampling them would misstate every variance.

    Notes
    -----
    The first group keeps its order if it has the full length, so two results that were paired
    with the same block can be combined later. Every other group is permuted by a stream that
    follows from the seed, the group and the first group; hence neither sorted nor
    quasi-random draws can line up, within one call or across calls with the same seed.
    In a repetition of ``m`` draws to ``n`` each draw is used ``n // m`` or ``n // m + 1`` times.
    """
    if not blocks:
        raise AlignmentError("pair was given no draws; expected at least one block.")
    orders = [order_of(block) for block in blocks]
    reason = _check_sources(orders, assume_independent)
    groups = _groups(blocks, orders)
    n = max(b.sizes[SAMPLE] for b in blocks) if size is None else check_count(size, "size")
    root = seed_of(rng)
    names = [_name(orders[i] for i in members) for members in groups]
    joint: dict[str, set[str]] = {}
    out: list[Any] = list(blocks)
    for members, name in zip(groups, names, strict=True):
        length = blocks[members[0]].sizes[SAMPLE]
        rows, key = None, json.dumps([name, names[0], n])
        if name != names[0] or length != n:
            rows = _balanced_rows(length, n, spawn(root, key)[0])
        for i in members:
            for source, fingerprint in orders[i].items():
                joint.setdefault(source, set()).add(_moved(fingerprint, rows, f"{root} {key}"))
            out[i] = out[i] if rows is None else taken(out[i], rows)
    order = {source: _only(marks) for source, marks in joint.items()}
    notes = carried_notes(*blocks, n=n)
    if reason:
        notes[ASSUMED_INDEPENDENT] = " | ".join(
            dict.fromkeys([*notes.get(ASSUMED_INDEPENDENT, reason).split(" | "), reason])
        )
    return tuple(noted(block, order, notes) for block in out)


def resample(draws: DrawsT, size: int, *, rng: RngLike, replace: bool = False) -> DrawsT:
    """Draw whole samples anew, all variables together.

    Parameters
    ----------
    draws : DataArray or Dataset
        Labelled draws.
    size : int
        How many to keep.
    rng : int or Generator
        Randomness. Joint blocks resampled with the same seed stay joint.
    replace : bool, default False
        With replacement, as a bootstrap would. Without it each draw is used as often as
        any other, give or take one.

    Returns
    -------
    DataArray or Dataset
        Of length ``size``, with a new sample order.
    """
    order, size = order_of(draws), check_count(size, "size")
    notes, length = carried_notes(draws, n=size), draws.sizes[SAMPLE]
    generator = as_generator(rng)
    if replace:
        rows = generator.integers(0, length, size)
        notes[ESS] = 1 / (1 / effective_draws(draws) + 1 / size)
    else:
        rows = _balanced_rows(length, size, generator)
    return noted(taken(draws, rows), {s: _moved(o, rows) for s, o in order.items()}, notes)


def _check_sources(orders: Sequence[Mapping[str, str]], assumed: object) -> str | None:
    """Refuse sources that come in several orders, unless there is a reason to wave them on."""
    if assumed is not None and not (isinstance(assumed, str) and assumed.strip()):
        raise ConfigError(f"assume_independent is {assumed!r}; expected the reason, in words.")
    seen: dict[str, set[str]] = {}
    for order in orders:
        for source, fingerprint in order.items():
            seen.setdefault(source, set()).add(fingerprint)
    torn = sorted(source for source, found in seen.items() if len(found) > 1)
    if not torn or assumed is not None:
        return str(assumed).strip() if torn else None
    if own := [source for source in torn if not source.startswith(DATA_PREFIX)]:
        raise AlignmentError(
            f"two results of {join_names(own)} come in different sample orders, so how they "
            "depend on each other is lost and they cannot be paired as independent. Put them "
            "through one draws.pair call from the start, or give the reason in assume_independent."
        )
    users = sorted({name for order in orders for name in order if name not in torn})
    raise AlignmentError(
        f"{join_names(users)} were estimated from the same data ({join_names(torn)}), so they "
        "depend on each other in an unknown way and cannot be paired as independent. Estimate "
        "them jointly, or give the reason in assume_independent."
    )


def _groups(blocks: Sequence[Draws], orders: Sequence[Mapping[str, str]]) -> list[list[int]]:
    """Group blocks that share a source in the same order, directly or through others."""
    groups: list[list[int]] = []
    for i, order in enumerate(orders):
        near = [g for g in groups if any(order.items() & orders[j].items() for j in g)]
        groups = [g for g in groups if g not in near] + [sorted([i, *(j for g in near for j in g)])]
    for group in groups:
        if len(lengths := {blocks[i].sizes[SAMPLE] for i in group}) > 1:
            raise AlignmentError(
                f"draws of one source have unequal lengths {sorted(lengths)}; "
                "they are a joint sample and cannot be shortened or repeated apart. "
                "Resample them together, in one Dataset or with one seed."
            )
    return sorted(groups)


def _name(orders: Any) -> str:
    return json.dumps(sorted({(s, o) for order in orders for s, o in order.items()}))


def _balanced_rows(length: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return permutations of all draws, one after the other, cut at ``n``."""
    return np.concatenate([rng.permutation(length) for _ in range(-(-n // length))])[:n]


def _moved(fingerprint: str, rows: np.ndarray | None, key: str = "") -> str:
    if rows is None:
        return fingerprint
    text = f"{len(fingerprint)} {fingerprint} {key}".encode()
    return hashlib.sha256(text + rows.astype("<i8").tobytes()).hexdigest()[:16]


def _only(marks: set[str]) -> str:
    """Return the one mark; a source assumed independent of itself gets one of its own."""
    if len(marks) == 1:
        return next(iter(marks))
    return hashlib.sha256(json.dumps(sorted(marks)).encode()).hexdigest()[:16]
