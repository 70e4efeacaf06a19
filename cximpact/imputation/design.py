"""Which effects a cell has: the arrays that the model and its predictions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from cximpact.core.errors import (
    DtypeError,
    InsufficientDataError,
    MissingColumnError,
    UnseenLevelError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.data import Cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The effects of every cell.

    Parameters
    ----------
    levels : mapping of str to numpy.ndarray
        Factor to its levels, sorted.
    codes : mapping of str to numpy.ndarray of int, shape (cell,)
        Factor to the level number of each cell.
    period : str or None
        The factor whose effects follow its order in time.
    covariates : tuple of str
        Names of the columns of ``x``.
    x : numpy.ndarray, shape (cell, covariate)
        Standardized covariates.
    signal : mapping of str to float
        How far the levels of each factor lie apart, in units of their noise: the variance
        between levels (between neighbors for the period) over its sampling variance.
    center, spread : numpy.ndarray, shape (covariate,)
        Mean and standard deviation that were taken out, over the people of the frame.
    """

    levels: Mapping[str, np.ndarray]
    codes: Mapping[str, np.ndarray] = field(repr=False)
    period: str | None
    covariates: tuple[str, ...]
    x: np.ndarray = field(repr=False)
    signal: Mapping[str, float] = field(repr=False)
    center: np.ndarray
    spread: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))
        object.__setattr__(self, "codes", MappingProxyType(dict(self.codes)))

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors with exchangeable levels."""
        return tuple(name for name in self.levels if name != self.period)

    @property
    def terms(self) -> tuple[str, ...]:
        """Every column the model knows about."""
        return (*self.levels, *self.covariates)

    def at(self, table: pd.DataFrame) -> Design:
        """Look up the effects of other rows, with the levels and standardization of the fit.

        Parameters
        ----------
        table : pandas.DataFrame, shape (row, column)
            With every column of the model.

        Returns
        -------
        Design
            One row a row of the table.

        Raises
        ------
        MissingColumnError
            If a column of the model is not in the table.
        UnseenLevelError
            If a factor has a level that the fit never met.
        """
        if missing := [name for name in self.terms if name not in table]:
            raise MissingColumnError.from_names(missing, list(table), role="model term")
        codes = {name: _known_codes(table[name], levels) for name, levels in self.levels.items()}
        raw = table[list(self.covariates)].to_numpy(dtype=float)
        return replace(self, codes=codes, x=(raw - self.center) / self.spread)


def build_design(
    cells: Cells, factors: Sequence[str], period: str | None, covariates: Sequence[str]
) -> Design:
    """Build the design: number the levels of each factor and standardize the covariates.

    Parameters
    ----------
    cells : Cells
        Cells that cross all of these columns.
    factors : sequence of str
        Factors with exchangeable levels.
    period : str or None
        Period column.
    covariates : sequence of str
        Numeric columns.

    Returns
    -------
    Design
        One row a cell.

    Raises
    ------
    InsufficientDataError
        If a factor has a single level: its effect cannot be told from the baseline.
    ZeroVarianceError, DtypeError
        If a covariate is constant or not numeric.
    """
    levels: dict[str, np.ndarray] = {}
    codes: dict[str, np.ndarray] = {}
    for name in (*factors, *([period] if period else [])):
        values = cells.index[name]
        found = np.sort(values.unique())
        if len(found) < 2:
            raise InsufficientDataError(
                f"Factor {name!r} has the single level {found[0]!r}; leave it out."
            )
        levels[name] = found
        codes[name] = np.searchsorted(found, values.to_numpy(dtype=found.dtype))
    x, center, spread = _standardize(cells, covariates)
    return Design(
        levels=levels,
        codes=codes,
        period=period,
        covariates=tuple(covariates),
        x=x,
        signal={name: _signal(cells, code, name == period) for name, code in codes.items()},
        center=center,
        spread=spread,
    )


def latent(design: Design, effects: Mapping[str, Any]) -> Any:
    """Add up the effects of every cell; works on numbers and on symbols of a model.

    Parameters
    ----------
    design : Design
        Which effects a cell has.
    effects : mapping of str to array
        ``effect_<factor>`` with its levels on the last axis, and ``slope`` with the covariates.

    Returns
    -------
    array
        Latent score with the cells on the last axis.
    """
    eta: Any = 0.0
    for name, code in design.codes.items():
        eta = eta + effects[f"effect_{name}"][..., code]
    if design.covariates:
        eta = eta + effects["slope"] @ design.x.T
    return eta


def _known_codes(column: pd.Series, levels: np.ndarray) -> np.ndarray:
    codes = pd.Index(levels).get_indexer(pd.Index(column))
    if (unseen := codes < 0).any():
        raise UnseenLevelError(
            f"column {column.name!r} has {column[unseen].nunique()} levels in {unseen.sum()} rows "
            f"that the fit never met ({rows_phrase(np.flatnonzero(unseen))}); it knows "
            f"{join_names(list(levels))}. Merge them into known levels."
        )
    return codes


def _signal(cells: Cells, code: np.ndarray, in_time: bool) -> float:
    """Compare the spread of the level means of latent ranks with their sampling noise."""
    counts = cells.dense()
    share = counts.sum(axis=0) / max(counts.sum(), 1.0)
    ranks = special.logit(np.clip(np.cumsum(share) - share / 2, 1e-6, 1 - 1e-6))
    spread = float(share @ ranks**2 - (share @ ranks) ** 2)
    n = np.bincount(code, weights=counts.sum(axis=1))
    total = np.bincount(code, weights=counts @ ranks)
    mean, noise = (total / np.maximum(n, 1.0))[n > 0], (spread / np.maximum(n, 1.0))[n > 0]
    if len(mean) < 2 or not spread > 0:
        return 0.0
    if in_time:
        return float(np.mean(np.diff(mean) ** 2) / np.mean(noise[1:] + noise[:-1]))
    return float(mean.var(ddof=1) / noise.mean())


def _standardize(
    cells: Cells, covariates: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    columns = []
    for name in covariates:
        if cells.index[name].dtype.kind not in "iuf":
            raise DtypeError(
                f"Covariate {name!r} has type {cells.index[name].dtype}; name it as a factor."
            )
        columns.append(cells.index[name].to_numpy(dtype=float))
    raw = np.column_stack(columns) if columns else np.empty((cells.n_cells, 0))
    share = cells.frame_count / cells.frame_count.sum()
    center = share @ raw
    spread = np.sqrt(share @ (raw - center) ** 2)
    constant = [name for name, s in zip(covariates, spread, strict=True) if not s > 0]
    if constant:
        raise ZeroVarianceError(f"Covariate {constant[0]!r} is constant; leave it out.")
    return (raw - center) / spread, center, spread
