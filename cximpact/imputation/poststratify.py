"""From answer probabilities of the cells to the score of everybody in the frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import MissingColumnError
from cximpact.core.sample_order import carried_notes, noted
from cximpact.data import Cells
from cximpact.imputation.design import Design, latent
from cximpact.imputation.links import category_probabilities

_BUDGET = 4_000_000
"""Probabilities held at once; draws are worked through in chunks of that size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Margin:
    """A grouping of the cells.

    Parameters
    ----------
    dim : str
        Name of the dimension of the groups; empty for everybody together.
    labels : pandas.DataFrame, shape (group, column)
        Levels of each group.
    code : numpy.ndarray of int, shape (cell,)
        Group of each cell.
    """

    dim: str
    labels: pd.DataFrame
    code: np.ndarray = field(repr=False)

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return len(self.labels)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over the cells of each group.

        Parameters
        ----------
        values : numpy.ndarray, shape (..., cell)
            Values of the cells.

        Returns
        -------
        numpy.ndarray, shape (..., group)
            Sums.
        """
        member = np.zeros((len(self.code), self.n_groups))
        member[np.arange(len(self.code)), self.code] = 1.0
        return values @ member

    def coords(self) -> dict[str, Any]:
        """Coordinates of the groups; several columns also appear one by one."""
        if not self.dim:
            return {}
        columns = {str(c): self.labels[c].to_numpy() for c in self.labels}
        if len(columns) == 1:
            return dict(columns)
        names = [" · ".join(map(str, row)) for row in self.labels.itertuples(index=False)]
        return {self.dim: names} | {c: (self.dim, v) for c, v in columns.items()}


def margin(cells: Cells, by: str | Sequence[str] | None) -> Margin:
    """Group the cells by some of their columns.

    Parameters
    ----------
    cells : Cells
        The cells.
    by : str, sequence of str or None
        Columns; None puts everybody together.

    Returns
    -------
    Margin
        With the dimension named after the column, or ``group`` for several.

    Raises
    ------
    MissingColumnError
        If the cells were not formed by that column.
    """
    columns = [by] if isinstance(by, str) else list(by or [])
    if missing := [c for c in columns if c not in cells.by]:
        raise MissingColumnError.from_names(missing, cells.by, role="by")
    if not columns:
        labels = pd.DataFrame(index=[0])
        return Margin(dim="", labels=labels, code=np.zeros(cells.n_cells, dtype=int))
    grouped = cells.index.groupby(columns, sort=True, observed=True)
    labels = grouped.size().index.to_frame(index=False)
    dim = columns[0] if len(columns) == 1 else "group"
    return Margin(dim=dim, labels=labels, code=grouped.ngroup().to_numpy())


def probabilities(
    draws: xr.Dataset,
    design: Design,
    delta: float | np.ndarray = 0.0,
    *,
    kept: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Work out the answer probabilities of every cell, some draws at a time.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    design : Design
        Effects of the cells.
    delta : float or numpy.ndarray, shape (cell,) or (draw, cell)
        Shift of the latent score.
    kept : numpy.ndarray of int, optional
        Cutpoints between which answers are told apart, from 0; the others are merged. All by
        default.

    Yields
    ------
    numpy.ndarray, shape (some draws, cell, category)
        In the order of the draws.
    """
    cuts = draws["cuts"].values
    kept = np.arange(cuts.shape[1]) if kept is None else kept
    shift = np.asarray(delta, dtype=float)
    step = max(1, _BUDGET // (max(len(design.x), 1) * (len(kept) + 2)))
    for start in range(0, len(cuts), step):
        rows = slice(start, start + step)
        eta = latent_scores(draws, design, rows)
        eta = eta + (shift[rows] if shift.ndim == 2 else shift)
        own = cuts[rows][:, None, kept]
        if design.n_styles > 1:
            spread = draws[f"effect_spread_{design.spec.style}"].values[rows]
            own = own * np.exp(spread)[:, design.style_codes, None]
        yield category_probabilities(eta, own, design.link)


def latent_scores(
    draws: xr.Dataset, design: Design, rows: slice | np.ndarray = slice(None)
) -> np.ndarray:
    """Add up the effects of every cell in some draws.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    design : Design
        Effects of the cells.
    rows : slice or numpy.ndarray
        Which draws.

    Returns
    -------
    numpy.ndarray, shape (draw, cell)
        Latent scores.
    """
    names = [term.effect for term in design.effects] + ["slope"] * bool(design.slopes)
    eta = latent(design, {name: draws[name].values[rows] for name in names})
    n = len(draws["cuts"].values[rows])
    return np.broadcast_to(eta, (n, len(design.x)))


def merged(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cutpoints at which a score changes.

    Parameters
    ----------
    values : numpy.ndarray, shape (category,)
        What each answer counts for.

    Returns
    -------
    tuple of numpy.ndarray
        Cutpoints that matter, and what the answers between them count for.
    """
    kept = np.flatnonzero(np.diff(values))
    return kept, values[np.append(kept, len(values) - 1)]


def expected_scores(
    draws: xr.Dataset, design: Design, values: np.ndarray, delta: float | np.ndarray = 0.0
) -> Iterator[np.ndarray]:
    """Work out the expected score of a person of every cell, some draws at a time.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    design : Design
        Effects of the cells.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    delta : float or numpy.ndarray, shape (cell,) or (draw, cell)
        Shift of the latent score.

    Yields
    ------
    numpy.ndarray, shape (some draws, cell)
        In the order of the draws.
    """
    kept, distinct = merged(values)
    for p in probabilities(draws, design, delta, kept=kept):
        yield p @ distinct


def drawn_scores(
    draws: xr.Dataset,
    design: Design,
    values: np.ndarray,
    delta: float | np.ndarray = 0.0,
    *,
    people: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Draw answers of some people of every cell and sum up their scores.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    design : Design
        Effects of the cells.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    delta : float or numpy.ndarray, shape (cell,) or (draw, cell)
        Shift of the latent score.
    people : numpy.ndarray, shape (cell,)
        How many people of each cell answer.
    rng : numpy.random.Generator
        Randomness.

    Yields
    ------
    numpy.ndarray, shape (some draws, cell)
        Sums of scores, in the order of the draws.
    """
    kept, distinct = merged(values)
    counts = people.astype(np.int64)
    for p in probabilities(draws, design, delta, kept=kept):
        yield rng.multinomial(counts, p / p.sum(axis=-1, keepdims=True)) @ distinct


def label(
    values: np.ndarray, groups: Margin, draws: xr.Dataset, *, name: str, unit: str
) -> xr.DataArray:
    """Label draws of the scores of groups.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample, group)
        Scores.
    groups : Margin
        The groups.
    draws : xarray.Dataset
        The draws they come from; the sample order is theirs.
    name, unit : str
        Name and unit of the score.

    Returns
    -------
    xarray.DataArray
        Dimension ``sample``, then the groups' where there are several.
    """
    values = values if groups.dim else values[:, 0]
    dims = (groups.dim,) if groups.dim else ()
    out = dr.from_array(
        values, source=name, dims=dims, coords=groups.coords(), name=name, attrs={"unit": unit}
    )
    return noted(out, dr.order_of(draws), carried_notes(draws))
