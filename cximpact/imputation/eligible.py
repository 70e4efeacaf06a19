"""Who may be asked next, and how likely they are to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, DataError, EmptyDataError, join_names
from cximpact.core.validate import check_number
from cximpact.data import Cells, checks, frames

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

LAST, ALL = "last", "all"
_PRIOR_PEOPLE = 20.0
"""People of the overall response rate that are added to each cell's own."""
_RESPONSE = "__response"
_COLUMNS = ("people", "answered", "eligible", "tired", "response_prob", "gain", "invitations")


def eligible(
    imputed: ImputedScores, *, contacts: str | None, min_days: float, period: Any
) -> tuple[nw.LazyFrame[Any], str, np.ndarray]:
    """Find the people who did not answer and may be asked, and the cells that are planned for.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    contacts : str or None
        Column of the days since the last contact; missing for never.
    min_days : float
        Least days between contacts.
    period : object
        A level of the period, ``"last"`` or ``"all"``.

    Returns
    -------
    tuple of narwhals.LazyFrame, str and numpy.ndarray of bool, shape (cell,)
        Rows of the wave's frame, not read yet; the column of the customer; and the cells of the
        period.

    Raises
    ------
    ConfigError
        If the fit knows no wave or no customers, or there is no such period.
    """
    wave = imputed.wave
    if wave is None:
        raise ConfigError("this fit knows no wave, as after loading; fit again to plan a survey.")
    if wave.customer is None:
        raise ConfigError(
            "the wave names no customers; say SurveyWave(..., customer=column) to plan whom to ask."
        )
    min_days = check_number(min_days, "min_days", low=0)
    rows = wave.open()
    kept = frames.is_missing(rows, wave.answer)
    if contacts is not None:
        frames.check_columns(rows, {"contacts": contacts})
        frames.check_numeric(rows, contacts, "contacts")
        rested = frames.known(rows, contacts) >= min_days
        kept = kept & (rested | frames.is_missing(rows, contacts))
    chosen, cells = _period(imputed, period)
    if chosen is not None:
        kept = kept & (nw.col(str(imputed.design.period)) == chosen)
    return rows.filter(kept), wave.customer, cells


def count_eligible(
    imputed: ImputedScores, cells: np.ndarray, rows: nw.LazyFrame[Any], response: Any
) -> pd.DataFrame:
    """Count who may be asked in each cell, and say how likely they are to answer.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    cells : numpy.ndarray of bool, shape (cell,)
        Cells that are planned for.
    rows : narwhals.LazyFrame
        Who may be asked.
    response : float, str or None
        Probability of an answer, the column that has it, or None for the observed rates.

    Returns
    -------
    pandas.DataFrame
        One row a chosen cell: the columns of the model, ``people``, ``answered``, ``eligible``,
        ``tired`` and ``response_prob``.

    Raises
    ------
    ConfigError
        If a column of the model has the name of a column of the plan.
    EmptyDataError
        If nobody may be asked.
    """
    counts, keys = imputed.cells, list(imputed.cells.by)
    if taken := sorted(set(keys) & set(_COLUMNS)):
        raise ConfigError(f"column {join_names(taken)} has the name of a column of the plan.")
    values = {}
    if isinstance(response, str):
        values[_RESPONSE] = _checked_response(rows, response)
    found = frames.group_sums(rows, keys, values)
    table = counts.index.reset_index(drop=True)
    if keys:
        looked = table.merge(found, on=keys, how="left")
    else:
        looked = found
    eligible = looked[frames.COUNT].fillna(0).to_numpy(float)
    if eligible.sum() == 0:
        raise EmptyDataError(
            "nobody may be asked: everybody answered already or was contacted less than min_days "
            "ago. Lower min_days, or plan for another period."
        )
    table["people"] = counts.frame_count
    table["answered"] = counts.answered
    table["eligible"] = eligible
    table["tired"] = table["people"] - table["answered"] - eligible
    if isinstance(response, str):
        table["response_prob"] = (looked[_RESPONSE] / looked[frames.COUNT]).fillna(0.0)
    elif response is not None:
        table["response_prob"] = check_number(response, "response", low=0, high=1)
    else:
        table["response_prob"] = _observed_response(counts)
    return table[cells].reset_index(drop=True)


def _checked_response(rows: nw.LazyFrame[Any], column: str) -> nw.Expr:
    frames.check_columns(rows, {"response": column})
    frames.check_numeric(rows, column, "response")
    value = frames.known(rows, column)
    inside = ((value >= 0) & (value <= 1)).fill_null(False)
    wrong = checks.RowCheck(
        fails=~inside,
        error=DataError,
        found=f"Column {column!r} is missing or outside 0 to 1 in",
        fix="expected the probability of an answer, as a fraction",
    )
    checks.run(rows, [wrong])
    return value


def _observed_response(counts: Cells) -> np.ndarray:
    overall = counts.n_answered / counts.n_frame
    return (counts.answered + _PRIOR_PEOPLE * overall) / (counts.frame_count + _PRIOR_PEOPLE)


def _period(imputed: ImputedScores, period: Any) -> tuple[Any, np.ndarray]:
    """Return the chosen period, or None for all, and which cells it has."""
    name = imputed.design.period
    if name is None or (isinstance(period, str) and period == ALL):
        return None, np.ones(imputed.cells.n_cells, dtype=bool)
    levels = list(imputed.design.levels[name])
    chosen = levels[-1] if isinstance(period, str) and period == LAST else period
    if chosen not in levels:
        raise ConfigError(
            f"period is {period!r}; {name!r} has {join_names(levels)}. Name one of them, "
            "'last' or 'all'."
        )
    return chosen, (imputed.cells.index[name] == chosen).to_numpy()
