"""Regression on covariates that were measured with error, such as the sentiment of a text."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import linalg

from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    InsufficientDataError,
    RankError,
    SmallSampleWarning,
    ZeroVarianceError,
    join_names,
)
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count, check_number
from cximpact.core.versions import versions
from cximpact.effects.asymptotic import t_draws
from cximpact.effects.linkage.rows import LinkedRows, link_rows
from cximpact.scores.weighted import FEW_CLUSTERS

_EDGE = 0.02
"""Least share of a covariate's own variance that must be left after its error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Design:
    """Centered columns with their reliabilities, those measured with error first."""

    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    rho: np.ndarray
    rho_error: np.ndarray
    rows: LinkedRows = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Fit:
    """Slopes, their covariance, and the least share of variance that is not error."""

    slopes: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    left: float

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors of the slopes."""
        return np.sqrt(np.diag(self.covariance))


def error_corrected(
    frame: Any,
    *,
    outcome: str,
    measured: Mapping[str, Any],
    covariates: Sequence[str] = (),
    weight: str | None = None,
    cluster: str | None = None,
    missing: str = "raise",
    draws: int = 4000,
    rng: RngLike = None,
) -> EffectPosterior:
    """Regress an outcome on covariates of known reliability, without attenuation.

    Parameters
    ----------
    frame : frame
        One row a customer or an answer; any engine.
    outcome : str
        Numeric column.
    measured : mapping of str to float or EffectPosterior
        Numeric columns that hold a true quantity plus error, such as a sentiment computed from
        text, with their reliability: a number, or the result of `reliability_of`, whose
        uncertainty is then counted.
    covariates : sequence of str
        Columns without error.
    weight, cluster : str, optional
        Columns of weights, and of clusters at which errors are dependent.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    draws : int, default 4000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    EffectPosterior
        Slopes along ``term``; descriptive. ``details["naive"]`` holds those of the regression
        that takes the columns as they are.

    Raises
    ------
    RankError
        If a reliability is too low: less than what the other columns say of the column.
    DataError, DesignError, ConfigError
        If columns cannot be used, or a reliability is not between 0 and 1.

    Warns
    -----
    AssumptionWarning
        If a column holds only 0 and 1, whose error is never independent of the truth.

    Notes
    -----
    Estimand: slopes of outcome on the true quantities. With M the covariance matrix of the
    columns and v their variances, slopes solve (M - diag((1 - reliability) v)) b = cov(x, y) [1]_;
    with a single column this is the naive slope divided by the reliability. Errors are a
    sandwich that counts the estimation of v, by cluster where there are any. A reliability that
    was estimated counts as if from other rows; from the same rows the interval is a little wide.

    It rests on errors that are independent of the truth, of the outcome and of each other. A text
    model that errs more for the unhappy breaks it; two codings of the same texts show the
    reliability, not that. Slopes describe; they are no effects.

    References
    ----------
    .. [1] Fuller, W. A. (1987). Measurement Error Models, sections 2.2 and 3.1. New York: Wiley.
    """
    check_count(draws, "draws", low=2)
    if not isinstance(measured, Mapping) or not measured:
        raise ConfigError(
            f"measured is {measured!r}; expected columns with their reliability, such as "
            "{'sentiment': 0.7}."
        )
    design = _design(frame, outcome, measured, covariates, weight, cluster, missing)
    fit, naive = _fit(design), _fit(design, naive=True)
    if design.rows.is_clustered and design.rows.n_clusters < FEW_CLUSTERS:
        warnings.warn(
            f"only {design.rows.n_clusters} clusters: the errors are rough; prefer 10 or more.",
            SmallSampleWarning,
            stacklevel=2,
        )
    provenance = Provenance(
        method="error_corrected",
        data_hash=design.rows.data_hash,
        settings={"outcome": outcome, "columns": design.names, "reliability": tuple(design.rho)}
        | {"reliability_error": tuple(design.rho_error), "weight": weight or ""}
        | {"cluster": cluster or "", "draws": draws},
        seed=seed_of(rng),
        versions=versions("numpy"),
        notes=design.rows.notes,
    )
    table = {"term": design.names, "estimate": naive.slopes, "std_error": naive.std_error}
    return _result(design, fit, pd.DataFrame(table), provenance)


def _result(
    design: _Design, fit: _Fit, naive: pd.DataFrame, provenance: Provenance
) -> EffectPosterior:
    coords = {"term": list(design.names)}
    df = float(design.rows.n_clusters - 1)
    outcome = provenance.settings["outcome"]
    return EffectPosterior(
        draws=t_draws(
            fit.slopes,
            fit.covariance,
            df,
            size=provenance.settings["draws"],
            rng=provenance.seed,
            source=provenance.source,
            dims=("term",),
            coords=coords,
            data_ids=[design.rows.data_hash],
        ),
        estimate=xr.DataArray(fit.slopes, dims="term", coords=coords),
        std_error=xr.DataArray(fit.std_error, dims="term", coords=coords),
        df=df,
        estimand=Estimand(
            target="association",
            contrast=f"{outcome} per unit of {join_names(list(design.names))} without error",
            scale="outcome",
            population=f"{design.rows.n:,} rows",
        ),
        draw_kind="asymptotic",
        n=design.rows.n,
        assumptions=(
            Assumption(
                name="errors are independent",
                statement="errors depend neither on the truth, nor the outcome, nor each other",
                tested=False,
                evidence="rate a sample by hand and compare errors between outcomes",
            ),
        ),
        diagnostics={"least_share_left": fit.left, "df": df},
        provenance=provenance,
        would_change_it="another reliability, or errors that go with the outcome.",
        details={CAUSAL: False, "naive": naive},
    )


def _design(
    frame: Any,
    outcome: str,
    measured: Mapping[str, Any],
    covariates: Sequence[str],
    weight: str | None,
    cluster: str | None,
    missing: str,
) -> _Design:
    trust = [_trust(value, column) for column, value in measured.items()]
    roles = {"outcome": outcome} | {f"measured[{c!r}]": c for c in measured}
    rows = link_rows(frame, roles, covariates, weight=weight, cluster=cluster, missing=missing)
    columns = [rows.numbers[f"measured[{c!r}]"] for c in measured]
    for name, column in zip(measured, columns, strict=True):
        if np.isin(column, (0.0, 1.0)).all():
            warnings.warn(
                f"Column {name!r} holds only 0 and 1: the error of a category depends on the "
                "truth, so the correction is only rough. Use a probability or a score instead.",
                AssumptionWarning,
                stacklevel=3,
            )
    x = np.column_stack([*columns, *(c.values for c in rows.covariates)])
    y = rows.numbers["outcome"]
    if rows.n <= x.shape[1] + 1:
        raise InsufficientDataError(
            f"{rows.n} rows for {x.shape[1] + 1} parameters; expected more rows."
        )
    exact = np.zeros(len(rows.covariates))
    return _Design(
        x=x - np.average(x, axis=0, weights=rows.weight),
        y=y - np.average(y, weights=rows.weight),
        names=(*measured, *rows.terms),
        rho=np.concatenate([[t[0] for t in trust], exact + 1]),
        rho_error=np.concatenate([[t[1] for t in trust], exact]),
        rows=rows,
    )


def _trust(value: Any, column: str) -> tuple[float, float]:
    """Read a reliability, with its standard error where it was estimated."""
    name = f"reliability of {column!r}"
    if isinstance(value, EffectPosterior):
        if value.draws.ndim != 1:
            raise ConfigError(f"{name} has several values; expected one, from reliability_of.")
        row = value.summary().iloc[0]
        number, error = float(row["estimate"]), float(row["std_error"])
    else:
        number, error = value, 0.0
    return check_number(number, name, low=0, high=1, open_low=True), error


def _fit(design: _Design, *, naive: bool = False) -> _Fit:
    """Solve the corrected equations, or those that take the columns as they are."""
    x, y, rows = design.x, design.y, design.rows
    w = rows.weight / rows.weight.sum()
    lost = np.zeros(len(design.names)) if naive else 1 - design.rho
    squares = (x * w[:, None]).T @ x
    variance = np.diag(squares)
    _check_rank(squares, design.names)
    left = _share_left(squares, variance * lost)
    if left < _EDGE:
        raise RankError(_too_low(squares, design))
    inverse = np.linalg.inv(squares - np.diag(variance * lost))
    slopes = inverse @ (x.T @ (w * y))
    # each row's share in the estimating equations, with that in the variance of the errors
    moments = x * (y - x @ slopes)[:, None] + lost * slopes * x**2
    total = np.zeros((rows.n_clusters, len(slopes)))
    np.add.at(total, rows.cluster, w[:, None] * moments)
    groups, k = rows.n_clusters, len(slopes) + 1
    factor = groups / (groups - 1) * (rows.n - 1) / (rows.n - k)
    covariance = factor * inverse @ (total.T @ total) @ inverse
    if not naive:
        by_reliability = inverse * (variance * slopes * design.rho_error)
        covariance = covariance + by_reliability @ by_reliability.T
    if not np.trace(total.T @ total) > 1e-24 * float(w @ y**2) * variance.max():
        raise ZeroVarianceError("the columns tell the outcome exactly; there is no error to learn.")
    return _Fit(slopes=slopes, covariance=(covariance + covariance.T) / 2, left=left)


def _check_rank(squares: np.ndarray, names: Sequence[str]) -> None:
    scale = np.sqrt(np.diag(squares))
    triangle, order = linalg.qr(squares / np.outer(scale, scale), mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    if bad := [names[i] for i, d in zip(order, diagonal, strict=True) if d < 1e-9]:
        raise RankError(f"{join_names(bad)} follows from the other columns; drop it.")


def _share_left(squares: np.ndarray, error: np.ndarray) -> float:
    """Least share of variance, in any direction, that is not error."""
    found = linalg.eigvalsh(squares - np.diag(error), squares)
    return float(found.min())


def _too_low(squares: np.ndarray, design: _Design) -> str:
    """Name the reliability that is too low, and how high it must be."""
    own = 1 / np.diag(np.linalg.inv(squares)) / np.diag(squares)
    short = [
        f"{name!r} has {r:g} and the others explain {1 - o:.2f} of it"
        for name, r, o in zip(design.names, design.rho, own, strict=True)
        if r < 1
    ]
    return (
        "the reliability is too low for these columns, whose covariances would need more true "
        f"variance than there is: {'; '.join(short)}. A reliability must be well above what the "
        "others explain: measure better, or drop columns."
    )
