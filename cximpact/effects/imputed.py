"""Effects estimated on imputed scores, with the uncertainty of having imputed them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.results import Assumption, EffectPosterior, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count
from cximpact.imputation.complete import CompletedScores, complete, warn_about_sets
from cximpact.imputation.congeniality import check_congenial
from cximpact.imputation.result import ImputedScores
from cximpact.imputation.rubin import Pooled, rubin

ROLES = ("outcome", "regressor")


def fit_imputed(
    estimator: Callable[[pd.DataFrame], EffectPosterior],
    scores: ImputedScores | CompletedScores,
    *,
    needed: Sequence[str],
    role: str = "outcome",
    outcome: str | None = None,
    columns: Sequence[str] = (),
    m: int = 20,
    rng: RngLike = None,
) -> EffectPosterior:
    """Estimate an effect on every completed data set and pool.

    Parameters
    ----------
    estimator : callable
        From a completed data set, one row a person with the score in ``answer``, to an effect.
    scores : ImputedScores or CompletedScores
        Imputed scores; they are completed ``m`` times here unless that was done before.
    needed : sequence of str
        Terms that the estimator uses: treatment, period, their interaction as
        ``"treated:post"``, adjustment. The imputation model must know them.
    role : {"outcome", "regressor"}
        What the score is to the estimator. A regressor's outcome must be known to the
        imputation model too.
    outcome : str, optional
        The outcome, where the score is a regressor.
    columns : sequence of str
        Columns of the wave that the estimator needs, besides those of the imputation model.
    m : int, default 20
        Completed sets, where ``scores`` are not completed yet.
    rng : int or Generator, optional
        Randomness; the seed of the scores by default.

    Returns
    -------
    EffectPosterior
        As the estimator gives it, with ``m`` times as many draws. ``details["pooled"]`` holds
        Rubin's figures.

    Raises
    ------
    CongenialityError
        If the estimator uses terms that the imputation model lacked.
    ConfigError
        If the score is a regressor and its outcome is not named.
    InsufficientDataError
        If the estimator gave no estimate with a standard error.

    Notes
    -----
    With estimate ``Q_i`` and sampling draws ``q_ib`` of set ``i``, the draws are
    ``Qbar + sqrt((m + 1) / (m - 1)) (Q_i - Qbar) + (q_ib - Q_i)``. Their mean is Rubin's
    estimate and their variance his total ``T = U + (1 + 1/m) B``, where a plain mixture would
    have ``U + (1 - 1/m) B``. The stored standard error and degrees of freedom are his.

    References
    ----------
    .. [1] Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    .. [2] Zhou, X. and Reiter, J. P. (2010). A note on Bayesian inference after multiple
       imputation. The American Statistician 64, 159-163.
    """
    check_choice(role, "role", ROLES)
    if role == "regressor" and outcome is None:
        raise ConfigError("role is 'regressor'; name its outcome, which must have been imputed by.")
    wanted = [*needed, *([outcome] if outcome else [])]
    sets = (
        scores
        if isinstance(scores, CompletedScores)
        else complete(scores, check_count(m, "m", low=2), rng=rng)
    )
    seed = seed_of(sets.seed if rng is None else rng)
    found: list[EffectPosterior] = []
    for table in sets.sets(columns):
        if not found:
            check_congenial(sets, wanted, frame=table)
        found.append(estimator(table))
    return _pooled(found, sets, seed)


def _pooled(found: Sequence[EffectPosterior], sets: CompletedScores, seed: int) -> EffectPosterior:
    first = found[0]
    estimates = np.stack([_estimate(effect).values for effect in found])
    errors = np.stack([_std_error(effect).values for effect in found])
    pooled = rubin(estimates, errors**2, complete_df=first.df)
    warn_about_sets(pooled)
    provenance = Provenance(
        method=f"{first.provenance.method} on imputed scores",
        data_hash=sets.cells.data_hash,
        settings={"estimator": first.provenance.source, "scores": sets.provenance.source},
        seed=seed,
        versions=first.provenance.versions,
        notes=(*first.provenance.notes, pooled.explain()),
    )
    shape = _estimate(first)
    return replace(
        first,
        draws=_draws(found, pooled, provenance, seed),
        estimate=shape.copy(data=pooled.estimate),
        std_error=shape.copy(data=pooled.std_error),
        df=_least(pooled.nu),
        assumptions=(*first.assumptions, _missing_at_random(sets)),
        diagnostics={**first.diagnostics, "fmi": float(np.max(pooled.fmi)), "m": sets.m},
        provenance=provenance,
        details={**first.details, "pooled": pooled},
    )


def _draws(
    found: Sequence[EffectPosterior], pooled: Pooled, provenance: Provenance, seed: int
) -> xr.DataArray:
    """Mix the sampling draws of all sets, with the variance of Rubin's rules."""
    m, first = pooled.m, found[0].draws
    widen = np.sqrt((m + 1) / (m - 1))
    parts = []
    for effect in found:
        own = _estimate(effect).values
        parts.append(
            pooled.estimate + widen * (own - pooled.estimate) + (effect.draws.values - own)
        )
    (stream,) = spawn(seed, "order of pooled draws")
    mixed = np.concatenate(parts)[stream.permutation(sum(len(part) for part in parts))]
    dims = tuple(str(d) for d in first.dims[1:])
    return dr.from_array(
        mixed,
        source=provenance.source,
        dims=dims,
        coords={d: first.coords[d].values for d in dims if d in first.coords},
        name=None if first.name is None else str(first.name),
        attrs={"unit": first.attrs["unit"]} if "unit" in first.attrs else {},
        data_ids=[f"data:{provenance.data_hash}"],
    )


def _estimate(effect: EffectPosterior) -> xr.DataArray:
    return effect.draws.mean(dr.SAMPLE) if effect.estimate is None else effect.estimate


def _std_error(effect: EffectPosterior) -> xr.DataArray:
    error = effect.draws.std(dr.SAMPLE, ddof=1) if effect.std_error is None else effect.std_error
    if not bool((error >= 0).all()):
        raise InsufficientDataError("the estimator gave an effect without a standard error.")
    return error


def _least(df: np.ndarray) -> float | None:
    least = float(np.min(df))
    return least if np.isfinite(least) else None


def _missing_at_random(sets: CompletedScores) -> Assumption:
    return Assumption(
        name="missing at random",
        statement="given " + (", ".join(sets.terms) or "nothing") + ", those who did not answer "
        "would have answered like those who did",
        tested=False,
        evidence="the answers cannot show it",
    )
