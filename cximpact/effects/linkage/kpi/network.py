"""Arrows between names: order, ancestors and paths, without any data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from cximpact.core.errors import GraphError

Parents = Mapping[str, Iterable[str]]
"""Each node with the nodes that point to it."""
Edges = set[tuple[str, str]]
"""Arrows, as pairs of cause and effect."""


def causal_order(parents: Parents) -> list[str]:
    """Order nodes so that causes come before effects.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        Each node with the nodes that point to it.

    Returns
    -------
    list of str
        All nodes; those that could come in any order keep the order they were given in.

    Raises
    ------
    GraphError
        With the cycle, if there is one.
    """
    order: list[str] = []
    waiting = dict(parents)
    while waiting:
        free = [n for n, causes in waiting.items() if not set(causes) & set(waiting)]
        if not free:
            raise GraphError(
                f"the graph has a cycle: {' -> '.join(_cycle(waiting))}. A KPI cannot be its own "
                "cause; take one arrow out, or split a KPI by period."
            )
        order += free
        for name in free:
            del waiting[name]
    return order


def _cycle(parents: Parents) -> list[str]:
    """Follow arrows backward until a node comes again."""
    at = next(iter(parents))
    seen: list[str] = []
    while at not in seen:
        seen.append(at)
        at = next(cause for cause in parents[at] if cause in parents)
    return [at, *reversed(seen[seen.index(at) :])]


def descendants(parents: Parents, name: str) -> set[str]:
    """Return the nodes that a node has a directed path to, without itself.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows.
    name : str
        Where paths start.

    Returns
    -------
    set of str
        Its effects, direct and indirect.
    """
    found: set[str] = set()
    for node in causal_order(parents):
        if set(parents[node]) & (found | {name}):
            found.add(node)
    return found


def directed_paths(parents: Parents, start: str, end: str) -> list[tuple[str, ...]]:
    """List all directed paths from one node to another.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows.
    start, end : str
        Ends of the paths.

    Returns
    -------
    list of tuple of str
        Each from start to end; short ones first.
    """
    if start == end:
        return [(start,)]
    found = [
        (*path, end) for cause in parents[end] for path in directed_paths(parents, start, cause)
    ]
    return sorted(found, key=lambda path: (len(path), path))


def edges_of(paths: Iterable[tuple[str, ...]]) -> set[tuple[str, str]]:
    """Return the arrows that paths take.

    Parameters
    ----------
    paths : iterable of tuple of str
        Paths.

    Returns
    -------
    set of tuple of str
        Pairs of cause and effect.
    """
    return {(a, b) for path in paths for a, b in pairwise(path)}


def recanting_witness(parents: Parents, start: str, end: str, active: set[tuple[str, str]]) -> str:
    """Find a node that would have to react to the cause and not to react to it at once.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows.
    start, end : str
        Cause and outcome.
    active : set of tuple of str
        Arrows along which the change is passed on.

    Returns
    -------
    str
        Its name; empty if there is none and the effect along these arrows is identified.

    Notes
    -----
    Avin, Shpitser and Pearl (2005). Identifiability of path-specific effects. IJCAI 19, 357-363.
    """
    moved = {start}
    for node in causal_order(parents):
        if any((cause, node) in active for cause in parents[node] if cause in moved):
            moved.add(node)
    leads = {end} | {n for n in parents if end in descendants(parents, n)}
    for node in sorted(moved - {start, end}):
        uses = [(node, n) in active for n in leads if node in parents[n]]
        if any(uses) and not all(uses):
            return node
    return ""


def local_independencies(parents: Parents) -> list[tuple[str, str, tuple[str, ...]]]:
    """List the conditional independencies that a graph stands for.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows.

    Returns
    -------
    list of tuple
        Node, another node before it that it does not depend on, and its parents, given which it
        does not. Pairs of nodes without parents are left out: they may go together.

    Notes
    -----
    The local Markov property: a node is independent of what it does not cause, given its parents.
    All other independencies of the graph follow from these.
    """
    order = causal_order(parents)
    return [
        (node, other, tuple(parents[node]))
        for i, node in enumerate(order)
        if tuple(parents[node])
        for other in order[:i]
        if other not in set(parents[node])
    ]
