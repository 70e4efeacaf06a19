"""Reliability from two measures of the same thing: two codings, two models, two halves."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import AlignmentError, InsufficientDataError, ZeroVarianceError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count, check_vector
from cximpact.core.versions import versions
from cximpact.effects.linkage.resampling import bootstrap_weights
from cximpact.scores.weighted import label_codes

_LEAST = 10


def reliability_of(
    first: ArrayLike,
    second: ArrayLike,
    *,
    cluster: ArrayLike | None = None,
    draws: int = 2000,
    rng: RngLike = None,
) -> EffectPosterior:
    """Estimate the reliability of a measure from two parallel measurements.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Two measurements of the same objects with errors independent of each other, such as the
        sentiment of the same texts by two coders.
    cluster : array_like, shape (n,), optional
        What is dependent, such as the customer.
    draws : int, default 2000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    EffectPosterior
        Reliability of one measurement; ``details["of_the_mean"]`` is that of the mean of both
        (Spearman-Brown). `error_corrected` takes it.

    Raises
    ------
    AlignmentError, DataError
        If the two differ in length or have missing values.
    ZeroVarianceError, InsufficientDataError
        If one does not vary, or there are fewer than 10 pairs.

    Notes
    -----
    Estimand: share of the variance of one measurement that is not error, the correlation of two
    parallel ones. Errors that both share, such as irony that no coder sees, count as truth, and
    the reliability is too high. It belongs to this population: where people differ less it is
    lower.
    """
    a, b = check_vector(first, "first"), check_vector(second, "second")
    check_count(draws, "draws", low=2)
    if a.size != b.size:
        raise AlignmentError(f"first has {a.size} values and second {b.size}; expected pairs.")
    if a.size < _LEAST:
        raise InsufficientDataError(f"{a.size} pairs; expected at least {_LEAST}.")
    for name, values in (("first", a), ("second", b)):
        if np.ptp(values) == 0:
            raise ZeroVarianceError(f"{name} is {values[0]:g} in all {a.size} pairs.")
    codes = np.arange(a.size) if cluster is None else label_codes(cluster, a.size, "cluster")[0]
    if codes.max() == 0:
        raise InsufficientDataError("there is one cluster; expected at least two.")
    data_hash = fingerprint(np.column_stack([a, b, codes]))
    provenance = Provenance(
        method="reliability_of",
        data_hash=data_hash,
        settings={"draws": draws},
        seed=seed_of(rng),
        versions=versions("numpy"),
    )
    (stream,) = spawn(provenance.seed, "reliability_of")
    ones = np.ones(a.size)
    blocks = bootstrap_weights(codes.astype(np.int64), ones, draws, rng=stream)
    drawn = np.concatenate([_correlations(w, a, b) for w in blocks])
    estimate = float(_correlations(ones[None], a, b)[0])
    ratio = float(np.var(b) / np.var(a))
    return EffectPosterior(
        draws=dr.from_array(drawn, source=provenance.source, data_ids=[data_hash]),
        estimate=xr.DataArray(estimate),
        estimand=Estimand(
            target="correlation",
            contrast="two measurements of the same",
            scale="outcome",
            population=f"{a.size:,} pairs",
        ),
        draw_kind="bootstrap",
        n=a.size,
        assumptions=(
            Assumption(
                name="parallel measurements",
                statement="both have the same true part and errors of equal variance, independent",
                tested=True,
                evidence=f"ratio of the variances {ratio:.2f}; shared errors cannot be seen",
            ),
        ),
        diagnostics={"variance_ratio": ratio},
        provenance=provenance,
        would_change_it="errors that both measurements share.",
        details={CAUSAL: False, "of_the_mean": 2 * estimate / (1 + estimate)},
    )


def _correlations(weight: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    total = weight.sum(axis=1)
    mean_a, mean_b = weight @ a / total, weight @ b / total
    var_a = weight @ a**2 / total - mean_a**2
    var_b = weight @ b**2 / total - mean_b**2
    return (weight @ (a * b) / total - mean_a * mean_b) / np.sqrt(var_a * var_b)
