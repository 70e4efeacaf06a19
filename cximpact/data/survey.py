"""A wave of a survey: everyone who was asked, and what those who answered said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cximpact.core.errors import DtypeError, NonFiniteError, ScaleError, WeightError, warn_data
from cximpact.core.scale import ScoreScale
from cximpact.data import frames

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
        if isinstance(self.factors, str):
            raise DtypeError(f"factors is the text {self.factors!r}; expected a list of columns.")
        object.__setattr__(self, "factors", tuple(self.factors))
        object.__setattr__(self, "stages", MappingProxyType(dict(self.stages)))
        opened = self.open()
        roles = {"answer": self.answer, "period": self.period, "weight": self.weight}
        roles |= {"customer": self.customer, "cluster": self.cluster, "stratum": self.stratum}
        roles |= {f"factors[{i}]": f for i, f in enumerate(self.factors)}
        roles |= {f"stages[{name}]": column for name, column in self.stages.items()}
        frames.check_columns(opened, roles)
        object.__setattr__(self, "n_frame", frames.count_rows(opened))
        _check_answers(opened, self.answer, self.scale)
        answered = frames.count_where(opened, ~frames.is_missing(opened, self.answer))
        object.__setattr__(self, "n_answered", answered)
        keys = [*self.factors, *(c for c in (self.period, self.cluster, self.stratum) if c)]
        frames.check_no_missing(opened, keys, "give those rows a level of their own first")
        if self.customer is not None:
            frames.check_ids(opened, self.customer)
        if self.weight is not None:
            _check_weights(opened, self.weight)

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


def _check_answers(opened: nw.LazyFrame[Any], answer: str, scale: ScoreScale) -> None:
    frames.check_numeric(opened, answer, "answer")
    frames.check_finite(opened, answer)
    value = nw.col(answer).cast(nw.Float64)
    given = opened.filter(~frames.is_missing(opened, answer))
    seen = frames.collect(given.select(low=value.min(), high=value.max(), n=nw.len()))
    low, high = seen["low"].iloc[0], seen["high"].iloc[0]
    outside = (value < scale.low) | (value > scale.high)
    if n := frames.count_where(opened, outside):
        extreme = high if high > scale.high else low
        raise ScaleError(
            f"Column {answer!r} ranges from {low:g} to {high:g} but scale {scale.name} runs from "
            f"{scale.low:g} to {scale.high:g}: {frames.where(opened, outside, n)}."
            f"{scale.missing_code_hint([low, high])} Declare the right scale, or make "
            f"{extreme:g} missing if it is a code."
        )
    steps = (value - scale.low) / scale.step
    between = (steps - steps.round(0)).abs() > 1e-9
    if n := frames.count_where(opened, between):
        raise ScaleError(
            f"Column {answer!r} has values between the steps of scale {scale.name} "
            f"({scale.low:g} to {scale.high:g} by {scale.step:g}): "
            f"{frames.where(opened, between, n)}."
        )
    if hint := scale.shift_hint(low, high, int(seen["n"].iloc[0])):
        warn_data(f"Column {answer!r}: {hint}")


def _check_weights(opened: nw.LazyFrame[Any], weight: str) -> None:
    frames.check_numeric(opened, weight, "weight")
    try:
        frames.check_finite(opened, weight)
        frames.check_no_missing(opened, [weight], "give every row a weight, 0 to leave it out")
    except (NonFiniteError, ValueError) as error:
        raise WeightError(str(error)) from None
    negative = nw.col(weight) < 0
    if n := frames.count_where(opened, negative):
        raise WeightError(
            f"Column {weight!r} is negative in {frames.where(opened, negative, n)}; "
            "weights start at 0."
        )
    if frames.count_where(opened, nw.col(weight) > 0) == 0:
        raise WeightError(f"Column {weight!r} sums to 0; at least one row needs a weight.")
