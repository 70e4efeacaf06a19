"""Answers held out in turn: single answers, whole customers or whole groups."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, InsufficientDataError, MissingColumnError
from cximpact.core.validate import check_count
from cximpact.data import Cells, SurveyWave, frames


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """One part of the answers held out of the rest.

    Parameters
    ----------
    train : Cells
        The same cells and people without the answers that are held out.
    held_out : numpy.ndarray, shape (cell, category)
        Counts of the answers that are held out.
    """

    train: Cells = field(repr=False)
    held_out: np.ndarray = field(repr=False)

    @property
    def n(self) -> int:
        """How many answers are held out."""
        return int(self.held_out.sum())


def answer_folds(cells: Cells, k: int, rng: np.random.Generator) -> list[Fold]:
    """Split single answers at random.

    Parameters
    ----------
    cells : Cells
        Counts of answers.
    k : int
        Folds, at least 2.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    list of Fold
        Sizes differ by at most one answer, in every cell and altogether.

    Raises
    ------
    InsufficientDataError
        If there are fewer answers than folds.

    Notes
    -----
    The answers of a cell are exchangeable to the model, so dealing them out at random is the
    same as drawing the counts of each fold without replacement (multivariate hypergeometric);
    no rows are needed. It holds for customers where each answered once. What breaks it: a
    customer who answered several times would be in both parts; see `customer_folds`.
    """
    _check_k(k, cells.n_answered, "answers")
    left = cells.dense().astype(np.int64)
    sizes = _quotas(left.sum(axis=1), k, rng)
    parts = []
    for size in sizes.T:
        part = _draw_without_replacement(left, size, rng)
        left = left - part
        parts.append(part)
    return [_fold(cells, part) for part in parts]


def customer_folds(cells: Cells, wave: SurveyWave, k: int, rng: np.random.Generator) -> list[Fold]:
    """Split customers at random, with all that each of them answered.

    Parameters
    ----------
    cells : Cells
        Counts of the answers of the wave.
    wave : SurveyWave
        With the column of the customer.
    k : int
        Folds, at least 2.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    list of Fold
        With about equally many customers.

    Raises
    ------
    ConfigError
        If the wave names no customer.
    InsufficientDataError
        If fewer customers answered than there are folds.
    """
    if wave.customer is None:
        raise ConfigError("the wave names no customer; give SurveyWave(customer=...).")
    opened = wave.open()
    keys = [c for c in cells.by if c != wave.customer]
    columns = list(dict.fromkeys([*keys, wave.answer, wave.customer]))
    rows = frames.group_sums(
        opened.filter(~frames.is_missing(opened, wave.answer)).select(*columns), columns, {}
    )
    customer, known = pd.factorize(rows[wave.customer])
    _check_k(k, len(known), "customers who answered")
    fold = rng.permutation(np.arange(len(known)) % k)[customer]
    cell = _cell_numbers(rows, cells)
    category = np.round((rows[wave.answer].to_numpy(float) - cells.scale.low) / cells.scale.step)
    parts = np.zeros((k, cells.n_cells, cells.scale.n_categories), dtype=np.int64)
    np.add.at(parts, (fold, cell, category.astype(int)), rows[frames.COUNT].to_numpy(int))
    if not np.array_equal(parts.sum(axis=0), cells.dense()):
        raise ConfigError(
            "the wave's answers are not those of the cells; validate the fit with its own wave."
        )
    return [_fold(cells, part) for part in parts]


def group_folds(cells: Cells, by: str, k: int, rng: np.random.Generator) -> list[Fold]:
    """Hold out whole groups, such as all answers to some agents or of some weeks.

    Parameters
    ----------
    cells : Cells
        Counts of answers.
    by : str
        A column of the cells.
    k : int
        Folds at most; with fewer groups, each group is one.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    list of Fold
        The people of the groups stay in the training cells, without their answers, so that the
        effect of a group that is held out is what the model takes for plausible of a new one.

    Raises
    ------
    MissingColumnError
        If the cells have no such column.
    InsufficientDataError
        If fewer than two groups have answers.
    """
    if by not in cells.by:
        raise MissingColumnError.from_names([by], cells.by, role="by")
    code, _ = pd.factorize(cells.index[by])
    return _whole(cells, code, k, rng, f"groups of {by!r} with answers")


def cell_folds(cells: Cells, k: int, rng: np.random.Generator) -> list[Fold]:
    """Hold out whole cells.

    Parameters
    ----------
    cells : Cells
        Counts of answers.
    k : int
        Folds at most.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    list of Fold
        With about equally many cells that have answers.
    """
    return _whole(cells, np.arange(cells.n_cells), k, rng, "cells with answers")


def answers_repeatedly(wave: SurveyWave) -> bool:
    """Say whether some customer answered more than once.

    Parameters
    ----------
    wave : SurveyWave
        The wave.

    Returns
    -------
    bool
        False where the wave names no customer.
    """
    if wave.customer is None:
        return False
    opened = wave.open()
    given = opened.filter(~frames.is_missing(opened, wave.answer))
    counted = frames.group_sums(given.select(wave.customer), [wave.customer], {})
    return bool((counted[frames.COUNT] > 1).any())


def _whole(
    cells: Cells, code: np.ndarray, k: int, rng: np.random.Generator, what: str
) -> list[Fold]:
    """Deal out groups of cells that have answers."""
    counts = cells.dense().astype(np.int64)
    answered = np.unique(code[counts.sum(axis=1) > 0])
    _check_k(min(check_count(k, "k", low=2), max(len(answered), 2)), len(answered), what)
    k = min(k, len(answered))
    fold_of = np.full(code.max() + 1, -1)
    fold_of[answered] = rng.permutation(np.arange(len(answered)) % k)
    return [
        _fold(cells, np.where((fold_of[code] == fold)[:, None], counts, 0)) for fold in range(k)
    ]


def _fold(cells: Cells, held_out: np.ndarray) -> Fold:
    """Take answers out of the cells; weights leave in proportion within a pair."""
    count = cells.count - held_out[cells.cell, cells.category]
    kept = count > 0
    share = count[kept] / cells.count[kept]
    train = replace(
        cells,
        cell=cells.cell[kept],
        category=cells.category[kept],
        count=count[kept],
        weight=cells.weight[kept] * share,
        weight_sq=cells.weight_sq[kept] * share,
    )
    held_out.setflags(write=False)
    return Fold(train=train, held_out=held_out)


def _quotas(n: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Deal out the answers of the cells like cards, cell after cell in random order."""
    order = rng.permutation(len(n))
    end = np.empty(len(n), dtype=np.int64)
    end[order] = np.cumsum(n[order])
    fold = np.arange(k)
    return (end[:, None] - 1 - fold) // k - ((end - n)[:, None] - 1 - fold) // k


def _draw_without_replacement(
    counts: np.ndarray, size: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw some answers of every cell: multivariate hypergeometric, category by category."""
    out = np.zeros_like(counts)
    rest = counts.sum(axis=1)
    for category in range(counts.shape[1] - 1):
        here = counts[:, category]
        rest = rest - here
        out[:, category] = rng.hypergeometric(here, rest, size)
        size = size - out[:, category]
    out[:, -1] = size
    return out


def _cell_numbers(rows: pd.DataFrame, cells: Cells) -> np.ndarray:
    if not cells.by:
        return np.zeros(len(rows), dtype=int)
    known = cells.index.assign(__cell=np.arange(cells.n_cells))
    found = rows[list(cells.by)].merge(known, on=list(cells.by), how="left", validate="m:1")
    if found["__cell"].isna().any():
        raise ConfigError(
            f"{int(found['__cell'].isna().sum())} answers of the wave lie in no cell of the fit; "
            "validate the fit with its own wave."
        )
    return found["__cell"].to_numpy(dtype=int)


def _check_k(k: int, n: int, what: str) -> None:
    check_count(k, "k", low=2)
    if n < k:
        raise InsufficientDataError(
            f"there are {n} {what}; expected at least k={k}. Use fewer folds or more answers."
        )
