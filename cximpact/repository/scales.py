"""The score scale of each survey question, remembered with its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

import duckdb

from cximpact.core.errors import ConfigError, ScaleError, warn_data
from cximpact.core.scale import ScoreScale
from cximpact.repository.columns import Target
from cximpact.repository.rules import Rule
from cximpact.repository.sql import sql
from cximpact.repository.staging import CLEAN, STAGED
from cximpact.repository.store import SCALES


def rules(
    connection: duckdb.DuckDBPyConnection, scale: ScoreScale | None, answer: Target
) -> list[Rule]:
    """Return the rules that a scale sets for the answers of a batch.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with staged rows.
    scale : ScoreScale or None
        What was declared.
    answer : Target
        The column.

    Returns
    -------
    list of Rule
        Within the scale, and on its steps; none where nobody answered.

    Raises
    ------
    ConfigError
        If there are answers and no scale.
    """
    statement = sql(
        "SELECT count({v}), min({v}), max({v}) FROM {staged}", v=answer.value, staged=STAGED
    )
    n, low, high = connection.execute(statement).fetchone() or (0, 0.0, 0.0)
    if n == 0:
        return []
    if scale is None:
        raise ConfigError(
            "the rows have answers, and no scale says what they mean; give scale=, such as "
            "cximpact.scores.NPS."
        )
    if hint := scale.shift_hint(low, high, n):
        warn_data(hint)
    runs = f"scale {scale.name} runs from {scale.low:g} to {scale.high:g} by {scale.step:g}"
    hint = scale.missing_code_hint([low, high])
    return [
        Rule(
            error=ScaleError,
            when=sql("{v} < ? OR {v} > ?", v=answer.value),
            found=f"Column 'answer' ranges from {low:g} to {high:g} but {runs}: it is off",
            fix=f"declare the right scale, or correct the answers.{hint}".rstrip("."),
            values=(scale.low, scale.high),
        ),
        Rule(
            error=ScaleError,
            when=sql("abs(({v} - ?) / ? - round(({v} - ?) / ?)) > 1e-9", v=answer.value),
            found=f"Column 'answer' has values between the steps of its scale ({runs})",
            fix="declare the right scale, or correct the answers",
            values=(scale.low, scale.step, scale.low, scale.step),
        ),
    ]


def keep(
    connection: duckdb.DuckDBPyConnection,
    scale: ScoreScale | None,
    has_answers: bool,
    has_question: bool,
) -> None:
    """Remember the scale of the questions in a batch.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store, with the clean view.
    scale : ScoreScale or None
        What was declared.
    has_answers, has_question : bool
        Whether the batch has those columns.

    Raises
    ------
    ScaleError
        If a question was stored on another scale.
    """
    if scale is None or not has_answers:
        return
    question = sql("question") if has_question else sql("NULL")
    statement = sql(
        "SELECT DISTINCT survey, {question} FROM {clean} WHERE answer IS NOT NULL",
        question=question,
        clean=CLEAN,
    )
    for survey, asked in connection.execute(statement).fetchall():
        known = find(connection, survey, asked)
        if known is None:
            values = [survey, asked, _to_json(scale)]
            connection.execute(sql("INSERT INTO {t} VALUES (?, ?, ?)", t=SCALES), values)
        else:
            check_same(known, scale)


def find(
    connection: duckdb.DuckDBPyConnection, survey: str, question: str | None
) -> ScoreScale | None:
    """Return the scale of a question, or None when nobody has answered it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    survey : str
        Name of the survey.
    question : str or None
        Name of the question.

    Returns
    -------
    ScoreScale or None
        As it was declared.
    """
    statement = sql(
        "SELECT scale FROM {t} WHERE survey = ? AND question IS NOT DISTINCT FROM ?", t=SCALES
    )
    row = connection.execute(statement, [survey, question]).fetchone()
    return None if row is None else _from_json(row[0])


def check_same(known: ScoreScale, given: ScoreScale) -> None:
    """Check that a question keeps its scale.

    Parameters
    ----------
    known, given : ScoreScale
        As stored, and as declared now.

    Raises
    ------
    ScaleError
        If their answers or their direction differ.
    """
    same = ("low", "high", "step", "higher_is_better")
    if any(getattr(known, name) != getattr(given, name) for name in same):
        raise ScaleError(
            f"the answers are stored on scale {known.name} ({_words(known)}), not on {given.name} "
            f"({_words(given)}); declare one scale, or give the question another name."
        )


def _words(scale: ScoreScale) -> str:
    better = "higher" if scale.higher_is_better else "lower"
    return f"{scale.low:g} to {scale.high:g} by {scale.step:g}, {better} is better"


def _to_json(scale: ScoreScale) -> str:
    values = {f.name: getattr(scale, f.name) for f in fields(scale) if f.init}
    return json.dumps({k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()})


def _from_json(text: str) -> ScoreScale:
    values = json.loads(text)
    values["bands"] = {k: (v[0], v[1]) for k, v in values["bands"].items()}
    if values["score_range"] is not None:
        values["score_range"] = tuple(values["score_range"])
    return ScoreScale(**values)
