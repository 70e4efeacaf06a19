"""How good a ranking of customers by their effect is, on customers held out from the fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.versions import versions
from cximpact.effects.uplift.curve_bootstrap import AREAS, FRACTIONS, KINDS, Replicates, bootstrap
from cximpact.effects.uplift.evaluation_data import HeldOut, check_varies, score_vector
from cximpact.effects.uplift.evaluation_result import METRIC, UpliftEvaluation


def evaluate_scores(
    score: ArrayLike,
    data: HeldOut,
    *,
    replicates: int = 200,
    ks: Sequence[float] = (0.1, 0.2, 0.3),
    normalization: str | None = None,
    rng: RngLike = None,
    name: str = "score",
) -> UpliftEvaluation:
    """Judge a score by how well it ranks held-out customers by their effect.

    Parameters
    ----------
    score : array_like, shape (n,)
        Higher is treated first. It must have been made without these rows.
    data : HeldOut
        The customers.
    replicates : int, default 200
        Bootstrap replicates, at least 20.
    ks : sequence of float
        Shares, or whole numbers, of customers for the uplift of the first.
    normalization : {"perfect", "none"}, optional
        Of Qini and AUUC; by default ``"perfect"`` for an outcome of 0 and 1, else ``"none"``.
    rng : int or Generator, optional
        Randomness of the bootstrap. Scores judged with one seed on the same data see the same
        replicates, so that their draws may be subtracted.
    name : str, default "score"
        How the score is called.

    Returns
    -------
    UpliftEvaluation
        The metrics ``qini``, ``auuc``, ``autoc``, ``qini_rate``, and at each k ``uplift_at_k``
        (difference of the arms) and ``effect_at_k`` (mean of the pseudo-outcomes).

    Raises
    ------
    ConfigError
        If settings cannot be used.
    ZeroVarianceError
        If all scores, or all outcomes, are equal.
    InsufficientDataError
        If replicates have nobody of an arm among the first k.

    Notes
    -----
    Rows, or clusters where they are given, are weighted by Poisson counts of mean 1 in every
    replicate, and ranked again. Pseudo-outcomes are held fixed, also where they were made from
    the means of the arms: their own error is of smaller order with a known propensity, and
    otherwise makes the errors a little too large.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    ordered = score_vector(score, data.n)
    check_count(replicates, "replicates", low=20)
    sizes = list(ks)
    if len(set(sizes)) < len(sizes):
        raise ConfigError(f"ks is {sizes}; expected each size once.")
    chosen = normalization or ("perfect" if data.binary else "none")
    check_choice(chosen, "normalization", ("perfect", "none"))
    if chosen == "perfect" and not data.binary:
        raise ConfigError("normalization is 'perfect', but the outcome is not 0 or 1; use 'none'.")
    check_varies(data)
    seed = seed_of(rng)
    found = bootstrap(
        ordered, data, ks=sizes, normalization=chosen, replicates=replicates, seed=seed
    )
    names = [*AREAS, *(f"{word}_at_{k}" for word in ("uplift", "effect") for k in sizes)]
    _check_defined(found, names)
    provenance = Provenance(
        method="evaluate_scores",
        data_hash=data.data_hash,
        settings={"replicates": replicates, "ks": sizes, "normalization": chosen},
        seed=seed,
        versions=versions("numpy", "numba"),
    )
    clusters = data.n_clusters
    return UpliftEvaluation(
        name=name,
        df=None if clusters is None else float(clusters - 1),
        normalization=chosen,
        data=data,
        score=ordered,
        provenance=provenance,
        **_arrays(found, names, provenance),
    )


def _check_defined(found: Replicates, names: list[str]) -> None:
    holes = ~np.isfinite(found.metrics)
    if holes.any():
        worst = int(holes.sum(axis=0).argmax())
        count = int(holes[:, worst].sum())
        raise InsufficientDataError(
            f"{names[worst]} cannot be computed in {count} of {len(holes) - 1} "
            "replicates, as an arm is empty or no outcome varies there; expected rows of both "
            "arms. Take larger ks or more customers."
        )


def _arrays(found: Replicates, names: list[str], provenance: Provenance) -> dict[str, xr.DataArray]:
    metric = {"dims": (METRIC,), "coords": {METRIC: names}}
    curve = {
        "dims": ("kind", "fraction"),
        "coords": {"kind": list(KINDS), "fraction": FRACTIONS},
    }
    labelled = partial(dr.from_array, source=provenance.source, data_ids=[provenance.data_hash])
    return {
        "estimate": xr.DataArray(found.metrics[0], **metric),
        "draws": labelled(found.metrics[1:], **metric),
        "random": xr.DataArray(found.random[0], **metric),
        "random_draws": labelled(found.random[1:], **metric),
        "curves": xr.DataArray(found.curves[0], **curve),
        "curve_draws": labelled(found.curves[1:], **curve),
    }
