"""Joint benefit of initiatives that overlap, and what of it is due to each: Shapley values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import factorial

import numpy as np

from cximpact.core.errors import ConfigError, join_names
from cximpact.roi.cashflow import Number, units_of_effect
from cximpact.roi.resolve import Resolved
from cximpact.roi.scenario import Overlap

MOST = 8  # 256 combinations, each with all draws and periods


@dataclass(frozen=True, kw_only=True, eq=False)
class JointBenefit:
    """What every combination of overlapping initiatives brings.

    Parameters
    ----------
    names : tuple of str
        The initiatives.
    present : numpy.ndarray, shape (2 ** initiatives, sample)
        Present value of the benefit of each combination; bit ``i`` of the row says whether
        initiative ``i`` is in it.
    """

    names: tuple[str, ...]
    present: np.ndarray


def members(resolved: Sequence[Resolved], overlap: Overlap) -> list[int]:
    """Find the initiatives of a group, and check that they can be combined.

    Parameters
    ----------
    resolved : sequence of Resolved
        All initiatives in numbers.
    overlap : Overlap
        The group.

    Returns
    -------
    list of int
        Their positions.

    Raises
    ------
    ConfigError
        If a name is unknown, or they differ in customers, mechanism, baseline or value.
    """
    names = [item.initiative.name for item in resolved]
    if unknown := [name for name in overlap.initiatives if name not in names]:
        raise ConfigError(
            f"overlap names {join_names(unknown)}; the initiatives are {join_names(names)}."
        )
    if len(overlap.initiatives) > MOST:
        raise ConfigError(
            f"overlap has {len(overlap.initiatives)} initiatives; at most {MOST} can be combined "
            "in every way. Split it into groups that reach different customers."
        )
    found = [names.index(name) for name in overlap.initiatives]
    first = resolved[found[0]]
    for k in found[1:]:
        _check_alike(first, resolved[k])
    return found


def joint_benefits(
    group: Sequence[Resolved], overlap: Overlap, horizon: int, size: int
) -> np.ndarray:
    """Return the benefit of every combination, period by period.

    Parameters
    ----------
    group : sequence of Resolved
        The overlapping initiatives.
    overlap : Overlap
        How their effects combine.
    horizon : int
        Periods after today.
    size : int
        Draws.

    Returns
    -------
    numpy.ndarray, shape (2 ** initiatives, period, sample)
        Money.
    """
    out = np.zeros((2 ** len(group), horizon + 1, size))
    for row in range(1, len(out)):
        inside = [item for k, item in enumerate(group) if row >> k & 1]
        names = [item.initiative.name for item in inside]
        for s, segment in enumerate(group[0].segments):
            shares = [_share(item) for item in inside]
            n = segment.reached / _share(group[0])
            taus = [
                share * item.segments[s].tau for share, item in zip(shares, inside, strict=True)
            ]
            effect = partial(_together, overlap, names, inside, taus)
            for t, units in units_of_effect(inside[0].plan, effect, segment.baseline):
                out[row, t] += n * segment.value * units
    return out


def shapley(benefit: np.ndarray) -> np.ndarray:
    """Share the benefit of all together out to each, by the average of what it adds.

    Parameters
    ----------
    benefit : numpy.ndarray, shape (2 ** players, ...)
        Benefit of every combination.

    Returns
    -------
    numpy.ndarray, shape (players, ...)
        They sum to the benefit of all.

    References
    ----------
    Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games II.
    """
    k = int(benefit.shape[0]).bit_length() - 1
    out = np.zeros((k, *benefit.shape[1:]))
    for row in range(len(benefit)):
        size = row.bit_count()
        for i in range(k):
            if not row >> i & 1:
                weight = factorial(size) * factorial(k - size - 1) / factorial(k)
                out[i] += weight * (benefit[row | 1 << i] - benefit[row])
    return out


def _together(
    overlap: Overlap,
    names: Sequence[str],
    inside: Sequence[Resolved],
    taus: Sequence[Number],
    t: int,
    base: Number,
) -> Number:
    """Joint effect in one period."""
    at = [np.asarray(_work(item, t) * tau) for item, tau in zip(inside, taus, strict=True)]
    return overlap.combine(at, names, np.asarray(base))


def _share(item: Resolved) -> float:
    it = item.initiative
    return it.coverage * (1 - it.pull_forward) * (1 - it.cannibalization)


def _work(item: Resolved, t: int) -> float:
    plan = item.plan
    return float((plan.arrivals if plan.mechanism == "one_time" else plan.intensity)[t])


def _check_alike(first: Resolved, other: Resolved) -> None:
    a, b = first.initiative, other.initiative
    pair = f"{a.name!r} and {b.name!r} overlap but"
    if a.mechanism != b.mechanism or first.scale == "money" or other.scale == "money":
        raise ConfigError(f"{pair} work in different ways; only effects of one kind combine.")
    if a.customers != b.customers or a.n != b.n:
        raise ConfigError(f"{pair} name different customers; overlap is about the same ones.")
    if a.mechanism == "one_time" and not np.array_equal(first.plan.arrivals, other.plan.arrivals):
        raise ConfigError(f"{pair} reach customers at different times; give both one lag and ramp.")
    for s, segment in enumerate(first.segments):
        twin = other.segments[s]
        for what in ("baseline", "value"):
            if not np.array_equal(getattr(segment, what), getattr(twin, what)):
                raise ConfigError(f"{pair} have another {what}; give both the same object.")
    if _share(first) == 0 or _share(other) == 0:
        raise ConfigError(f"{pair} one of them reaches nobody.")
