"""The terms by which parents enter the model of a node, the same for data and for simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import DataError, rows_phrase
from cximpact.effects.linkage.models.fit import check_design

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class TermDesign:
    """How values of the parents become the columns of a design matrix.

    Parameters
    ----------
    node : str
        What is modeled.
    shapes : mapping of str to str
        Parents, and the shape in which each enters.
    interactions : sequence of tuple of str
        Pairs of parents whose products enter.
    levels : mapping of str to tuple
        Levels of the parents that are categories; their values are the numbers of the levels.
    middle : mapping of str to float
        Where a curved parent has no slope of its square.
    center, scale : numpy.ndarray, shape (term,)
        What is taken off each column, and by what it is divided.
    """

    node: str
    shapes: Mapping[str, str]
    interactions: Sequence[tuple[str, str]]
    levels: Mapping[str, tuple[str, ...]]
    middle: Mapping[str, float]
    center: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, the constant first."""
        one = {name: np.zeros(1) for name in self.shapes}
        return ("constant", *self._columns(one))

    def matrix(self, values: Values) -> np.ndarray:
        """Lay out the design.

        Parameters
        ----------
        values : mapping of str to numpy.ndarray, shape (row,)
            Values of the parents.

        Returns
        -------
        numpy.ndarray, shape (row, 1 + term)
            A constant, then the terms, centered and scaled.
        """
        columns = list(self._columns(values).values())
        out = np.empty((len(columns[0]), 1 + len(columns)))
        out[:, 0] = 1.0
        for k, column in enumerate(columns):
            out[:, k + 1] = (column - self.center[k]) / self.scale[k]
        return out

    def _columns(self, values: Values) -> dict[str, np.ndarray]:
        own = {name: self._parent(name, np.asarray(values[name])) for name in self.shapes}
        out = {name: column for parts in own.values() for name, column in parts.items()}
        for first, second in self.interactions:
            for a, x in own[first].items():
                out |= {f"{a} x {b}": x * y for b, y in own[second].items()}
        return out

    def _parent(self, name: str, x: np.ndarray) -> dict[str, np.ndarray]:
        if name in self.levels:
            return {
                f"{name}[{level}]": (x == k).astype(float)
                for k, level in enumerate(self.levels[name])
                if k
            }
        shape = self.shapes[name]
        if shape == "log":
            return {f"log {name}": np.log(np.maximum(x, 1e-300))}
        if shape == "curved":
            moved = x - self.middle[name]
            return {name: moved, f"{name} squared": moved**2}
        return {name: x}


def learn_design(
    node: str,
    shapes: Mapping[str, str],
    interactions: Sequence[tuple[str, str]],
    values: Values,
    levels: Mapping[str, tuple[str, ...]],
) -> TermDesign:
    """Learn centers and scales of the terms from data.

    Parameters
    ----------
    node : str
        What is modeled.
    shapes : mapping of str to str
        Parents and shapes.
    interactions : sequence of tuple of str
        Pairs of parents.
    values : mapping of str to numpy.ndarray
        Observed values.
    levels : mapping of str to tuple
        Levels of categories.

    Returns
    -------
    TermDesign
        Ready to use.

    Raises
    ------
    DataError
        If the logarithm of a value that is not positive would be taken.
    RankError, InsufficientDataError
        If terms depend on each other, or there are too few rows.
    """
    for name, shape in shapes.items():
        if shape == "log" and (bad := np.flatnonzero(values[name] <= 0)).size:
            raise DataError(
                f"{name!r} enters the model of {node!r} by its logarithm, but is not positive in "
                f"{rows_phrase(bad)}; use 'linear' or 'curved'."
            )
    plain = TermDesign(
        node=node,
        shapes=shapes,
        interactions=interactions,
        levels={name: levels[name] for name in shapes if name in levels},
        middle={name: float(values[name].mean()) for name, s in shapes.items() if s == "curved"},
        center=np.zeros(999),
        scale=np.ones(999),
    )
    x = plain.matrix(values)
    check_design(x, plain.names, node)
    return TermDesign(
        **{k: getattr(plain, k) for k in ("node", "shapes", "interactions", "levels", "middle")},
        center=x[:, 1:].mean(axis=0),
        scale=x[:, 1:].std(axis=0),
    )
