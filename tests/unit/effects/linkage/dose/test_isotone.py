import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from cximpact.effects.linkage.dose.isotone import isotone

VALUES = arrays(float, st.integers(2, 12), elements=st.floats(-50, 50))


@given(VALUES, st.integers(0, 1000), st.booleans())
def test_it_is_pooling_of_adjacent_violators(y, seed, increasing):
    weight = np.random.default_rng(seed).random(y.size) + 0.1
    exact = isotonic_regression(y, weights=weight, increasing=increasing).x
    assert isotone(y, weight, increasing=increasing) == pytest.approx(exact, abs=1e-9)


@given(VALUES)
def test_it_keeps_the_mean_and_leaves_curves_in_order(y):
    weight = np.arange(1.0, y.size + 1)
    found = isotone(y, weight)
    assert (np.diff(found) >= -1e-9).all()
    assert weight @ found == pytest.approx(weight @ y, abs=1e-6)
    assert isotone(found, weight) == pytest.approx(found, abs=1e-9)
    assert isotone(np.sort(y), weight) == pytest.approx(np.sort(y))


def test_many_curves_are_each_put_in_order():
    y = np.random.default_rng(1).normal(size=(3, 4, 7))
    weight = np.ones(7)
    found = isotone(y, weight)
    assert found[2, 1] == pytest.approx(isotone(y[2, 1], weight))
