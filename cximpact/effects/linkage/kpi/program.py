"""A fitted graph as plain arrays, for the compiled simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.effects.linkage.kpi import kernels
from cximpact.effects.linkage.kpi.interventions import Intervention
from cximpact.effects.linkage.kpi.mechanism import Mechanism
from cximpact.effects.linkage.kpi.network import Edges
from cximpact.effects.linkage.kpi.terms import TermDesign
from cximpact.effects.linkage.models.ordinal import Ordinal

_KINDS = {
    "normal": kernels.NORMAL,
    "lognormal": kernels.LOGNORMAL,
    "binary": kernels.BINARY,
    "ordinal": kernels.ORDINAL,
    "count": kernels.COUNT,
    "hurdle": kernels.HURDLE,
}
_ACTS = {"set": kernels.SET, "shift": kernels.SHIFT, "scale": kernels.SCALE}


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What is done, to which world, and which arrows pass it on.

    Parameters
    ----------
    do : mapping of str to Intervention
        What is done; nothing in the world as it is.
    base : int
        Number of the world that it is a change of; 0 is the world as it is.
    edges : set of tuple of str or None
        Arrows that pass the change on; None is all.
    """

    do: Mapping[str, Intervention] = field(default_factory=dict)
    base: int = 0
    edges: Edges | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Arrays of a graph, in the order that `kernels.world_means` reads them.

    Parameters
    ----------
    names : tuple of str
        Nodes, causes first.
    terms : tuple of numpy.ndarray
        Where the terms of each node start, what they are made of, and their moments.
    kinds : numpy.ndarray of int, shape (node,)
        What makes each node.
    arrows : numpy.ndarray of int, shape (arrow, 2)
        Node and parent.
    offsets : numpy.ndarray of int, shape (node + 1, 3)
        Where arrows, parameters and levels of each node start.
    levels : numpy.ndarray of float
        Levels of ordered scores.
    parameters : numpy.ndarray, shape (sample, parameter)
        All parameters on the scale of the simulation.
    """

    names: tuple[str, ...]
    terms: tuple[np.ndarray, ...] = field(repr=False)
    kinds: np.ndarray = field(repr=False)
    arrows: np.ndarray = field(repr=False)
    offsets: np.ndarray = field(repr=False)
    levels: np.ndarray = field(repr=False)
    parameters: np.ndarray = field(repr=False)

    @property
    def arrays(self) -> tuple:
        """What `kernels.world_means` takes as the graph."""
        return self.terms, self.kinds, self.arrows, self.offsets, self.levels

    def worlds(self, worlds: Sequence[World], target: str) -> tuple[np.ndarray, ...]:
        """Lay out what must be worked out in each world, and where the rest is found.

        Parameters
        ----------
        worlds : sequence of World
            The world as it is comes first.
        target : str
            Node that is averaged.

        Returns
        -------
        tuple of numpy.ndarray
            ``kind, amount, visits, home, hears`` as `kernels.world_means` takes them.
        """
        shape = (len(worlds), len(self.names))
        kind, amount = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        home = np.zeros(shape, dtype=np.int64)
        hears = np.zeros((len(worlds), len(self.arrows)), dtype=np.int64)
        needed, visits = self._needed(target), []
        for w, world in enumerate(worlds):
            for name, action in world.do.items():
                at = self.names.index(name)
                kind[w, at], amount[w, at] = _ACTS[action.kind], action.amount
            home[w] = home[world.base]
            for v in range(len(self.names)):
                own = np.flatnonzero(self.arrows[:, 0] == v)
                for a in own:
                    p = self.arrows[a, 1]
                    pair = (self.names[p], self.names[v])
                    passes = world.edges is None or pair in world.edges
                    hears[w, a] = home[w if passes else world.base, p]
                news = w == 0 or kind[w, v] > 0 or (hears[w, own] == w).any()
                if news and needed[v]:
                    visits.append((w, v))
                    home[w, v] = w
        return kind, amount, np.array(visits, dtype=np.int64).reshape(-1, 2), home, hears

    def _needed(self, target: str) -> np.ndarray:
        """Mark the target and what has a path to it."""
        needed = np.array([name == target for name in self.names])
        for v, p in self.arrows[::-1]:
            needed[p] |= needed[v]
        return needed

    def lattice(self) -> np.ndarray:
        """Return the step of each node's noise: powers of the root of x^(d + 1) = x + 1."""
        noisy = np.flatnonzero(self.kinds > kernels.RULE)
        ratio = 1.5
        for _ in range(60):
            ratio = (1 + ratio) ** (1 / (noisy.size + 1))
        steps = np.zeros(self.kinds.size)
        steps[noisy] = (1 / ratio) ** (np.arange(noisy.size) + 1) % 1.0
        return steps


def compile_program(mechanism: Mechanism, parameters: Mapping[str, np.ndarray]) -> Program:
    """Turn a mechanism and draws of its parameters into arrays.

    Parameters
    ----------
    mechanism : Mechanism
        Models of the nodes.
    parameters : mapping of str to numpy.ndarray, shape (sample, parameter)
        Draws on the scale of the fit.

    Returns
    -------
    Program
        The same, as arrays.
    """
    names = tuple(mechanism.nodes)
    size = len(next(iter(parameters.values()))) if parameters else 1
    kinds, arrows, offsets, levels = [], [], [(0, 0, 0)], []
    blocks, starts, terms = [], [0], []
    for v, (name, node) in enumerate(mechanism.nodes.items()):
        arrows += [(v, names.index(p)) for p in node.parents]
        block = np.empty((size, 0))
        if node.rule is not None:
            kinds.append(kernels.RULE)
            block = np.tile(list(node.rule.values()), (size, 1))
        elif node.is_root:
            kinds.append(kernels.ROOT)
        else:
            family = mechanism.families[name]
            kinds.append(_KINDS[family.name])
            terms += _terms(mechanism.designs[name], names)
            block = _parameters(family, parameters[name])
            levels += family.levels if isinstance(family, Ordinal) else ()
        blocks.append(block)
        starts.append(len(terms))
        offsets.append((len(arrows), offsets[-1][1] + block.shape[1], len(levels)))
    codes = np.array([t[0] for t in terms], dtype=np.int64).reshape(-1, 4)
    extras = np.array([t[1] for t in terms]).reshape(-1, 2)
    moments = np.array([t[2] for t in terms]).reshape(-1, 2)
    return Program(
        names=names,
        terms=(np.array(starts, dtype=np.int64), codes, extras, moments),
        kinds=np.array(kinds, dtype=np.int64),
        arrows=np.array(arrows, dtype=np.int64).reshape(-1, 2),
        offsets=np.array(offsets, dtype=np.int64),
        levels=np.array(levels, dtype=float),
        parameters=np.ascontiguousarray(np.hstack(blocks)),
    )


def _terms(design: TermDesign, names: tuple[str, ...]) -> list[tuple[tuple, tuple, tuple]]:
    """Describe every term: one or two factors of parents, its center and its scale."""
    factors = {p: _factors(design, p, names.index(p)) for p in design.shapes}
    none = (-1, kernels.IDENTITY, 0.0)
    pairs = [(factor, none) for own in factors.values() for factor in own]
    for a, b in design.interactions:
        pairs += [(first, second) for first in factors[a] for second in factors[b]]
    return [
        ((*first[:2], *second[:2]), (first[2], second[2]), moments)
        for (first, second), moments in zip(
            pairs, zip(design.center, design.scale, strict=True), strict=True
        )
    ]


def _factors(design: TermDesign, parent: str, at: int) -> list[tuple[int, int, float]]:
    if parent in design.levels:
        return [(at, kernels.EQUALS, float(k)) for k in range(1, len(design.levels[parent]))]
    if design.shapes[parent] == "log":
        return [(at, kernels.LOGARITHM, 0.0)]
    if design.shapes[parent] == "curved":
        middle = design.middle[parent]
        return [(at, kernels.OFF_MIDDLE, middle), (at, kernels.SQUARED, middle)]
    return [(at, kernels.IDENTITY, 0.0)]


def _parameters(family, drawn: np.ndarray) -> np.ndarray:
    """Bring standard deviations and cutpoints to the scale of the simulation."""
    out = drawn.copy()
    if family.name in ("normal", "lognormal", "hurdle"):
        out[:, -1] = np.exp(out[:, -1])
    if isinstance(family, Ordinal):
        n_cuts = len(family.levels) - 1
        out[:, -n_cuts:] = np.exp(-np.array([family.cuts(row) for row in drawn]))
    return out
