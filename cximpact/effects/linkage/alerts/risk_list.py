"""Who is at risk now, from what operations know, and whom to contact about it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import AssumptionWarning
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.versions import versions
from cximpact.effects.linkage.alerts.risk_inputs import (
    RiskOptions,
    read_customers,
    read_gain,
    read_training,
)
from cximpact.effects.linkage.alerts.risk_model import (
    TrainRows,
    check_risk_model,
    fit_folds,
    refits,
)
from cximpact.effects.linkage.alerts.risk_quality import RiskQuality, log_odds, recalibrate
from cximpact.effects.linkage.alerts.risk_result import AtRisk
from cximpact.effects.linkage.options import options_of
from cximpact.effects.uplift.uplift_result import UpliftPosterior

_WITH_DRAWS = 2000
"""Customers at the head of the list whose probabilities have joint draws."""
_TOO_GOOD = 0.99


@dataclass(frozen=True, kw_only=True, eq=False)
class _Spread:
    """Error of the log-odds: of all customers, and jointly of the first."""

    error: np.ndarray = field(repr=False)
    first: np.ndarray = field(repr=False)


def at_risk(
    train: Any,
    customers: Any,
    *,
    outcome: str,
    features: Sequence[str],
    model: Any = "logit",
    uplift: UpliftPosterior | None = None,
    value: Any = None,
    rng: RngLike = None,
    **options: Any,
) -> AtRisk:
    """List the customers who are at risk now, without asking them.

    Parameters
    ----------
    train : frame
        Earlier customers whose outcome is known; one row each.
    customers : frame
        Today's customers, with the same features.
    outcome : str
        Column of ``train``: 1 for what is to be avoided, such as leaving, else 0.
    features : sequence of str
        Columns that operations know of everybody, measured before the outcome.
    model : str or estimator, default "logit"
        ``"logit"`` (penalized, with bent lines), ``"boosting"``, or an object with ``fit`` and
        ``predict_proba``.
    uplift : UpliftPosterior, optional
        Effect of the contact, from an experiment. If it was estimated on a column called as
        ``outcome``, less is better; else more is.
    value : str or float, optional
        Column of ``customers``, or amount, that is lost with the outcome.
    rng : int or Generator, optional
        Randomness of folds, models and draws.
    **options
        ``capacity`` (how many contacts), ``cost`` (of a contact), ``unit`` (column of identifiers
        to keep), ``cluster`` and ``dates`` (columns of ``train``; the second: when the features
        and the outcome were measured), ``arm`` (of the uplift), ``recalibrate`` (``"auto"``,
        ``"always"``, ``"never"``), ``folds`` (5), ``replicates`` (40), ``draws`` (1000).

    Returns
    -------
    AtRisk
        The list, with probabilities and their intervals, and what a contact is expected to gain.

    Raises
    ------
    DataError, DesignError
        If columns are missing, incomplete, constant or of the wrong type.
    TimeOrderError
        If ``dates`` show a feature that was measured after the outcome.
    ConfigError
        If an option is unknown, or the model or uplift is none.

    Warns
    -----
    AssumptionWarning
        Without ``uplift``: the list is by risk, and risk is not uplift. Also where predictions
        are too good to be true.

    Notes
    -----
    Estimand: the probability of the outcome given the features, in the population and time of
    ``train``. Predictions of a customer come from models that did not see the customer; their
    log-odds are regressed on the outcome, and corrected where intercept and slope are clearly not
    0 and 1. Intervals are those of the probability, from refits to resampled customers; whether a
    single customer leaves is far less sure. For boosting they are rough.

    The gain of a contact is uplift times value less cost. Those most at risk are often those whom
    nobody can keep, and some leave because they were reminded [1]_. A world that changed since
    ``train`` breaks the probabilities; the calibration of the next period shows it.

    References
    ----------
    .. [1] Ascarza, E. (2018). Retention futility: targeting high-risk customers might be
       ineffective. Journal of Marketing Research 55, 80-98.
    """
    settings = options_of(RiskOptions, options)
    kind = check_risk_model(model)
    rows, encoder, table = read_training(train, outcome, features, settings)
    today, x, worth = read_customers(customers, encoder, value, settings)
    gain = read_gain(uplift, today, worth, outcome, settings)
    provenance = Provenance(
        method="at_risk",
        data_hash=fingerprint(table),
        settings={"outcome": outcome, "features": tuple(features), "model": model}
        | {"options": settings, "customers": fingerprint(today[list(features)])},
        seed=seed_of(rng),
        versions=versions("numpy", "scikit-learn"),
        parents=(uplift.provenance.source,) if uplift is not None else (),
    )
    folds, errors, lines = spawn(provenance.seed, "folds", "refits", "line")
    fitted = fit_folds(kind, rows, settings.folds, folds)
    before, after = recalibrate(fitted.probability, rows.y, fitted.fold, settings.recalibrate)
    _warn_too_good(after)
    if gain is None:
        warnings.warn(
            "the list is by risk: it says who may leave, not whom a contact keeps, and some leave "
            "because of the contact. Give the uplift of an experiment.",
            AssumptionWarning,
            stacklevel=2,
        )
    a, b = (before.intercept, before.slope) if after.recalibrated else (0.0, 1.0)
    center = log_odds(fitted.predict(x))
    listed = _listed(today, special.expit(a + b * center), worth, gain, settings)
    first = listed["row"].to_numpy()[:_WITH_DRAWS]
    spread = _spread(kind, rows, x, first, settings, errors)
    listed["log_odds_error"] = _error(spread.error, center, before, after)[listed["row"]]
    line = (before, after)
    draws = _draws(center[first], spread.first, line, settings.draws, lines)
    return _result(draws, listed, line, rows.y.size, provenance, gain is not None)


def _warn_too_good(quality: RiskQuality) -> None:
    if quality.auc > _TOO_GOOD:
        warnings.warn(
            f"predictions rank {quality.auc:.1%} of pairs rightly, which is too good to be true: a "
            "feature was probably measured after the outcome.",
            AssumptionWarning,
            stacklevel=3,
        )


def _listed(
    today: pd.DataFrame,
    probability: np.ndarray,
    worth: np.ndarray | None,
    gain: pd.DataFrame | None,
    settings: RiskOptions,
) -> pd.DataFrame:
    """Order the customers and say who is on the list."""
    out = pd.DataFrame({"row": np.arange(len(today))})
    if settings.unit is not None:
        out["unit"] = today[settings.unit].to_numpy()
    out["probability"], out["log_odds_error"] = probability, 0.0
    if worth is not None:
        out["value"] = worth
    unknown = pd.DataFrame({"estimate": np.full(len(today), np.nan)})
    known = unknown if gain is None else gain
    out["expected_gain"] = known["estimate"]
    out["gain_error"] = known.get("std_error", np.nan)
    by = probability * (1.0 if worth is None else worth) if gain is None else known["estimate"]
    out = out.iloc[np.argsort(-np.asarray(by), kind="stable")].reset_index(drop=True)
    out.insert(0, "rank", np.arange(1, len(out) + 1))
    limit = len(out) if settings.capacity is None else settings.capacity
    out["on_list"] = out["rank"] <= limit
    if gain is not None:
        out["on_list"] &= out["expected_gain"] > 0
    return out


def _spread(
    kind: Any,
    rows: TrainRows,
    x: np.ndarray,
    first: np.ndarray,
    settings: RiskOptions,
    rng: np.random.Generator,
) -> _Spread:
    """Refit to resampled customers and look how far their predictions move."""
    total, squares, kept = np.zeros(len(x)), np.zeros(len(x)), []
    n = settings.replicates
    for predict in refits(kind, rows, n, rng):
        eta = log_odds(predict(x))
        total += eta
        squares += eta**2
        kept.append(eta[first])
    variance = np.maximum(squares - total**2 / n, 0) / (n - 1)
    joint = np.array(kept)
    return _Spread(error=np.sqrt(variance), first=joint - joint.mean(axis=0))


def _error(
    error: np.ndarray, center: np.ndarray, before: RiskQuality, after: RiskQuality
) -> np.ndarray:
    """Return the standard error of the listed log-odds, with that of the correcting line."""
    if not after.recalibrated:
        return error
    design = np.column_stack([np.ones(center.size), center])
    line = np.einsum("ij,jk,ik->i", design, before.covariance, design)
    return np.sqrt((before.slope * error) ** 2 + line)


def _draws(
    center: np.ndarray,
    moved: np.ndarray,
    quality: tuple[RiskQuality, RiskQuality],
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Joint draws of probabilities: normal on the log-odds, with the covariance of the refits."""
    before, after = quality
    noise = rng.standard_normal((draws, len(moved))) / np.sqrt(len(moved) - 1)
    eta = center + noise @ moved
    if after.recalibrated:
        middle = [before.intercept, before.slope]
        line = rng.multivariate_normal(middle, before.covariance, size=draws)
        eta = line[:, :1] + line[:, 1:] * eta
    return special.expit(eta)


def _result(
    draws: np.ndarray,
    listed: pd.DataFrame,
    quality: tuple[RiskQuality, RiskQuality],
    n: int,
    provenance: Provenance,
    gain_known: bool,
) -> AtRisk:
    before, after = quality
    head = listed.head(draws.shape[1])
    coords = {"customer": head["row"].to_numpy()}
    outcome = provenance.settings["outcome"]
    return AtRisk(
        draws=dr.from_array(
            draws,
            source=provenance.source,
            dims=("customer",),
            coords=coords,
            data_ids=[provenance.data_hash],
        ),
        estimate=xr.DataArray(head["probability"].to_numpy(), dims="customer", coords=coords),
        estimand=Estimand(
            target="risk",
            contrast=f"probability of {outcome} given the features",
            scale="pp",
            population=f"the first {len(head):,} of {len(listed):,} customers on the list",
        ),
        draw_kind="bootstrap",
        n=n,
        assumptions=(
            Assumption(
                name="today is like the time of training",
                statement="features tell the outcome today as they did then",
                tested=False,
                evidence="the calibration of the next period will show it",
            ),
        ),
        diagnostics={
            "calibration_intercept": after.intercept,
            "calibration_slope": after.slope,
            "brier": after.brier,
            "skill": after.skill,
            "auc": after.auc,
            "recalibrated": after.recalibrated,
        },
        provenance=provenance,
        would_change_it="a contact experiment, which would show whom a contact keeps.",
        details={CAUSAL: False},
        customers=listed,
        quality=after,
        before=before,
        gain_known=gain_known,
    )
