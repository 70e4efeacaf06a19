"""How often imputed scores hold the truth, in worlds where it is known."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from tests.support.evidence import airport_record, hierarchy_record


def band(coverage: float, n: int, mass: float = 0.99) -> tuple[float, float]:
    """Binomial band around a coverage."""
    low, high = stats.binom.interval(mass, n, coverage)
    return low / n, high / n


@pytest.mark.slow
def test_interval_of_everybody_covers_where_the_respondents_mislead():
    """Who answers depends on the effects themselves, so cells that rarely answer are shrunk
    towards those that often do: a small part of the respondents' error is left."""
    found = pd.DataFrame([hierarchy_record(seed, "laplace") for seed in range(200)])
    low, high = band(0.9, 200)
    assert low <= found["covered"].mean() <= high
    assert abs(found["error"].mean()) < 0.1 * found["raw_error"].mean()
    assert 0.9 < found["sd"].mean() / found["error"].std() < 1.15
    assert (found["raw_error"] > 1.645 * found["raw_se"]).mean() > 0.9
    assert (found["raw_error"] / found["raw_se"]).mean() > 3


@pytest.mark.slow
def test_sampling_covers_as_the_fast_answer_does():
    found = pd.DataFrame([hierarchy_record(seed) for seed in range(500, 520)])
    low, high = band(0.9, 20)
    assert low <= found["covered"].mean() <= high
    assert found["converged"].mean() > 0.9


@pytest.mark.slow
def test_hidden_answers_of_the_airport_are_recovered_where_hidden_at_random():
    found = pd.DataFrame([airport_record(seed) for seed in range(50)])
    low, high = band(0.9, 50)
    assert low <= found["covered"].mean() <= high
    assert found["raw_error"].mean() > 3 * found["error"].abs().mean() / 2
    assert abs(found["delta"].mean()) < 0.03


@pytest.mark.slow
def test_answers_hidden_by_the_score_need_a_negative_shift():
    found = pd.DataFrame([airport_record(seed, by_score=0.5) for seed in range(20)])
    assert found["covered"].mean() < 0.05
    assert found["error"].mean() > 0.1
    assert (found["delta"] < -0.5).all()
    assert (found["delta"] > -1.0).all()
