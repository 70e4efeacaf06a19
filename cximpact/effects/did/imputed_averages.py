"""Averages of effects that belong to treated cells of a cohort and a period."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cximpact.core.errors import ClusterError, ConfigError
from cximpact.core.validate import check_choice
from cximpact.effects.did.aggregate import AGGREGATES


@dataclass(frozen=True, kw_only=True, eq=False)
class TreatedCells:
    """Treated cells and every average that can be taken of them.

    Parameters
    ----------
    cohort, period : numpy.ndarray, shape (cell,)
        First treated period and period.

    Notes
    -----
    Cells count by the weight of their rows. All averages together are the stack: the cells
    themselves, then those by event time, cohort and period, then the single numbers. They share
    their errors, so that their draws belong together.
    """

    cohort: np.ndarray
    period: np.ndarray

    @property
    def event(self) -> np.ndarray:
        """Periods since treatment; negative where a reaction ahead of it is allowed."""
        return self.period - self.cohort

    @property
    def after(self) -> np.ndarray:
        """Whether the cell counts in averages of the effect."""
        return self.event >= 0

    def labels(self, by: str) -> np.ndarray:
        """Return the labels of the averages.

        Parameters
        ----------
        by : {"event", "group", "calendar"}
            Which averages.

        Returns
        -------
        numpy.ndarray, shape (average,)
            Event times, cohorts or periods.
        """
        of = {"event": self.event, "group": self.cohort, "calendar": self.period}[by]
        return np.unique(of if by == "event" else of[self.after])

    def rows(self, by: str, *, overall: bool) -> np.ndarray:
        """Say which rows of the stack are asked for.

        Parameters
        ----------
        by : {"cell", "simple", "event", "group", "calendar"}
            Which averages.
        overall : bool
            Whether as one number.

        Returns
        -------
        numpy.ndarray of int
            Rows of the stack.
        """
        check_choice(by, "by", ("cell", *AGGREGATES))
        single = by == "simple" or (overall and by != "cell")
        name = f"{by} overall" if single and by != "simple" else by
        return self._where[name]

    @cached_property
    def _sets(self) -> dict[str, np.ndarray]:
        """How much each cell counts in each ratio, by name, each (average, cell)."""
        after = self.after.astype(float)
        size = np.array([after[self.cohort == g].sum() for g in self.cohort])
        out = {"cell": np.eye(len(self.cohort))}
        for by, of in (("event", self.event), ("group", self.cohort), ("calendar", self.period)):
            inside = (of == self.labels(by)[:, None]).astype(float)
            out[by] = inside if by == "event" else inside * after
        out["simple"] = after[None]
        out["group overall"] = (after / np.maximum(size, 1.0))[None]
        return out

    @cached_property
    def _where(self) -> dict[str, np.ndarray]:
        sizes = {name: len(rows) for name, rows in self._sets.items()}
        sizes |= {"event overall": 1, "calendar overall": 1}
        ends = np.cumsum(list(sizes.values()))
        return {
            name: np.arange(end - size, end)
            for (name, size), end in zip(sizes.items(), ends, strict=True)
        }

    def stack(self, value: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Average effects every way.

        Parameters
        ----------
        value : numpy.ndarray, shape (..., cell)
            Effects; anything where the count is zero.
        count : numpy.ndarray, shape (..., cell)
            How much each cell counts.

        Returns
        -------
        numpy.ndarray, shape (..., average)
            The stack; not a number where no cell counts.
        """
        sets = np.concatenate(list(self._sets.values()))
        total = np.where(count > 0, value, 0.0) * count
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = (total @ sets.T) / (count @ sets.T)
        return np.concatenate([ratios, *self._means(ratios)], axis=-1)

    def jacobian(self, count: np.ndarray) -> np.ndarray:
        """Return how the stack moves with the effects.

        Parameters
        ----------
        count : numpy.ndarray, shape (cell,)
            How much each cell counts.

        Returns
        -------
        numpy.ndarray, shape (average, cell)
            Derivatives; not a number in the rows of averages in which no cell counts.
        """
        sets = np.concatenate(list(self._sets.values())) * count
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = (sets / sets.sum(axis=1, keepdims=True)).T
        return np.concatenate([ratios, *self._means(ratios)], axis=-1).T

    def share_jacobian(self, value: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Return how the stack moves with how much cells count.

        Parameters
        ----------
        value, count : numpy.ndarray, shape (cell,)
            Effects, and how much each cell counts.

        Returns
        -------
        numpy.ndarray, shape (average, cell)
            Derivatives.
        """
        sets = np.concatenate(list(self._sets.values()))
        total = sets @ count
        mean = (sets * count) @ value / total
        ratios = (sets * (value - mean[:, None]) / total[:, None]).T
        return np.concatenate([ratios, *self._means(ratios)], axis=-1).T

    def _means(self, ratios: np.ndarray) -> list[np.ndarray]:
        """Average event times after treatment, and periods, each alike."""
        later = self._where["event"][self.labels("event") >= 0]
        return [
            ratios[..., k].mean(axis=-1, keepdims=True) for k in (later, self._where["calendar"])
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImputedCells:
    """Effects of treated cells and the joint error of all their averages.

    Parameters
    ----------
    cells : TreatedCells
        What the effects belong to.
    value, count : numpy.ndarray, shape (cell,)
        Effects, and the weight of the treated rows behind them.
    covariance : numpy.ndarray, shape (average, average)
        Of the stack; not a number where leaving out one cluster leaves nothing to average.
    notes : tuple of str
        What was left out.
    """

    cells: TreatedCells
    value: np.ndarray
    count: np.ndarray
    covariance: np.ndarray = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def stack(self) -> np.ndarray:
        """All averages, shape (average,)."""
        return self.cells.stack(self.value, self.count)

    def refuse_undefined(self, rows: np.ndarray, by: str) -> None:
        """Refuse averages without a standard error.

        Parameters
        ----------
        rows : numpy.ndarray of int
            Rows of the stack.
        by : str
            What was asked for.

        Raises
        ------
        ClusterError
            With what they are.
        """
        bad = np.isnan(np.diag(self.covariance)[rows])
        if not bad.any():
            return
        names = "the effect"
        if by == "cell":
            pairs = np.column_stack([self.cells.cohort, self.cells.period])[bad]
            names = ", ".join(f"cohort {g:g} in period {t:g}" for g, t in pairs[:5])
        elif by != "simple" and len(rows) > 1:
            names = ", ".join(f"{by} {label:g}" for label in self.cells.labels(by)[bad][:5])
        raise ClusterError(
            f"{names}: without one of its clusters nothing is left to compare, so a standard error "
            "by leaving clusters out does not exist. Average over more cohorts, such as "
            "aggregate('event'), or join cohorts that hold one cluster."
        )


def treated_cells(cohort: np.ndarray, period: np.ndarray) -> TreatedCells:
    """Collect treated cells.

    Parameters
    ----------
    cohort, period : numpy.ndarray, shape (cell,)
        First treated period and period.

    Returns
    -------
    TreatedCells
        The same, if there is something to average.

    Raises
    ------
    ConfigError
        If no cell is after treatment.
    """
    out = TreatedCells(cohort=cohort, period=period)
    if not out.after.any():
        raise ConfigError(
            "no effect after treatment can be told apart from the periods: in every treated period "
            "somebody untreated must be seen."
        )
    return out
