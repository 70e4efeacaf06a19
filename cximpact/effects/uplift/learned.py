"""What an estimator found on a cross-section, as a result: the claim in words, and the draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption, Estimand
from cximpact.core.rng import spawn
from cximpact.core.versions import versions
from cximpact.core.wording import number, percent
from cximpact.data import CrossSection
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.asymptotic import t_draws
from cximpact.effects.sensitivity import robustness_value
from cximpact.effects.uplift.effect_models import EffectModel
from cximpact.effects.uplift.learner_fit import Prepared
from cximpact.effects.uplift.segment_result import experiment_id
from cximpact.effects.uplift.uplift_model import UpliftModel
from cximpact.effects.uplift.uplift_result import UpliftPosterior

OUTCOME_SCALES = ("pp", "points", "money", "outcome")
_FEW = 50
"""Clusters below which errors use a t distribution."""
POPULATIONS: Mapping[str, str] = {
    "ate": "all {n:,} customers",
    "att": "the treated among {n:,} customers",
    "overlap": "customers of {n:,} weighted by e (1 - e), who could have been in either arm",
    "trimmed": "those of {n:,} customers whose propensity lies from {low:g} to {high:g}",
}


def outcome_scale(rows: CustomerRows, scale: str | None) -> str:
    """Return the meaning of the outcome's numbers.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    scale : str or None
        As it was asked for.

    Returns
    -------
    str
        ``"pp"`` for 0 and 1, else ``"outcome"``, unless something else was asked for.
    """
    if scale is not None:
        return scale
    return "pp" if np.isin(rows.outcome, (0.0, 1.0)).all() else "outcome"


def average_fields(
    estimator: Any,
    data: CrossSection,
    ready: Prepared,
    seed: int,
    *,
    target: str = "ate",
    bounds: tuple[float, float] = (0.0, 1.0),
    df: float | None = None,
) -> dict[str, Any]:
    """Lay out average effects as the fields of a result.

    Parameters
    ----------
    estimator : object
        Settings, a dataclass with ``draws`` and ``scale``.
    data : CrossSection
        Customers.
    ready : Prepared
        What was found.
    seed : int
        Randomness.
    target : str, default "ate"
        The population that was averaged over.
    bounds : tuple of float
        Ends of the propensity for ``"trimmed"``.
    df : float, optional
        Degrees of freedom; those of the clusters where they are few, else normal by default.

    Returns
    -------
    dict
        Arguments of `EffectPosterior`.
    """
    rows = ready.rows
    provenance = Provenance(
        method=type(estimator).__name__,
        data_hash=rows.data_hash,
        settings={f.name: getattr(estimator, f.name) for f in fields(estimator)},
        seed=seed,
        versions=versions("numpy", "numba", "scikit-learn"),
        notes=_notes(data),
    )
    several = len(data.arms) > 1
    labels: dict[str, Any] = {"dims": ("arm",), "coords": {"arm": list(map(str, data.arms))}}
    labels = labels if several else {}
    value, covariance = ready.averages.value, ready.averages.covariance
    error = np.sqrt(np.diag(covariance))
    if df is None and rows.n_clusters < _FEW:
        df = float(rows.n_clusters - 1)
    (generator,) = spawn(seed, "average effect")
    drawn = t_draws(
        value,
        covariance,
        df,
        size=estimator.draws,
        rng=generator,
        source=provenance.source,
        data_ids=[rows.data_hash, experiment_id(data)],
        **labels,
    )
    shape = value.shape if several else ()
    found = _diagnostics(data, ready)
    return {
        "draws": drawn,
        "estimate": xr.DataArray(value.reshape(shape), **labels),
        "std_error": xr.DataArray(error.reshape(shape), **labels),
        "df": df,
        "estimand": _estimand(data, target, bounds, outcome_scale(rows, estimator.scale)),
        "draw_kind": "asymptotic",
        "n": rows.n_rows,
        "assumptions": _assumptions(ready, found),
        "diagnostics": found,
        "provenance": provenance,
        "would_change_it": _would_change_it(ready, float(value[0] / error[0])),
    }


def learned_result(
    learner: Any,
    data: CrossSection,
    ready: Prepared,
    effect: Callable[[Prepared, int, np.random.Generator], EffectModel],
    seed: int,
) -> UpliftPosterior:
    """Fit the effect of each arm and lay out the result.

    Parameters
    ----------
    learner : object
        Settings.
    data : CrossSection
        Customers.
    ready : Prepared
        Means, propensities and average effects.
    effect : callable
        Fits the effect of one arm, from 1.
    seed : int
        Randomness.

    Returns
    -------
    UpliftPosterior
        Average effects and a model of single ones.
    """
    names = [f"effect of arm {a}" for a in range(1, 1 + len(data.arms))]
    effects = [effect(ready, a, g) for a, g in enumerate(spawn(seed, *names), start=1)]
    model = UpliftModel(
        learner=learner,
        encoder=ready.encoder,
        effects=tuple(effects),
        nuisances=ready.nuisances,
        arms=tuple(data.arms),
        data=data,
        keys=np.unique(ready.rows.keys),
        by_unit=data.unit is not None,
    )
    return UpliftPosterior(model=model, **average_fields(learner, data, ready, seed))


def _estimand(data: CrossSection, target: str, bounds: tuple[float, float], scale: str) -> Estimand:
    arms = " or ".join(repr(str(a)) for a in data.arms)
    words = POPULATIONS[target].format(n=data.n_rows, low=bounds[0], high=bounds[1])
    names = {"overlap": "ato", "trimmed": "ate (trimmed)"}
    return Estimand(
        target=names.get(target, target),
        contrast=f"{data.outcome} with {data.treatment} {arms} against {str(data.control)!r}",
        scale=scale,
        population=words,
    )


def _notes(data: CrossSection) -> tuple[str, ...]:
    if not data.n_dropped:
        return ()
    return (f"{data.n_dropped:,} rows without an outcome were left out, as asked.",)


def _assumptions(ready: Prepared, found: dict[str, Any]) -> tuple[Assumption, ...]:
    known = not ready.nuisances.estimated
    source = "by design, with the stated probability" if known else "the data cannot test it"
    if ready.x.size:
        source += "; weighted, the arms differ by at most "
        source += f"{number(found['largest_difference'])} standard deviations in a feature"
    return (
        Assumption(
            name="treatment at random" if known else "no unmeasured confounding",
            statement="given the features, who is treated has nothing to do with the outcome",
            tested=False,
            evidence=source,
        ),
        Assumption(
            name="overlap",
            statement="customers of every kind are found in every arm",
            tested=True,
            evidence=f"the smallest propensity of an arm is {number(found['smallest_propensity'])}",
        ),
        Assumption(
            name="no spill-over",
            statement="treating one customer does not change another",
            tested=False,
        ),
        Assumption(
            name="features from before",
            statement="no feature was changed by the treatment",
            tested=False,
        ),
    )


def _diagnostics(data: CrossSection, ready: Prepared) -> dict[str, Any]:
    """Look at the arms after weighting: how many customers they are worth, how far they differ."""
    rows, e = ready.rows, ready.nuisances.propensity
    spread = ready.x.std(axis=0)
    x = ready.x[:, spread > 0] / spread[spread > 0]
    means, effective = [], {}
    for a, label in enumerate([data.control, *data.arms]):
        w = rows.weight * (rows.arm == a) / e[:, a]
        effective[str(label)] = float(w.sum() ** 2 / (w @ w))
        means.append(w @ x / w.sum())
    differences = np.abs(np.array(means[1:]) - means[0])
    return {
        "propensity": "estimated" if ready.nuisances.estimated else "known",
        "smallest_propensity": float(e.min()),
        "effective_n": effective,
        "largest_difference": float(differences.max(initial=0.0)),
        "family": ready.nuisances.family,
        "clusters": rows.n_clusters,
    }


def _would_change_it(ready: Prepared, t: float) -> str:
    if not ready.nuisances.estimated:
        return (
            "treatment that was not given with the stated probability, customers who were told of "
            "it by others, or outcomes that are missing more often in one arm."
        )
    df = max(ready.rows.n_rows - ready.x.shape[1] - 2, 1)
    value = robustness_value(t, df)
    return (
        f"something unmeasured that explains {percent(float(value))} of what the features leave "
        "unexplained in both treatment and outcome would explain all of the first effect; "
        "effects.sensitivity asks how strong that is beside what was measured."
    )
