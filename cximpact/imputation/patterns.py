"""Several answers of a customer, collapsed to the patterns that occur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import DuplicateKeyError, NoRespondentsError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.scale import ScoreScale
from cximpact.data import SurveyWave, frames

_ONE, _ROWS = "__one", "__rows"


def answer_number(
    frame: Any, customer: str, time: str, *, answer: str | None = None, name: str = "answer_number"
) -> Any:
    """Count the answers of each customer in the order of time.

    Parameters
    ----------
    frame : frame
        One row an answer, or an invitation; any engine.
    customer, time : str
        Columns.
    answer : str, optional
        Column of answers; rows where it is missing are not counted. All rows by default.
    name : str, default "answer_number"
        Name of the new column.

    Returns
    -------
    frame
        The same kind of frame with the number, from 1; for a row without an answer, how many
        came before.

    Raises
    ------
    DuplicateKeyError
        If a customer has two rows of one time, so that their order is unknown.
    """
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"customer": customer, "time": time, "answer": answer})
    counted = opened.group_by(customer, time).agg(nw.len().alias(_ROWS))
    if twice := frames.count_where(counted, nw.col(_ROWS) > 1):
        raise DuplicateKeyError(
            f"{twice} pairs of {customer!r} and {time!r} occur more than once, so the order of "
            "the answers is unknown; use a finer time or keep one row of each."
        )
    given = nw.lit(1) if answer is None else (~frames.is_missing(opened, answer)).cast(nw.Int64)
    native: Any = nw.from_native(frame)
    marked = native.with_columns(given.alias(_ONE))
    number = nw.col(_ONE).cum_sum().over(customer, order_by=time).cast(nw.Int64)
    return marked.with_columns(number.alias(name)).drop(_ONE).to_native()


@dataclass(frozen=True, kw_only=True, eq=False)
class Patterns:
    """Patterns of answers and how many customers gave each.

    Parameters
    ----------
    scale : ScoreScale
        Scale of the answers.
    index : pandas.DataFrame
        Levels of each occasion, one row a combination that occurs.
    codes : numpy.ndarray of int, shape (pattern, answer)
        ``row of index * categories + category`` of every answer, sorted; patterns with fewer
        answers are filled with ``len(index) * categories``.
    count : numpy.ndarray, shape (pattern,)
        Customers of each pattern.
    customers : pandas.DataFrame
        ``customer``, ``pattern`` and ``answers``.
    """

    scale: ScoreScale = field(repr=False)
    index: pd.DataFrame = field(repr=False)
    codes: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    customers: pd.DataFrame = field(repr=False)

    @property
    def n_answers(self) -> int:
        """Answers of all customers."""
        return int(self.occasions.sum())

    @property
    def occasions(self) -> np.ndarray:
        """Answers of each row of the index, shape (row,)."""
        by_code = self.count @ self.incidence
        return by_code.reshape(-1, self.scale.n_categories).sum(axis=1)

    @property
    def incidence(self) -> np.ndarray:
        """How often each pattern holds each answer, shape (pattern, row * categories)."""
        n_codes = len(self.index) * self.scale.n_categories
        out = np.zeros((len(self.codes), n_codes + 1))
        np.add.at(out, (np.arange(len(self.codes))[:, None], self.codes), 1.0)
        return out[:, :-1].copy()

    @property
    def data_hash(self) -> str:
        """Fingerprint of the patterns, independent of the order of the rows."""
        return fingerprint(self.index, self.codes, self.count)


def patterns(wave: SurveyWave, columns: Sequence[str]) -> Patterns:
    """Collapse the customers of a wave with identical answers in identical cells.

    Parameters
    ----------
    wave : SurveyWave
        One row an answer; with a customer.
    columns : sequence of str
        Columns that distinguish occasions.

    Returns
    -------
    Patterns
        The order of a customer's answers is not kept; the columns carry what matters of it.

    Raises
    ------
    NoRespondentsError
        If there is no answer.
    """
    opened, customer = wave.open(), str(wave.customer)
    frames.check_columns(opened, {f"columns[{i}]": c for i, c in enumerate(columns)})
    frames.check_keys(opened, list(columns))
    names = list(dict.fromkeys([customer, wave.answer, *columns]))
    rows = opened.filter(~frames.is_missing(opened, wave.answer))
    table = frames.collect(rows.select(*[nw.col(name) for name in names]))
    if table.empty:
        raise NoRespondentsError(f"none of {wave.n_frame} rows has an answer.")
    answers = table[wave.answer].to_numpy(dtype=float)
    category = np.round((answers - wave.scale.low) / wave.scale.step).astype(np.int64)
    if columns:
        grouped = table.groupby(list(columns), sort=True, observed=True)
        row, index = grouped.ngroup().to_numpy(), grouped.size().index.to_frame(index=False)
    else:
        row, index = np.zeros(len(table), dtype=np.int64), pd.DataFrame(index=[0])
    who, number = np.unique(table[customer].to_numpy(), return_inverse=True)
    padded = _padded(number, row * wave.scale.n_categories + category, len(who))
    padded[padded < 0] = len(index) * wave.scale.n_categories
    codes, of, count = np.unique(padded, axis=0, return_inverse=True, return_counts=True)
    people = pd.DataFrame({"customer": who, "pattern": of.ravel(), "answers": np.bincount(number)})
    return Patterns(
        scale=wave.scale, index=index, codes=codes, count=count.astype(float), customers=people
    )


def _padded(number: np.ndarray, code: np.ndarray, n: int) -> np.ndarray:
    """Lay out the sorted codes of each customer in a row, filled with -1."""
    order = np.lexsort((code, number))
    number, code = number[order], code[order]
    size = np.bincount(number, minlength=n)
    place = np.arange(len(code)) - np.repeat(np.cumsum(size) - size, size)
    out = np.full((n, int(size.max())), -1, dtype=np.int64)
    out[number, place] = code
    return out
