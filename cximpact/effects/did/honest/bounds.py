"""Intervals for an effect that hold when trends are not quite parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior, plotting, quantile, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.effects.did.honest import hybrid
from cximpact.effects.did.honest.fixed_length import fixed_length
from cximpact.effects.did.honest.path import EventPath, event_path
from cximpact.effects.did.honest.restrictions import (
    Restriction,
    identified,
    relative_magnitudes,
    smoothness,
)
from cximpact.effects.did.words import shown

RESTRICTIONS = ("relative_magnitudes", "smoothness")
METHODS = ("auto", "hybrid", "conditional", "fixed_length")
Interval = tuple[float, float]
DOUBLINGS = 12
"""How often the search for a breakdown value doubles the bound before it gives up."""
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
        estimate, low, high = (shown(x, self.unit) for x in self.original)
        level = self.table["conf_level"].iloc[0]
        rows = [
            f"{self._bound(row.bound)}, {shown(row.conf_low, self.unit)} to "
            f"{shown(row.conf_high, self.unit)}"
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
        return shown(bound, self.unit) if self.restriction == "smoothness" else f"{bound:.3g}"

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
    check_choice(restriction, "restriction", RESTRICTIONS)
    check_choice(method, "method", METHODS)
    check_prob(level, "level")
    smooth = restriction == "smoothness"
    if method == "fixed_length" and not smooth:
        raise ConfigError("method='fixed_length' is for restriction='smoothness' only.")
    chosen = ("fixed_length" if smooth else "hybrid") if method == "auto" else method
    path = event_path(effect)
    problem = _Problem(
        path=path,
        weights=path.weights(target),
        smooth=smooth,
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
        set_breakdown=problem.breakdown(lambda bound: _without_zero(problem.identified(bound))),
        restriction=restriction,
        method=chosen,
        target=_target_words(target),
        unit=str(effect.draws.attrs.get("unit", effect.estimand.scale)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    """One target, one kind of restriction, one method."""

    path: EventPath
    weights: np.ndarray
    smooth: bool
    method: str
    level: float
    seed: int

    @cached_property
    def covariance(self) -> np.ndarray:
        return self.path.inflated(self.level)

    @cached_property
    def std_error(self) -> float:
        k = self.path.n_before
        return float(np.sqrt(self.weights @ self.covariance[k:, k:] @ self.weights))

    def grid(self) -> np.ndarray:
        """Choose bounds when none are given."""
        return np.linspace(0, self.std_error, 5) if self.smooth else np.linspace(0, 2, 5)

    def original(self) -> tuple[float, float, float]:
        """Estimate and interval under parallel trends."""
        estimate = float(self.weights @ self.path.value[self.path.n_before :])
        half = quantile(None, (1 + self.level) / 2) * self.std_error
        return estimate, estimate - half, estimate + half

    def pieces(self, bound: float) -> list[Restriction]:
        """List the restrictions of which one holds."""
        if self.smooth:
            return [smoothness(self.path, bound)]
        return list(relative_magnitudes(self.path, bound))

    def identified(self, bound: float) -> Interval:
        """Bound the effect as if estimates were the truth."""
        found = [identified(self.path, piece, self.weights) for piece in self.pieces(bound)]
        return _hull([interval for interval in found if interval is not None])

    def interval(self, bound: float) -> Interval:
        """Return the interval under one bound."""
        if self.method == "fixed_length":
            found = fixed_length(self.path, self.covariance, self.weights, bound, self.level)
            return found.estimate - found.half, found.estimate + found.half
        low, high = self.identified(bound)
        around = low - 5 * self.std_error, high + 5 * self.std_error
        found = [
            hybrid.accepted(piece, 1 - self.level, first, around)
            for piece, first in self._tests(bound)
        ]
        return _hull([interval for interval in found if interval is not None] or [(low, high)])

    def refuses_zero(self, bound: float) -> bool:
        """Whether no effect is refused under a bound."""
        if self.method == "fixed_length":
            return _without_zero(self.interval(bound))
        zero = np.zeros(1)
        return all(
            bool(hybrid.rejects(piece, zero, 1 - self.level, first)[0])
            for piece, first in self._tests(bound)
        )

    def row(self, bound: float) -> dict[str, float]:
        """Return a row of the table."""
        names = ("set_low", "set_high", "conf_low", "conf_high")
        ends = (*self.identified(bound), *self.interval(bound))
        values = dict(zip(names, ends, strict=True))
        return {"bound": bound} | values | {"conf_level": self.level}

    def breakdown(self, certain: Callable[[float], bool]) -> float:
        """Find the largest bound under which the sign is certain."""
        if not certain(0.0):
            return 0.0
        low, high = 0.0, self.std_error if self.smooth else 1.0
        for _ in range(DOUBLINGS):
            if not certain(high):
                break
            low, high = high, 2 * high
        else:
            return float("inf")
        while high - low > 1e-5 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if certain(middle) else (low, middle)
        return low

    def _tests(self, bound: float) -> list[tuple[hybrid.Corners, float | None]]:
        """Take the nuisances out of each piece, and simulate its first stage."""
        out = []
        for piece in self.pieces(bound):
            found = hybrid.corners(self.path, self.covariance, piece, self.weights)
            first = None
            if self.method == "hybrid":
                first = hybrid.first_stage(found, 1 - self.level, self.seed)
            out.append((found, first))
        return out


def _hull(found: list[Interval]) -> Interval:
    return min(low for low, _ in found), max(high for _, high in found)


def _without_zero(interval: Interval) -> bool:
    return interval[0] > 0 or interval[1] < 0


def _target_words(target: str | float | Mapping[float, float]) -> str:
    if isinstance(target, str):
        return "averaged over times since treatment"
    if isinstance(target, Mapping):
        parts = ", ".join(f"{weight:g} x time {time:g}" for time, weight in target.items())
        return f"weighted ({parts})"
    return f"at time {target:g} since treatment"
