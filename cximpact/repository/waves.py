"""From the tables to a survey wave: everyone in the frame, with what those who answered said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from cximpact.core.errors import (
    ColumnError,
    ConfigError,
    DataError,
    DuplicateKeyError,
    MissingColumnError,
)
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice
from cximpact.data import SurveyWave
from cximpact.data.frames import column_names
from cximpact.repository import periods, scales
from cximpact.repository.contracts import RESERVED_ATTRIBUTES, STAGES
from cximpact.repository.journeys import window
from cximpact.repository.sql import Fragment, sql
from cximpact.repository.store import fetch, get_meta, stored_types

PERIOD = "period"


@dataclass(frozen=True, kw_only=True)
class WaveRequest:
    """Which wave is wanted.

    Parameters
    ----------
    survey : str
        Name of the survey.
    answer : str
        Name of the question, and of the column of answers.
    scale : ScoreScale, optional
        Scale; the stored one by default.
    factors : sequence of str
        Attributes of customers that form the cells.
    period : str, optional
        Unit of periods.
    start, end : datetime-like or int, optional
        Invitations from (included) and until (excluded).
    repeats : {"refuse", "keep"}
        What to do with several invitations of a customer in one period.
    """

    survey: str
    answer: str
    scale: ScoreScale | None
    factors: Sequence[str]
    period: str | None
    start: Any
    end: Any
    repeats: str

    def __post_init__(self) -> None:
        check_choice(self.repeats, "repeats", ("refuse", "keep"))
        object.__setattr__(self, "factors", column_names(self.factors, "factors"))
        if not isinstance(self.answer, str) or not self.answer:
            raise ConfigError(f"answer is {self.answer!r}; expected the name of a question.")
        if self.scale is not None and not isinstance(self.scale, ScoreScale):
            raise ConfigError("scale is not a ScoreScale; give one such as cximpact.scores.NPS.")


def survey_wave(connection: duckdb.DuckDBPyConnection, request: WaveRequest) -> SurveyWave:
    """Assemble a wave over all customers.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The store.
    request : WaveRequest
        Which wave.

    Returns
    -------
    SurveyWave
        One row a customer, or a customer and period; more where repeats are kept.
    """
    question = _find_question(connection, request)
    scale = _find_scale(connection, request, question)
    types = stored_types(connection, "surveys")
    columns = [sql("everyone.{c}", c=c) for c in ("customer", *_attributes(connection, request))]
    chosen = _chosen(connection, request, types["invited"])
    values = {
        "survey": request.survey,
        "question": question,
        **_bounds(connection, request, types["invited"]),
    }
    if "$zone" in chosen:
        values["zone"] = get_meta(connection, "time_zone")
    _check_chosen(connection, request, chosen, values)
    order = [sql("everyone.customer"), sql("chosen.invited")]
    same_period = sql("")
    if request.period is not None:
        columns.append(sql("everyone.period"))
        order.insert(1, sql("everyone.period"))
        same_period = sql("AND everyone.period = chosen.period")
    columns += [sql("CAST(chosen.{s} AS DOUBLE) AS {s}", s=s) for s in STAGES]
    statement = sql(
        "WITH chosen AS ({chosen}) SELECT {columns}, chosen.invited, chosen.answer AS {answer} "
        "FROM {everyone} LEFT JOIN chosen ON everyone.customer = chosen.customer {same_period} "
        "ORDER BY {order}",
        chosen=chosen,
        columns=columns,
        answer=request.answer,
        everyone=_everyone(request.period is not None),
        same_period=same_period,
        order=order,
    )
    frame = fetch(connection, statement, values)
    stages = {s: s for s in STAGES if frame[s].notna().any()}
    return SurveyWave(
        frame.drop(columns=[s for s in STAGES if s not in stages]),
        answer=request.answer,
        scale=scale,
        factors=request.factors,
        period=None if request.period is None else PERIOD,
        customer="customer",
        stages=stages,
    )


def _find_question(connection: duckdb.DuckDBPyConnection, request: WaveRequest) -> str | None:
    """Return the stored name of the question; None for a survey that names none."""
    if not stored_types(connection, "surveys"):
        raise DataError("there are no surveys yet; add the table surveys first.")
    rows = connection.execute("SELECT DISTINCT survey, question FROM surveys ORDER BY ALL")
    asked: dict[str, list[str | None]] = {}
    for survey, question in rows.fetchall():
        asked.setdefault(survey, []).append(question)
    check_choice(request.survey, "survey", list(asked))
    questions = asked[request.survey]
    if request.answer in questions:
        return request.answer
    if questions == [None]:
        return None
    return check_choice(request.answer, "answer", [q for q in questions if q is not None])


def _find_scale(
    connection: duckdb.DuckDBPyConnection, request: WaveRequest, question: str | None
) -> ScoreScale:
    known = scales.find(connection, request.survey, question)
    if known is None and request.scale is None:
        raise ConfigError("nobody has answered this question yet, so its scale is unknown: give it")
    if known is not None and request.scale is not None:
        scales.check_same(known, request.scale)
    return request.scale or known  # type: ignore[return-value]


def _attributes(connection: duckdb.DuckDBPyConnection, request: WaveRequest) -> list[str]:
    attributes = list(stored_types(connection, "customers"))[1:]
    if request.answer in (*RESERVED_ATTRIBUTES, "customer", *attributes):
        raise ColumnError(
            f"answer={request.answer!r} is the name of another column of the wave; name the "
            "question otherwise."
        )
    if lost := [f for f in request.factors if f not in attributes]:
        raise MissingColumnError.from_names(lost, attributes, role="factor, known for everyone")
    return attributes


def _chosen(connection: duckdb.DuckDBPyConnection, request: WaveRequest, invited: str) -> Fragment:
    """Return the query for the invitations of the wave."""
    period = sql("NULL")
    if request.period is not None:
        time = sql("invited")
        if not periods.check_unit(request.period, invited, "Column 'invited' of table surveys"):
            time = periods.label(periods.local_day(connection, time, invited), request.period)
        period = time
    return sql(
        "SELECT customer, invited, {stages}, answer, {period} AS period FROM surveys "
        "WHERE survey = $survey AND question IS NOT DISTINCT FROM $question "
        "AND ($low IS NULL OR invited >= $low) AND ($high IS NULL OR invited < $high)",
        stages=STAGES,
        period=period,
    )


def _bounds(
    connection: duckdb.DuckDBPyConnection, request: WaveRequest, invited: str
) -> dict[str, Any]:
    if invited != "BIGINT":
        low, high = window(connection, request.start, request.end)
        return {"low": low, "high": high}
    for name in ("start", "end"):
        value = getattr(request, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ConfigError(f"{name} is {value!r}; the invitations are numbered: give a number.")
    return {"low": request.start, "high": request.end}


def _everyone(by_period: bool) -> Fragment:
    if not by_period:
        return sql("customers AS everyone")
    return sql(
        "(SELECT customers.*, asked.period FROM customers CROSS JOIN "
        "(SELECT DISTINCT period FROM chosen) AS asked) AS everyone"
    )


def _check_chosen(
    connection: duckdb.DuckDBPyConnection,
    request: WaveRequest,
    chosen: Fragment,
    values: dict[str, Any],
) -> None:
    statement = sql(
        "WITH chosen AS ({chosen}) SELECT coalesce(sum(n), 0), count(*) FILTER (WHERE n > 1) "
        "FROM (SELECT count(*) AS n FROM chosen GROUP BY customer, period)",
        chosen=chosen,
    )
    n, repeated = connection.execute(statement, values).fetchone() or (0, 0)
    if n == 0:
        raise DataError(
            f"nobody was invited to survey {request.survey!r} between start and end; widen them."
        )
    if repeated and request.repeats == "refuse":
        within = "in one period" if request.period is not None else "between start and end"
        raise DuplicateKeyError(
            f"{repeated} customers were invited more than once {within}; choose period=, or start= "
            "and end=, so that each counts once, or say repeats='keep' for one row an invitation."
        )
