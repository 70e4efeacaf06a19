"""Designs for tests of difference-in-differences, and a second road to every number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cximpact.data import Panel, RepeatedCrossSection

FEW = "ignore::cximpact.core.errors.SmallSampleWarning"
STAGGERED = "ignore::cximpact.core.errors.AssumptionWarning"


def fixture_f1() -> pd.DataFrame:
    """Return the deterministic staggered panel F1 with its true effects ``tau``."""
    i, t = (a.ravel() for a in np.meshgrid(np.arange(12), np.arange(1, 7), indexing="ij"))
    g = np.where(i < 4, 3.0, np.where(i < 8, 5.0, np.inf))
    tau = np.where(i < 4, 2 + (t - 3), 1 + 0.5 * (t - 5)) * (t >= g)
    y = 10 + 0.5 * i + t**2 / 4 + 0.3 * (((7 * i + 3 * t) % 5) - 2) + tau
    return pd.DataFrame({"unit": i, "t": t, "y": y, "g": g, "tau": tau})


def simple_panel(
    rng: np.random.Generator, units: int = 24, periods: int = 6, effect: float = 1.0, start: int = 4
) -> pd.DataFrame:
    """Return a panel with one start of treatment for every third unit."""
    i, t = (
        a.ravel() for a in np.meshgrid(np.arange(units), np.arange(1, periods + 1), indexing="ij")
    )
    g = np.where(i % 3 == 0, float(start), np.inf)
    x = rng.standard_normal(i.size)
    y = rng.standard_normal(units)[i] + 0.3 * t + effect * (t >= g) + 0.5 * x
    noise = rng.standard_normal(i.size)
    weight = rng.integers(1, 4, i.size)
    columns = {"unit": i, "t": t, "y": y + noise, "g": g, "x": x, "w": weight, "c": i // 3}
    return pd.DataFrame(columns)


def people(rng: np.random.Generator, groups: int = 14, periods: int = 4) -> pd.DataFrame:
    """Return repeated cross-sections with groups of unequal size; a third treated from period 3."""
    rows = []
    for group in range(groups):
        g = 3.0 if group % 3 == 0 else np.inf
        for t in range(1, periods + 1):
            n = int(rng.integers(3, 12))
            y = 0.2 * group + 0.1 * t + 0.5 * (t >= g) + rng.standard_normal(n)
            rows.append(pd.DataFrame({"group": group, "t": t, "y": y, "g": g}))
    out = pd.concat(rows, ignore_index=True)
    return out.assign(x=rng.standard_normal(len(out)), w=rng.integers(1, 4, len(out)))


def panel(table: Any, **roles: Any) -> Panel:
    """Give the columns of these tables their roles."""
    names = {"unit": "unit", "period": "t", "outcome": "y", "first_treated": "g"}
    return Panel(table, **(names | roles))


def cross_section(table: Any, **roles: Any) -> RepeatedCrossSection:
    """Give the columns of these tables their roles."""
    names = {"group": "group", "period": "t", "outcome": "y", "first_treated": "g"}
    return RepeatedCrossSection(table, **(names | roles))


def dense_fit(
    table: pd.DataFrame,
    terms: np.ndarray,
    *,
    entity: str = "unit",
    cluster: str | None = None,
    weight: str | None = None,
    y: str = "y",
) -> tuple[np.ndarray, np.ndarray, int]:
    """Least squares on dummies with a CR0 sandwich by hand.

    Returns the coefficients of the terms, their raw covariance and the rank of all columns.
    """
    dummies = [pd.get_dummies(table[c]).to_numpy(float) for c in (entity, "t")]
    x = np.column_stack([terms, dummies[0], dummies[1][:, 1:]])
    w = np.ones(len(table)) if weight is None else table[weight].to_numpy(float)
    root = np.sqrt(w)[:, None]
    bread = np.linalg.pinv((root * x).T @ (root * x))
    beta = bread @ (x.T @ (w * table[y].to_numpy()))
    scores = x * (w * (table[y].to_numpy() - x @ beta))[:, None]
    sums = pd.DataFrame(scores).groupby(table[cluster or entity].to_numpy()).sum().to_numpy()
    covariance = bread @ (sums.T @ sums) @ bread
    k = terms.shape[1]
    return beta[:k], covariance[:k, :k], int(np.linalg.matrix_rank(root * x))


def treated(table: pd.DataFrame) -> np.ndarray:
    """Return the treatment dummy as one column."""
    return (table["t"] >= table["g"]).to_numpy(float)[:, None]


def staggered_world(
    rng: np.random.Generator, units: int = 240, periods: int = 6, gaps: float = 0.0
) -> pd.DataFrame:
    """Return a panel whose trends and adoption depend on covariates, with effects that grow."""
    unit, t = np.repeat(np.arange(units), periods), np.tile(np.arange(1, periods + 1), units)
    x = rng.standard_normal((units, 2))
    adopts = rng.random(units) < 1 / (1 + np.exp(-0.5 * x[:, 0]))
    g = np.where(adopts, rng.choice([3, 4, 6], units), 0)
    cluster = rng.permutation(np.arange(units) // 4)
    weight = rng.uniform(0.5, 2, units)
    y = 0.3 * x[unit, 0] * t + 0.2 * x[unit, 1] ** 2 * t + rng.standard_normal(units)[unit]
    y = y + 0.2 * t + (g[unit] > 0) * (t >= g[unit]) * (1 + 0.2 * (t - g[unit]))
    columns = {"unit": unit, "t": t, "y": y + rng.standard_normal(unit.size), "g": g[unit]}
    more = {"x1": x[unit, 0], "x2": x[unit, 1], "c": cluster[unit], "w": weight[unit]}
    table = pd.DataFrame(columns | more)
    return table[rng.random(len(table)) >= gaps].reset_index(drop=True) if gaps else table


def segment_world(
    rng: np.random.Generator,
    effects: np.ndarray,
    *,
    clusters: int = 6,
    per_cluster: int = 4,
    periods: int = 6,
    start: int = 4,
    shock: float = 0.0,
    across: bool = False,
) -> pd.DataFrame:
    """Return a panel with one effect a segment; half of the clusters treated from one period on.

    Clusters lie within segments, or ``across`` all of them. Clusters have shocks in every period.
    """
    n = len(effects)
    total = clusters if across else clusters * n
    cluster = np.repeat(np.arange(total), per_cluster * (n if across else 1))
    segment = np.tile(np.arange(n), clusters * per_cluster) if across else cluster // clusters
    first = np.where(cluster % 2 == 0, float(start), np.inf)
    unit, t = (
        a.ravel() for a in np.meshgrid(np.arange(len(cluster)), np.arange(periods), indexing="ij")
    )
    t = t + 1
    shocks = shock * rng.standard_normal((total, periods + 1))
    y = rng.standard_normal(len(cluster))[unit] + 0.2 * t + shocks[cluster[unit], t]
    y = y + effects[segment[unit]] * (t >= first[unit]) + rng.standard_normal(unit.size)
    names = np.array([f"s{i:02d}" for i in range(n)])
    columns = {"unit": unit, "t": t, "y": y, "g": first[unit], "cluster": cluster[unit]}
    return pd.DataFrame(columns | {"segment": names[segment[unit]], "tau": effects[segment[unit]]})


def store_shares(
    rng: np.random.Generator,
    effects: np.ndarray,
    *,
    stores: int = 6,
    periods: int = 8,
    people: int = 40,
    shock: float = 0.25,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return people who say yes or no in stores of several segments, and the effects on shares.

    Half of the stores are treated from the middle on; ``effects`` are on the logit scale. Stores
    have levels, segments drift, and every store has a shock in every period.
    """
    n, start = len(effects), periods // 2 + 1
    index = np.arange(n), np.arange(stores), np.arange(1, periods + 1)
    segment, store, t = (a.ravel() for a in np.meshgrid(*index, indexing="ij"))
    drift = np.cumsum(0.05 * rng.standard_normal((n, periods)), axis=1)
    level = rng.normal(0.3, 0.4, (n, stores))
    g = np.where(store % 2 == 0, float(start), np.inf)
    untreated = level[segment, store] + 0.05 * t + drift[segment, t - 1]
    untreated = untreated + shock * rng.standard_normal(t.size)
    before, after = (1 / (1 + np.exp(-(untreated + d))) for d in (0.0, effects[segment]))
    yes = rng.binomial(people, np.where(t >= g, after, before))
    names = np.array([f"s{i:02d}" for i in range(n)])[segment]
    cells = pd.DataFrame({"segment": names, "group": segment * stores + store, "t": t, "g": g})
    rows = cells.loc[cells.index.repeat(people)].reset_index(drop=True)
    y = (np.arange(people) < yes[:, None]).astype(float).ravel()
    inside = t >= g
    gain = [(after - before)[inside & (segment == s)].mean() for s in range(n)]
    return rows.assign(y=y), np.array(gain)
