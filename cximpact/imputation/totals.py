"""Sums of scores over the people of each cell: those who answered and those who did not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from cximpact.core.errors import WeightError, rows_phrase
from cximpact.data import Cells
from cximpact.imputation.design import Design
from cximpact.imputation.poststratify import Margin, drawn_scores, expected_scores


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """Who is in a cell, as numbers and as sums of weights.

    Parameters
    ----------
    given : numpy.ndarray of bool, shape (cell,)
        Whether the answers of the cell are what is to be reported; not where a response style
        is taken out and the cell answered by another channel than the reference.
    answered, silent : numpy.ndarray, shape (cell,)
        How many answered and how many did not.
    answered_weight, silent_weight : numpy.ndarray, shape (cell,)
        Their weights; the numbers themselves without weights.
    """

    given: np.ndarray = field(repr=False)
    answered: np.ndarray = field(repr=False)
    silent: np.ndarray = field(repr=False)
    answered_weight: np.ndarray = field(repr=False)
    silent_weight: np.ndarray = field(repr=False)


def people_of(cells: Cells, design: Design) -> People:
    """Split the people of each cell.

    Parameters
    ----------
    cells : Cells
        Counts of answers and of people.
    design : Design
        Effects of the cells.

    Returns
    -------
    People
        By cell.

    Raises
    ------
    WeightError
        If those who answered weigh more than everybody in their cell.
    """
    spec = design.spec
    given = np.ones(cells.n_cells, dtype=bool)
    if spec.style is not None:
        given = (cells.index[spec.style] == spec.reference).to_numpy()
    weight = cells.dense(cells.weight).sum(axis=1)
    more = weight > cells.frame_weight * (1 + 1e-9)
    if more.any():
        raise WeightError(
            f"in {int(more.sum())} cells those who answered weigh more than everybody "
            f"({rows_phrase(np.flatnonzero(more))}); weights and frame disagree."
        )
    return People(
        given=given,
        answered=cells.answered,
        silent=cells.frame_count - cells.answered,
        answered_weight=weight,
        silent_weight=np.maximum(cells.frame_weight - weight, 0.0),
    )


def expected_totals(
    draws: xr.Dataset,
    design: Design,
    groups: Margin,
    values: np.ndarray,
    weight: np.ndarray,
    delta: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Add up the expected scores of some people of each cell.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    design : Design
        Effects of the cells.
    groups : Margin
        Groups of cells.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    weight : numpy.ndarray, shape (cell,)
        People, or their weights.
    delta : float or numpy.ndarray, shape (cell,) or (draw, cell)
        Shift of their latent score.

    Returns
    -------
    numpy.ndarray, shape (sample, group)
        Sums.
    """
    chunks = expected_scores(draws, design.at_reference(), values, delta)
    return np.concatenate([groups.total(score * weight) for score in chunks])


def finite_totals(
    draws: xr.Dataset,
    cells: Cells,
    design: Design,
    groups: Margin,
    values: np.ndarray,
    delta: float | np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add up the scores of these people: answers as given, the others drawn.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters of the model.
    cells : Cells
        Counts of answers and of people.
    design : Design
        Effects of the cells.
    groups : Margin
        Groups of cells.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    delta : float or numpy.ndarray, shape (cell,) or (draw, cell)
        Shift of the latent score of those who did not answer.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (sample, group)
        Sums.
    """
    who = people_of(cells, design)
    total = groups.total((cells.dense(cells.weight) @ values) * who.given)
    elsewhere = np.where(who.given, 0.0, who.answered)
    drawn = [(who.silent, who.silent_weight, delta)]
    if elsewhere.any():
        drawn.append((elsewhere, who.answered_weight, 0.0))
    for people, weight, shift in drawn:
        each = np.divide(weight, people, out=np.zeros_like(weight), where=people > 0)
        chunks = drawn_scores(draws, design.at_reference(), values, shift, people=people, rng=rng)
        total = total + np.concatenate([groups.total(score * each) for score in chunks])
    return total
