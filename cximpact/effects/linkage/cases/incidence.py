"""Cumulative incidence with competing ends: the Aalen-Johansen estimator and its variance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.rng import RngLike, as_generator

_NUMBERS = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class EventTable:
    """Ends by time.

    Parameters
    ----------
    times : numpy.ndarray, shape (time,)
        Distinct times, ascending.
    events : numpy.ndarray, shape (cause, time)
        Ends of each kind.
    censored : numpy.ndarray, shape (time,)
        Cases still open that are last seen then; they were at risk.
    """

    times: np.ndarray
    events: np.ndarray = field(repr=False)
    censored: np.ndarray = field(repr=False)

    @property
    def at_risk(self) -> np.ndarray:
        """Cases that are open just before each time."""
        return at_risk(self.events, self.censored)


def event_table(duration: np.ndarray, cause: np.ndarray, causes: int) -> EventTable:
    """Count ends by time.

    Parameters
    ----------
    duration : numpy.ndarray, shape (case,)
        Time to the end, or to the last look.
    cause : numpy.ndarray of int, shape (case,)
        Number of the cause; -1 where the case was still open.
    causes : int
        How many causes.

    Returns
    -------
    EventTable
        The counts.
    """
    times, place = np.unique(duration, return_inverse=True)
    counts = np.zeros((causes + 1, times.size))
    np.add.at(counts, (cause, place), 1.0)
    return EventTable(times=times, events=counts[:causes], censored=counts[causes])


def at_risk(events: np.ndarray, censored: np.ndarray) -> np.ndarray:
    """Sum those who leave at a time or later.

    Parameters
    ----------
    events : numpy.ndarray, shape (..., cause, time)
        Ends.
    censored : numpy.ndarray, shape (..., time)
        Last looks.

    Returns
    -------
    numpy.ndarray, shape (..., time)
        At risk.
    """
    leaving = events.sum(axis=-2) + censored
    return np.cumsum(leaving[..., ::-1], axis=-1)[..., ::-1]


def incidence(events: np.ndarray, censored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cumulative incidence and survival.

    Parameters
    ----------
    events : numpy.ndarray, shape (..., cause, time)
        Ends, as counts or weights.
    censored : numpy.ndarray, shape (..., time)
        Last looks.

    Returns
    -------
    incidence : numpy.ndarray, shape (..., cause, time)
        Share that ended in each way by each time.
    survival : numpy.ndarray, shape (..., time)
        Share still open after each time.
    """
    risk = at_risk(events, censored)
    safe = np.where(risk > 0, risk, 1.0)
    total = events.sum(axis=-2)
    survival = np.cumprod(1 - total / safe, axis=-1)
    before = np.concatenate([np.ones_like(survival[..., :1]), survival[..., :-1]], axis=-1)
    return np.cumsum((before / safe)[..., None, :] * events, axis=-1), survival


def incidence_variance(table: EventTable) -> np.ndarray:
    """Return the variance of the cumulative incidence, by the delta method.

    Parameters
    ----------
    table : EventTable
        Ends by time.

    Returns
    -------
    numpy.ndarray, shape (cause, time)
        Greenwood's formula where there is one cause.

    References
    ----------
    Marubini, E. and Valsecchi, M. G. (1995). Analysing survival data from clinical trials and
    observational studies, section 10.4. Chichester: Wiley.
    """
    found, survival = incidence(table.events, table.censored)
    risk = table.at_risk
    total = table.events.sum(axis=0)
    before = np.concatenate([[1.0], survival[:-1]])
    left = risk - total
    hazard = np.where(left > 0, total / (risk * np.where(left > 0, left, 1.0)), 0.0)
    out = np.empty_like(found)
    for k, (f, d) in enumerate(zip(found, table.events, strict=True)):
        # sums over times up to t of (F(t) - F(u))^2 h(u) and (F(t) - F(u)) c(u), multiplied out
        own = before**2 * d * (risk - d) / risk**3
        cross = before * d / risk**2
        first = f**2 * np.cumsum(hazard) - 2 * f * np.cumsum(f * hazard) + np.cumsum(f**2 * hazard)
        mixed = f * np.cumsum(cross) - np.cumsum(f * cross)
        out[k] = first + np.cumsum(own) - 2 * mixed
    return np.maximum(out, 0.0)


def at_times(values: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Read step functions that start from 0.

    Parameters
    ----------
    values : numpy.ndarray, shape (..., time)
        Values from each time on.
    times : numpy.ndarray, shape (time,)
        Where they step.
    wanted : numpy.ndarray, shape (wanted,)
        Where to read.

    Returns
    -------
    numpy.ndarray, shape (..., wanted)
        The values.
    """
    place = np.searchsorted(times, wanted, side="right")
    padded = np.concatenate([np.zeros_like(values[..., :1]), values], axis=-1)
    return padded[..., place]


def incidence_draws(
    table: EventTable, wanted: np.ndarray, draws: int, *, rng: RngLike
) -> np.ndarray:
    """Draw cumulative incidences by the Bayesian bootstrap.

    Parameters
    ----------
    table : EventTable
        Ends by time.
    wanted : numpy.ndarray, shape (wanted,)
        Times.
    draws : int
        How many draws.
    rng : int or Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (draw, cause, wanted)
        Each case has an exponential weight; those that end alike share one gamma draw.
    """
    generator = as_generator(rng)
    counts = np.concatenate([table.events, table.censored[None]])
    some = counts > 0
    block = max(1, _NUMBERS // counts.size)
    parts = []
    for start in range(0, draws, block):
        size = (min(block, draws - start), *counts.shape)
        weight = np.zeros(size)
        weight[:, some] = generator.standard_gamma(counts[some], (size[0], int(some.sum())))
        found, _ = incidence(weight[:, :-1], weight[:, -1])
        parts.append(at_times(found, table.times, wanted))
    return np.concatenate(parts)
