from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.errors import DataError
from cximpact.imputation import (
    category_probabilities,
    cutpoints,
    log_category_probabilities,
    shift_probabilities,
)

CUTS = np.array([-1.0, 0.0, 1.0])


def nps(pmf: np.ndarray) -> float:
    return 100.0 * (pmf[2] - pmf[0])


def test_known_probabilities():
    expected = [0.2689414, 0.2310586, 0.2310586, 0.2689414]
    assert category_probabilities(np.array(0.0), CUTS) == pytest.approx(expected, abs=5e-8)


@pytest.mark.parametrize("eta", [-60.0, 60.0])
def test_log_probabilities_stay_finite_far_out(eta):
    logp = log_category_probabilities(np.array(eta), CUTS)
    assert np.isfinite(logp).all()
    assert np.logaddexp.reduce(logp) == pytest.approx(0.0, abs=1e-12)


def test_log_probabilities_equal_the_naive_difference_in_the_middle():
    naive = np.log(category_probabilities(np.array(0.0), CUTS))
    assert log_category_probabilities(np.array(0.0), CUTS) == pytest.approx(naive, abs=1e-12)


def test_two_categories_have_no_gap():
    logp = log_category_probabilities(np.array(0.3), np.array([0.0]))
    assert np.exp(logp) == pytest.approx([1 / (1 + np.exp(0.3)), 1 / (1 + np.exp(-0.3))])


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_higher_latent_scores_give_higher_answers(eta, more):
    low = np.cumsum(category_probabilities(np.array(eta), CUTS))
    high = np.cumsum(category_probabilities(np.array(eta + more), CUTS))
    assert (high[:-1] < low[:-1]).all()


def test_cutpoints_give_the_probabilities_back():
    p = np.array([0.15, 0.35, 0.5])
    assert category_probabilities(np.array(0.0), cutpoints(p)) == pytest.approx(p, abs=1e-12)


def test_cutpoints_refuse_what_is_no_distribution():
    with pytest.raises(DataError, match="positive and sum to 1"):
        cutpoints(np.array([0.5, 0.5, 0.5]))


@pytest.mark.parametrize(
    ("delta", "silent", "overall"),
    [(0.0, 35.0, 35.0), (-0.25, 25.309, 27.732), (-0.5, 15.216, 20.162), (-1.0, -5.524, 4.607)],
)
def test_shift_of_the_silent_has_the_published_consequences(delta, silent, overall):
    shifted = nps(shift_probabilities(np.array([0.15, 0.35, 0.5]), delta))
    assert shifted == pytest.approx(silent, abs=5e-4)
    assert 0.25 * 35 + 0.75 * shifted == pytest.approx(overall, abs=5e-4)
