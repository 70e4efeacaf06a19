"""Where the nodes of a directed graph stand so that arrows run to the right and cross little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_SWEEPS = 24
_BETWEEN, _PASSING = 1.0, 0.55


@dataclass(frozen=True, kw_only=True)
class Layers:
    """A layered drawing.

    Parameters
    ----------
    place : mapping of str to tuple of float
        Column and height of each node.
    route : mapping of tuple to list of tuple
        Points of each arrow, from its start over the columns that it passes to its end.
    """

    place: Mapping[str, tuple[float, float]]
    route: Mapping[tuple[str, str], list[tuple[float, float]]]


def layered(
    groups: Mapping[str, int], parents: Mapping[str, Sequence[str]], *, sweeps: int = _SWEEPS
) -> Layers:
    """Lay out a graph without cycles.

    Parameters
    ----------
    groups : mapping of str to int
        Nodes, causes first, with the number of their group; groups stand from left to right.
    parents : mapping of str to sequence of str
        Each node with the nodes that point to it.
    sweeps : int, default 24
        Rounds of ordering nodes by the mean height of their neighbors.

    Returns
    -------
    Layers
        Columns from 0; heights around 0, the first node on top.

    Notes
    -----
    Sugiyama, Tagawa and Toda (1981). Methods for visual understanding of hierarchical system
    structures. IEEE Transactions on Systems, Man and Cybernetics 11, 109-125. An arrow that
    passes columns gets a place in each of them.
    """
    column = _columns(groups, parents)
    chains = {
        (parent, child): [parent, *_passing(parent, child, column), child]
        for child, causes in parents.items()
        for parent in causes
    }
    where = dict(column)
    for chain in chains.values():
        where |= {name: column[chain[0]] + k for k, name in enumerate(chain)}
    rows: dict[int, list[str]] = {}
    for name, at in where.items():
        rows.setdefault(at, []).append(name)
    near: dict[str, list[str]] = {name: [] for name in where}
    for chain in chains.values():
        for a, b in pairwise(chain):
            near[a].append(b)
            near[b].append(a)
    height = _heights(rows, near, set(column), sweeps)
    return Layers(
        place={name: (float(column[name]), height[name]) for name in column},
        route={
            pair: [(float(where[name]), height[name]) for name in chain]
            for pair, chain in chains.items()
        },
    )


def _columns(groups: Mapping[str, int], parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Put each node to the right of its causes and of earlier groups."""
    column: dict[str, int] = {}
    start = 0
    for group in sorted(set(groups.values())):
        members = [name for name, own in groups.items() if own == group]
        for name in members:
            inside = [column[p] + 1 for p in parents[name] if p in members]
            column[name] = max([start, *inside])
        start = max(column[name] for name in members) + 1
    return column


def _passing(parent: str, child: str, column: Mapping[str, int]) -> list[str]:
    return [f"{parent}:{child}:{k}" for k in range(column[parent] + 1, column[child])]


def _heights(
    rows: Mapping[int, list[str]], near: Mapping[str, list[str]], nodes: set[str], sweeps: int
) -> dict[str, float]:
    height = {name: -float(k) for names in rows.values() for k, name in enumerate(names)}
    for sweep in range(sweeps):
        order = sorted(rows, reverse=sweep % 2 == 1)
        for at in order:
            names = rows[at]
            wanted = {n: float(np.mean([height[m] for m in near[n]] or [0.0])) for n in names}
            names.sort(key=lambda n, wanted=wanted: -wanted[n])
            height |= _spread(names, wanted, nodes)
    return height


def _spread(names: Sequence[str], wanted: Mapping[str, float], nodes: set[str]) -> dict[str, float]:
    """Give each its wanted height as nearly as the distances allow."""
    gaps = [_BETWEEN if a in nodes and b in nodes else _PASSING for a, b in pairwise(names)]
    below = np.concatenate([[0.0], np.cumsum(gaps)])
    # heights plus the distances from the top must not rise: an isotonic regression
    free = np.array([wanted[n] for n in names]) + below
    blocks: list[list[float]] = []
    for value in free:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-1][0] > blocks[-2][0]:
            last, before = blocks.pop(), blocks.pop()
            size = last[1] + before[1]
            blocks.append([(last[0] * last[1] + before[0] * before[1]) / size, size])
    level = np.concatenate([np.full(int(size), value) for value, size in blocks])
    return dict(zip(names, (level - below).tolist(), strict=True))
