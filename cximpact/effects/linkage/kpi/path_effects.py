"""The part of an effect that is passed on along some arrows."""

from __future__ import annotations

from collections.abc import Sequence

from cximpact.core.errors import GraphError
from cximpact.effects.linkage.kpi.network import (
    Edges,
    Parents,
    directed_paths,
    edges_of,
    recanting_witness,
)


def read_edges(
    parents: Parents, start: str, target: str, via: str | Sequence[tuple[str, str]]
) -> Edges:
    """Turn a node, or pairs, into the arrows that pass a change on.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows of the graph.
    start, target : str
        Cause and outcome.
    via : str or sequence of tuple of str
        A node, or arrows.

    Returns
    -------
    set of tuple of str
        Arrows on a path from start to target.

    Raises
    ------
    GraphError
        If there is no such path.
    """
    paths = directed_paths(parents, start, target)
    if isinstance(via, str):
        edges = edges_of(path for path in paths if via in path[1:-1])
        if not edges:
            raise GraphError(
                f"no path from {start!r} to {target!r} goes by way of {via!r}; paths are "
                f"{'; '.join(' -> '.join(p) for p in paths)}."
            )
        return edges
    edges = {(a, b) for a, b in via}
    if unknown := [f"{a} -> {b}" for a, b in edges if b not in parents or a not in parents[b]]:
        raise GraphError(f"the graph has no arrow {', '.join(sorted(unknown))}.")
    if not any(edges_of([path]) <= edges for path in paths):
        raise GraphError(f"these arrows form no path from {start!r} to {target!r}.")
    return edges


def check_identified(parents: Parents, start: str, target: str, edges: Edges) -> None:
    """Refuse a set of paths whose effect no data could tell.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        The arrows of the graph.
    start, target : str
        Cause and outcome.
    edges : set of tuple of str
        Arrows that pass the change on.

    Raises
    ------
    GraphError
        With the node that would have to react and not to react.
    """
    if witness := recanting_witness(parents, start, target, edges):
        raise GraphError(
            f"the effect along these paths cannot be told from any data: {witness!r} would have "
            "to react to the change on one path and not to react on another. Take all arrows "
            f"that leave {witness!r} toward {target!r}, or none."
        )
