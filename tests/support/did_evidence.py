"""Worlds with a known effect, and how often intervals of difference-in-differences hold it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from cximpact.core.errors import CxImpactWarning
from cximpact.core.results import EffectPosterior
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.data.simulate import simulate_onboarding
from tests.support.did import cross_section, panel

LEVEL = 0.9
Data = Panel | RepeatedCrossSection
Fit = Callable[[Data], EffectPosterior]


def growing_world(seed: int, units: int = 120) -> Panel:
    """Effects that grow and differ by cohort: 2.75 on average over treated rows, 1.5 at first."""
    rng = np.random.default_rng([3, seed])
    first = rng.choice([3.0, 5.0, np.inf], units)
    i, t = (a.ravel() for a in np.meshgrid(np.arange(units), np.arange(1, 7), indexing="ij"))
    g = first[i]
    tau = np.where(g == 3, 2 + (t - 3), 1 + 0.5 * (t - 5)) * (t >= g)
    y = rng.standard_normal(units)[i] + t**2 / 4 + rng.standard_normal(i.size) + tau
    return panel(pd.DataFrame({"unit": i, "t": t, "y": y, "g": g}))


def level_world(seed: int, gaps: float, units: int = 150) -> Panel:
    """Two cohorts that gain alike, 2 at first and half more every period; some rows missing."""
    rng = np.random.default_rng([8, seed])
    first = rng.choice([3.0, 5.0, np.inf], units)
    i, t = (a.ravel() for a in np.meshgrid(np.arange(units), np.arange(1, 7), indexing="ij"))
    since = t - first[i]
    effect = np.where(since >= 0, 2 + 0.5 * np.maximum(since, 0), 0.0)
    y = rng.standard_normal(units)[i] + 0.3 * t + rng.standard_normal(i.size) + effect
    table = pd.DataFrame({"unit": i, "t": t, "y": y, "g": first[i]})
    return panel(table[rng.random(len(table)) >= gaps])


def onboarding_means(seed: int) -> Panel:
    """Retention by store and month of joining: 40 stores, 10 treated early, 10 late."""
    world = simulate_onboarding(np.random.default_rng([4, seed]))
    joiners = world.customers
    keys = ["store", "join_month"]
    means = joiners.groupby(keys, as_index=False)["retained"].mean()
    starts = joiners.groupby("store")["first_treated"].first().astype(float)
    means = means.assign(g=means["store"].map(starts))
    return panel(means, unit="store", period="join_month", outcome="retained", first_treated="g")


def odds_world(seed: int, *, stores: int = 40, people: int = 200) -> RepeatedCrossSection:
    """Two periods, half of the stores treated without effect, trends parallel in odds."""
    rng = np.random.default_rng([5, seed])
    store, t = (a.ravel() for a in np.meshgrid(np.arange(stores), [1, 2], indexing="ij"))
    treated = store % 2 == 0
    level = special.logit(np.where(treated, 0.5, 0.3)) + 0.1 * rng.standard_normal(stores)[store]
    change = special.logit(0.25) - special.logit(0.3)
    shock = 0.05 * rng.standard_normal(store.size)
    p = special.expit(level + change * (t == 2) + shock)
    answers = rng.random((store.size, people)) < p[:, None]
    columns = {"group": store, "t": t, "g": np.where(treated, 2.0, np.inf)}
    table = pd.DataFrame(columns).loc[np.repeat(np.arange(store.size), people)]
    return cross_section(table.assign(y=answers.ravel().astype(float)).reset_index(drop=True))


def serial_world(seed: int, *, clusters: int = 20, treated: int = 10, periods: int = 10) -> Panel:
    """No effect; errors of clusters follow one another with .8; some treated half way."""
    rng = np.random.default_rng([6, seed])
    errors = np.empty((clusters, periods))
    errors[:, 0] = rng.standard_normal(clusters)
    for k in range(1, periods):
        errors[:, k] = 0.8 * errors[:, k - 1] + 0.6 * rng.standard_normal(clusters)
    i, t = (a.ravel() for a in np.meshgrid(np.arange(clusters), np.arange(periods), indexing="ij"))
    g = np.where(i < treated, periods / 2, np.inf)
    return panel(pd.DataFrame({"unit": i, "t": t, "y": errors.ravel(), "g": g}))


def factor_world(seed: int, *, treated: int = 12, controls: int = 40) -> Panel:
    """An effect of 1 on units that load more on a common factor that rises."""
    rng = np.random.default_rng([7, seed])
    n, periods, start = treated + controls, 40, 35
    treats = np.arange(n) < treated
    loads = rng.standard_normal((n, 2)) + np.where(treats, 0.5, 0.0)[:, None]
    steps = 0.2 * rng.standard_normal(periods).cumsum()
    common = np.array([0.1 * np.arange(periods), steps])
    y = loads @ common + rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal((n, periods))
    i, t = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(1, periods + 1), indexing="ij"))
    g = np.where(treats, float(start), np.inf)[i]
    return panel(pd.DataFrame({"unit": i, "t": t, "y": y.ravel() + (t >= g), "g": g}))


def record(
    world: Callable[[int], Data], fits: Mapping[str, tuple[Fit, float]], repeats: int
) -> pd.DataFrame:
    """Return mean error, scatter, mean standard error and coverage of each estimator.

    ``fits`` has, by name, how to fit and the effect that is true.
    """
    found: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in fits}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CxImpactWarning)
        for seed in range(repeats):
            data = world(seed)
            for name, (fit, truth) in fits.items():
                row = fit(data).summary(LEVEL).iloc[0]
                held = bool(row["conf_low"] <= truth <= row["conf_high"])
                found[name].append((float(row["estimate"]) - truth, row["std_error"], held))
    return pd.DataFrame({name: _summary(rows) for name, rows in found.items()}).T


def _summary(rows: list[tuple[float, float, bool]]) -> dict[str, Any]:
    errors, spread, held = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return {
        "error": errors.mean(),
        "mcse": errors.std() / np.sqrt(len(rows)),
        "sd": errors.std(),
        "std_error": spread.mean(),
        "coverage": held.mean(),
    }
