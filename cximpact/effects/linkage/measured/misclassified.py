"""True shares of categories that are coded with known error, such as the reasons of calls."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    AssumptionWarning,
    DataError,
    DtypeError,
    RankError,
    UnseenLevelError,
    join_names,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import as_floats, check_count
from cximpact.core.versions import versions
from cximpact.data import checks, frames
from cximpact.effects.linkage.resampling import bootstrap_weights

_EDGE = 0.05
"""Least singular value of a matrix that still tells the categories apart."""


def true_shares(
    frame: Any,
    *,
    category: str,
    coding: pd.DataFrame,
    cluster: str | None = None,
    draws: int = 2000,
    rng: RngLike = None,
) -> EffectPosterior:
    """Estimate how often categories truly occur when their coding errs at known rates.

    Parameters
    ----------
    frame : frame
        One row a contact; any engine.
    category : str
        Column of the coded category.
    coding : pandas.DataFrame
        Rows are true categories, columns coded ones: how a true category is coded. Rows sum to 1.
        A sample that was coded again by experts gives it.
    cluster : str, optional
        Column at which rows are dependent.
    draws : int, default 2000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    EffectPosterior
        True shares along ``category``, which sum to 1; descriptive. ``details["coded"]`` holds
        the shares as coded.

    Raises
    ------
    DtypeError, DataError
        If the coding is no such table.
    UnseenLevelError
        If a coded category is not in it.
    RankError
        If it does not tell the categories apart.

    Warns
    -----
    AssumptionWarning
        If a true share comes out below 0: these data do not go with this coding.

    Notes
    -----
    Estimand: shares of the true categories. With p the true and q the coded shares, q = P' p, so
    p = P'^-1 q; for two categories it is the estimator of Rogan and Gladen [1]_. It rests on a
    coding that errs here as it did where P was found; P is taken as known. A coder who errs more
    in some stores breaks it. The draws are those of the Bayesian bootstrap.

    References
    ----------
    .. [1] Rogan, W. J. & Gladen, B. (1978). Estimating prevalence from the results of a screening
       test. American Journal of Epidemiology 107, 71-76.
    """
    check_count(draws, "draws", low=2)
    names, matrix = _matrix(coding)
    codes, clusters, table = _rows(frame, category, cluster, names)
    provenance = Provenance(
        method="true_shares",
        data_hash=fingerprint(table),
        settings={"category": category, "coding": matrix, "cluster": cluster or "", "draws": draws},
        seed=seed_of(rng),
        versions=versions("numpy"),
    )
    member = np.zeros((codes.size, len(names)))
    member[np.arange(codes.size), codes] = 1.0
    inverse = np.linalg.inv(matrix)
    coded = member.mean(axis=0)
    (stream,) = spawn(provenance.seed, "true_shares")
    blocks = bootstrap_weights(clusters, np.ones(codes.size), draws, rng=stream)
    drawn = np.concatenate([(w @ member) / w.sum(axis=1, keepdims=True) for w in blocks]) @ inverse
    estimate = coded @ inverse
    if low := [n for n, p in zip(names, estimate, strict=True) if p < -1e-9]:
        warnings.warn(
            f"the true share of {join_names(low)} comes out below 0: the coding errs otherwise "
            "here than where its matrix was found.",
            AssumptionWarning,
            stacklevel=2,
        )
    coords = {"category": names}
    return EffectPosterior(
        draws=dr.from_array(
            drawn,
            source=provenance.source,
            dims=("category",),
            coords=coords,
            data_ids=[provenance.data_hash],
        ),
        estimate=xr.DataArray(estimate, dims="category", coords=coords),
        estimand=Estimand(
            target="score",
            contrast=f"true shares of {category}",
            scale="pp",
            population=f"{codes.size:,} contacts",
        ),
        draw_kind="bootstrap",
        n=codes.size,
        assumptions=(
            Assumption(
                name="the coding errs as it did",
                statement="errors are those of the matrix, whatever else is true of a contact",
                tested=False,
                evidence="code a sample again",
            ),
        ),
        diagnostics={"least_singular_value": float(np.linalg.svd(matrix)[1].min())},
        provenance=provenance,
        would_change_it="another matrix, from a larger or later sample that was coded again.",
        details={CAUSAL: False, "coded": dict(zip(names, coded.tolist(), strict=True))},
    )


def _matrix(coding: Any) -> tuple[list[str], np.ndarray]:
    """Check how categories are coded."""
    if not isinstance(coding, pd.DataFrame):
        raise DtypeError(f"coding is a {type(coding).__name__}; expected a pandas DataFrame.")
    rows, columns = (list(map(str, axis)) for axis in (coding.index, coding.columns))
    if len(rows) < 2 or len(set(rows)) < len(rows) or sorted(rows) != sorted(columns):
        raise DataError(
            f"coding has the rows {join_names(rows)} and the columns {join_names(columns)}; "
            "expected the same two or more categories, each once."
        )
    order = [columns.index(name) for name in rows]
    matrix = as_floats(np.asarray(coding)[:, order].ravel(), "coding").reshape(len(rows), -1)
    if not (matrix >= 0).all() or np.abs(matrix.sum(axis=1) - 1).max() > 1e-6:
        raise DataError("coding has rows that do not sum to 1, or shares below 0; divide by row.")
    if np.linalg.svd(matrix)[1].min() < _EDGE:
        raise RankError(
            "the coding hardly tells some categories apart; put those together that are coded "
            "alike."
        )
    return rows, matrix


def _rows(
    frame: Any, category: str, cluster: str | None, names: list[str]
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Read coded categories and clusters."""
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"category": category, "cluster": cluster})
    wanted = [category, *(c for c in (cluster,) if c and c != category)]
    frames.check_keys(opened, wanted)
    checks.check_no_missing(opened, wanted, "give every row one")
    frames.count_rows(opened)
    table = frames.collect(frames.select(opened, {c: c for c in wanted}))
    texts = table[category].astype(str)
    if unseen := sorted(set(texts) - set(names)):
        raise UnseenLevelError(
            f"Column {category!r} holds {join_names(unseen)}, which the coding does not know; it "
            f"knows {join_names(names)}."
        )
    codes = pd.Index(names).get_indexer(pd.Index(texts))
    clusters = np.arange(len(table)) if cluster is None else pd.factorize(table[cluster])[0]
    return codes, clusters.astype(np.int64), table
