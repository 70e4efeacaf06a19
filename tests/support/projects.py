"""Simulations of several initiatives for tests about decisions."""

import numpy as np

from cximpact import roi
from cximpact.core import draws as dr
from tests.support import money


def effects(k, n=2000, seed=0, mean=0.02, part=slice(None)):
    """Joint effects of k initiatives that share three causes."""
    rng = np.random.default_rng(seed)
    loadings, causes = rng.normal(size=(k, 3)), rng.normal(size=(3, n))
    own = rng.normal(size=(k, n))
    center = mean + 0.01 * rng.normal(size=(k, 1))
    return [
        dr.from_array(row[part], source="joint", attrs={"unit": "pp"})
        for row in center + 0.005 * loadings @ causes + 0.01 * own
    ]


def projects(k, n=2000, seed=0, part=slice(None), **changes):
    """A simulation of k initiatives with one-off costs, on all draws or some of them."""
    rng = np.random.default_rng(seed + 1)
    items = [
        roi.Initiative(
            name=f"p{i:02d}",
            n=10_000,
            effect=tau,
            mechanism="one_time",
            value=100.0,
            currency="EUR",
            costs={"one_off": float(rng.uniform(5_000, 25_000))},
            **changes,
        )
        for i, tau in enumerate(effects(k, n, seed, part=part))
    ]
    return roi.simulate(items, horizon=12, rng=1)


def pair(tau_a=0.1, tau_b=0.2, **changes):
    """Two initiatives for the same customers, with certain effects."""
    settings = {"n": 1000, "mechanism": "per_period", "value": 1.0, "currency": "EUR"} | changes
    return [
        roi.Initiative(name=name, effect=money.draws([tau, tau], name), **settings)
        for name, tau in (("a", tau_a), ("b", tau_b))
    ]
