"""The SMART record of a goal, which does not pass while something is missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from cximpact.core.errors import ConfigError, join_names
from cximpact.core.results import result_html
from cximpact.core.validate import check_number
from cximpact.core.wording import number, percent
from cximpact.goals.goal import Goal

_ORDER = {
    "specific": ("metric", "scale", "population", "segment"),
    "measurable": ("estimator", "n_planned", "minimum_detectable", "instrument"),
    "attainable": ("probability",),
    "relevant": ("owner", "owner_share"),
    "time": ("starts", "measured_on", "effect_by"),
}


@dataclass(frozen=True, kw_only=True)
class Smart:
    """A goal as something that somebody can be held to.

    Parameters
    ----------
    target : float, optional
        The goal, in score points.
    metric, scale : str, optional
        What is measured, and on which scale.
    population, segment : str, optional
        Of whom; segment ``"all"`` for everybody.
    estimator : str, optional
        How it is computed.
    n_planned : float, optional
        Effective number of answers planned.
    minimum_detectable : float, optional
        Smallest change that the planned survey can show.
    instrument : str, optional
        Version of the questionnaire.
    probability : float, optional
        That the true score attains it.
    owner : str, optional
        Who is responsible.
    owner_share : float, optional
        Share of the variance of the score that the owner controls, such as the intraclass
        correlation of teams or stores.
    starts, measured_on, effect_by : date, optional
        When it starts, when it is measured, and when the initiatives have worked.
    """

    target: float | None = None
    metric: str | None = None
    scale: str | None = None
    population: str | None = None
    segment: str | None = None
    estimator: str | None = None
    n_planned: float | None = None
    minimum_detectable: float | None = None
    instrument: str | None = None
    probability: float | None = None
    owner: str | None = None
    owner_share: float | None = None
    starts: dt.date | None = None
    measured_on: dt.date | None = None
    effect_by: dt.date | None = None

    @classmethod
    def of(cls, goal: Goal, **known: Any) -> Smart:
        """Fill the record with what a goal knows, and the rest by hand.

        Parameters
        ----------
        goal : Goal
            The goal.
        **known
            Fields of the record.

        Returns
        -------
        Smart
            Not yet validated.

        Raises
        ------
        ConfigError
            For a field that the record does not have.
        """
        detect = goal.detectability
        own: dict[str, Any] = {
            "target": goal.target,
            "metric": goal.metric,
            "scale": goal.metric,
            "probability": goal.attainment.true,
            "n_planned": goal.assessor.settings.n_planned,
            "minimum_detectable": detect.minimum if detect else None,
        }
        names = [f.name for f in fields(cls)]
        if unknown := [k for k in known if k not in names]:
            raise ConfigError(
                f"the record has no {join_names(unknown)}; expected {join_names(names, limit=20)}."
            )
        return cls(**(own | known))

    def missing(self) -> list[str]:
        """Return the fields that are still empty.

        Returns
        -------
        list of str
            Names.
        """
        return [
            f.name
            for f in fields(self)
            if getattr(self, f.name) is None or getattr(self, f.name) == ""
        ]

    def validate(self) -> Smart:
        """Check that nothing is missing and that dates and numbers make sense.

        Returns
        -------
        Smart
            The same record.

        Raises
        ------
        ConfigError
            With every field that is missing, or a measurement before the initiatives have worked.
        """
        if empty := self.missing():
            raise ConfigError(
                f"the record lacks {join_names(empty, limit=20)}; a goal without them cannot be "
                "checked by anybody else."
            )
        check_number(self.probability, "probability", low=0, high=1)
        check_number(self.owner_share, "owner_share", low=0, high=1)
        check_number(self.n_planned, "n_planned", low=0, open_low=True)
        dates = [getattr(self, name) for name in _ORDER["time"]]
        if not all(isinstance(d, dt.date) for d in dates):
            raise ConfigError("starts, measured_on and effect_by must be dates.")
        starts, measured, effect = (pd.Timestamp(d) for d in dates)
        if not starts <= effect <= measured:
            raise ConfigError(
                f"it starts on {starts.date()}, the initiatives have worked by {effect.date()} and "
                f"it is measured on {measured.date()}; expected this order. Measured earlier, the "
                "score shows the baseline."
            )
        return self

    def tidy(self) -> pd.DataFrame:
        """Return the record by letter.

        Returns
        -------
        pandas.DataFrame
            ``part, field, value``.
        """
        rows = [{"part": "goal", "field": "target", "value": self.target}]
        for part, names in _ORDER.items():
            rows += [{"part": part, "field": n, "value": getattr(self, n)} for n in names]
        return pd.DataFrame(rows, dtype=object)

    def explain(self) -> str:
        """Say the goal in one paragraph.

        Returns
        -------
        str
            Or what is missing.
        """
        if empty := self.missing():
            return f"Not yet a goal: {join_names(empty, limit=20)} are missing."
        return (
            f"Bring {self.metric} of {self.population} ({self.segment}) to "
            f"{number(float(self.target or 0))} by {self.measured_on}, measured by "
            f"{self.estimator} with {number(float(self.n_planned or 0))} answers (instrument "
            f"{self.instrument}, smallest change that shows "
            f"{number(float(self.minimum_detectable or 0))} points). "
            f"{self.owner} owns it and controls {percent(float(self.owner_share or 0))} of its "
            f"variance. The true score attains it with a probability of "
            f"{percent(float(self.probability or 0))}."
        )

    def _repr_html_(self) -> str:
        return result_html("SMART record", self.tidy(), self.explain())
