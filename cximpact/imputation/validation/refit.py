"""Answers that were held out, as fits to the others predict them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from cximpact.core.draws import SAMPLE
from cximpact.core.errors import AlignmentError, ConfigError, CxImpactWarning
from cximpact.core.rng import RngLike
from cximpact.data import Cells
from cximpact.imputation.design import Design
from cximpact.imputation.poststratify import probabilities
from cximpact.imputation.validation.design_rows import rows_of
from cximpact.imputation.validation.folds import Fold
from cximpact.imputation.validation.pit import randomized_ranks
from cximpact.imputation.validation.scoring import baseline_pmfs

if TYPE_CHECKING:
    import xarray as xr

    from cximpact.imputation.result import ImputedScores


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Predictions of answers that were held out, one row for each fold and cell.

    Parameters
    ----------
    index : pandas.DataFrame, shape (row, column)
        Columns of the cells.
    cell, fold : numpy.ndarray of int, shape (row,)
        Cell of the row, and fold in which its answers were held out.
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities, averaged over the draws of the fold's fit.
    count : numpy.ndarray of int, shape (row, category)
        Answers that were held out.
    baselines : mapping of str to numpy.ndarray, shape (row, category)
        Predictions that know less.
    units : numpy.ndarray, shape (unit,)
        Transforms of the mean answer of each unit: a group that was held out whole, or the part
        of a cell that was.
    """

    index: pd.DataFrame = field(repr=False)
    cell: np.ndarray = field(repr=False)
    fold: np.ndarray = field(repr=False)
    pmf: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    baselines: dict[str, np.ndarray] = field(repr=False)
    units: np.ndarray = field(repr=False)

    @property
    def n(self) -> int:
        """How many answers were held out."""
        return int(self.count.sum())


def refit(imputed: ImputedScores, cells: Cells, rng: RngLike) -> ImputedScores:
    """Fit other counts with the settings of a fit.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    cells : Cells
        Counts of answers.
    rng : int or Generator
        Randomness.

    Returns
    -------
    ImputedScores
        A new fit; what the first one warned of is not said again.

    Raises
    ------
    ConfigError
        If the fit does not know its settings.
    """
    if imputed.imputer is None:
        raise ConfigError(
            "this fit does not know its settings, as after loading; fit it again before validating."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CxImpactWarning)
        return imputed.imputer.fit_cells(cells, rng=rng)


def predict_held_out(
    imputed: ImputedScores,
    folds: Sequence[Fold],
    *,
    segment: str | None,
    by: str | None,
    rng: np.random.Generator,
) -> HeldOut:
    """Fit without each fold in turn, and predict its answers.

    Parameters
    ----------
    imputed : ImputedScores
        The fit that is validated; its settings are used, its draws are not.
    folds : sequence of Fold
        Parts of its answers.
    segment : str or None
        Column of the baseline by segment.
    by : str or None
        Column of groups that were held out whole; they are then the units.
    rng : numpy.random.Generator
        Randomness of fits and ranks.

    Returns
    -------
    HeldOut
        Predictions.

    Raises
    ------
    UnseenLevelError
        If a fit does not know a level of what was held out.
    """
    index = imputed.cells.index
    parts: list[HeldOut] = []
    for number, fold in enumerate(folds):
        fitted = refit(imputed, fold.train, rng)
        where = np.flatnonzero(fold.held_out.sum(axis=1))
        if by is not None:
            where = where[np.argsort(pd.factorize(index[by])[0][where], kind="stable")]
        code = np.arange(len(where)) if by is None else pd.factorize(index[by].iloc[where])[0]
        count = fold.held_out[where]
        # every fold keeps all people, so its fit knows every level of the frame
        design = rows_of(fitted.design.at(index), where)
        pmf, units = _predict(fitted.draws, design, count, code, rng)
        baselines = baseline_pmfs(fold.train, segment)
        parts.append(
            HeldOut(
                index=index.iloc[where],
                cell=where,
                fold=np.full(len(where), number),
                pmf=pmf,
                count=count,
                baselines={name: p[where] for name, p in baselines.items()},
                units=units,
            )
        )
    return HeldOut(
        index=pd.concat([p.index for p in parts], ignore_index=True),
        baselines={
            name: np.concatenate([p.baselines[name] for p in parts]) for name in parts[0].baselines
        },
        **{
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in ("cell", "fold", "pmf", "count", "units")
        },
    )


def joint_log_density(draws: xr.Dataset, design: Design, count: np.ndarray) -> np.ndarray:
    """Work out the log density of all answers of each row together, averaged over the draws.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the parameters.
    design : Design
        Effects of the rows.
    count : numpy.ndarray of int, shape (row, category)
        Answers.

    Returns
    -------
    numpy.ndarray, shape (row,)
        In nats, without the multinomial constant.
    """
    with np.errstate(divide="ignore"):
        chunks = [
            np.einsum("sjk,jk->sj", np.maximum(np.log(p), -700.0), count)
            for p in probabilities(draws, design)
        ]
    joint = np.concatenate(chunks)
    return special.logsumexp(joint, axis=0) - np.log(len(joint))


def _predict(
    draws: xr.Dataset,
    design: Design,
    count: np.ndarray,
    code: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Average the probabilities, and rank the total of each unit among predicted totals."""
    n, answer = count.sum(axis=1), np.arange(count.shape[1])
    if (np.diff(code) < 0).any():
        raise AlignmentError("the rows are not sorted by unit.")
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    observed = np.add.reduceat(count @ answer, starts)
    n_draws = draws.sizes[SAMPLE]
    pmf = np.zeros(count.shape)
    below, equal = np.zeros(len(starts), dtype=int), np.zeros(len(starts), dtype=int)
    for p in probabilities(draws, design):
        p = p / p.sum(axis=-1, keepdims=True)
        pmf += p.sum(axis=0) / n_draws
        drawn = np.add.reduceat(rng.multinomial(n, p) @ answer, starts, axis=1)
        below += (drawn < observed).sum(axis=0)
        equal += (drawn == observed).sum(axis=0)
    return pmf, randomized_ranks(below, equal, n_draws, rng)
