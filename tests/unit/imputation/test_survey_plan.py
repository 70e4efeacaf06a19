"""Samples of fixed size with given probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.imputation.survey_plan import systematic


@given(st.lists(st.floats(0.001, 1.0), min_size=3, max_size=40), st.integers(0, 10_000))
def test_systematic_samples_have_a_fixed_size_and_no_one_twice(weights, seed):
    probs = np.array(weights)
    size = max(1, int(probs.sum() / probs.max() / 2))
    probs *= size / probs.sum()
    probs = np.minimum(probs, 1.0)
    drawn = systematic(probs, np.random.default_rng(seed))
    assert len(drawn) == round(probs.sum()) and len(set(drawn)) == len(drawn)


def test_systematic_samples_keep_the_inclusion_probabilities():
    probs = np.array([0.02, 0.5, 1.0, 0.33, 0.9, 0.25])
    rng = np.random.default_rng(0)
    hits = np.zeros(6)
    for _ in range(8000):
        hits[systematic(probs, rng)] += 1
    assert hits / 8000 == pytest.approx(probs, abs=0.02)
    assert hits[2] == 8000
