"""Scores, effort, risk of leaving and value at risk by step, touchpoint and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    ConfigError,
    DataError,
    MissingValueError,
    NoRespondentsError,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_count
from cximpact.core.versions import versions
from cximpact.data import frames
from cximpact.effects.linkage.journeys.answers import (
    CLUSTER,
    VALUE,
    WEIGHT,
    place_labels,
    read_answers,
)
from cximpact.effects.linkage.journeys.contributions import resampled_sums
from cximpact.effects.linkage.journeys.map_result import JourneyMap
from cximpact.effects.linkage.options import options_of

_TAKEN = ("place", "volume", "n_score", "n_effort", "shown", "score", "effort", "churn_risk")


@dataclass(frozen=True, kw_only=True)
class MapOptions:
    """Settings of `journey_map` that have a usual value.

    Parameters
    ----------
    weight : str, optional
        Column of the weights of answers.
    min_answers : int, default 5
        Scores of fewer answers are not shown.
    draws : int, default 1000
        How many draws.
    """

    weight: str | None = None
    min_answers: int = 5
    draws: int = 1000

    def __post_init__(self) -> None:
        check_count(self.min_answers, "min_answers")
        check_count(self.draws, "draws", low=2)


def journey_map(
    frame: Any,
    *,
    by: Sequence[str],
    score: str,
    scale: ScoreScale | None = None,
    effort: str | None = None,
    churn_risk: str | None = None,
    value: str | None = None,
    cluster: str | None = None,
    rng: RngLike = None,
    **options: Any,
) -> JourneyMap:
    """Lay out what is known of each step, touchpoint and channel of a journey.

    Parameters
    ----------
    frame : frame
        One row a contact; any engine.
    by : sequence of str
        Columns that name the place, the outermost first, such as
        ``["step", "touchpoint", "channel"]``.
    score : str
        Column of the answers; missing where the contact was not rated.
    scale : ScoreScale, optional
        Their scale; the mean answer by default.
    effort : str, optional
        Column of effort, asked or predicted from operations; may be missing.
    churn_risk : str, optional
        Column of the probability to leave, known for every row.
    value : str, optional
        Column of the customer's value; with ``churn_risk`` it gives the value at risk.
    cluster : str, optional
        Column of the customer, at which answers are dependent.
    rng : int or Generator, optional
        Randomness of the draws.
    **options
        ``weight`` (column of the weights of answers), ``min_answers`` (5), ``draws`` (1000).

    Returns
    -------
    JourneyMap
        One cell a place that occurs; descriptive.

    Raises
    ------
    DataError
        If columns are missing or of the wrong type, answers are off the scale, or a risk or
        value is missing or a risk is no probability.
    NoRespondentsError
        If nobody answered.
    ConfigError
        If an option is unknown or ``value`` comes without ``churn_risk``.

    Notes
    -----
    Volume counts all contacts, the score those that were rated. Value at risk is the sum of risk
    times value over the contacts of a cell, not the product of their means. A customer with
    several contacts counts in each of them: values at risk are compared between cells, never
    added up. Draws are those of the Bayesian bootstrap over clusters, with the volume as found.

    It describes where customers are when they score low; a low score at a place is no evidence
    that the place causes it.
    """
    settings = options_of(MapOptions, options)
    levels = frames.column_names(by, "by")
    if taken := [c for c in levels if c in _TAKEN]:
        raise ConfigError(f"column {taken[0]!r} cannot name a place here; rename it.")
    if value is not None and churn_risk is None:
        raise ConfigError("value= is given without churn_risk=; value at risk needs both.")
    numbers = {"effort": effort, "churn_risk": churn_risk, "value": value}
    numbers = {role: column for role, column in numbers.items() if column is not None}
    table = read_answers(
        frame,
        by=levels,
        score=score,
        scale=scale,
        weight=settings.weight,
        cluster=cluster,
        numbers=numbers,
    )
    _check_numbers(table, numbers)
    if table[VALUE].isna().all():
        raise NoRespondentsError(f"column {score!r} is missing in all {len(table):,} rows.")
    provenance = Provenance(
        method="journey_map",
        data_hash=fingerprint(table),
        settings={"score": score, "by": levels, "scale": scale.name if scale else ""}
        | {"cluster": cluster or "", "options": settings, **numbers},
        seed=seed_of(rng),
        versions=versions("numpy"),
        notes=_notes(table, levels),
    )
    return _mapped(table, levels, settings, provenance, scale.unit if scale else "points")


def _check_numbers(table: pd.DataFrame, numbers: dict[str, str]) -> None:
    for role in ("churn_risk", "value"):
        if role in table and (rows := np.flatnonzero(table[role].isna())).size:
            raise MissingValueError(
                f"Column {numbers[role]!r} is missing in {rows_phrase(rows)}; every contact needs "
                "one: predict it, or leave those contacts out."
            )
    if "churn_risk" in table:
        rows = np.flatnonzero(~table["churn_risk"].between(0, 1))
        if rows.size:
            raise DataError(
                f"Column {numbers['churn_risk']!r} is no probability in {rows_phrase(rows)}; "
                "expected numbers from 0 to 1."
            )


def _notes(table: pd.DataFrame, levels: Sequence[str]) -> tuple[str, ...]:
    if CLUSTER not in table:
        return ()
    pairs = pd.DataFrame({"place": place_labels(table, levels), "who": table[CLUSTER]})
    several = int((pairs.drop_duplicates().groupby("who").size() > 1).sum())
    if not several:
        return ()
    return (f"{several:,} customers are in several cells: never add values at risk up over cells.",)


def _mapped(
    table: pd.DataFrame,
    levels: Sequence[str],
    settings: MapOptions,
    provenance: Provenance,
    unit: str,
) -> JourneyMap:
    codes, labels = pd.factorize(place_labels(table, levels), sort=True)
    sums = _sums(table, codes, len(labels), settings, provenance)
    places = table[list(levels)].assign(place=np.asarray(labels)[codes]).drop_duplicates("place")
    places = places.sort_values("place", kind="stable", ignore_index=True)
    counts = {"volume": np.bincount(codes), "n_score": _count(table, VALUE, codes)}
    if "effort" in table:
        counts["n_effort"] = _count(table, "effort", codes)
    places = places.assign(**counts)
    estimates, measures = {}, {}
    for name, values in _measures(sums, counts["volume"]).items():
        estimates[name] = values[0]
        known = np.isfinite(values).all(axis=0)
        measures[name] = dr.from_array(
            values[1:, known],
            source=provenance.source,
            dims=("place",),
            coords={"place": np.asarray(labels)[known].astype(str)},
            name=name,
            attrs={"unit": unit} if name == "score" else {},
            data_ids=[provenance.data_hash],
        )
    known = np.isfinite(estimates["score"])
    return JourneyMap(
        draws=measures["score"],
        estimate=xr.DataArray(
            estimates["score"][known], dims="place", coords={"place": measures["score"]["place"]}
        ),
        estimand=Estimand(
            target="score",
            contrast=f"score by {', '.join(levels)}",
            scale="points",
            population=f"{len(table):,} contacts",
        ),
        draw_kind="bootstrap",
        n=int(counts["n_score"].sum()),
        assumptions=(
            Assumption(
                name="those who answered speak for the cell",
                statement="contacts that were rated are like those that were not",
                tested=False,
                evidence="impute the scores of the silent to drop it",
            ),
        ),
        diagnostics={
            "cells": len(places),
            "cells_below_min_answers": int((counts["n_score"] < settings.min_answers).sum()),
        },
        provenance=provenance,
        would_change_it="scores of those who did not answer.",
        details={CAUSAL: False},
        measures=measures,
        places=places,
        estimates=estimates,
        min_answers=settings.min_answers,
    )


def _sums(
    table: pd.DataFrame,
    codes: np.ndarray,
    n_places: int,
    settings: MapOptions,
    provenance: Provenance,
) -> dict[str, np.ndarray]:
    """Sum by cell, first as found and then in each draw."""
    weight = table[WEIGHT].to_numpy()
    values: dict[str, np.ndarray] = {"contacts": np.ones(len(table))}
    for name, column in (("score", VALUE), ("effort", "effort")):
        if column in table:
            given = table[column].to_numpy()
            known = np.isfinite(given)
            values[f"{name} weight"] = weight * known
            values[name] = weight * np.where(known, given, 0.0)
    if "churn_risk" in table:
        values["churn_risk"] = table["churn_risk"].to_numpy()
    if "value" in table:
        values["value_at_risk"] = (table["churn_risk"] * table["value"]).to_numpy()
    clusters = pd.factorize(table[CLUSTER])[0] if CLUSTER in table else np.arange(len(table))
    (stream,) = spawn(provenance.seed, "journey_map")
    sums = resampled_sums(
        codes,
        list(values.values()),
        n_cells=n_places,
        weight=np.ones(len(table)),
        cluster=clusters.astype(np.int64),
        draws=settings.draws,
        rng=stream,
    )
    return {name: sums[:, i] for i, name in enumerate(values)}


def _measures(sums: dict[str, np.ndarray], volume: np.ndarray) -> dict[str, np.ndarray]:
    out: dict[str, np.ndarray] = {}
    for name in ("score", "effort"):
        if name in sums:
            weight = sums[f"{name} weight"]
            some = weight > 0
            out[name] = np.where(some, sums[name] / np.where(some, weight, 1.0), np.nan)
    for name in ("churn_risk", "value_at_risk"):
        if name in sums:
            per_contact = sums[name] / sums["contacts"]
            out[name] = per_contact * volume if name == "value_at_risk" else per_contact
    return out


def _count(table: pd.DataFrame, column: str, codes: np.ndarray) -> np.ndarray:
    return np.bincount(codes, weights=table[column].notna()).astype(int)
