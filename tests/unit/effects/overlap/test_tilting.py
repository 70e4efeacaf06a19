"""Tilting functions, and the populations that weights bring both arms to."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import logistic_propensity, overlap_weights

E = np.array([0.2, 0.5, 0.9])


@pytest.mark.parametrize(
    ("target", "tilt"),
    [
        ("ate", [1, 1, 1]),
        ("att", [0.2, 0.5, 0.9]),
        ("atc", [0.8, 0.5, 0.1]),
        ("ato", [0.16, 0.25, 0.09]),
        ("entropy", -E * np.log(E) - (1 - E) * np.log(1 - E)),
        ("matching", [0.2, 0.5, 0.1]),
    ],
)
def test_tilting_functions(target, tilt):
    found = overlap_weights(E, target)
    np.testing.assert_allclose(found.tilt, tilt)
    np.testing.assert_allclose(found.treated, np.divide(tilt, E))
    np.testing.assert_allclose(found.untreated, np.divide(tilt, 1 - E))
    assert "customers" in found.population


def test_both_arms_come_to_the_tilted_population():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, 200_000)
    e = np.array([0.2, 0.5, 0.7])[x]
    t = rng.random(x.size) < e
    for target in ("ate", "att", "atc", "ato", "entropy", "matching"):
        found = overlap_weights(e, target)
        w, expected = found.for_arms(t), found.tilt @ x / found.tilt.sum()
        for arm in (t, ~t):
            assert w[arm].mean() == pytest.approx(1)
            assert (w * x)[arm].mean() == pytest.approx(expected, abs=0.02)


def test_overlap_weights_of_a_logistic_propensity_balance_means_exactly():
    rng = np.random.default_rng(2)
    features = pd.DataFrame({"x": rng.standard_normal(500), "g": rng.choice(list("abc"), 500)})
    t = rng.random(500) < 1 / (1 + np.exp(-features["x"]))
    model = logistic_propensity(features, t)
    w = overlap_weights(model(np.ones(500)), "ato").for_arms(t)
    for column in (features["x"], features["g"] == "b"):
        gap = np.average(column[t], weights=w[t]) - np.average(column[~t], weights=w[~t])
        assert abs(gap) < 1e-8


def test_certain_treatment():
    e = np.array([0.0, 0.5, 1.0])
    for target in ("ato", "matching"):
        found = overlap_weights(e, target)
        assert found.tilt[[0, 2]].tolist() == [0, 0]
        assert (found.treated[0], found.untreated[2]) == (1, 1)
        assert (found.treated[2], found.untreated[0]) == (0, 0)
    for target in ("ate", "att", "atc", "entropy"):
        with pytest.raises(errors.OverlapError, match="2 rows"):
            overlap_weights(e, target)
    with pytest.raises(errors.OverlapError, match="all 1 treated customers have the weight 0"):
        overlap_weights(e, "ato").for_arms([0, 0, 1])


def test_bad_input_is_refused():
    with pytest.raises(errors.ConfigError, match="Did you mean 'ato'"):
        overlap_weights(E, "atoo")
    with pytest.raises(errors.DtypeError, match="2 values for 3"):
        overlap_weights(E).for_arms([0, 1])
