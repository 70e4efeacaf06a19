"""Intervals for an effect that hold when trends are not quite parallel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import with_unit
from cximpact.effects.did.bands import simultaneous_band
from cximpact.effects.did.honest.path import event_path
from cximpact.effects.did.honest.problem import Problem, without_zero

RESTRICTIONS = ("relative_magnitudes", "smoothness")
METHODS = ("auto", "hybrid", "conditional", "fixed_length")
_WORDS = {
    "relative_magnitudes": (
        "If the departure from parallel trends changes after treatment by at most so many times "
        "its largest change before: "
    ),
    "smoothness": (
        "If the slope of the departure from parallel trends changes from period to period by at "
        "most: "
    ),
}
_AXES = {
    "relative_magnitudes": "Changes after, as multiples of the largest before",
    "smoothness": "Change of slope from period to period",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class HonestBounds:
    """What an effect may be under bounds on how far trends differ.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a bound: ``bound``; ``set_low`` and ``set_high``, what is compatible with the
        estimates taken for the truth, noise included (with smoothness the interval weighs all
        periods before treatment and may lie elsewhere); ``conf_low`` and ``conf_high``, with
        their error; and ``conf_level``.
    original : tuple of float
        Estimate and interval under parallel trends.
    breakdown : float
        The largest bound under which the interval leaves out zero: 0 if it does not even under
        the strictest, infinite if no bound that was tried makes it hold zero.
    set_breakdown : float
        The same for the identified set, without error of estimates.
    restriction, method, target, unit : str
        What was bounded, how, for which effect, and in what unit.
    """

    table: pd.DataFrame = field(repr=False)
    original: tuple[float, float, float]
    breakdown: float
    set_breakdown: float
    restriction: str
    method: str
    target: str
    unit: str

    def tidy(self) -> pd.DataFrame:
        """Return the bounds.

        Returns
        -------
        pandas.DataFrame
            A copy of ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say what survives which departures.

        Returns
        -------
        str
            A paragraph.
        """
        estimate, low, high = (with_unit(x, self.unit) for x in self.original)
        level = self.table["conf_level"].iloc[0]
        rows = [
            f"{self._bound(row.bound)}, {with_unit(row.conf_low, self.unit)} to "
            f"{with_unit(row.conf_high, self.unit)}"
            for row in self.table.itertuples()
        ]
        parts = [
            f"The effect {self.target} is {estimate} ({level:.0%} interval {low} to {high}) if "
            "trends are parallel.",
            f"{_WORDS[self.restriction]}{'; '.join(rows)}.",
        ]
        if self.breakdown == 0:
            parts.append("Even the strictest bound leaves zero inside the interval.")
        elif np.isinf(self.breakdown):
            parts.append("No bound that was tried brings zero into the interval.")
        else:
            parts.append(
                f"The sign is certain up to a bound of {self._bound(self.breakdown)}: a reader "
                "who thinks of larger departures should not rely on it."
            )
        return " ".join(parts)

    def _bound(self, bound: float) -> str:
        return with_unit(bound, self.unit) if self.restriction == "smoothness" else f"{bound:.3g}"

    def plot(self, **options: Any) -> Any:
        """Draw the intervals by bound, the one under parallel trends first.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.honest`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("unit", self.unit)
        options.setdefault("breakdown", self.breakdown)
        options.setdefault("name", _AXES[self.restriction])
        table = self.table
        if self.restriction == "smoothness":  # a line through the last two estimates misleads
            table = table.drop(columns=["set_low", "set_high"])
        return plotting().honest(table, original=self.original, **options)

    def _repr_html_(self) -> str:
        return result_html(f"Honest bounds: effect {self.target}", self.tidy(), self.explain())


def honest_bounds(
    effect: EffectPosterior,
    *,
    restriction: str = "relative_magnitudes",
    bounds: Sequence[float] | None = None,
    target: str | float | Mapping[float, float] = "average",
    level: float = 0.9,
    method: str = "auto",
    rng: RngLike = 0,
) -> HonestBounds:
    """Bound an effect when trends may differ.

    Parameters
    ----------
    effect : EffectPosterior
        By time since treatment against one reference: of `EventStudy`, `SunAbraham`, or
        ``GroupTime(base="universal")`` after ``aggregate("event")``.
    restriction : {"relative_magnitudes", "smoothness"}
        Bound changes of the departure from parallel trends by multiples of the largest change
        before treatment; or bound how much its slope changes from one period to the next, so that
        0 is a linear trend.
    bounds : sequence of float, optional
        Mbar, by default 0, 0.5, 1, 1.5 and 2; or M in the outcome's unit, by default five values
        from 0 to the standard error of the effect.
    target : "average", number, or mapping, default "average"
        The mean of all times since treatment; one of them, such as 0; or times with weights.
    level : float, default 0.9
        Coverage of the intervals.
    method : {"auto", "hybrid", "conditional", "fixed_length"}
        Intervals by inversion of the hybrid or conditional test of moment inequalities, or (for
        smoothness) of fixed length, which is the default there.
    rng : int or Generator, default 0
        Randomness of the first stage of the hybrid test, which hardly matters.

    Returns
    -------
    HonestBounds
        Intervals that cover the effect with at least the level, whatever departure the bound
        allows. Few clusters: the covariance is widened as the t distribution widens an interval.

    Raises
    ------
    ConfigError, InsufficientPeriodsError, DesignError
        If the effect is no event study against one reference, or a setting is not usable.

    Notes
    -----
    An interval of the identified set with so many standard errors on both ends covers too little:
    the set itself is estimated, and its ends are the largest of several. Both methods here account
    for that.

    References
    ----------
    Rambachan, A. and Roth, J. (2023). A more credible approach to parallel trends. Review of
    Economic Studies 90, 2555-2591.

    Andrews, I., Roth, J. and Pakes, A. (2023). Inference for linear conditional moment
    inequalities. Review of Economic Studies 90, 2763-2791.
    """
    chosen = chosen_method(restriction, method)
    check_prob(level, "level")
    path = event_path(effect)
    problem = Problem(
        path=path,
        weights=path.weights(target),
        smooth=restriction == "smoothness",
        method=chosen,
        level=level,
        seed=seed_of(rng),
    )
    asked = problem.grid() if bounds is None else bounds
    values = [check_number(bound, "bounds", low=0) for bound in asked]
    if not values:
        raise ConfigError("bounds is empty; give at least one.")
    rows = [problem.row(bound) for bound in values]
    return HonestBounds(
        table=pd.DataFrame(rows),
        original=problem.original(),
        breakdown=problem.breakdown(problem.refuses_zero),
        set_breakdown=problem.breakdown(lambda bound: without_zero(problem.identified(bound))),
        restriction=restriction,
        method=chosen,
        target=_target_words(target),
        unit=str(effect.draws.attrs.get("unit", effect.estimand.scale)),
    )


def chosen_method(restriction: str, method: str) -> str:
    """Check restriction and method, and choose where it is left open.

    Parameters
    ----------
    restriction, method : str
        As for `honest_bounds`.

    Returns
    -------
    str
        ``"hybrid"``, ``"conditional"`` or ``"fixed_length"``.

    Raises
    ------
    ConfigError
        If they do not go together.
    """
    check_choice(restriction, "restriction", RESTRICTIONS)
    check_choice(method, "method", METHODS)
    smooth = restriction == "smoothness"
    if method == "fixed_length" and not smooth:
        raise ConfigError("method='fixed_length' is for restriction='smoothness' only.")
    return ("fixed_length" if smooth else "hybrid") if method == "auto" else method


def honest_band(
    effect: EffectPosterior,
    *,
    bound: float,
    restriction: str = "relative_magnitudes",
    level: float = 0.9,
    method: str = "auto",
    rng: RngLike = 0,
) -> pd.DataFrame:
    """Return an event study with its simultaneous band and honest intervals beside.

    Parameters
    ----------
    effect : EffectPosterior
        As for `honest_bounds`.
    bound : float
        Mbar or M.
    restriction : {"relative_magnitudes", "smoothness"}
        As for `honest_bounds`.
    level : float, default 0.9
        Coverage of every interval, and of the band.
    method : {"auto", "hybrid", "conditional", "fixed_length"}
        As for `honest_bounds`.
    rng : int or Generator, default 0
        As for `honest_bounds`.

    Returns
    -------
    pandas.DataFrame
        As `simultaneous_band`, with ``honest_low`` and ``honest_high`` from treatment on: the
        interval of each effect by itself if trends may differ. `cximpact.plots.event_study`
        draws both.
    """
    chosen = chosen_method(restriction, method)
    check_number(bound, "bound", low=0)
    path, seed = event_path(effect), seed_of(rng)
    table = simultaneous_band(effect, level)
    for time in path.after[path.after >= 0]:
        problem = Problem(
            path=path,
            weights=path.weights(float(time)),
            smooth=restriction == "smoothness",
            method=chosen,
            level=level,
            seed=seed,
        )
        mine = table["event_time"] == time
        table.loc[mine, ["honest_low", "honest_high"]] = problem.interval(bound)
    return table


def _target_words(target: str | float | Mapping[float, float]) -> str:
    if isinstance(target, str):
        return "averaged over times since treatment"
    if isinstance(target, Mapping):
        parts = ", ".join(f"{weight:g} x time {time:g}" for time, weight in target.items())
        return f"weighted ({parts})"
    return f"at time {target:g} since treatment"
