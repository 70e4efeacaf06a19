"""From effects by cohort and period to averages: overall, by event time, cohort or calendar time.

Every average is a function of the effects and of the shares of the cohorts. Its error follows by
the chain rule from their joint error: leaving out that the shares are estimated, too, gives a
standard error that is too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice
from cximpact.effects.did.plan import Cell

AGGREGATES = ("simple", "event", "group", "calendar")
DIMENSIONS = {"event": "event_time", "group": "cohort", "calendar": "period"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Average:
    """Averages of effects, and how they move with effects and shares.

    Parameters
    ----------
    labels : numpy.ndarray, shape (average,)
        Event time, cohort or period; empty for a single number.
    value : numpy.ndarray, shape (average,)
        The averages.
    jacobian : numpy.ndarray, shape (average, cell + cohort)
        Derivatives with respect to the effects, then the shares.
    """

    labels: np.ndarray
    value: np.ndarray
    jacobian: np.ndarray = field(repr=False)

    def mean(self, which: np.ndarray) -> Average:
        """Average once more, each alike.

        Parameters
        ----------
        which : numpy.ndarray of bool, shape (average,)
            Over which of them.

        Returns
        -------
        Average
            One number.
        """
        weight = which / which.sum()
        return Average(
            labels=np.array([]),
            value=np.array([weight @ self.value]),
            jacobian=(weight @ self.jacobian)[None],
        )


def average(
    cells: Sequence[Cell], cohorts: np.ndarray, value: np.ndarray, by: str, *, overall: bool
) -> Average:
    """Average effects.

    Parameters
    ----------
    cells : sequence of Cell
        What the effects belong to.
    cohorts : numpy.ndarray, shape (cohort,)
        What the shares belong to.
    value : numpy.ndarray, shape (cell + cohort,)
        Effects, then shares.
    by : {"simple", "event", "group", "calendar"}
        All cells after treatment by the size of their cohort; or by time since treatment, by
        cohort, or by period.
    overall : bool
        Average the averages to one number: event times and periods count alike, cohorts by
        their size.

    Returns
    -------
    Average
        The averages.

    Raises
    ------
    ConfigError
        If ``by`` is none of these.
    """
    check_choice(by, "by", AGGREGATES)
    table = _Table(cells, cohorts, value)
    if by == "simple":
        return table.weighted([table.after], np.array([]))
    if by == "event":
        times = np.unique(table.event[~table.only_reference()])
        out = table.weighted([table.event == e for e in times], times)
        return out.mean(times >= 0) if overall else out
    if by == "calendar":
        periods = np.unique(table.period[table.after])
        out = table.weighted([table.after & (table.period == t) for t in periods], periods)
        return out.mean(np.ones(len(periods), dtype=bool)) if overall else out
    groups = np.unique(table.cohort[table.after])
    out = table.plain([table.after & (table.cohort == g) for g in groups], groups)
    return table.by_share(out, groups) if overall else out


class _Table:
    """Cells as columns."""

    def __init__(self, cells: Sequence[Cell], cohorts: np.ndarray, value: np.ndarray):
        self.cohort = np.array([c.cohort for c in cells])
        self.period = np.array([c.period for c in cells])
        self.reference = np.array([c.reference for c in cells])
        self.event = self.period - self.cohort
        self.after = self.event >= 0
        self.value, self.k = value, len(cells)
        self.where = self.k + np.searchsorted(cohorts, self.cohort)
        if not self.after.any():
            raise ConfigError("there is no effect after treatment to average.")

    def only_reference(self) -> np.ndarray:
        """Cells at event times at which nothing but references is seen."""
        real = np.unique(self.event[~self.reference])
        return ~np.isin(self.event, real)

    def weighted(self, sets: list[np.ndarray], labels: np.ndarray) -> Average:
        """Average sets of cells by the shares of their cohorts."""
        value = np.zeros(len(sets))
        jacobian = np.zeros((len(sets), len(self.value)))
        for i, inside in enumerate(sets):
            cells = np.flatnonzero(inside)
            share = self.value[self.where[cells]]
            value[i] = share @ self.value[cells] / share.sum()
            jacobian[i, cells] = share / share.sum()
            np.add.at(jacobian[i], self.where[cells], (self.value[cells] - value[i]) / share.sum())
        return Average(labels=labels, value=value, jacobian=jacobian)

    def plain(self, sets: list[np.ndarray], labels: np.ndarray) -> Average:
        """Average sets of cells, each cell alike."""
        jacobian = np.zeros((len(sets), len(self.value)))
        for i, inside in enumerate(sets):
            jacobian[i, np.flatnonzero(inside)] = 1 / inside.sum()
        return Average(labels=labels, value=jacobian @ self.value, jacobian=jacobian)

    def by_share(self, averages: Average, groups: np.ndarray) -> Average:
        """Average the averages of cohorts by their shares."""
        where = np.array([self.where[self.cohort == g][0] for g in groups])
        share = self.value[where]
        value = share @ averages.value / share.sum()
        jacobian = share @ averages.jacobian / share.sum()
        jacobian[where] += (averages.value - value) / share.sum()
        return Average(labels=np.array([]), value=np.array([value]), jacobian=jacobian[None])
