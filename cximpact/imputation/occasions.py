"""The order of a customer's answers in time, collapsed to the paths that occur."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import AssumptionWarning, ConfigError, DtypeError, InsufficientDataError
from cximpact.core.validate import check_number
from cximpact.data import SurveyWave
from cximpact.imputation.patterns import Patterns

LEARNED = 0.8
"""A posterior wider than this share of the prior has learned nothing."""

_DIGITS = 9


@dataclass(frozen=True, kw_only=True, eq=False)
class OccasionDrift:
    """Let a customer's own level drift between occasions.

    Parameters
    ----------
    column : str, optional
        Column that says when an answer was given; by default the wave's period.
    unit : float, optional
        With it the column is a number, and distances are differences divided by ``unit``: for
        days, 30 makes ``rho`` the correlation over 30 days. By default distances are steps
        between the sorted levels of the column.
    prior : tuple of float, default (2, 2)
        Beta prior of ``rho``, the correlation over a distance of 1.
    """

    column: str | None = None
    unit: float | None = None
    prior: tuple[float, float] = (2.0, 2.0)

    def __post_init__(self) -> None:
        if self.unit is not None:
            check_number(self.unit, "drift.unit", low=0, open_low=True)
        if len(self.prior) != 2:
            raise ConfigError(f"drift.prior is {self.prior!r}; expected the two numbers of a beta.")
        for value in self.prior:
            check_number(value, "drift.prior", low=0, open_low=True)

    def resolve(self, wave: SurveyWave) -> OccasionDrift:
        """Fill in the column from a wave.

        Parameters
        ----------
        wave : SurveyWave
            One row an answer.

        Returns
        -------
        OccasionDrift
            The same settings with a column.

        Raises
        ------
        ConfigError
            If neither the settings nor the wave name one.
        """
        column = self.column or wave.period
        if column is None:
            raise ConfigError(
                "drift needs to know when each answer was given, and the wave names no period; "
                "give SurveyWave(period=...) or OccasionDrift(column=...)."
            )
        return replace(self, column=column)

    def times(self, index: pd.DataFrame) -> np.ndarray:
        """Place the occasions in time.

        Parameters
        ----------
        index : pandas.DataFrame
            Levels of each occasion, with the column.

        Returns
        -------
        numpy.ndarray, shape (row,)
            In units of ``rho``.

        Raises
        ------
        DtypeError
            If there is a unit and the column is not a number.
        """
        values = index[str(self.column)]
        if self.unit is None:
            return np.unique(values.to_numpy(), return_inverse=True)[1].astype(float)
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            raise DtypeError(
                f"drift.unit is {self.unit}, but column {self.column!r} has type {values.dtype}; "
                "expected numbers. Leave the unit out to count steps between sorted levels."
            )
        return values.to_numpy(dtype=float) / self.unit

    def learning(self, rho: np.ndarray, lags: np.ndarray) -> dict[str, float | bool]:
        """Say what the data said about ``rho``.

        Parameters
        ----------
        rho : numpy.ndarray, shape (sample,)
            Draws.
        lags : numpy.ndarray, shape (lag,)
            Distances between two answers of one customer.

        Returns
        -------
        dict
            ``mean`` and ``sd`` of the posterior, ``prior_sd``, ``lags`` (how many distances
            occur) and ``learned``: whether there are two or more, and the posterior standard
            deviation is at most 0.8 of that of the prior.
        """
        prior_sd, sd = float(stats.beta.std(*self.prior)), float(rho.std(ddof=1))
        return {
            "mean": float(rho.mean()),
            "sd": sd,
            "prior_sd": prior_sd,
            "lags": len(lags),
            "learned": len(lags) > 1 and sd <= LEARNED * prior_sd,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """The beginnings of paths that hold one more answer than those of the step before.

    Parameters
    ----------
    code : numpy.ndarray of int, shape (beginning,)
        The last answer of each: ``row of index * categories + category``.
    move : numpy.ndarray of int, shape (beginning,)
        Which move led to it.
    parent : numpy.ndarray of int, shape (move,)
        Beginning of the step before from which each move starts.
    gap : numpy.ndarray of int, shape (move,)
        Which of `Paths.gaps` it crosses.
    """

    code: np.ndarray = field(repr=False)
    move: np.ndarray = field(repr=False)
    parent: np.ndarray = field(repr=False)
    gap: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths:
    """Patterns of answers in the order of time, as a tree of their beginnings.

    Parameters
    ----------
    steps : tuple of Step
        First answers, then second ones, and so on. The first step has one move, from nowhere.
    gaps : numpy.ndarray, shape (gap,)
        Distances in time between neighbors that occur; the first is 0.
    lags : numpy.ndarray, shape (lag,)
        Distances between any two answers of one customer that occur.
    beginnings : numpy.ndarray of int, shape (pattern, answer)
        The beginnings of each pattern, counted through all steps; filled with their number.
    """

    steps: tuple[Step, ...] = field(repr=False)
    gaps: np.ndarray
    lags: np.ndarray
    beginnings: np.ndarray = field(repr=False)

    @property
    def n_beginnings(self) -> int:
        """How many different beginnings there are."""
        return sum(len(step.code) for step in self.steps)

    @property
    def last(self) -> np.ndarray:
        """The whole of each pattern, as a number of a beginning, shape (pattern,)."""
        return np.where(self.beginnings < self.n_beginnings, self.beginnings, -1).max(axis=1)

    def check(self, column: str) -> None:
        """Refuse answers that say nothing about drift, and warn where they say too little.

        Parameters
        ----------
        column : str
            Column of the times, for the messages.

        Raises
        ------
        InsufficientDataError
            If no customer answered at two times.
        """
        if not len(self.lags) or self.lags[-1] == 0:
            raise InsufficientDataError(
                f"no customer has answers at two levels of {column!r}; expected some, to tell "
                "drift from stable differences. Leave drift out, or name a finer time."
            )
        if len(self.lags) == 1:
            warnings.warn(
                f"all repeated answers are {self.lags[0]:g} apart in {column!r}: only the "
                "correlation of two answers is known, not how much of it is spread (sd) and how "
                "much drift (rho). Their priors decide; add customers with three answers or "
                "leave drift out.",
                AssumptionWarning,
                stacklevel=3,
            )


def paths(data: Patterns, times: np.ndarray) -> Paths:
    """Sort the answers of each pattern in time and share their beginnings.

    Parameters
    ----------
    data : Patterns
        Patterns of answers.
    times : numpy.ndarray, shape (row,)
        When each row of the index happened.

    Returns
    -------
    Paths
        A tree; answers at one time are 0 apart.
    """
    when = np.append(np.repeat(times, data.scale.n_categories), np.inf)
    order = np.argsort(when[data.codes], axis=1, kind="stable")
    codes = np.take_along_axis(data.codes, order, axis=1)
    when, there = when[codes], codes < len(times) * data.scale.n_categories
    gaps = np.unique(np.append(0.0, _distances(when[:, 1:], when[:, :-1], there[:, 1:])))
    beginnings = np.full(codes.shape, -1)
    steps, start, before = [], 0, np.zeros(len(codes), dtype=np.int64)
    for d in range(codes.shape[1]):
        rows = there[:, d]
        gap = np.zeros(rows.sum(), dtype=np.int64)
        if d:
            distance = _distances(when[:, d], when[:, d - 1], rows)
            gap = np.searchsorted(gaps, distance)
        step, of = _step(before[rows], gap, codes[rows, d])
        beginnings[rows, d] = start + of
        before, start = np.where(rows, beginnings[:, d] - start, 0), start + len(step.code)
        steps.append(step)
    beginnings[~there] = start
    lags = _lags(when, there)
    return Paths(steps=tuple(steps), gaps=gaps, lags=lags, beginnings=beginnings)


def _step(parent: np.ndarray, gap: np.ndarray, code: np.ndarray) -> tuple[Step, np.ndarray]:
    """Find the different moves and the different beginnings that they lead to."""
    moves, move = np.unique(np.column_stack([parent, gap]), axis=0, return_inverse=True)
    ends, of = np.unique(np.column_stack([move.ravel(), code]), axis=0, return_inverse=True)
    step = Step(code=ends[:, 1], move=ends[:, 0], parent=moves[:, 0], gap=moves[:, 1])
    return step, of.ravel()


def _distances(later: np.ndarray, earlier: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.round(later[there] - earlier[there], _DIGITS)


def _lags(when: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Collect the distances between any two answers of one pattern."""
    apart = range(1, when.shape[1])
    found = [np.unique(_distances(when[:, k:], when[:, :-k], there[:, k:])) for k in apart]
    return np.unique(np.concatenate([np.zeros(0), *found]))
