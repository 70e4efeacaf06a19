"""Counts or means by segment, cohort, cluster and period: what the generative form reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DataWarning,
    DesignError,
    InsufficientDataError,
    ScaleError,
)
from cximpact.core.validate import check_choice
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.design import DidTable, did_table

FAMILIES = ("binomial", "negative_binomial", "normal")
_KEYS = ["segment", "first_treated", "cluster"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cells of a design, one a stratum and period; a stratum is a cohort of a cluster's segment.

    Parameters
    ----------
    family : {"binomial", "negative_binomial", "normal"}
        What the outcomes are.
    labels : tuple
        Segments, sorted.
    times : numpy.ndarray, shape (period,)
        Periods, ascending.
    segment, stratum, period : numpy.ndarray of int, shape (cell,)
        Positions of each cell.
    shared : numpy.ndarray of int, shape (cell,), or None
        Number of the cluster and period, where clusters lie in several segments.
    since : numpy.ndarray, shape (cell,)
        Periods since treatment began; NaN where it has not.
    n, total : numpy.ndarray, shape (cell,)
        Rows, and the sum of their outcomes.
    known : numpy.ndarray, shape (cell,)
        Standard error of the mean from rows within the cell; 0 without such rows.
    spread : float
        Standard deviation of the outcome over all rows.
    """

    family: str
    labels: tuple[Any, ...]
    times: np.ndarray
    segment: np.ndarray
    stratum: np.ndarray
    period: np.ndarray
    shared: np.ndarray | None
    since: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    total: np.ndarray = field(repr=False)
    known: np.ndarray = field(repr=False)
    spread: float

    @property
    def treated(self) -> np.ndarray:
        """Cells under treatment, shape (cell,)."""
        return np.isfinite(self.since)

    @cached_property
    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Different numbers of rows, and which of them each cell has."""
        found, of = np.unique(self.n, return_inverse=True)
        return found, of

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean outcomes, shape (cell,)."""
        return self.total / self.n


def cells_of(
    data: Panel | RepeatedCrossSection,
    parts: Mapping[Any, Panel | RepeatedCrossSection],
    family: str | None,
) -> Cells:
    """Reduce a design to its cells.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The whole design.
    parts : mapping
        Its segments, from `segment_estimates.split`.
    family : str or None
        What the outcomes are; None takes ``"binomial"`` for 0 and 1 and else ``"normal"``.

    Returns
    -------
    Cells
        Sorted by segment, stratum and period.

    Raises
    ------
    DesignError
        If the design has weights or covariates, or a segment cannot be compared within itself.
    ConfigError, ScaleError
        If the outcomes are not of the family.
    InsufficientDataError
        If there are no more strata than cohorts, so that nothing shows how clusters vary.
    """
    if data.weight is not None or data.covariates:
        raise DesignError(
            "form='generative' takes neither weights nor covariates; use form='design'."
        )
    found: dict[Any, DidTable] = {}
    for label, part in parts.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the whole design says it
            try:
                found[label] = did_table(part)
            except DesignError as error:
                raise type(error)(f"segment {label!r}: {error}") from error
    rows = pd.concat([t.table.assign(segment=i) for i, t in enumerate(found.values())])
    binary = all(t.binary for t in found.values())
    family = _family(rows, family, binary=binary)
    rows["error"] = _within(rows, isinstance(data, Panel)) if family == "normal" else 0.0
    return _cells(rows, tuple(found), family)


def _family(rows: pd.DataFrame, family: str | None, *, binary: bool) -> str:
    """Choose or check what the outcomes are."""
    if family is None:
        return "binomial" if binary else "normal"
    check_choice(family, "family", FAMILIES)
    if family == "binomial" and not binary:
        raise ScaleError("family='binomial' needs outcomes of 0 and 1; others were found.")
    total = rows["outcome"] * rows["rows"]
    if family == "negative_binomial" and (
        (total < 0).any() or not np.allclose(total, total.round(), atol=1e-6)
    ):
        raise ScaleError(
            "family='negative_binomial' needs counts: whole numbers from 0. Others were found."
        )
    return family


def _within(rows: pd.DataFrame, panel: bool) -> float:
    """Estimate the variance of one row around the mean of its cell.

    In a panel what stays with a unit cancels in its change, and does not count.
    """
    y = rows["outcome"]
    cell = rows.groupby([*_KEYS, "time"])
    if not panel:
        between = (rows["rows"] * (y - _mean(rows, [*_KEYS, "time"])) ** 2).sum()
        df = int(rows["rows"].sum()) - cell.ngroups
        return float((rows["within"].sum() + between) / df) if df > 0 else 0.0
    unit = rows.groupby(["segment", "entity"])
    stratum = rows.groupby(_KEYS)
    left = y - unit["outcome"].transform("mean") - cell["outcome"].transform("mean")
    left = left + stratum["outcome"].transform("mean")
    df = len(rows) - unit.ngroups - cell.ngroups + stratum.ngroups
    return float((left**2).sum() / df) if df > 0 else 0.0


def _mean(rows: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Mean outcome of the group of each line, every row of the data alike."""
    sums = rows.assign(total=rows["rows"] * rows["outcome"]).groupby(keys)
    return sums["total"].transform("sum") / sums["rows"].transform("sum")


def _cells(rows: pd.DataFrame, labels: tuple[Any, ...], family: str) -> Cells:
    rows = rows.assign(total=rows["rows"] * rows["outcome"])
    sums = rows.groupby([*_KEYS, "time"], as_index=False)[["rows", "total"]].sum()
    error = rows["error"].iloc[0]
    stratum = sums.groupby(_KEYS).ngroup().to_numpy()
    arms = sums.groupby(["segment", "first_treated"]).ngroups
    if stratum.max() + 1 <= arms:
        raise InsufficientDataError(
            f"there are {stratum.max() + 1} clusters by segment and cohort for {arms} cohorts by "
            "segment: nothing shows how clusters vary. Name a cluster column, or use form='design'."
        )
    times = np.unique(sums["time"].to_numpy(dtype=float))
    time, first = sums["time"].to_numpy(dtype=float), sums["first_treated"].to_numpy(dtype=float)
    n, total = sums["rows"].to_numpy(dtype=float), sums["total"].to_numpy(dtype=float)
    several = sums.groupby("cluster")["segment"].nunique().max() > 1
    y, weight = rows["outcome"].to_numpy(dtype=float), rows["rows"].to_numpy(dtype=float)
    squares = float(rows["within"].sum() + weight @ (y - weight @ y / weight.sum()) ** 2)
    if family == "normal" and not squares > 0:
        raise ConfigError("the outcome is constant; there is nothing to compare.")
    return Cells(
        family=family,
        labels=labels,
        times=times,
        segment=sums["segment"].to_numpy(dtype=int),
        stratum=stratum,
        period=np.searchsorted(times, time),
        shared=sums.groupby(["cluster", "time"]).ngroup().to_numpy() if several else None,
        since=np.where(time >= first, time - first, np.nan),
        n=n,
        total=total,
        known=np.sqrt(error / n),
        spread=float(np.sqrt(squares / weight.sum())),
    )
