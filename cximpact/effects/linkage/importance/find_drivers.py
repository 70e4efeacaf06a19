"""Drivers: ratings that go with an outcome, how much of it each can claim, and who is stable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.versions import versions
from cximpact.effects.linkage.importance.adjusted_effects import adjusted_effects
from cximpact.effects.linkage.importance.common_factor import (
    directions,
    with_common_factor,
)
from cximpact.effects.linkage.importance.driver_fit import DriverFit
from cximpact.effects.linkage.importance.driver_result import DriverImportance, DriverParts
from cximpact.effects.linkage.importance.driver_settings import DriverSettings
from cximpact.effects.linkage.importance.rating_columns import open_ratings
from cximpact.effects.linkage.importance.rating_players import make_players
from cximpact.effects.linkage.importance.second_moments import covariances, second_moments
from cximpact.effects.linkage.importance.shares import SharedVariance, share_variance
from cximpact.effects.linkage.importance.stable_selection import StableSelection, select_stable


def drivers(
    frame: Any,
    *,
    outcome: str,
    ratings: Sequence[str],
    covariates: Sequence[str] = (),
    weight: str | None = None,
    cluster: str | None = None,
    missing: str = "raise",
    never_used: Mapping[str, str] | str | None = None,
    rng: RngLike = None,
    **settings: Any,
) -> DriverImportance:
    """Share out what ratings explain of an outcome, and say which few drivers are stable.

    Parameters
    ----------
    frame : frame
        One row a customer or an answer; any engine.
    outcome : str
        Numeric column: a score, a behavior, or 0 and 1. Answers on a scale count as numbers.
    ratings : sequence of str
        Numeric columns, one a touchpoint.
    covariates : sequence of str
        Columns that are always in before any rating, numbers or categories.
    weight, cluster : str, optional
        Columns of weights, and of clusters at which rows are dependent.
    missing : {"raise", "drop", "indicator"}
        What to do with gaps. ``"indicator"`` keeps rows with blank ratings: the mean stands in,
        and a column that says so belongs to the same driver.
    never_used : mapping of str to str, or "indicator", optional
        Columns that are 1 where a rating is blank because the touchpoint was not used, such as
        ``{"wifi": "wifi_na"}``; treated as with ``"indicator"``, whatever ``missing`` says about
        other gaps. The text ``"indicator"`` takes all blank ratings for never used.
    rng : int or Generator, optional
        Randomness.
    **settings
        Of `DriverSettings`: ``measure``, ``draws``, ``groups``, ``collinear``, ``orders``,
        ``max_drivers``, ``threshold``, ``pairs`` and ``per_half``.

    Returns
    -------
    DriverImportance
        Shares with draws, stable drivers, halo, quadrants and adjusted coefficients. Its
        ``details["causal"]`` is False: it is not admitted to return on investment.

    Raises
    ------
    DataError, DesignError, ConfigError
        If columns are missing, blank, constant or say all the same, gaps have no rule, or there are
        too few rows.

    Notes
    -----
    Estimand: the share of the variance of the outcome that each driver adds in a linear regression,
    averaged over all orders in which drivers can enter (Shapley value of R2, also called LMG). In
    each draw, shares and what covariates explain sum to R2. For a 0/1 outcome this R2 is Tjur's R2
    of the linear probability model; ``measure="deviance"`` shares out McFadden's R2 of a logistic
    regression instead.

    Identification: none is claimed. Ratings share a halo, follow the outcome as well as lead it,
    and stand for what was not asked. `DriverImportance.halo` shows what is left of each without
    what all have in common; robustness values in `DriverImportance.effects` say how strong a common
    cause would have to be; rank probabilities say whether an order of drivers means anything.

    Draws are a Bayesian bootstrap of rows or clusters; each makes its own cross-products from one
    pass over the rows. Shares of explained variance are somewhat too high in small samples, by
    about the number of columns divided by the number of rows in all.

    References
    ----------
    Groemping, U. (2007). Estimators of relative importance in linear regression based on variance
    decomposition. The American Statistician 61, 139-147.
    Meinshausen, N. and Buehlmann, P. (2010). Stability selection. Journal of the Royal Statistical
    Society B 72, 417-473.
    Shah, R. D. and Samworth, R. J. (2013). Variable selection with error control: another look at
    stability selection. Journal of the Royal Statistical Society B 75, 55-80.
    """
    options = DriverSettings(**settings)
    data = open_ratings(
        frame,
        outcome,
        ratings,
        covariates,
        weight=weight,
        cluster=cluster,
        missing=missing,
        never_used=never_used,
    )
    players = make_players(data, options.groups, options.collinear)
    seed = seed_of(rng)
    per_half = options.chosen_per_half(players.n)
    fit = DriverFit(data=data, players=players, options=options, seed=seed)
    selection = select_stable(
        data.rows,
        fit.columns,
        fit.first,
        players.edges,
        per_half=per_half,
        threshold=options.threshold,
        pairs=options.pairs,
        rng=spawn(seed, "halves")[0],
    )
    return _result(fit, selection)


def _result(fit: DriverFit, selection: StableSelection) -> DriverImportance:
    data, players, m = fit.data, fit.players, fit.first
    moments = second_moments(fit.columns, fit.weights())
    covariance = covariances(moments)
    places = [i for j in range(players.n) for i in players.places(j)]
    beyond = with_common_factor(covariance, m, places)
    streams = spawn(fit.seed, "orders", "halo orders")
    linear, halo = (
        share_variance(matrices, players.edges, first=at, orders=fit.orders(), rng=stream)
        for matrices, at, stream in zip((covariance, beyond), (m, m + 1), streams, strict=True)
    )
    shared = fit.deviance() if fit.options.measure == "deviance" else linear
    found = {
        "shares": shared.shares,
        "linear": linear.shares,
        "own": halo.shares,
        "common": halo.first - linear.first,
        "performance": fit.performance(moments),
        "r2": shared.r2,
        "first": shared.first,
    }
    raw, own = (directions(c[:1], at, players) for c, at in ((covariance, m), (beyond, m + 1)))
    effects = adjusted_effects(
        data.rows,
        fit.columns * fit.scale,
        players.names,
        [[m + i for i in players.places(j)] for j in range(players.n)],
    )
    provenance = _provenance(fit)
    labelled = {name: _labelled(values, players.names, provenance)
                for name, values in found.items()}  # fmt: skip
    parts = DriverParts(
        outcome=data.outcome,
        ratings=MappingProxyType(dict(zip(players.names, players.ratings, strict=True))),
        **{name: labelled[name] for name in ("own", "common", "performance", "r2", "first")},
        estimates=MappingProxyType({name: values[0] for name, values in found.items()}),
        directions=MappingProxyType({"raw": raw, "own": own}),
        selection=selection,
        stable=selection.stable(fit.options.max_drivers, effects.estimate * raw < 0),
        effects=effects,
    )
    estimate = xr.DataArray(shared.shares[0], dims="driver", coords={"driver": list(players.names)})
    return DriverImportance(
        draws=labelled["shares"],
        estimate=estimate,
        estimand=_estimand(fit),
        draw_kind="bootstrap",
        n=data.rows.n,
        assumptions=(_no_claim(),),
        diagnostics=_diagnostics(fit, shared, selection, covariance[0]),
        provenance=provenance,
        would_change_it="an experiment on one of the touchpoints, which could show an effect.",
        details={CAUSAL: False},
        parts=parts,
    )


def _labelled(values: np.ndarray, names: Sequence[str], provenance: Provenance) -> xr.DataArray:
    """Label draws, which follow the estimate in the first row."""
    wide = values.ndim == 2
    return dr.from_array(
        values[1:],
        source=provenance.source,
        dims=("driver",) if wide else (),
        coords={"driver": list(names)} if wide else None,
        data_ids=[provenance.data_hash],
    )


def _no_claim() -> Assumption:
    return Assumption(
        name="none claimed",
        statement="this describes how ratings and outcome go together",
        tested=False,
        evidence="it is not an effect",
    )


def _estimand(fit: DriverFit) -> Estimand:
    what = "deviance" if fit.options.measure == "deviance" else "variance"
    rows = fit.data.rows
    return Estimand(
        target="share_of_r2",
        contrast=f"share of the {what} of {fit.data.outcome} that each driver adds, over all orders"
        + (", covariates first" if rows.terms else ""),
        scale="pp",
        population=f"{rows.n:,} rows",
    )


def _provenance(fit: DriverFit) -> Provenance:
    data, options = fit.data, fit.options
    marked = [name for name in data.ratings if data.marks[name]]
    note = (
        f"Blank or unused ratings of {len(marked)} of {len(data.ratings)} columns are held by "
        "their mean and a column that says so, which belongs to the same driver."
    )
    return Provenance(
        method="drivers",
        data_hash=data.rows.data_hash,
        settings={
            "outcome": data.outcome,
            "ratings": list(data.ratings),
            "marks": {name: list(own) for name, own in data.marks.items()},
            "covariates": list(data.rows.terms),
            "clustered": data.rows.is_clustered,
            "drivers": {n: list(r) for n, r in zip(fit.players.names, fit.players.ratings,
                                                   strict=True)},
            "measure": options.measure,
            "draws": options.n_draws,
            "orders": fit.orders(),
            "max_drivers": options.max_drivers,
            "threshold": options.threshold,
            "pairs": options.pairs,
            "per_half": options.per_half or 0,
        },
        seed=fit.seed,
        versions=versions("numpy", "numba"),
        notes=(*data.rows.notes, *fit.players.notes, *((note,) if marked else ())),
    )  # fmt: skip


def _diagnostics(
    fit: DriverFit, shared: SharedVariance, selection: StableSelection, covariance: np.ndarray
) -> dict[str, Any]:
    players, m = fit.players, fit.first
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    inside = (covariance / scale[:, None] / scale)[:-1, :-1]
    inverse = np.linalg.pinv(inside, rcond=1e-10, hermitian=True)
    vif = {
        name: float(max(inverse[m + i, m + i] for i in players.places(j)))
        for j, name in enumerate(players.names)
    }
    return {
        "measure": fit.options.measure,
        "r2": float(shared.r2[0]),
        "r2_covariates": float(shared.first[0]),
        "n_covariates": m,
        "orders": "all" if not fit.orders() else fit.orders(),
        "order_error": shared.order_error,
        "per_half": selection.per_half,
        "threshold": selection.threshold,
        "false_bound": selection.false_bound,
        "false_bound_unimodal": selection.false_bound_unimodal,
        "vif": MappingProxyType(vif),
        "clusters": fit.data.rows.n_clusters if fit.data.rows.is_clustered else 0,
    }
