"""Cash flow of one initiative, period by period: plain arrays in, plain arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Number: TypeAlias = float | np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """One segment of one initiative.

    Parameters
    ----------
    reached : float
        Customers reached, less what is pulled forward or cannibalized.
    tau : float or numpy.ndarray, shape (sample,)
        Change in behavior per customer reached.
    baseline : float or numpy.ndarray, shape (sample,)
        Rate without the initiative.
    value : float or numpy.ndarray, shape (sample,)
        Money per unit of behavior.
    """

    reached: float
    tau: Number
    baseline: Number
    value: Number


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """When an initiative works; index 0 of each array is today.

    Parameters
    ----------
    mechanism : {"retention", "per_period", "one_time"}
        How a change in behavior turns into units per period.
    intensity : numpy.ndarray, shape (period,)
        Share of the full effect that is at work.
    arrivals : numpy.ndarray, shape (period,)
        Share of customers on whom the effect first works in this period.
    treated : numpy.ndarray, shape (period,)
        Share of customers who are first reached in this period.
    paid : numpy.ndarray, shape (period,)
        1 where the recurring cost is paid, from period 1 on.
    drift : numpy.ndarray, shape (period,)
        What is added to the baseline rate by the trend of the status quo.
    size : numpy.ndarray, shape (period,)
        Customers as a multiple of those at the start.
    """

    mechanism: str
    intensity: np.ndarray
    arrivals: np.ndarray
    treated: np.ndarray
    paid: np.ndarray
    drift: np.ndarray
    size: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When an initiative works.

    Parameters
    ----------
    lag : int
        Periods between reaching customers and the effect.
    ramp : int
        Periods of the linear phase-in; 0 is at once.
    decay : float
        Rate at which the effect fades per period.
    stops : int, optional
        Last period in which it is run and paid.
    persists : bool, default False
        Whether the effect goes on after that.
    """

    lag: int = 0
    ramp: int = 0
    decay: float = 0.0
    stops: int | None = None
    persists: bool = False


def schedule(
    mechanism: str, horizon: int, timing: Timing, *, drift: float = 0.0, growth: float = 0.0
) -> Schedule:
    """Lay out an initiative over time.

    Parameters
    ----------
    mechanism : {"retention", "per_period", "one_time"}
        Kind of benefit.
    horizon : int
        Periods after today.
    timing : Timing
        Lag, ramp, decay and end.
    drift, growth : float
        Of the baseline rate and of the number of customers, a period.

    Returns
    -------
    Schedule
        With adoption ``a(s) = min(1, s / ramp)`` for ``s > 0`` periods.
    """
    t = np.arange(horizon + 1, dtype=float)
    end = float("inf") if timing.stops is None else timing.stops
    running = t <= end
    adopted = adoption(np.minimum(t, end) - timing.lag, timing.ramp)
    fading = np.exp(-timing.decay * np.maximum(t - timing.lag - 1, 0.0))
    reached = np.diff(adoption(np.minimum(t, end), timing.ramp), prepend=0.0)
    return Schedule(
        mechanism=mechanism,
        intensity=adopted * fading * (running | timing.persists),
        arrivals=np.diff(adopted, prepend=0.0) * fading,
        treated=reached,
        paid=(running & (t > 0)).astype(float),
        drift=drift * t,
        size=(1 + growth) ** np.maximum(t - 1, 0.0),
    )


def adoption(since_start: np.ndarray, ramp: int) -> np.ndarray:
    """Return the share of the full effect by periods since the start.

    Parameters
    ----------
    since_start : numpy.ndarray
        Periods; the first active one is 1.
    ramp : int
        Periods of the linear phase-in; 0 is at once.

    Returns
    -------
    numpy.ndarray
        From 0 to 1.
    """
    grown = since_start / ramp if ramp else np.ones_like(since_start)
    return np.where(since_start > 0, np.minimum(grown, 1.0), 0.0)


def units_by_period(plan: Schedule, tau: Number, baseline: Number) -> Iterator[tuple[int, Number]]:
    """Yield the extra units of behavior per customer reached, for each period from 1.

    Parameters
    ----------
    plan : Schedule
        When the initiative works.
    tau : float or numpy.ndarray, shape (sample,)
        Change in behavior.
    baseline : float or numpy.ndarray, shape (sample,)
        Rate without the initiative; used by ``"retention"`` only.

    Yields
    ------
    tuple of int and (float or numpy.ndarray)
        Period and units. With ``"retention"`` it is the difference of the two survival
        curves ``S1(t) = S1(t - 1) (r0 + a(t) tau)`` and ``S0(t) = S0(t - 1) r0``.
    """
    work = plan.arrivals if plan.mechanism == "one_time" else plan.intensity
    yield from units_of_effect(plan, lambda t, _: work[t] * tau, baseline)


def units_of_effect(
    plan: Schedule, effect: Callable[[int, Number], Number], baseline: Number
) -> Iterator[tuple[int, Number]]:
    """Yield the extra units per customer for an effect that is given period by period.

    Parameters
    ----------
    plan : Schedule
        Mechanism, trend and size of the status quo.
    effect : callable
        From period and baseline rate to the change in behavior.
    baseline : float or numpy.ndarray, shape (sample,)
        Rate without the initiative, before its trend.

    Yields
    ------
    tuple of int and (float or numpy.ndarray)
        Period and units.
    """
    with_it: Number = 1.0
    without: Number = 1.0
    for t in range(1, plan.intensity.size):
        base = np.clip(baseline + plan.drift[t], 0.0, 1.0) if plan.drift[t] else baseline
        change = effect(t, base)
        if plan.mechanism != "retention":
            yield t, plan.size[t] * change
            continue
        with_it = with_it * np.clip(base + change, 0.0, 1.0)
        without = without * base
        yield t, plan.size[t] * (with_it - without)


def present_units(
    segments: tuple[Segment, ...], plan: Schedule, factors: np.ndarray, tau: Number | None = None
) -> list[Number]:
    """Discount the units of behavior of each segment, before they are turned into money.

    Parameters
    ----------
    segments : tuple of Segment
        The segments.
    plan : Schedule
        When the initiative works.
    factors : numpy.ndarray, shape (period,)
        Discount factors.
    tau : float or numpy.ndarray, optional
        Another change in behavior than that of the segments.

    Returns
    -------
    list of float or numpy.ndarray
        One a segment.
    """
    out: list[Number] = []
    for segment in segments:
        effect = segment.tau if tau is None else tau
        total: Number = 0.0
        for t, units in units_by_period(plan, effect, segment.baseline):
            total = total + factors[t] * units
        out.append(segment.reached * total)
    return out
