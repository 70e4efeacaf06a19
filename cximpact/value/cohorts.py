"""Cohorts of contractual customers: how many are left after each renewal, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    DataError,
    DuplicateKeyError,
    InsufficientPeriodsError,
    MissingValueError,
    RankError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.data import frames

PERIOD, SURVIVING = "period", "surviving"
ALL = "all"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cohorts:
    """Lifetimes of customers, counted.

    Parameters
    ----------
    segments : tuple of str
        Names of the segments; one called "all" where there are none.
    lost, left : numpy.ndarray, shape (segment, period)
        Customers who left at renewal 1, 2, ... and customers last seen after it.
    covariates : numpy.ndarray, shape (segment, covariate)
        Standardized over the segments.
    covariate_names : tuple of str
        Their names.
    data_hash : str
        Fingerprint of the table.
    """

    segments: tuple[str, ...]
    lost: np.ndarray
    left: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    data_hash: str

    @property
    def at_risk(self) -> np.ndarray:
        """Customers who could make each renewal, shape (segment, period)."""
        return (self.lost + self.left)[:, ::-1].cumsum(axis=1)[:, ::-1]

    @property
    def n(self) -> int:
        """Customers."""
        return round(float((self.lost + self.left).sum()))

    def observed(self) -> pd.DataFrame:
        """Return the retention that was seen, renewal by renewal.

        Returns
        -------
        pandas.DataFrame
            ``segment, period, at_risk, retention, surviving``: customers who could renew, the
            share who did, and the product of these shares.
        """
        at_risk = self.at_risk
        with np.errstate(invalid="ignore"):
            kept = 1 - self.lost / np.where(at_risk > 0, at_risk, np.nan)
        n = self.lost.shape[1]
        return pd.DataFrame(
            {
                "segment": np.repeat(self.segments, n),
                "period": np.tile(np.arange(1, n + 1), len(self.segments)),
                "at_risk": at_risk.ravel(),
                "retention": kept.ravel(),
                "surviving": np.cumprod(kept, axis=1).ravel(),
            }
        ).dropna(ignore_index=True)


def read_cohorts(
    data: Any, *, by: str | None, cohort: str | None, covariates: Sequence[str] = ()
) -> Cohorts:
    """Read a table of customers left by period.

    Parameters
    ----------
    data : frame
        Columns ``period`` and ``surviving``, and those named below; any engine.
    by : str or None
        Column of the segments.
    cohort : str or None
        Column of the cohorts, which may differ in age and are pooled within a segment.
    covariates : sequence of str
        Numeric columns that are constant within a segment.

    Returns
    -------
    Cohorts
        Counts.

    Raises
    ------
    DataError, DuplicateKeyError, MissingValueError, InsufficientPeriodsError
        If numbers grow, periods repeat or have holes, or there are fewer than two renewals.
    """
    opened = frames.open_frame(data)
    names = frames.column_names(covariates, "covariates")
    keys = [c for c in (by, cohort) if c is not None]
    roles: dict[str, str | None] = {"period": PERIOD, "surviving": SURVIVING}
    roles |= {"by": by, "cohort": cohort} | {f"covariates[{i}]": c for i, c in enumerate(names)}
    frames.check_columns(opened, roles)
    for column in (PERIOD, SURVIVING, *names):
        frames.check_numeric(opened, column, column)
    table = frames.collect(opened.select([*keys, PERIOD, SURVIVING, *names]))
    for column in table:
        if (missing := np.flatnonzero(table[column].isna())).size:
            raise MissingValueError(
                f"Column {column!r} is missing in {rows_phrase(missing)}; a period without a count "
                "is left out, and counted customers need all labels."
            )
    _check_counts(table, keys)
    table["__segment"] = table[by].astype(str) if by else ALL
    table["__cohort"] = table[cohort].astype(str) if cohort else ALL
    groups = dict(list(table.groupby(["__segment", "__cohort"], sort=True)))
    segments = tuple(sorted({str(s) for s, _ in groups}))
    longest = max(len(rows) for rows in groups.values()) - 1
    if longest < 2:
        raise InsufficientPeriodsError(
            f"Column 'period' has {longest} renewals; expected at least 2: one rate cannot tell "
            "customers who differ from customers who do not. Use geometric_lifetime."
        )
    lost, left = np.zeros((len(segments), longest)), np.zeros((len(segments), longest))
    for (segment, label), rows in groups.items():
        counts = _counts(rows, f"{segment} {label}".replace(f"{ALL} ", ""))
        row = segments.index(str(segment))
        lost[row, : counts.size - 1] += -np.diff(counts)
        if counts.size > 1:
            left[row, counts.size - 2] += counts[-1]
    return Cohorts(
        segments=segments,
        lost=lost,
        left=left,
        covariates=_standardized(table, segments, names),
        covariate_names=names,
        data_hash=fingerprint(table),
    )


def _check_counts(table: pd.DataFrame, keys: Sequence[str]) -> None:
    if table.empty:
        raise InsufficientPeriodsError("the table has 0 rows; expected counts by period.")
    period, count = table[PERIOD].to_numpy(float), table[SURVIVING].to_numpy(float)
    if (wrong := np.flatnonzero(~np.isfinite(count) | (count < 0))).size:
        raise DataError(f"Column 'surviving' is no count in {rows_phrase(wrong)}; expected from 0.")
    if count.max() <= 1 and (count != np.rint(count)).any():
        raise DataError(
            f"Column 'surviving' runs from {count.min():g} to {count.max():g}, which look like "
            "shares; expected numbers of customers, on which every standard error depends."
        )
    if (wrong := np.flatnonzero(period != np.rint(period))).size:
        raise DataError(f"Column 'period' is no whole number in {rows_phrase(wrong)}.")
    if (wrong := np.flatnonzero(table.duplicated([*keys, PERIOD]))).size:
        raise DuplicateKeyError(
            f"Column 'period' repeats in {rows_phrase(wrong)}; name the column that tells the "
            "segments apart (by=) or the cohorts (cohort=)."
        )


def _counts(rows: pd.DataFrame, name: str) -> np.ndarray:
    ordered = rows.sort_values(PERIOD)
    if (holes := np.flatnonzero(np.diff(ordered[PERIOD].to_numpy()) != 1)).size:
        raise DataError(
            f"Column 'period' of {name!r} skips {holes.size} periods, the first after "
            f"{ordered[PERIOD].iloc[int(holes[0])]:g}; expected every period."
        )
    counts = ordered[SURVIVING].to_numpy(float)
    if (up := np.flatnonzero(np.diff(counts) > 0)).size:
        raise DataError(
            f"Column 'surviving' of {name!r} rises after period "
            f"{ordered[PERIOD].iloc[int(up[0])]:g}; customers who left do not come back in this "
            "model. Count a customer who returns as a new one."
        )
    return counts


def _standardized(
    table: pd.DataFrame, segments: tuple[str, ...], names: tuple[str, ...]
) -> np.ndarray:
    if not names:
        return np.zeros((len(segments), 0))
    grouped = table.groupby("__segment")[list(names)]
    spreads = grouped.nunique()
    if varying := [c for c in names if bool((spreads[c] > 1).any())]:
        raise DataError(
            f"Column {join_names(varying)} varies within a segment; expected one value a segment."
        )
    values = grouped.first().loc[list(segments)].to_numpy(float)
    spread = values.std(axis=0)
    if constant := [c for c, s in zip(names, spread, strict=True) if s == 0]:
        raise ZeroVarianceError(f"Column {join_names(constant)} is the same in all segments.")
    scaled = (values - values.mean(axis=0)) / spread
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(segments)), scaled])) <= len(names):
        raise RankError(f"Columns {join_names(names)} are linearly dependent over the segments.")
    return scaled
