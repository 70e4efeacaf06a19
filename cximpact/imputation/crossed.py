"""Cells that cross factors, and the prior of their answers inside a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import DtypeError, MemoryBudgetError, MissingColumnError
from cximpact.data import Cells
from cximpact.imputation.priors import Priors

MAX_ENTRIES = 20_000_000
"""Numbers (cell, node, category) that one evaluation of a graph may hold."""

MIN_LEVELS = 6
"""Levels from which their standard deviation is a parameter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossed:
    """Factors of a table of cells, as codes.

    Parameters
    ----------
    levels : mapping of str to numpy.ndarray
        Sorted levels of each factor.
    codes : mapping of str to numpy.ndarray of int, shape (cell,)
        Level of each cell.
    n_cells : int
        Rows of the table.
    """

    levels: Mapping[str, np.ndarray] = field(repr=False)
    codes: Mapping[str, np.ndarray] = field(repr=False)
    n_cells: int

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors that vary; one that is constant has no effect."""
        return tuple(name for name, levels in self.levels.items() if len(levels) > 1)

    def coords(self) -> dict[str, np.ndarray]:
        """Levels of the factors that vary, as coordinates."""
        return {name: self.levels[name] for name in self.factors}

    def latent(self, draws: xr.Dataset, prefix: str = "effect") -> np.ndarray:
        """Add up the drawn effects of every cell.

        Parameters
        ----------
        draws : xarray.Dataset
            With ``<prefix>_<factor>`` for every factor that varies.
        prefix : str, default "effect"
            Which set of effects.

        Returns
        -------
        numpy.ndarray, shape (sample, cell)
            Sums of effects.
        """
        out = np.zeros((draws.sizes[dr.SAMPLE], self.n_cells))
        for name in self.factors:
            out += draws[f"{prefix}_{name}"].values[:, self.codes[name]]
        return out


def column_list(columns: Sequence[str], name: str) -> tuple[str, ...]:
    """Check a list of columns.

    Parameters
    ----------
    columns : sequence of str
        Names.
    name : str
        How the message calls them.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    DtypeError
        If it is one text.
    """
    if isinstance(columns, str):
        raise DtypeError(f"{name} is the text {columns!r}; expected a list of columns.")
    return tuple(columns)


def cross(index: pd.DataFrame, factors: Sequence[str]) -> Crossed:
    """Code the factors of a table of cells.

    Parameters
    ----------
    index : pandas.DataFrame
        One row a cell.
    factors : sequence of str
        Columns.

    Returns
    -------
    Crossed
        Levels and codes.

    Raises
    ------
    MissingColumnError
        If the table was not formed by one of them.
    """
    if missing := [name for name in factors if name not in index]:
        available = [str(c) for c in index.columns]
        raise MissingColumnError.from_names(missing, available, role="factors")
    levels, codes = {}, {}
    for name in factors:
        levels[name], codes[name] = np.unique(index[name].to_numpy(), return_inverse=True)
    return Crossed(
        levels=MappingProxyType(levels), codes=MappingProxyType(codes), n_cells=len(index)
    )


def check_size(n_cells: int, n_nodes: int, n_categories: int) -> None:
    """Refuse a graph that would not fit into memory.

    Parameters
    ----------
    n_cells, n_nodes, n_categories : int
        Sizes.

    Raises
    ------
    MemoryBudgetError
        If their product is above `MAX_ENTRIES`.
    """
    if n_cells * n_nodes * n_categories > MAX_ENTRIES:
        raise MemoryBudgetError(
            f"{n_cells:,} cells x {n_nodes} nodes x {n_categories} answers are more than "
            f"{MAX_ENTRIES:,} numbers; use fewer factors, merge levels or take fewer nodes."
        )


def effects(crossed: Crossed, priors: Priors, prefix: str = "effect") -> Any:
    """Declare the effects of factors inside a PyMC model.

    Parameters
    ----------
    crossed : Crossed
        The factors.
    priors : Priors
        Scales of the half-normals.
    prefix : str, default "effect"
        Variables are ``<prefix>_<factor>``, each zero-sum normal; with 6 levels or more also
        ``sd_<prefix>_<factor>``.

    Returns
    -------
    tensor, shape (cell,)
        Sum of the effects of each cell.

    Notes
    -----
    Fewer than 6 levels say next to nothing about their standard deviation, and its posterior
    is a funnel. There the scale of the prior is taken for the standard deviation itself.

    References
    ----------
    .. [1] Gelman, A. (2006). Prior distributions for variance parameters in hierarchical
       models. Bayesian Analysis 1, 515-534.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    total = pt.zeros(crossed.n_cells)
    for name in crossed.factors:
        scale = priors.scale_of(name, "exchangeable")
        sd: Any = scale
        if len(crossed.levels[name]) >= MIN_LEVELS:
            sd = pm.HalfNormal(f"sd_{prefix}_{name}", scale)
        effect = pm.ZeroSumNormal(f"{prefix}_{name}", sigma=sd, dims=name)
        total = total + effect[crossed.codes[name]]
    return total


def cutpoints(priors: Priors, n_categories: int) -> Any:
    """Declare the cutpoints inside a PyMC model, by the probabilities at a latent score of 0.

    Parameters
    ----------
    priors : Priors
        Gives the concentration of the Dirichlet.
    n_categories : int
        Answers of the scale.

    Returns
    -------
    tensor, shape (category - 1,)
        ``logit(cumsum(p0))``, each from its nearer tail; variables ``p0`` and ``cuts``.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    p0 = pm.Dirichlet("p0", np.full(n_categories, priors.concentration), dims="category")
    below, above = pt.cumsum(p0)[:-1], pt.cumsum(p0[::-1])[::-1][1:]
    return pm.Deterministic("cuts", pt.log(below) - pt.log(above), dims="cut")


def people(counts: Cells) -> tuple[Any, Any]:
    """Hand the people of cells to a PyMC model, as data that can be swapped.

    Parameters
    ----------
    counts : Cells
        Counts of answers and of people.

    Returns
    -------
    tuple of tensor
        ``answered``, shape (cell, category), and ``silent``, shape (cell,).
    """
    import pymc as pm

    silent = counts.frame_count - counts.answered
    return pm.Data("answered", counts.dense()), pm.Data("silent", silent)


def coords_of(n_categories: int, *crossed: Crossed) -> dict[str, np.ndarray]:
    """Collect the coordinates of a model.

    Parameters
    ----------
    n_categories : int
        Answers of the scale.
    *crossed : Crossed
        Sets of factors.

    Returns
    -------
    dict of str to numpy.ndarray
        ``category``, ``cut`` and the factors.
    """
    out = {"category": np.arange(n_categories), "cut": np.arange(1, n_categories)}
    for one in crossed:
        out |= one.coords()
    return out
