"""One tiny model, compiled and sampled once for all tests of core."""

import numpy as np
import pytest

from cximpact.core import sampling


@pytest.fixture(scope="session")
def compiled():
    """A normal mean with known variance, whose data can be swapped."""
    import pymc as pm

    coords = {"segment": ["consumer", "business"]}
    with pm.Model(coords=coords) as model:
        y = pm.Data("y", np.array([0.5, 1.5, 1.0, 1.0]))
        mean = pm.Normal("mean", 0, 10)
        pm.Normal("offset", 0, 1, dims="segment")
        pm.Deterministic("always_one", mean * 0 + 1)
        pm.Normal("answer", mean, 1, observed=y)
    return sampling.compile_model(model)


@pytest.fixture(scope="session")
def fit(compiled):
    """A converged fit."""
    return sampling.sample(None, compiled=compiled, rng=1, draws=1000, tune=500)
