"""The path to a goal, and alerts that survey error alone does not raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError
from cximpact.core.results import plotting, quantile, result_html
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import number, percent
from cximpact.goals.baseline import needs_scale
from cximpact.goals.direction import sign
from cximpact.goals.goal import Goal
from cximpact.goals.rollout import Capacity

STATES = ("on track", "behind", "ahead")


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """A measured score beside the path.

    Parameters
    ----------
    period : object
        When.
    state : {"on track", "behind", "ahead"}
        Outside the noise, or not.
    gap : float
        Measured less planned, positive on the better side.
    noise : float
        Gap that survey error alone would exceed once in so many paths as was asked for.
    """

    period: Any
    state: str
    gap: float
    noise: float

    def explain(self) -> str:
        """Say whether something must be done.

        Returns
        -------
        str
            One or two sentences.
        """
        size = f"{number(abs(self.gap))} points {'better' if self.gap >= 0 else 'worse'}"
        if self.state == "on track":
            return (
                f"Period {self.period}: {size} than planned, within the {number(self.noise)} "
                "points that survey error alone can make. No alert."
            )
        return (
            f"Period {self.period}: {self.state}, {size} than planned and more than the "
            f"{number(self.noise)} points of survey error."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class GoalPath:
    """What the score should be in each period on its way to the goal.

    Parameters
    ----------
    table : pandas.DataFrame
        ``period, planned, low, high``; between low and high a measured score is on track.
    goal : Goal
        The goal.
    std_error : float
        Standard error of the surveys.
    limit : float
        Number of standard errors that raises an alert.
    prob : float
        Probability of no false alert on the whole path.
    """

    table: pd.DataFrame
    goal: Goal
    std_error: float
    limit: float
    prob: float

    def check(self, period: Any, score: float, *, std_error: float | None = None) -> Finding:
        """Compare a measured score with the path.

        Parameters
        ----------
        period : object
            One of the path's.
        score : float
            As measured.
        std_error : float, optional
            Of this survey; that of the path by default.

        Returns
        -------
        Finding
            Behind or ahead only outside the noise.

        Raises
        ------
        ConfigError
            For a period that is not on the path.
        """
        row = self.table[self.table["period"] == period]
        if row.empty:
            raise ConfigError(
                f"period {period!r} is not on the path; expected one of "
                f"{list(self.table['period'])}."
            )
        error = check_number(self.std_error if std_error is None else std_error, "std_error", low=0)
        planned = float(row["planned"].iloc[0])
        scale = needs_scale(self.goal.baseline)
        gap, noise = sign(scale) * (check_number(score, "score") - planned), self.limit * error
        state = "on track" if abs(gap) <= noise else ("ahead" if gap > 0 else "behind")
        return Finding(period=period, state=state, gap=gap, noise=noise)

    def explain(self) -> str:
        """Say what is planned and when an alert is due.

        Returns
        -------
        str
            Two sentences.
        """
        shown = ", ".join(
            f"{number(r['planned'])} by {r['period']}" for r in self.table.to_dict("records")
        )
        return (
            f"Planned: {shown}. A survey raises an alert when it is more than "
            f"{number(self.limit * self.std_error)} points off, which survey error alone does on "
            f"{percent(1 - self.prob)} of such paths."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the path with its band.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.scores`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        shown = self.table.rename(
            columns={"planned": "estimate", "low": "conf_low", "high": "conf_high"}
        )
        return plotting().scores(shown, x="period", **options)

    def _repr_html_(self) -> str:
        return result_html("Path to the goal", self.table, self.explain())


def goal_path(
    goal: Goal,
    *,
    capacity: Capacity | None = None,
    std_error: float | None = None,
    prob: float = 0.9,
) -> GoalPath:
    """Lay out the path from the last score seen to the goal.

    Parameters
    ----------
    goal : Goal
        From `recommend`.
    capacity : Capacity, optional
        When the initiatives come to work: the gain is due as they do. By default it is due on a
        straight line.
    std_error : float, optional
        Standard error of the surveys to come; that of the goal's baseline by default.
    prob : float, default 0.9
        Probability that a score on its path raises no alert in any period.

    Returns
    -------
    GoalPath
        The baseline plus the share of the gain that is due.

    Raises
    ------
    ConfigError
        If the survey error is not known, or the capacity ends before the goal or is nothing then.

    Notes
    -----
    Each of ``k`` waves is tested at ``1 - prob^(1/k)``, so that looking often does not make
    alerts out of noise. The path itself is a plan and carries no error.
    """
    base = goal.baseline
    error = base.next_std_error if std_error is None else std_error
    if error is None:
        raise ConfigError("std_error is missing; the surveys of the baseline carry none.")
    limits = needs_scale(base).limits
    error = check_number(error, "std_error", low=0)
    periods = base.point["period"].values
    due = _due(capacity, periods.size)
    planned = np.clip(base.point.values + due * (goal.target - base.base), *limits)
    each = check_prob(prob) ** (1 / periods.size)
    limit = quantile(None, (1 + each) / 2)
    table = pd.DataFrame(
        {
            "period": [p.item() if hasattr(p, "item") else p for p in periods],
            "planned": planned,
            "low": np.clip(planned - limit * error, *limits),
            "high": np.clip(planned + limit * error, *limits),
        }
    )
    return GoalPath(table=table, goal=goal, std_error=error, limit=limit, prob=prob)


def _due(capacity: Capacity | None, n: int) -> np.ndarray:
    """Share of the gain that is due in each period."""
    if capacity is None:
        return np.arange(1, n + 1) / n
    added = capacity.draws.mean("sample").values
    if added.size < n or added[n - 1] == 0:
        raise ConfigError(
            f"capacity covers {added.size} periods and adds {added[-1]:g} points then; the goal is "
            f"due in {n}."
        )
    return added[:n] / added[n - 1]
