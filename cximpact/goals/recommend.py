"""The recommended goal: three rules over the trend baseline, and the one that binds."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import wording
from cximpact.core.errors import AssumptionWarning
from cximpact.goals.assess import Assessor, GoalSettings, capacity_target
from cximpact.goals.baseline import TrendBaseline, needs_scale
from cximpact.goals.direction import best, reaches, sign
from cximpact.goals.enough import Enough, high_enough, maintenance_goal
from cximpact.goals.goal import Goal
from cximpact.goals.latent import Pmf, is_latent
from cximpact.goals.opportunity import percent_of_opportunity
from cximpact.goals.spread import half_sd


def recommend(
    baseline: TrendBaseline,
    *,
    sd: float | None = None,
    pmf: Pmf | None = None,
    fraction: float = 0.5,
    percent: float = 0.10,
    cap: float = 0.30,
    capacity: float | xr.DataArray | None = None,
    ceiling: float | None = None,
    n_planned: float | None = None,
) -> Goal:
    """Recommend a goal for the last period of a trend baseline.

    Parameters
    ----------
    baseline : TrendBaseline
        From `trend_baseline`, with a scale. The goal starts there, not at the current score.
    sd : float, optional
        Standard deviation of *individual* scores, in score points.
    pmf : mapping of str to float, or array_like of shape (n_categories,), optional
        Shares of answers now, by band or by answer; gives the standard deviation where
        ``sd`` is missing, and for NPS and the like the step on the latent scale.
    fraction : float, default 0.5
        Fraction of a standard deviation.
    percent : float, default 0.10
        Percent of opportunity, as a fraction. It is shown beside the others, and takes the
        place of the half standard deviation where that is not known.
    cap : float, default 0.30
        Largest share of the opportunity that counts as realistic.
    capacity : float or DataArray (sample,), optional
        What the initiatives add to the score by the horizon, in score points and with the
        sign of the score, lags included.
    ceiling : float, optional
        Score that is high enough; then the goal may be to maintain.
    n_planned : float, optional
        Effective number of answers planned for the wave that measures the goal.

    Returns
    -------
    Goal
        The goal, every candidate, the rule that binds, and the probability of attaining it.
        A goal that cannot be reached comes with ``feasible=False``, not as an error.

    Raises
    ------
    ConfigError
        If the baseline has no scale or an option is out of range.

    Warns
    -----
    AssumptionWarning
        If ``sd`` is so small that it looks like a standard error, or the initiatives make
        the score worse.

    Notes
    -----
    The order of reasoning: if ``P(true score >= ceiling) >= 0.9``, maintain. Otherwise
    ``base + min(half SD, cap x (best - base), median capacity)``; if the score is falling and
    the capacity allows, at least the current score ("stop the decline"); at most the best
    score. Where no capacity is known, the cap stands in for it.
    """
    settings = GoalSettings(
        sd=sd,
        pmf=pmf,
        fraction=fraction,
        percent=percent,
        cap=cap,
        capacity=capacity,
        ceiling=ceiling,
        n_planned=n_planned,
    )
    assessor = Assessor.over(baseline, settings)
    _warn_if_doubtful(assessor)
    enough = None
    if ceiling is not None:
        enough = high_enough(baseline.draws["current"], ceiling, needs_scale(baseline))
    targets = _targets(assessor, enough)
    rule = _binding(assessor, targets, enough)
    table = pd.DataFrame([assessor.row(name, *targets[name]) for name in targets])
    table["binding"] = table["rule"] == rule
    target = targets[rule][1]
    return Goal(
        assessor=assessor,
        target=target,
        rule=rule,
        candidates=table,
        attainment=assessor.chances(target),
        detectability=assessor.detectable(target),
        problems=assessor.problems(target, maintain=rule == "maintain"),
        enough=enough,
        notes=_notes(assessor, rule),
    )


def _targets(assessor: Assessor, enough: Enough | None) -> dict[str, tuple[str, float]]:
    """List label and target of each rule, NaN where it does not apply."""
    baseline, settings = assessor.baseline, assessor.settings
    scale, base = needs_scale(baseline), baseline.base
    shares = {
        "percent_of_opportunity": settings.percent,
        "cap": settings.cap,
    }
    asked = {k: percent_of_opportunity(base, share, scale) for k, share in shares.items()}
    reached = math.nan
    if settings.capacity is not None:
        reached = capacity_target(baseline, assessor.futures)
    falls = not reaches(base, baseline.current, scale)
    targets = {
        "half_sd": (f"{settings.fraction:g} standard deviations", _spread_target(assessor)),
        "percent_of_opportunity": (
            f"{wording.percent(settings.percent)} of the opportunity",
            asked["percent_of_opportunity"],
        ),
        "cap": (f"{wording.percent(settings.cap)} of the opportunity (cap)", asked["cap"]),
        "capacity": ("Median capacity of the initiatives", reached),
        "stop_the_decline": ("Stop the decline", baseline.current if falls else math.nan),
    }
    if enough is not None:
        step = assessor.detectable(base)
        guard = maintenance_goal(baseline.current, step.minimum if step else None, scale)
        targets["maintain"] = ("Maintain (high enough)", guard if enough.is_enough else math.nan)
    return targets


def _spread_target(assessor: Assessor) -> float:
    settings, scale = assessor.settings, needs_scale(assessor.baseline)
    known = settings.pmf if is_latent(scale) else assessor.sd
    if known is None:
        return math.nan
    return half_sd(
        assessor.baseline.base,
        assessor.sd,
        scale,
        pmf=settings.pmf,
        fraction=settings.fraction,
    )


def _binding(
    assessor: Assessor, targets: dict[str, tuple[str, float]], enough: Enough | None
) -> str:
    if enough is not None and enough.is_enough:
        return "maintain"
    baseline = assessor.baseline
    scale = needs_scale(baseline)
    first = "half_sd" if math.isfinite(targets["half_sd"][1]) else "percent_of_opportunity"
    steps = [r for r in (first, "cap", "capacity") if math.isfinite(targets[r][1])]
    rule = min(steps, key=lambda r: sign(scale) * targets[r][1])
    floor, reach = targets["stop_the_decline"][1], targets[_reach(assessor)][1]
    can_stop = math.isfinite(floor) and reaches(reach, floor, scale)
    return "stop_the_decline" if can_stop and not reaches(targets[rule][1], floor, scale) else rule


def _reach(assessor: Assessor) -> str:
    return "cap" if assessor.settings.capacity is None else "capacity"


def _warn_if_doubtful(assessor: Assessor) -> None:
    baseline, settings = assessor.baseline, assessor.settings
    errors = baseline.history["std_error"].to_numpy()
    if settings.sd is not None and np.isfinite(errors).all() and settings.sd < 2 * errors.max():
        warnings.warn(
            f"sd is {settings.sd:g}, less than twice the largest standard error of the scores "
            f"({errors.max():g}). It must be the standard deviation of individual answers, not "
            "of a mean or of wave means.",
            AssumptionWarning,
            stacklevel=3,
        )
    gain = float(np.median(assessor.futures["gain"].values))
    if sign(needs_scale(baseline)) * gain < 0:
        warnings.warn(
            f"capacity has a median of {gain:g} points, which makes {baseline.metric} worse. It "
            "has the sign of the score: negative is an improvement where lower is better.",
            AssumptionWarning,
            stacklevel=3,
        )


def _notes(assessor: Assessor, rule: str) -> tuple[str, ...]:
    baseline = assessor.baseline
    scale, settings = needs_scale(baseline), assessor.settings
    notes = []
    if settings.capacity is None:
        notes.append("No initiatives were given, so attaining it is a matter of the trend alone.")
    if is_latent(scale) and settings.pmf is None:
        notes.append("Half a standard deviation needs pmf on this scale and was left out.")
    elif assessor.sd is None:
        notes.append("No standard deviation was given, so half of it was left out.")
    falls = not reaches(baseline.base, baseline.current, scale)
    if falls and rule not in ("stop_the_decline", "maintain"):
        row = capacity_target(baseline, assessor.futures)
        if settings.capacity is not None and not reaches(row, baseline.current, scale):
            notes.append("The initiatives are too small to stop the decline.")
    if baseline.base == best(scale):
        notes.append(f"The baseline is already the best score, {wording.number(best(scale))}.")
    return tuple(notes)
