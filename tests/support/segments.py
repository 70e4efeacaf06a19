"""Worlds of segments whose effects are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from cximpact.effects.uplift.segment_cells import BINOMIAL, NORMAL, SegmentCells
from cximpact.effects.uplift.segment_model import SegmentPriors

PRIORS = SegmentPriors(
    baseline_location=-1.0,
    baseline_scale=1.0,
    effect_scale=0.5,
    baseline_spread=0.7,
    effect_spread=0.4,
    concentration=2.0,
)


def drawn_terms(
    rng: np.random.Generator, segments: int, priors: SegmentPriors = PRIORS, n_arms: int = 1
) -> dict[str, np.ndarray]:
    """Draw what segments share, and their baselines and effects, from the prior."""
    location, mean_scale, spread_scale = priors.terms(n_arms)
    d = n_arms + 1
    mean = rng.normal(location, mean_scale)
    spread = np.abs(rng.normal(size=d)) * spread_scale
    correlation = lkj(rng, d, priors.concentration)
    covariance = correlation * np.outer(spread, spread)
    terms = rng.multivariate_normal(mean, covariance, size=segments, method="eigh")
    return {"mean": mean, "spread": spread, "correlation": correlation, "terms": terms}


def lkj(rng: np.random.Generator, d: int, concentration: float) -> np.ndarray:
    """Draw a correlation matrix by the onion method, which shares nothing with the model."""
    beta = concentration + (d - 2) / 2
    r = 2 * rng.beta(beta, beta) - 1
    matrix = np.array([[1.0, r], [r, 1.0]])
    for k in range(2, d):
        beta -= 0.5
        y = rng.beta(k / 2, beta)
        direction = rng.normal(size=k)
        w = np.sqrt(y) * direction / np.linalg.norm(direction)
        z = np.linalg.cholesky(matrix) @ w
        matrix = np.block([[matrix, z[:, None]], [z[None, :], np.ones((1, 1))]])
    return matrix


def counted(
    rng: np.random.Generator, terms: np.ndarray, rows: np.ndarray, family: str = BINOMIAL
) -> SegmentCells:
    """Count outcomes of customers; means have a standard deviation of 1 a customer."""
    eta = terms.copy()
    eta[:, 1:] += terms[:, :1]
    rows = np.broadcast_to(np.asarray(rows, dtype=float), eta.shape).copy()
    if family == NORMAL:
        value, size = eta + rng.normal(size=eta.shape) / np.sqrt(rows), rows
    else:
        value, size = rng.binomial(rows.astype(int), special.expit(eta)).astype(float), rows
    return SegmentCells(
        by="segment",
        labels=tuple(f"s{i}" for i in range(len(eta))),
        control=0,
        arms=tuple(range(1, eta.shape[1])),
        family=family,
        rows=rows,
        total=rows.sum(axis=1),
        value=value,
        size=size,
    )


def customers(rng: np.random.Generator, n: int = 6000) -> tuple[pd.DataFrame, pd.Series]:
    """Rows of a randomized experiment in four regions by two tenures, and the true effects."""
    table = pd.DataFrame(
        {
            "region": rng.choice(["north", "south", "east", "west"], n),
            "tenure": rng.choice(["new", "old"], n),
            "treated": rng.integers(0, 2, n),
        }
    )
    names = table["region"] + " | " + table["tenure"]
    labels = sorted(names.unique())
    baseline = pd.Series(np.linspace(-2.0, -0.5, len(labels)), labels)
    effect = pd.Series(np.linspace(0.1, 0.8, len(labels)), labels)
    logit = names.map(baseline) + names.map(effect) * table["treated"]
    table["bought"] = (rng.random(n) < special.expit(logit)).astype(int)
    table["spend"] = table["bought"] * rng.lognormal(2.0, 0.5, n)
    return table, special.expit(baseline + effect) - special.expit(baseline)
