"""Compress answers once, where the data live: counts per cell and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.fingerprint import fingerprint
from cximpact.core.scale import ScoreScale
from cximpact.data import checks, frames
from cximpact.data.survey import SurveyWave

_WEIGHT, _WEIGHT_SQ = "__weight", "__weight_sq"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Counts of answers per cell, only the pairs that occur.

    Parameters
    ----------
    by : tuple of str
        Columns that form the cells.
    scale : ScoreScale
        Scale of the answers.
    index : pandas.DataFrame, shape (cell, len(by))
        The levels of each cell, sorted.
    cell, category : numpy.ndarray of int, shape (entry,)
        Row of ``index`` and number of the answer, from 0.
    count : numpy.ndarray, shape (entry,)
        Answers in the pair.
    weight, weight_sq : numpy.ndarray, shape (entry,)
        Sums of weights and of squared weights in the pair; equal to ``count`` without weights.
    frame_count, frame_weight : numpy.ndarray, shape (cell,)
        Everybody in the cell, with or without an answer, and their weights.
    """

    by: tuple[str, ...]
    scale: ScoreScale = field(repr=False)
    index: pd.DataFrame = field(repr=False)
    cell: np.ndarray = field(repr=False)
    category: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    weight_sq: np.ndarray = field(repr=False)
    frame_count: np.ndarray = field(repr=False)
    frame_weight: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("cell", "category", "count", "weight", "weight_sq", "frame_count"):
            getattr(self, name).setflags(write=False)
        self.frame_weight.setflags(write=False)

    @property
    def n_cells(self) -> int:
        """How many cells the frame has."""
        return len(self.index)

    @property
    def n_frame(self) -> int:
        """Rows of the frame."""
        return int(self.frame_count.sum())

    @property
    def n_answered(self) -> int:
        """Rows with an answer."""
        return int(self.count.sum())

    @property
    def answered(self) -> np.ndarray:
        """Answers per cell, shape (cell,)."""
        return np.bincount(self.cell, weights=self.count, minlength=self.n_cells)

    @property
    def data_hash(self) -> str:
        """Fingerprint of the counts, independent of the order of the rows."""
        table = self.index.assign(frame=self.frame_count, weight=self.frame_weight)
        entries = (self.cell, self.category, self.count, self.weight)
        return fingerprint(table, *entries)

    def dense(self, values: np.ndarray | None = None) -> np.ndarray:
        """Spread values of the pairs over a full table.

        Parameters
        ----------
        values : numpy.ndarray, shape (entry,), optional
            ``count`` by default.

        Returns
        -------
        numpy.ndarray, shape (cell, category)
            Zero where a pair does not occur.
        """
        values = self.count if values is None else values
        out = np.zeros((self.n_cells, self.scale.n_categories))
        out[self.cell, self.category] = values
        return out


def cells(wave: SurveyWave, by: Sequence[str] | None = None) -> Cells:
    """Count the answers of a wave per cell, in one group-by in the engine of its frame.

    Parameters
    ----------
    wave : SurveyWave
        The wave.
    by : sequence of str, optional
        Columns that form the cells; the wave's factors and period by default. Nothing gives one
        cell.

    Returns
    -------
    Cells
        Cells in sorted order of their levels.

    Raises
    ------
    MissingColumnError, DuplicateColumnError, MissingValueError
        If a column of ``by`` does not exist, occurs twice or has missing values.
    """
    opened = wave.open()
    keys = list(frames.column_names(wave.keys if by is None else by, "by"))
    new = [k for k in keys if k not in wave.keys]
    frames.check_columns(opened, {f"by[{i}]": key for i, key in enumerate(keys)})
    frames.column_names([*keys, wave.answer], "by and answer")
    frames.check_keys(opened, new)
    checks.check_no_missing(opened, new, "give those rows a level of their own first")
    weights = {}
    if wave.weight is not None:
        weight = nw.col(wave.weight).cast(nw.Float64)
        weights = {_WEIGHT: weight, _WEIGHT_SQ: weight * weight}
    pairs = frames.group_sums(opened, [*keys, wave.answer], weights)
    if wave.weight is None:
        pairs[_WEIGHT] = pairs[_WEIGHT_SQ] = pairs[frames.COUNT]
    return _from_pairs(pairs, keys, wave)


def _from_pairs(pairs: pd.DataFrame, keys: list[str], wave: SurveyWave) -> Cells:
    """Split the grouped pairs into answers and the frame around them."""
    if keys:
        grouped = pairs.groupby(keys, sort=True, observed=True, dropna=False)
        number = grouped.ngroup().to_numpy()
        index = grouped.size().index.to_frame(index=False)
    else:
        number, index = np.zeros(len(pairs), dtype=int), pd.DataFrame(index=[0])
    n_cells = len(index)
    given = pairs[wave.answer].notna().to_numpy()
    answers = pairs.loc[given, wave.answer].to_numpy(dtype=float)
    category = np.round((answers - wave.scale.low) / wave.scale.step).astype(int)
    columns = {c: pairs[c].to_numpy(dtype=float) for c in (frames.COUNT, _WEIGHT, _WEIGHT_SQ)}
    return Cells(
        by=tuple(keys),
        scale=wave.scale,
        index=index,
        cell=number[given],
        category=category,
        count=columns[frames.COUNT][given],
        weight=columns[_WEIGHT][given],
        weight_sq=columns[_WEIGHT_SQ][given],
        frame_count=np.bincount(number, weights=columns[frames.COUNT], minlength=n_cells),
        frame_weight=np.bincount(number, weights=columns[_WEIGHT], minlength=n_cells),
    )
