"""A goal: where to get, why there, and how likely."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.draws import SAMPLE, concat
from cximpact.core.errors import ConfigError
from cximpact.core.results import plotting, result_html, tidy
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice, check_number
from cximpact.core.wording import format_probability, number, percent, points
from cximpact.goals.assess import Assessor
from cximpact.goals.attain import Attainment
from cximpact.goals.baseline import TrendBaseline, needs_scale
from cximpact.goals.detect import Detectability
from cximpact.goals.enough import Enough


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjustment:
    """A human decision to set another goal than the computed one.

    Parameters
    ----------
    computed_target : float
        What was computed.
    computed_rule : str
        The rule that bound.
    reason : str
        Why another goal was set.
    """

    computed_target: float
    computed_rule: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """A goal over a trend baseline.

    Parameters
    ----------
    assessor : Assessor
        Baseline, settings and joint draws; what another goal is judged by.
    target : float
        The goal, in score points.
    rule : str
        The rule that binds, or ``"adjusted"``.
    candidates : pandas.DataFrame
        One row a rule: ``rule, label, target, gain, opportunity_share, latent_shift,
        share_passed, p_true, p_measured, p_true_status_quo, binding``; NaN where a rule
        does not apply.
    attainment : Attainment
        Probabilities of attaining it.
    detectability : Detectability or None
        Whether the planned survey could see it; None where spread or answers are unknown.
    problems : tuple of str
        Why it is not feasible.
    enough : Enough or None
        The high-enough rule, where a ceiling was given.
    notes : tuple of str
        What a reader must know.
    adjustment : Adjustment or None
        The human decision behind an adjusted goal.
    """

    assessor: Assessor
    target: float
    rule: str
    candidates: pd.DataFrame
    attainment: Attainment
    detectability: Detectability | None
    problems: tuple[str, ...]
    enough: Enough | None
    notes: tuple[str, ...]
    adjustment: Adjustment | None = None

    @property
    def baseline(self) -> TrendBaseline:
        """Where the score is heading without initiatives."""
        return self.assessor.baseline

    @property
    def draws(self) -> xr.Dataset:
        """Joint draws of the score at the horizon, with and without initiatives."""
        return self.assessor.futures

    @property
    def metric(self) -> str:
        """Name of the score."""
        return self.baseline.metric

    @property
    def period(self) -> Any:
        """The period of the goal."""
        return self.baseline.point["period"].values[-1].item()

    @property
    def feasible(self) -> bool:
        """Whether nothing speaks against its being reached."""
        return not self.problems

    def adjusted(self, target: float, *, reason: str) -> Goal:
        """Return a new goal that a person set, which keeps the computed one.

        Parameters
        ----------
        target : float
            The goal, in score points. One that cannot be reached is not feasible, and no
            error.
        reason : str
            Why; it is recorded.

        Returns
        -------
        Goal
            With its own probabilities, and ``adjustment`` for the record.

        Raises
        ------
        ConfigError
            Without a reason.
        """
        value = check_number(target, "target")
        if not isinstance(reason, str) or not reason.strip():
            raise ConfigError("reason is empty; say why the computed goal is not taken.")
        first = self.adjustment
        record = Adjustment(
            computed_target=first.computed_target if first else self.target,
            computed_rule=first.computed_rule if first else self.rule,
            reason=reason.strip(),
        )
        computed = self.candidates[self.candidates["rule"] != "adjusted"]
        row = pd.DataFrame([self.assessor.row("adjusted", "Set by people", value)])
        table = pd.concat([computed.drop(columns="binding"), row], ignore_index=True)
        return replace(
            self,
            target=value,
            rule="adjusted",
            candidates=table.assign(binding=table["rule"] == "adjusted"),
            attainment=self.assessor.chances(value),
            detectability=self.assessor.detectable(value),
            problems=self.assessor.problems(value, maintain=record.computed_rule == "maintain"),
            adjustment=record,
        )

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the scores that the goal is about.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.
        kind : {"eti", "hdi"}
            Which interval.

        Returns
        -------
        pandas.DataFrame
            One row for the true and the measured score at the horizon, without initiatives
            (``..._status_quo``) and, where there are any, with them. ``attains`` is the
            probability that it attains the target.
        """
        names = ("true_status_quo", "measured_status_quo")
        if self.assessor.settings.capacity is not None:
            names += ("true", "measured")
        table = summarize(self._stack(names), prob, kind)
        forecast = self.baseline.summary(prob, kind)
        last = forecast[forecast["period"] == forecast["period"].iloc[-1]].reset_index(drop=True)
        if self.baseline.std_error is not None:
            exact = last.filter(list(table.columns)).assign(score=table["score"])
            table = pd.concat([exact, table.iloc[2:]])
        chances = self.attainment
        attains = [getattr(chances, n) for n in names]
        return table.reset_index(drop=True).assign(target=self.target, attains=attains)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the scores that the goal is about as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            The tidy columns, then ``target`` and ``attains``; ``n`` counts the periods seen.
        """
        table = self.summary(prob)
        out = tidy(
            table, self._stack(tuple(table["score"])), len(self.baseline.history), default="score"
        )
        return out.assign(target=table["target"], attains=table["attains"])

    def headline(self) -> str:
        """Say the goal in one sentence.

        Returns
        -------
        str
            For example ``Bring CSAT from 62 to 65 by period 7: ...``.
        """
        verb = "Keep" if self.rule == "maintain" else "Bring"
        goal = (
            f"at {number(self.target)} or better"
            if verb == "Keep"
            else (f"from {number(self.baseline.current)} to {number(self.target)}")
        )
        chances = self.attainment
        text = (
            f"{verb} {self.metric} {goal} by period {self.period}: without initiatives the "
            f"forecast is {number(self.baseline.base)}, and the true score attains the goal with "
            f"a probability of {self._chance(chances.true_status_quo)}"
        )
        if self.assessor.settings.capacity is not None:
            text += f"; with the initiatives, {self._chance(chances.true)}"
        return text + ("." if self.feasible else ". It is not feasible as it stands.")

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph how the goal came about and what would change it.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            Goal, rule, chances, detectability, problems and the baseline behind it.
        """
        chances = self.attainment
        luck = chances.false_attainment
        parts = [
            self.headline(),
            self._why(),
            f"A survey will report it as attained with a probability of "
            f"{self._chance(chances.measured)}"
            + (
                f" ({self._chance(luck)} if the true score is only at its baseline)."
                if math.isfinite(luck)
                else "."
            ),
            self.detectability.message if self.detectability else "",
            *(f"Not feasible: {problem}" for problem in self.problems),
            *self.notes,
            self.baseline.explain(prob),
            "What would change it: another trend than the one seen so far, another estimate of "
            "what the initiatives can do, another spread of individual scores.",
        ]
        return " ".join(p for p in parts if p)

    def plot(self, kind: str = "ladder", **options: Any) -> Any:
        """Draw the candidates over the baseline, its fan, or the chance of every goal.

        Parameters
        ----------
        kind : {"ladder", "fan", "attainment"}
            Which picture.
        **options
            Passed to `cximpact.plots.goal_ladder`, `goal_fan` or `attainment_curve`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        limits = needs_scale(self.baseline).limits
        if check_choice(kind, "kind", ("ladder", "fan", "attainment")) == "attainment":
            return plotting().attainment_curve(self.chances(), target=self.target, **options)
        if kind == "fan":
            seen, ahead = self.baseline.history, self.baseline.draws["true"]
            return plotting().goal_fan(seen, ahead, target=self.target, limits=limits, **options)
        shown = self.candidates.assign(rule=self.candidates["label"])
        return plotting().goal_ladder(
            shown[["rule", "target", "binding"]],
            baseline=self.draws["true_status_quo"],
            target=self.target,
            **{
                "current": self.baseline.current,
                "limits": limits,
                **options,
            },
        )

    def chances(self, n: int = 61) -> pd.DataFrame:
        """Return the probability that the true score attains each of a row of goals.

        Parameters
        ----------
        n : int, default 61
            How many goals.

        Returns
        -------
        pandas.DataFrame
            ``target, status_quo`` and, with initiatives, ``with_initiatives``.
        """
        ends = [
            float(q)
            for name in ("true_status_quo", "true")
            for q in np.quantile(self.draws[name].values, [0.005, 0.995])
        ]
        goals = np.linspace(min(*ends, self.target), max(*ends, self.target), n)
        found = [self.assessor.chances(float(g)) for g in goals]
        table = pd.DataFrame({"target": goals, "status_quo": [c.true_status_quo for c in found]})
        if self.assessor.settings.capacity is None:
            return table
        return table.assign(with_initiatives=[c.true for c in found])

    def _why(self) -> str:
        if self.adjustment:
            record = self.adjustment
            return (
                f"It was set by people instead of the computed {number(record.computed_target)} "
                f"({record.computed_rule}): {record.reason.rstrip('.')}."
            )
        bound = self.candidates[self.candidates["binding"]].iloc[0]
        if self.rule == "maintain" and self.enough is not None:
            return (
                f"The score is high enough: it is at {number(self.enough.ceiling)} or better with "
                f"a probability of {self._chance(self.enough.probability)}."
            )
        share = float(bound["opportunity_share"])
        size = f", {percent(share)} of the opportunity" if math.isfinite(share) else ""
        shift = float(bound["latent_shift"])
        size += f", a latent shift of {number(shift)} SD" if math.isfinite(shift) else ""
        others = [
            f"{row['label']} {number(row['target'])}"
            for row in self.candidates.to_dict("records")
            if not row["binding"] and math.isfinite(row["target"])
        ]
        return (
            f"The rule that binds is: {bound['label']} ({points(bound['gain'])} over the "
            f"baseline{size}). The other candidates: {'; '.join(others)}."
        )

    def _chance(self, value: float) -> str:
        return format_probability(value, self.draws.sizes[SAMPLE])

    def _stack(self, names: tuple[str, ...]) -> xr.DataArray:
        return concat([self.draws[n] for n in names], "score", list(names)).transpose(SAMPLE, ...)

    def _repr_html_(self) -> str:
        return result_html(self.headline(), self.tidy(), self.explain())
