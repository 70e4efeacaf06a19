"""Answers at touchpoints: scores, places, weights and clusters of one frame, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, DtypeError, EmptyDataError, join_names
from cximpact.core.scale import ScoreScale
from cximpact.data import checks, frames

VALUE, WEIGHT, CLUSTER = "__value", "__weight", "__cluster"
JOINT = " > "
"""Between the levels of a place, as in ``Buy > checkout > web``."""


def read_answers(
    frame: Any,
    *,
    by: Sequence[str],
    score: str,
    scale: ScoreScale | None,
    weight: str | None = None,
    cluster: str | None = None,
    groups: Sequence[str] = (),
    numbers: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Bring answers at touchpoints into memory, checked; a score may be missing.

    Parameters
    ----------
    frame : frame
        One row a contact; any engine.
    by : sequence of str
        Columns that name the place, the outermost first.
    score : str
        Numeric column; missing where nobody answered.
    scale : ScoreScale, optional
        Scale of the answers; None takes the numbers as they are.
    weight, cluster : str, optional
        Columns of weights and of clusters.
    groups : sequence of str
        Further columns of groups.
    numbers : mapping of str to str, optional
        Further numeric columns by role; they may be missing.

    Returns
    -------
    pandas.DataFrame
        The columns of places and groups as text, the further numbers by role, then what each
        answer adds to the score, the weight, and the cluster if there is one.

    Raises
    ------
    DataError, ConfigError
        If columns are missing, of the wrong type, without a label, or off the scale.
    """
    named = {"score": score, "weight": weight, "cluster": cluster} | dict(numbers or {})
    labels = [*frames.column_names(by, "by"), *frames.column_names(groups, "groups")]
    if not by:
        raise ConfigError("by names no column; expected at least one, such as ['touchpoint'].")
    opened = frames.open_frame(frame)
    frames.check_columns(opened, named | {f"by[{i}]": c for i, c in enumerate(labels)})
    for role, column in named.items():
        if column is not None and role != "cluster":
            frames.check_numeric(opened, column, role)
            checks.check_finite(opened, column)
    keys = list(dict.fromkeys([*labels, *(c for c in (cluster,) if c)]))
    frames.check_keys(opened, keys)
    checks.check_no_missing(opened, keys, "give every row a label")
    if weight is not None:
        checks.run(opened, checks.sound_weights(opened, weight))
    wanted = list(dict.fromkeys([*labels, *(c for c in named.values() if c)]))
    table = frames.collect(frames.select(opened, {c: c for c in wanted}))
    if table.empty:
        raise EmptyDataError("the frame has 0 rows; expected at least 1.")
    out = {c: _text(table[c], c) for c in dict.fromkeys(labels)}
    for role, column in (numbers or {}).items():
        out[role] = table[column].to_numpy(dtype=float, na_value=np.nan)
    out[VALUE] = score_values(table[score].to_numpy(dtype=float, na_value=np.nan), scale, score)
    out[WEIGHT] = np.ones(len(table)) if weight is None else table[weight].to_numpy(dtype=float)
    if cluster is not None:
        out[CLUSTER] = table[cluster]
    return pd.DataFrame(out)


def score_values(answers: np.ndarray, scale: ScoreScale | None, name: str) -> np.ndarray:
    """Return what each answer adds to the score; missing stays missing.

    Parameters
    ----------
    answers : numpy.ndarray, shape (row,)
        Answers, NaN where there is none.
    scale : ScoreScale, optional
        Their scale; None takes the numbers as they are.
    name : str
        Name of the column.

    Returns
    -------
    numpy.ndarray, shape (row,)
        Such as -100, 0 and 100 for the NPS.
    """
    if scale is None:
        return answers
    known = ~np.isnan(answers)
    codes = scale.codes(np.where(known, answers, scale.low), f"Column {name!r}")
    return np.where(known, scale.score_weights[codes], np.nan)


def place_labels(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Join the levels of a place to one label a row.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns of places as text.
    by : sequence of str
        Those columns.

    Returns
    -------
    pandas.Series
        Such as ``Buy > checkout > web``.
    """
    first, *rest = [table[c] for c in by]
    return first.str.cat(rest, sep=JOINT) if rest else first


def _text(column: pd.Series, name: str) -> pd.Series:
    texts = column.astype(str)
    if (odd := sorted(set(texts[texts.str.contains(JOINT, regex=False)])))[:1]:
        raise DtypeError(
            f"Column {name!r} has the label {join_names(odd, 1)}; {JOINT.strip()!r} between spaces "
            "parts the levels of a place. Rename it."
        )
    return texts
