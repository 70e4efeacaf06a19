"""Two-way fixed effects by linearmodels, with one convention for standard errors.

The raw cluster-robust covariance (CR0) times ``G / (G - 1) * (N - 1) / (N - K)``, where K does
not count fixed effects that are nested in the clusters, and t with G - 1 degrees of freedom:
what fixest and reghdfe report by default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from cximpact.core.errors import ClusterError, InsufficientDataError, RankError
from cximpact.effects.did.design import DidTable


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoWayFit:
    """Coefficients of a two-way fixed-effects regression.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (term,)
        Coefficients of the treatment terms.
    covariance : numpy.ndarray, shape (term, term)
        Their cluster-robust covariance, with the small-sample factor.
    df : int
        Degrees of freedom, clusters less one.
    factor : float
        The small-sample factor on the variance.
    """

    estimate: np.ndarray
    covariance: np.ndarray
    df: int
    factor: float


def two_way_fit(did: DidTable, terms: pd.DataFrame) -> TwoWayFit:
    """Regress the outcome on treatment terms, covariates, entity and period effects.

    Parameters
    ----------
    did : DidTable
        The design.
    terms : pandas.DataFrame, shape (row, term)
        Treatment terms, in the order of the rows.

    Returns
    -------
    TwoWayFit
        Of the treatment terms.

    Raises
    ------
    RankError
        If a term or covariate is a combination of others and the fixed effects.
    InsufficientDataError
        If there are no more rows than parameters.
    ClusterError
        If clusters are fitted exactly, so that their errors cannot be seen.
    """
    table = did.table
    regressors = pd.concat([terms, table[list(did.covariates)]], axis=1)
    _check_rank(did, regressors)
    factor = _factor(did, regressors.shape[1])
    estimate, covariance = _fit(did, regressors)
    k = terms.shape[1]
    _check_error(did, regressors, np.sqrt(np.maximum(np.diag(covariance)[:k], 0.0)))
    return TwoWayFit(
        estimate=estimate[:k],
        covariance=covariance[:k, :k] * factor,
        df=did.n_clusters - 1,
        factor=factor,
    )


def residualize(did: DidTable, columns: pd.DataFrame) -> np.ndarray:
    """Take entity and period effects out of columns, by weighted least squares.

    Parameters
    ----------
    did : DidTable
        The design.
    columns : pandas.DataFrame, shape (row, column)
        What to residualize.

    Returns
    -------
    numpy.ndarray, shape (row, column)
        Residuals.

    Notes
    -----
    Entity effects are eliminated from the normal equations, which leaves one equation a period;
    a second pass over the residuals takes out what rounding left.
    """
    weight = did.table["weight"].to_numpy(dtype=float)
    entity, time = (pd.factorize(did.table[name])[0] for name in ("entity", "time"))
    rows = np.arange(len(weight))
    by_entity = sparse.csr_array((weight, (entity, rows)))
    by_time = sparse.csr_array((weight, (time, rows)))
    both = sparse.csr_array((weight, (entity, time)))
    inverse = sparse.diags_array(1.0 / both.sum(axis=1))
    normal = np.diag(both.sum(axis=0)) - (both.T @ inverse @ both).toarray()
    solve = np.linalg.pinv(normal, rcond=1e-12, hermitian=True)
    left = columns.to_numpy(dtype=float)
    for _ in range(2):
        sums = by_entity @ left
        period_effect = solve @ (by_time @ left - both.T @ (inverse @ sums))
        entity_effect = inverse @ (sums - both @ period_effect)
        left = left - entity_effect[entity] - period_effect[time]
    return left


def _fit(did: DidTable, regressors: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and raw CR0 covariance."""
    from linearmodels.panel import PanelOLS

    table = did.table
    if table.duplicated(["entity", "time"]).any():
        return _fit_rows(did, regressors)
    index = pd.MultiIndex.from_arrays([pd.factorize(table["entity"])[0], table["time"]])
    cluster = pd.DataFrame({"cluster": pd.factorize(table["cluster"])[0]}, index=index)
    model = PanelOLS(
        pd.Series(table["outcome"].to_numpy(), index=index, name="outcome"),
        regressors.set_axis(index),
        weights=_unequal(table["weight"], index),
        entity_effects=True,
        time_effects=True,
        check_rank=False,
    )
    fit = model.fit(
        cov_type="clustered",
        clusters=cluster,
        auto_df=False,
        count_effects=False,
        debiased=False,
    )
    return fit.params.to_numpy(), fit.cov.to_numpy()


def _unequal(weight: pd.Series, index: pd.MultiIndex) -> pd.Series | None:
    """Weights for linearmodels, which is much faster without."""
    return pd.Series(weight.to_numpy(dtype=float), index=index) if weight.nunique() > 1 else None


def _fit_rows(did: DidTable, regressors: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Fit with several people per group and period: partial out, then weighted least squares."""
    from linearmodels.iv import IV2SLS

    both = pd.concat([did.table[["outcome"]], regressors], axis=1)
    left = residualize(did, both)
    model = IV2SLS(left[:, 0], left[:, 1:], None, None, weights=did.table["weight"].to_numpy())
    clusters = pd.factorize(did.table["cluster"])[0]
    fit = model.fit(cov_type="clustered", clusters=clusters, debiased=False)
    return fit.params.to_numpy(), fit.cov.to_numpy()


def small_sample_factor(n: int, k: int, g: int) -> float:
    """Return the factor on the variance.

    Parameters
    ----------
    n, k, g : int
        Rows, parameters that count, and clusters.

    Returns
    -------
    float
        ``g / (g - 1) * (n - 1) / (n - k)``.

    Raises
    ------
    InsufficientDataError
        If there are no more rows than parameters.
    """
    if n <= k:
        raise InsufficientDataError(f"{n} rows for {k} parameters; more rows are needed.")
    return g / (g - 1) * (n - 1) / (n - k)


def _factor(did: DidTable, n_regressors: int) -> float:
    """Factor on the variance: each set of effects adds its levels less one, unless nested."""
    effects = [did.table[name].nunique() - 1 for name in ("entity", "time") if not did.nested(name)]
    return small_sample_factor(did.n_rows, n_regressors + 1 + sum(effects), did.n_clusters)


def _check_rank(did: DidTable, regressors: pd.DataFrame) -> None:
    left = residualize(did, regressors)
    root = np.sqrt(did.table["weight"].to_numpy(dtype=float))[:, None]
    names = [str(c) for c in regressors.columns]
    refuse_dependent(left * root, regressors.to_numpy(dtype=float) * root, names)


def refuse_dependent(left: np.ndarray, regressors: np.ndarray, names: list[str]) -> None:
    """Refuse terms that are combinations of others and the fixed effects.

    Parameters
    ----------
    left : numpy.ndarray, shape (row, term)
        What the fixed effects leave of the terms, times the root of the weight.
    regressors : numpy.ndarray, shape (row, term)
        The terms, times the root of the weight.
    names : list of str
        Their names.

    Raises
    ------
    RankError
        With the names.
    """
    size = np.sqrt((regressors**2).sum(axis=0))
    _, r = np.linalg.qr(left)
    pivot = np.zeros(len(names))  # zero beyond the rank that the number of rows allows
    pivot[: min(r.shape)] = np.abs(np.diag(r))
    dependent = pivot < 1e-8 * np.maximum(size, 1e-300)
    if dependent.any():
        found = [name for name, bad in zip(names, dependent, strict=True) if bad]
        raise RankError(
            f"{', '.join(found)} cannot be told apart from the other terms, the unit and the "
            "period effects; leave out what is redundant."
        )


def _check_error(did: DidTable, regressors: pd.DataFrame, std_error: np.ndarray) -> None:
    """Refuse standard errors that are zero because no cluster has an error left."""
    spread = residualize(did, regressors).std(axis=0)[: len(std_error)]
    exact = std_error * spread <= 1e-10 * did.table["outcome"].std()
    if did.n_clusters == 2 or exact.any():
        raise ClusterError(
            f"the {did.n_clusters} clusters are fitted exactly, or nearly so, and the data hold "
            "nothing about their errors; more clusters are needed."
        )
