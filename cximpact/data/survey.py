"""A wave of a survey: everyone who was asked, and what those who answered said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cximpact.core.errors import ConfigError, DtypeError, ScaleError, warn_data
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice
from cximpact.data import checks, frames

STAGES = ("delivered", "opened", "started", "completed")


@dataclass(frozen=True, kw_only=True, eq=False)
class SurveyWave:
    """The invited or interviewed frame with its answers.

    Parameters
    ----------
    frame : frame
        One row for everybody who was asked, or whom the survey is to speak for; any engine.
    answer : str
        Column of answers; missing where there is none.
    scale : ScoreScale
        Scale of the answers.
    factors : sequence of str
        Columns that form the cells, such as segment and channel.
    period : str, optional
        Column of the period.
    weight : str, optional
        Column of survey weights, at least 0.
    customer, cluster, stratum : str, optional
        Columns of the design: who answered, primary sampling unit, stratum.
    stages : mapping of str to str, optional
        Stage (``delivered``, ``opened``, ``started``, ``completed``) to its 0/1 column.

    Attributes
    ----------
    n_frame, n_answered : int
        Rows, and rows with an answer.

    Notes
    -----
    The frame is checked once, in its own engine, and never changed. A missing answer means that
    nobody knows it; it is never a zero.
    """

    frame: Any = field(kw_only=False, repr=False)
    answer: str
    scale: ScoreScale = field(repr=False)
    factors: Sequence[str] = ()
    period: str | None = None
    weight: str | None = None
    customer: str | None = None
    cluster: str | None = None
    stratum: str | None = None
    stages: Mapping[str, str] = field(default_factory=dict)
    n_frame: int = field(init=False)
    n_answered: int = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.scale, ScoreScale):
            raise ConfigError(f"scale is {self.scale!r}; expected a ScoreScale.")
        if not isinstance(self.stages, Mapping):
            raise DtypeError("stages is no mapping; expected a column for each stage.")
        set_ = partial(object.__setattr__, self)
        set_("factors", frames.column_names(self.factors, "factors"))
        set_("stages", MappingProxyType(dict(self.stages)))
        for stage in self.stages:
            check_choice(stage, "a key of stages", STAGES)
        opened = self.open()
        frames.check_columns(opened, _roles(self))
        frames.column_names([*self.keys, self.answer], "answer, factors and period")
        frames.check_keys(opened, _group_columns(self))
        set_("n_frame", frames.count_rows(opened))
        set_("n_answered", _check_rows(opened, self))

    def open(self) -> nw.LazyFrame[Any]:
        """Open the frame for lazy work in its own engine.

        Returns
        -------
        narwhals.LazyFrame
            All columns.
        """
        return frames.open_frame(self.frame)

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that form the cells: the factors, then the period."""
        return (*self.factors, *((self.period,) if self.period else ()))


def _roles(wave: SurveyWave) -> dict[str, str | None]:
    roles = {"answer": wave.answer, "period": wave.period, "weight": wave.weight}
    roles |= {"customer": wave.customer, "cluster": wave.cluster, "stratum": wave.stratum}
    roles |= {f"factors[{i}]": f for i, f in enumerate(wave.factors)}
    return roles | {f"stages[{name}]": column for name, column in wave.stages.items()}


def _group_columns(wave: SurveyWave) -> list[str]:
    return [c for c in (*wave.keys, wave.cluster, wave.stratum, wave.customer) if c is not None]


def _check_rows(opened: nw.LazyFrame[Any], wave: SurveyWave) -> int:
    """Check every row in one scan; return how many have an answer."""
    frames.check_numeric(opened, wave.answer, "answer")
    answer = frames.known(opened, wave.answer)
    to_check = [*checks.finite(opened, wave.answer)]
    every_integer = wave.scale.step == 1 and float(wave.scale.low).is_integer()
    if not (every_integer and opened.collect_schema()[wave.answer].is_integer()):
        to_check.append(_between_steps(answer, wave))
    for column in (*wave.keys, wave.cluster, wave.stratum):
        if column is not None:
            fix = "give those rows a level of their own first"
            to_check.append(checks.present(opened, column, fix))
    values = {"low": answer.min(), "high": answer.max(), "answered": answer.count()}
    if wave.customer is not None:
        to_check += checks.exact_ids(opened, wave.customer)
    if wave.weight is not None:
        to_check += checks.sound_weights(opened, wave.weight)
        values["weight"] = frames.known(opened, wave.weight).sum()
    seen = checks.run(opened, to_check, values)
    if wave.customer is not None:
        checks.warn_float_ids(opened, wave.customer)
    if wave.weight is not None:
        checks.check_weight_sum(float(seen["weight"]), wave.weight)
    n = int(seen["answered"])
    if n:
        _check_range(opened, wave, float(seen["low"]), float(seen["high"]))
        if hint := wave.scale.shift_hint(float(seen["low"]), float(seen["high"]), n):
            warn_data(f"Column {wave.answer!r}: {hint}")
    return n


def _between_steps(answer: nw.Expr, wave: SurveyWave) -> checks.RowCheck:
    scale = wave.scale
    steps = (answer - scale.low) / scale.step
    inside = (answer >= scale.low) & (answer <= scale.high)
    return checks.RowCheck(
        fails=inside & ((steps - steps.round(0)).abs() > 1e-9),
        error=ScaleError,
        found=f"Column {wave.answer!r} lies between the steps of scale {scale.name} in",
        fix=f"its answers run from {scale.low:g} to {scale.high:g} by {scale.step:g}",
    )


def _check_range(opened: nw.LazyFrame[Any], wave: SurveyWave, low: float, high: float) -> None:
    scale = wave.scale
    if low >= scale.low and high <= scale.high:
        return
    answer = frames.known(opened, wave.answer)
    outside = (answer < scale.low) | (answer > scale.high)
    extreme = high if high > scale.high else low
    raise ScaleError(
        f"Column {wave.answer!r} ranges from {low:g} to {high:g} but scale {scale.name} runs from "
        f"{scale.low:g} to {scale.high:g}: "
        f"{frames.where(opened, outside, frames.count_where(opened, outside))}."
        f"{scale.missing_code_hint([low, high])} Declare the right scale, or make "
        f"{extreme:g} missing if it is a code."
    )
