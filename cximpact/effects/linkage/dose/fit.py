"""Estimate mean behavior at each level of a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, DrawKind, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice
from cximpact.core.versions import versions
from cximpact.data import frames
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.linkage.dose.isotone import isotone
from cximpact.effects.linkage.dose.levels import Levels, levels_of
from cximpact.effects.linkage.dose.means import RARE, adjusted_means, raw_means
from cximpact.effects.linkage.dose.monotone_fit import fit_monotone
from cximpact.effects.linkage.dose.result import LEVEL, OUTCOME, DoseResponsePosterior
from cximpact.effects.linkage.dose.settings import DoseOptions
from cximpact.effects.linkage.dose.targets import Target, targets_of
from cximpact.effects.linkage.evidence import Evidence, Standing, standing
from cximpact.effects.linkage.options import options_of
from cximpact.effects.linkage.rows import LinkedRows, link_rows
from cximpact.effects.linkage.timing import check_time_order

METHODS = ("isotonic", "bayesian", "aipw")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """What a method gives: draws, and for large-sample methods the stored estimate."""

    values: np.ndarray = field(repr=False)
    kind: DrawKind
    support: pd.DataFrame = field(repr=False)
    estimate: np.ndarray | None = None
    std_error: np.ndarray | None = None
    df: float | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def dose_response(
    frame: Any,
    *,
    score: str,
    outcome: str | Sequence[str],
    covariates: Sequence[str] = (),
    method: str = "isotonic",
    increasing: bool = True,
    evidence: Evidence = None,
    rng: RngLike = None,
    **options: Any,
) -> DoseResponsePosterior:
    """Estimate mean behavior at each level of a score, never falling as the score rises.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    score : str
        Column of the score.
    outcome : str or sequence of str
        Column of the later behavior, or several.
    covariates : sequence of str
        Columns to adjust for, known before the score; not for ``method="isotonic"``.
    method : {"isotonic", "bayesian", "aipw"}
        The closest curve in order; a Bayesian curve in order; or doubly robust means of each
        level, put in order.
    increasing : bool, default True
        Whether behavior rises with the score; False for such as leaving.
    evidence : EffectPosterior, sensitivity result or None
        What supports reading differences as effects.
    rng : int or Generator, optional
        Randomness.
    **options
        ``cluster``, ``weight``, ``bands``, ``family``, ``score_time``, ``outcome_time``,
        ``missing``, ``draws``, ``learner``, ``folds``, ``monotone`` and ``allow_unconverged``, see
        `DoseOptions`.

    Returns
    -------
    DoseResponsePosterior
        Draws of the means, ``(sample, score_level)``.

    Raises
    ------
    DataError, DesignError
        If columns are missing, no numbers, constant or in the wrong order in time, or a level has
        nobody comparable.
    ConfigError
        If an option does not fit the method.
    ConvergenceError
        If the Bayesian fit failed the gate.

    Notes
    -----
    Estimand: the mean outcome of those at each level; with ``"aipw"`` the mean if everybody were
    at that level, which needs that the covariates hold all that moves both score and behavior.
    No row counts for more than a hundred; where a level is rarer than that, the models of the
    outcome are trusted. With ``"bayesian"`` and covariates it is the mean over all customers'
    covariates.

    Isotonic: pooled adjacent violators. The bootstrap is inconsistent where neighbors are equal.
    Errors here are those of the means before they were put in order, around the curve in order:
    for independent normal means such an interval covers at least as often as it would around the
    means themselves [1]_, whatever curve in order is true. It is too wide where the curve is
    flat. Bayesian: a lowest level, a total rise and a flat Dirichlet of its parts, on log-odds or
    on the outcome over its standard deviation; amounts have normal residuals. A curve that is not
    in order breaks both; the diagnostic ``largest_violation`` shows how far the means had to be
    moved, in standard errors. The support table shows levels without people alike.

    References
    ----------
    .. [1] Kelly, R. E. (1989). Stochastic reduction of loss in estimating normal means by isotonic
       regression. Annals of Statistics 17, 937-940.
    .. [2] Robins, J. M., Rotnitzky, A. and Zhao, L. P. (1994). Estimation of regression
       coefficients when some regressors are not always observed. JASA 89, 846-866.
    """
    check_choice(method, "method", METHODS)
    chosen = options_of(DoseOptions, options)
    names = frames.column_names([outcome] if isinstance(outcome, str) else outcome, "outcome")
    _check_fits(method, names, covariates, chosen)
    if chosen.score_time is not None and chosen.outcome_time is not None:
        check_time_order(
            frame, chosen.score_time, chosen.outcome_time, what=f"the outcome {names[0]!r}"
        )
    roles = {"score": score} | {f"outcome[{i}]": name for i, name in enumerate(names)}
    rows = link_rows(
        frame,
        roles,
        covariates,
        weight=chosen.weight,
        cluster=chosen.cluster,
        missing=chosen.missing,
    )
    levels = levels_of(rows.numbers["score"], chosen.bands)
    targets = targets_of(rows, names, chosen.family, levels)
    seed = seed_of(rng)
    if method == "bayesian":
        found = _bayesian(rows, levels, targets, chosen, increasing=increasing, seed=seed)
    else:
        found = _large_sample(
            rows,
            levels,
            targets,
            chosen,
            adjusted=method == "aipw",
            increasing=increasing,
            seed=seed,
        )
    settings = {
        "score": score,
        "outcome": list(names),
        "covariates": list(covariates),
        "increasing": increasing,
        **{k: v for k, v in vars(chosen).items() if k not in ("family", "bands")},
        "family": str(chosen.family),
        "levels": levels.value,
    }
    provenance = Provenance(
        method=f"dose-response ({method})",
        data_hash=rows.data_hash,
        settings=settings,
        seed=seed,
        versions=versions("numpy", "scipy", *(["nutpie"] if method == "bayesian" else [])),
        notes=(*rows.notes, *levels.notes, *found.notes),
    )
    stands = standing(evidence, f"{score} and {' and '.join(names)}")
    return _result(found, levels, targets, provenance, stands, score)


def _check_fits(
    method: str, names: Sequence[str], covariates: Sequence[str], chosen: DoseOptions
) -> None:
    if not names:
        raise ConfigError("outcome is empty; name at least one column.")
    if method == "isotonic" and covariates:
        raise ConfigError(
            "method='isotonic' adjusts for nothing; say method='aipw' or 'bayesian', or leave the "
            "covariates out."
        )
    if method == "aipw" and not covariates:
        raise ConfigError("method='aipw' needs covariates; without them say 'isotonic'.")
    if method == "bayesian" and (chosen.weight or chosen.cluster):
        raise ConfigError(
            "method='bayesian' takes rows as independent and equal; with weight= or cluster= say "
            "'isotonic' or 'aipw'."
        )
    said = chosen.family if isinstance(chosen.family, str) else " ".join(chosen.family.values())
    if method == "aipw" and "hurdle" in said:
        raise ConfigError(
            "method='aipw' gives the mean of an amount as it is; those who buy anything are not "
            "the same people at every level. Leave family= out."
        )


def _large_sample(
    rows: LinkedRows,
    levels: Levels,
    targets: Sequence[Target],
    chosen: DoseOptions,
    *,
    adjusted: bool,
    increasing: bool,
    seed: int,
) -> _Found:
    y = np.column_stack([t.y for t in targets])
    folds, errors = spawn(seed, "cross-fitting", "errors")
    if adjusted:
        means = adjusted_means(
            rows, levels, y, learner=chosen.learner, folds=chosen.folds, rng=folds
        )
    else:
        means = raw_means(rows, levels, y, np.column_stack([t.used for t in targets]))
    error = np.sqrt(np.diag(means.covariance)).reshape(means.value.shape)
    estimate = np.column_stack(
        [
            isotone(means.value[:, o], means.weight[:, o], increasing=increasing)
            for o in range(len(targets))
        ]
    )
    moved = float((np.abs(estimate - means.value) / np.maximum(error, 1e-300)).max())
    if adjusted and not chosen.monotone:
        estimate = means.value
    noise = t_errors(means.covariance, means.df, size=chosen.draws, rng=errors)
    return _Found(
        values=estimate + noise.reshape(chosen.draws, *estimate.shape),
        kind="asymptotic",
        support=means.support,
        estimate=estimate,
        std_error=error,
        df=means.df,
        diagnostics={"largest_violation": moved},
    )


def _bayesian(
    rows: LinkedRows,
    levels: Levels,
    targets: Sequence[Target],
    chosen: DoseOptions,
    *,
    increasing: bool,
    seed: int,
) -> _Found:
    fits = [
        fit_monotone(
            levels.code[t.used],
            rows.design[t.used],
            t.y[t.used],
            increasing=increasing,
            draws=chosen.draws,
            rng=seed_of(spawn(seed, f"outcome {i}")[0]),
            allow_unconverged=chosen.allow_unconverged,
        )
        for i, t in enumerate(targets)
    ]
    raw = raw_means(rows, levels, targets[0].y[:, None], targets[0].used[:, None])
    return _Found(
        values=np.stack([fit.values for fit in fits], axis=-1),
        kind="posterior",
        support=raw.support,
        diagnostics={
            f"{key} ({t.name})": value
            for t, fit in zip(targets, fits, strict=True)
            for key, value in fit.diagnostics.items()
        },
        notes=tuple(f"UNRELIABLE: {fit.note}." for fit in fits if fit.note),
    )


def _result(
    found: _Found,
    levels: Levels,
    targets: Sequence[Target],
    provenance: Provenance,
    stands: Standing,
    score: str,
) -> DoseResponsePosterior:
    several = len(targets) > 1
    dims = (LEVEL, OUTCOME) if several else (LEVEL,)
    coords: dict[str, Any] = {LEVEL: levels.value}
    if several:
        coords[OUTCOME] = [t.name for t in targets]

    def labelled(values: np.ndarray | None) -> xr.DataArray | None:
        if values is None:
            return None
        return xr.DataArray(values if several else values[:, 0], dims=dims, coords=coords)

    return DoseResponsePosterior(
        draws=dr.from_array(
            found.values if several else found.values[:, :, 0],
            source=provenance.source,
            dims=dims,
            coords=coords,
            data_ids=[provenance.data_hash],
        ),
        estimate=labelled(found.estimate),
        std_error=labelled(found.std_error),
        df=found.df,
        estimand=Estimand(
            target="association",
            contrast=f"{' and '.join(t.name for t in targets)} by level of {score}",
            scale="pp" if all(t.is_rate for t in targets) else "outcome",
            population=f"{levels.code.size:,} customers",
        ),
        draw_kind=found.kind,
        n=levels.code.size,
        assumptions=(
            stands.assumption,
            *_overlap(found.support),
            Assumption(
                name="behavior is in order",
                statement="the mean outcome never turns back as the score rises",
                tested="largest_violation" in found.diagnostics,
                evidence=_order_words(found.diagnostics),
            ),
        ),
        diagnostics=found.diagnostics,
        provenance=provenance,
        would_change_it="an experiment that moves scores.",
        details={CAUSAL: False},
        support=found.support,
        standing=stands,
        score=score,
        is_rate=tuple(t.is_rate for t in targets),
    )


def _overlap(support: pd.DataFrame) -> tuple[Assumption, ...]:
    if "share_without_like" not in support:
        return ()
    worst = int(np.argmax(support["share_without_like"]))
    return (
        Assumption(
            name="everybody could be at every level",
            statement="given the covariates no level is impossible for anybody",
            tested=True,
            evidence=f"{support['share_without_like'].iloc[worst]:.0%} of the customers have a "
            f"probability below {RARE:g} of level {support['score_level'].iloc[worst]:g}",
        ),
    )


def _order_words(diagnostics: Mapping[str, Any]) -> str:
    if "largest_violation" not in diagnostics:
        return "it is built in"
    moved = diagnostics["largest_violation"]
    return f"the means were moved by at most {moved:.1f} standard errors"
