"""What can be said about one goal: chances, detectability, and whether it can be reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core.validate import check_number
from cximpact.core.wording import number, percent
from cximpact.goals.attain import Attainment, attained, future_scores
from cximpact.goals.baseline import TrendBaseline, needs_scale
from cximpact.goals.detect import Detectability, detectability
from cximpact.goals.direction import best, reaches
from cximpact.goals.latent import Pmf, is_latent, required_shift
from cximpact.goals.opportunity import check_fraction, share_of_room
from cximpact.goals.spread import individual_sd, share_passed

UNREACHABLE = 0.05
"""A goal that is attained with less than this probability counts as out of reach."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GoalSettings:
    """What a goal is judged by.

    Parameters
    ----------
    sd : float, optional
        Standard deviation of individual scores.
    pmf : mapping or array_like, optional
        Shares of answers now.
    fraction : float, default 0.5
        Fraction of a standard deviation.
    percent : float, default 0.10
        Share of the opportunity, as a fraction.
    cap : float, default 0.30
        Largest share of the opportunity that counts as realistic.
    capacity : float or DataArray (sample,), optional
        What the initiatives add to the score by the horizon.
    ceiling : float, optional
        Score that is high enough.
    n_planned : float, optional
        Effective number of answers planned.
    """

    sd: float | None = None
    pmf: Pmf | None = None
    fraction: float = 0.5
    percent: float = 0.10
    cap: float = 0.30
    capacity: float | xr.DataArray | None = None
    ceiling: float | None = None
    n_planned: float | None = None

    def __post_init__(self) -> None:
        check_number(self.fraction, "fraction", low=0)
        check_fraction(self.percent, "percent")
        check_fraction(self.cap, "cap")
        if self.n_planned is not None:
            check_number(self.n_planned, "n_planned", low=0, open_low=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessor:
    """Judges goals over one baseline.

    Parameters
    ----------
    baseline : TrendBaseline
        Where the score is heading.
    settings : GoalSettings
        What goals are judged by.
    futures : xarray.Dataset
        Joint draws at the horizon, with and without initiatives.
    sd : float or None
        Standard deviation of individual scores, from whichever was given.
    """

    baseline: TrendBaseline
    settings: GoalSettings
    futures: xr.Dataset
    sd: float | None

    @classmethod
    def over(cls, baseline: TrendBaseline, settings: GoalSettings) -> Assessor:
        """Make the draws that all goals over a baseline share.

        Parameters
        ----------
        baseline : TrendBaseline
            With a scale.
        settings : GoalSettings
            What goals are judged by.

        Returns
        -------
        Assessor
            Ready to judge.
        """
        sd = individual_sd(settings.sd, settings.pmf, needs_scale(baseline))
        error = _std_error(sd, settings)
        futures = future_scores(baseline, capacity=settings.capacity, std_error=error)
        return cls(baseline=baseline, settings=settings, futures=futures, sd=sd)

    def chances(self, target: float) -> Attainment:
        """Return the probabilities of attaining a goal.

        Parameters
        ----------
        target : float
            The goal.

        Returns
        -------
        Attainment
            With and without initiatives.
        """
        return attained(self.baseline, self.futures, target, _std_error(self.sd, self.settings))

    def detectable(self, target: float) -> Detectability | None:
        """Compare the step to a goal with what the planned survey can show.

        Parameters
        ----------
        target : float
            The goal.

        Returns
        -------
        Detectability or None
            None where spread or number of answers are not known.
        """
        if not self.sd or self.settings.n_planned is None:
            return None
        before = float(self.baseline.history["std_error"].iloc[-1])
        return detectability(
            target - self.baseline.base,
            self.sd,
            self.settings.n_planned,
            std_error_before=before if math.isfinite(before) else None,
        )

    def problems(self, target: float, *, maintain: bool = False) -> tuple[str, ...]:
        """Say why a goal is not feasible.

        Parameters
        ----------
        target : float
            The goal.
        maintain : bool, default False
            Whether the goal is to keep the score, which may lie below the forecast.

        Returns
        -------
        tuple of str
            Reasons; none for a feasible goal.
        """
        scale, base, cap = needs_scale(self.baseline), self.baseline.base, self.settings.cap
        low, high = scale.limits
        if not low <= target <= high:
            return (f"{number(target)} lies outside the scale, {low:g} to {high:g}.",)
        found = []
        if not maintain and not reaches(target, base, scale):
            found.append(
                f"{number(target)} is worse than the baseline of {number(base)}, which comes "
                "without doing anything."
            )
        share = float(share_of_room(base, target, scale))
        if self.settings.capacity is None and share > cap + 1e-9:
            found.append(
                f"it takes {percent(share)} of the opportunity, more than the {percent(cap)} that "
                "count as realistic, and no capacity of initiatives says otherwise."
            )
        elif self.settings.capacity is not None and self.chances(target).true < UNREACHABLE:
            found.append(
                f"the initiatives bring the true score there with a probability below "
                f"{percent(UNREACHABLE)}."
            )
        return tuple(found)

    def row(self, rule: str, label: str, target: float) -> dict[str, Any]:
        """Describe a candidate.

        Parameters
        ----------
        rule, label : str
            Name of the rule, and how people call it.
        target : float
            What it proposes; NaN where it does not apply.

        Returns
        -------
        dict
            A row of the table of candidates.
        """
        scale, base = needs_scale(self.baseline), self.baseline.base
        applies = math.isfinite(target)
        chances = self.chances(target) if applies else None
        return {
            "rule": rule,
            "label": label,
            "target": target,
            "gain": target - base,
            "opportunity_share": float(share_of_room(base, target, scale)),
            "latent_shift": self._latent_shift(target),
            "share_passed": self._share_passed(target),
            "p_true": chances.true if chances else math.nan,
            "p_measured": chances.measured if chances else math.nan,
            "p_true_status_quo": chances.true_status_quo if chances else math.nan,
        }

    def _on_scale(self, target: float) -> bool:
        low, high = needs_scale(self.baseline).limits
        return bool(low <= target <= high)

    def _latent_shift(self, target: float) -> float:
        scale, pmf = needs_scale(self.baseline), self.settings.pmf
        if pmf is None or not is_latent(scale) or not self._on_scale(target):
            return math.nan
        start, end = (required_shift(pmf, s, scale).shift for s in (self.baseline.base, target))
        return end - start if math.isfinite(start) else math.nan

    def _share_passed(self, target: float) -> float:
        scale, pmf = needs_scale(self.baseline), self.settings.pmf
        usable = pmf is not None or (bool(self.sd) and not is_latent(scale))
        if not usable or not self._on_scale(target):
            return math.nan
        return share_passed(self.baseline.base, target, scale, sd=self.sd, pmf=pmf)


def capacity_target(baseline: TrendBaseline, futures: xr.Dataset) -> float:
    """Return where the median capacity of the initiatives leads from the baseline.

    Parameters
    ----------
    baseline : TrendBaseline
        Where it starts.
    futures : xarray.Dataset
        From `future_scores`.

    Returns
    -------
    float
        Not beyond the best score, and not worse than the baseline.
    """
    end = best(needs_scale(baseline))
    reached = baseline.base + float(np.median(futures["gain"].values))
    low, high = sorted((baseline.base, end))
    return float(np.clip(reached, low, high))


def _std_error(sd: float | None, settings: GoalSettings) -> float | None:
    if sd is None or settings.n_planned is None:
        return None
    return sd / math.sqrt(settings.n_planned)
