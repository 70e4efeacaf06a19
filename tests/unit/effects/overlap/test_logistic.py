"""Propensities by logistic regression, fitted again with any weights."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import logistic_propensity


def world(n=400):
    rng = np.random.default_rng(1)
    x = rng.normal(50, 10, n)
    features = pd.DataFrame({"x": x, "g": rng.choice(["a", "b"], n)})
    return features, rng.random(n) < 1 / (1 + np.exp(-(x - 50) / 10))


def test_it_solves_the_score_equations():
    features, t = world()
    w = np.random.default_rng(2).uniform(0.5, 2, t.size)
    model = logistic_propensity(features, t)
    e = model(w)
    for column in (np.ones(t.size), features["x"], features["g"] == "b"):
        assert abs((w * (t - e)) @ column) < 1e-5
    assert model.names == ("constant", "x", "g[b]")
    assert abs(model(np.ones(t.size)) - e).max() > 1e-3


def test_what_it_refuses():
    features, t = world()
    with pytest.raises(errors.SeparationError, match="'x'"):
        logistic_propensity(features, features["x"] > 50)(np.ones(t.size))
    with pytest.raises(errors.ZeroVarianceError, match="'c' is the same"):
        logistic_propensity(features.assign(c=1), t)
    with pytest.raises(errors.DtypeError, match="400 values for 399"):
        logistic_propensity(features, t[:-1])
