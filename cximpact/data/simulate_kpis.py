"""A contact center whose every arrow is known: from outages over hold time to lifetime value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, gammaln, ndtri

from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_count

CUTS = np.array([-3.0, -2.1, -1.3, -0.5, 0.5, 1.7])
LEVELS = np.arange(1, 8)
MARGIN, PER_TRANSFER, PER_MINUTE = 180.0, -4.0, -0.5
KPIS = ("outage", "hold", "transfers", "resolved", "effort")
_NODES, _TENURE_NODES, _COUNTS = 28, 10, np.arange(16)


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiWorld:
    """Callers of a contact center: what an analyst sees, and apart from it what is true.

    Parameters
    ----------
    customers : pandas.DataFrame
        One row a customer: ``tenure`` (mean 0, variance 1), ``outage`` (minutes a week), ``hold``
        (minutes), ``transfers``, ``resolved`` (0/1), ``effort`` (1 to 7, higher is easier),
        ``retained`` (0/1) and ``value`` (money).
    truth : pandas.DataFrame
        One row a KPI: what one unit more of it adds to the expected ``retained`` and ``value``.
    """

    customers: pd.DataFrame = field(repr=False)
    truth: pd.DataFrame


def simulate_kpis(rng: RngLike, *, n: int = 5_000) -> KpiWorld:
    r"""Simulate callers whose path from outage to value is known.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        Seed.
    n : int, default 5000
        Customers.

    Returns
    -------
    KpiWorld
        Customers and the truth.

    Notes
    -----
    With independent noise at every node,

    .. math::

        \log O &\sim N(1, .5^2), \quad \log H \sim N(.6 + .35 \log O, .5^2), \quad
        T \sim \text{Poisson}(e^{-.6 + .25 \log O}), \\
        R &\sim \text{Bernoulli}(\text{expit}(1 - .5 T - .06 H)), \\
        E &: \text{cumulative logit}, \eta = .3 x - .5 \log H - .3 T + .9 R, \\
        S &\sim \text{Bernoulli}(\text{expit}(-1.4 + .4 E + .3 R + .25 x)), \\
        V &= 180 S - 4 T - .5 H .

    References
    ----------
    A design of this package; the truth is integrated in `kpi_truth`.
    """
    check_count(n, "n", low=10)
    streams = spawn(rng, "tenure", "outage", "hold", "transfers", "resolved", "effort", "retained")
    u = [stream.random(n) for stream in streams]
    x, log_outage = ndtri(u[0]), 1.0 + 0.5 * ndtri(u[1])
    hold = np.exp(0.6 + 0.35 * log_outage + 0.5 * ndtri(u[2]))
    transfers = streams[3].poisson(np.exp(-0.6 + 0.25 * log_outage))
    resolved = (u[4] < expit(1.0 - 0.5 * transfers - 0.06 * hold)).astype(int)
    latent = _ease(x, hold, transfers, resolved) + np.log(u[5] / (1 - u[5]))
    effort = 1 + np.searchsorted(CUTS, latent)
    retained = (u[6] < _stays(x, resolved, effort)).astype(int)
    customers = pd.DataFrame(
        {
            "tenure": x,
            "outage": np.exp(log_outage),
            "hold": hold,
            "transfers": transfers,
            "resolved": resolved,
            "effort": effort,
            "retained": retained,
            "value": MARGIN * retained + PER_TRANSFER * transfers + PER_MINUTE * hold,
        }
    )
    truth = pd.DataFrame({"kpi": list(KPIS)} | {k: list(v) for k, v in kpi_truth().items()})
    return KpiWorld(customers=customers, truth=truth)


@lru_cache(maxsize=1)
def kpi_truth() -> Mapping[str, tuple[float, ...]]:
    """Integrate what one unit more of each KPI adds to retention and to value.

    Returns
    -------
    mapping of str to tuple of float
        ``retained`` and ``value``, one number a KPI in the order of ``KPIS``.

    Notes
    -----
    Every customer's KPI is shifted a little to either side and the rest follows; a KPI of 0 and 1
    is set to 1 and to 0. Integrals are Gauss-Hermite over tenure, outage and hold, and exact sums
    over transfers, resolution and effort.
    """
    steps = {"outage": 1e-4, "hold": 1e-4, "transfers": 1e-4, "effort": 1e-4}
    retained, value = [], []
    for kpi in KPIS:
        if kpi == "resolved":
            low, high, span = _means({kpi: ("set", 0.0)}), _means({kpi: ("set", 1.0)}), 1.0
        else:
            step = steps[kpi]
            low, high = _means({kpi: ("add", -step)}), _means({kpi: ("add", step)})
            span = 2 * step
        retained.append(float((high[0] - low[0]) / span))
        value.append(float((high[1] - low[1]) / span))
    return MappingProxyType({"retained": tuple(retained), "value": tuple(value)})


def _means(do: Mapping[str, tuple[str, float]]) -> tuple[float, float]:
    """Integrate retention and value when one KPI is shifted or set."""

    def act(name: str, values: Any) -> Any:
        kind, amount = do.get(name, ("add", 0.0))
        return values * 0 + amount if kind == "set" else values + amount

    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    log_outage = 1.0 + 0.5 * nodes[:, None]
    outage = act("outage", np.exp(log_outage))
    hold = act("hold", np.exp(0.6 + 0.35 * np.log(outage) + 0.5 * nodes[None, :]))
    rate = np.exp(-0.6 + 0.25 * np.log(outage))
    x_nodes, x_weights = np.polynomial.hermite_e.hermegauss(_TENURE_NODES)
    x_weights = x_weights / x_weights.sum()
    joint = weights[:, None] * weights[None, :]
    retained = value = 0.0
    for count in _COUNTS:
        p = joint * np.exp(count * np.log(rate) - rate - gammaln(count + 1))
        transfers = act("transfers", float(count))
        fixed = expit(1.0 - 0.5 * transfers - 0.06 * hold)
        value += float((p * (PER_TRANSFER * transfers + PER_MINUTE * hold)).sum())
        for resolved in (0.0, 1.0):
            share = p * (fixed if resolved else 1 - fixed)
            done = act("resolved", resolved)
            for x, w in zip(x_nodes, x_weights, strict=True):
                kept = _kept(x, hold, transfers, done, act)
                retained += w * float((share * kept).sum())
    return retained, value + MARGIN * retained


def _kept(x: float, hold: Any, transfers: Any, resolved: Any, act: Any) -> np.ndarray:
    """Sum up the probability to stay over the effort scores."""
    eta = _ease(x, hold, transfers, resolved)
    below = expit(CUTS - eta[..., None])
    shares = np.diff(below, axis=-1, prepend=0.0, append=1.0)
    scores = act("effort", LEVELS.astype(float))
    return (shares * _stays(x, resolved, scores)).sum(axis=-1)


def _ease(x: Any, hold: Any, transfers: Any, resolved: Any) -> np.ndarray:
    return 0.3 * x - 0.5 * np.log(hold) - 0.3 * transfers + 0.9 * resolved


def _stays(x: Any, resolved: Any, effort: Any) -> np.ndarray:
    return expit(-1.4 + 0.4 * effort + 0.3 * resolved + 0.25 * x)
