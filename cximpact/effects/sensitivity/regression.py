"""The regression that a sensitivity analysis is about, and how strong its covariates are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg

from cximpact.core.errors import (
    ClusterError,
    ConfigError,
    DtypeError,
    InsufficientDataError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    RankError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.core.rank import dependent_columns
from cximpact.data import frames
from cximpact.effects.overlap.columns import Column, split_columns


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression:
    """Least squares of an outcome on treatment, covariates and a constant.

    Parameters
    ----------
    estimate, std_error : float
        Coefficient of treatment and its classical standard error.
    df : float
        Residual degrees of freedom.
    test_error, test_df : float
        Standard error and degrees of freedom for tests: clustered where there are clusters, else
        the classical ones.
    r2_treatment, r2_outcome : mapping of str to float
        Share of residual variance of treatment (given the other covariates), and of the outcome
        (given treatment as well), that each covariate explains.
    n, n_clusters : int
        Rows and clusters; 0 clusters where rows are taken to be independent.
    """

    estimate: float
    std_error: float
    df: float
    test_error: float
    test_df: float
    r2_treatment: Mapping[str, float]
    r2_outcome: Mapping[str, float]
    n: int
    n_clusters: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """Coefficients on centered columns, residuals and the inverse of the cross-products."""

    coefficients: np.ndarray
    residuals: np.ndarray = field(repr=False)
    inverse: np.ndarray = field(repr=False)

    @property
    def misfit(self) -> float:
        """Sum of squared residuals."""
        return float(self.residuals @ self.residuals)

    def partial_r2(self, at: np.ndarray) -> float:
        """Share of residual variance that some columns explain beyond the others."""
        b = self.coefficients[at]
        wald = float(b @ np.linalg.solve(self.inverse[np.ix_(at, at)], b))
        return wald / (wald + self.misfit)


def regress(
    frame: Any,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    cluster: str | None = None,
) -> Regression:
    """Regress an outcome on treatment and covariates.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    outcome, treatment : str
        Numeric columns.
    covariates : sequence of str
        Columns to adjust for; categories enter by their levels.
    cluster : str, optional
        Column at which errors are dependent.

    Returns
    -------
    Regression
        Coefficient, errors and strengths.

    Raises
    ------
    ZeroVarianceError, NoControlError, NoTreatedError
        If outcome or treatment does not vary, or the fit is perfect.
    RankError, InsufficientDataError, ClusterError
        If columns depend on each other, or there are too few rows or clusters.
    """
    names = frames.column_names(covariates, "covariates")
    roles = [outcome, treatment, *names]
    if twice := [name for i, name in enumerate(roles) if name in roles[:i]]:
        raise ConfigError(f"Column {join_names(twice)} has two roles; give every column one.")
    y, d = _numbers(frame, outcome, "outcome"), _numbers(frame, treatment, "treatment")
    if np.ptp(y) == 0:
        raise ZeroVarianceError(
            f"the outcome {outcome!r} is {y[0]:g} in all rows; nothing to tell."
        )
    if np.ptp(d) == 0:
        raise _constant(treatment, d)
    columns = split_columns(frame, names, drop_first=True) if names else []
    design = _design(columns, y.size)
    df = y.size - design.shape[1] - 2
    if df < 2:
        raise InsufficientDataError(
            f"{y.size} rows for {design.shape[1] + 2} coefficients; expected at least 2 more."
        )
    owners = np.array([c.variable for c in columns], dtype=object)
    _check_rank(np.column_stack([design, d - d.mean()]), [*owners, treatment])
    short = _fit(design, d - d.mean())
    full = _fit(np.column_stack([design, d - d.mean()]), y - y.mean())
    if full.misfit <= 1e-20 * float((y - y.mean()) @ (y - y.mean())):
        raise ZeroVarianceError("the outcome is fitted exactly; there is no error to learn.")
    places = {name: np.flatnonzero(owners == name) for name in names}
    used = {name: at for name, at in places.items() if at.size}
    classical = float(np.sqrt(full.misfit / df * full.inverse[-1, -1]))
    test_error, test_df, n_clusters = classical, df, 0
    if cluster is not None:
        test_error, n_clusters = _clustered(
            short.residuals, full.residuals, _codes(frame, cluster), df
        )
        test_df = n_clusters - 1
    return Regression(
        estimate=float(full.coefficients[-1]),
        std_error=classical,
        df=float(df),
        test_error=test_error,
        test_df=float(test_df),
        r2_treatment={name: short.partial_r2(at) for name, at in used.items()},
        r2_outcome={name: full.partial_r2(at) for name, at in used.items()},
        n=y.size,
        n_clusters=n_clusters,
    )


def _numbers(frame: Any, name: str, role: str) -> np.ndarray:
    frames.check_columns(frames.open_frame(frame), {role: name})
    columns = split_columns(frame, [name])
    if not columns or columns[0].level:
        raise DtypeError(
            f"Column {name!r} (role {role!r}) holds text or categories; expected numbers."
        )
    return columns[0].values


def _constant(treatment: str, d: np.ndarray) -> Exception:
    if d[0] == 1:
        return NoControlError(f"all {d.size} rows are treated ({treatment!r} is 1 everywhere).")
    if d[0] == 0:
        return NoTreatedError(f"no row is treated ({treatment!r} is 0 in all {d.size}).")
    return ZeroVarianceError(f"the treatment {treatment!r} is {d[0]:g} in all rows.")


def _design(columns: Sequence[Column], n: int) -> np.ndarray:
    """Center every column, which takes the place of the constant."""
    if not columns:
        return np.empty((n, 0))
    for column in columns:
        if np.ptp(column.values) == 0:
            raise ZeroVarianceError(
                f"the covariate {column.variable!r} is the same in all rows; leave it out."
            )
    x = np.column_stack([column.values for column in columns])
    return x - x.mean(axis=0)


def _check_rank(x: np.ndarray, names: Sequence[str]) -> None:
    if dependent := dependent_columns(x):
        shown = join_names(list(dict.fromkeys(names[k] for k in dependent)))
        raise RankError(
            f"{shown} can be told from the other columns exactly; leave out one that says the same."
        )


def _fit(x: np.ndarray, y: np.ndarray) -> _Fit:
    q, r = np.linalg.qr(x)
    coefficients = linalg.solve_triangular(r, q.T @ y)
    root = linalg.solve_triangular(r, np.eye(r.shape[0]))
    return _Fit(coefficients=coefficients, residuals=y - x @ coefficients, inverse=root @ root.T)


def _codes(frame: Any, cluster: str) -> np.ndarray:
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"cluster": cluster})
    frames.check_keys(opened, [cluster])
    labels = frames.collect(frames.select(opened, {"cluster": cluster}))["cluster"]
    if (missing := np.flatnonzero(labels.isna().to_numpy())).size:
        raise MissingValueError(
            f"Column {cluster!r} is missing in {rows_phrase(missing)}; every row needs a cluster."
        )
    return pd.factorize(labels)[0]


def _clustered(
    alone: np.ndarray, residuals: np.ndarray, codes: np.ndarray, df: float
) -> tuple[float, int]:
    """Sandwich error of the treatment, with the factor of Stata and of fixest."""
    sums = np.bincount(codes, weights=alone * residuals)
    g, n = sums.size, codes.size
    if g < 2:
        raise ClusterError("there is one cluster; a standard error needs at least two.")
    factor = g / (g - 1) * (n - 1) / df
    return float(np.sqrt(factor * (sums**2).sum()) / (alone @ alone)), g
