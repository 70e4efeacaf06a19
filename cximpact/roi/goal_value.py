"""What reaching a goal is worth: the score path of the goal against that of the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL, SHARES, is_causal
from cximpact.core.errors import ConfigError, NotCausalError
from cximpact.core.results import EffectPosterior, result_html
from cximpact.core.rng import RngLike
from cximpact.goals import Goal
from cximpact.roi.initiative import Initiative
from cximpact.roi.result import RoiResult
from cximpact.roi.simulate import simulate
from cximpact.value.posterior import ValuePosterior

IF_CAUSAL = "if the association were causal"


@dataclass(frozen=True, kw_only=True, eq=False)
class GoalValue:
    """The money behind a goal.

    Parameters
    ----------
    result : RoiResult
        Cash flows of the score at the goal, less those of the score at its baseline.
    goal : Goal
        The goal.
    is_causal : bool
        Whether the link from score to behavior is the effect of an action.
    """

    result: RoiResult
    goal: Goal
    is_causal: bool

    @property
    def draws(self) -> xr.DataArray:
        """Draws of the value of reaching the goal."""
        return self.result.npv()

    @property
    def label(self) -> str:
        """What the number may be called."""
        return "value of reaching the goal" + ("" if self.is_causal else f", {IF_CAUSAL}")

    def summary(self, prob: float = 0.9) -> Any:
        """Summarize the money, one row a number.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `RoiResult.summary`.
        """
        return self.result.summary(prob)

    def tidy(self, prob: float = 0.9) -> Any:
        """Return the money as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row; the term says whether the link is causal.
        """
        table = self.result.tidy(prob).iloc[[0]].reset_index(drop=True)
        return table.assign(term=self.label)

    def explain(self, prob: float = 0.9) -> str:
        """Say what reaching the goal is worth and what that rests on.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        start = "" if self.is_causal else f"{IF_CAUSAL[0].upper()}{IF_CAUSAL[1:]}: "
        return f"{start}{self.goal.headline()} {self.result.explain(prob)}" + (
            "" if self.is_causal else " The link is an association; this is no return yet."
        )

    def _repr_html_(self) -> str:
        return result_html(self.label.capitalize(), self.tidy(), self.explain())


def goal_value(
    goal: Goal,
    link: EffectPosterior | xr.DataArray,
    value: float | ValuePosterior,
    *,
    n: float,
    currency: str | None = None,
    mechanism: str = "per_period",
    baseline: float | None = None,
    rng: RngLike = 3,
    **settings: Any,
) -> GoalValue:
    """Value reaching a goal: ``E[NPV | score at the goal] - E[NPV | score at its baseline]``.

    Parameters
    ----------
    goal : Goal
        From `goals.recommend`. Its baseline, with its trend, is what happens without.
    link : EffectPosterior or DataArray
        Change in behavior per score point, such as a dose-response. A descriptive one is taken,
        and every text then says so.
    value : float or ValuePosterior
        Margin per unit of behavior.
    n : float
        Customers.
    currency : str, optional
        ISO 4217 code; needed when the value is a number.
    mechanism : {"per_period", "retention", "one_time"}
        How behavior turns into money, as in `Initiative`.
    baseline : float, optional
        Retention per period; for ``"retention"``.
    rng : int or Generator, default 3
        Pairs independent inputs.
    **settings
        Passed to `simulate`.

    Returns
    -------
    GoalValue
        Draws, and whether they may be called a return.

    Raises
    ------
    ConfigError
        If the goal is no goal.
    NotCausalError
        If the link is the importance of drivers.

    Notes
    -----
    The gain is the target less the true score without initiatives, draw by draw: a score that
    falls by itself makes reaching the goal worth more, and where the score would get there by
    itself the goal adds nothing.
    """
    if not isinstance(goal, Goal):
        raise ConfigError(f"goal is a {type(goal).__name__}; expected one from goals.recommend.")
    causal = not isinstance(link, EffectPosterior) or is_causal(link)
    taken = link
    if isinstance(link, EffectPosterior) and link.estimand.target.lower() in SHARES:
        raise NotCausalError(
            f"link is {str(link.estimand)!r}, a share of what ratings explain; a goal needs the "
            "change in behavior per score point, such as a dose-response."
        )
    if isinstance(link, EffectPosterior) and not causal:
        taken = replace(link, details={**link.details, CAUSAL: True})
    item = Initiative(
        name=f"{goal.metric} at {goal.target:g}",
        n=n,
        effect=_gain(goal),
        link=taken,
        mechanism=mechanism,
        value=value,
        currency=currency,
        baseline=baseline,
    )
    return GoalValue(result=simulate(item, rng=rng, **settings), goal=goal, is_causal=causal)


def _gain(goal: Goal) -> xr.DataArray:
    """Points between the goal and where the score would be, never beyond it."""
    without = goal.draws["true_status_quo"]
    gap = goal.target - without
    better = goal.target - goal.baseline.base
    kept = gap.clip(min=0.0) if better >= 0 else gap.clip(max=0.0)
    out = kept.rename("gain").assign_attrs({"unit": "points"})
    return dr.noted(out, dr.order_of(without), {"unit": "points"} | _notes(without))


def _notes(draws: xr.DataArray) -> dict[str, Any]:
    return {k: v for k, v in dr.carried_notes(draws).items() if np.ndim(v) == 0}
