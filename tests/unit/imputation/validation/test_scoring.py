"""Scores of predictions: by hand, by another formula, and proper."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import AlignmentError, InsufficientDataError
from cximpact.data import SurveyWave, cells
from cximpact.imputation.validation.scoring import (
    baseline_pmfs,
    log_score,
    ranked_probability_score,
    score_table,
    weighted_mean,
)
from cximpact.scores import CSAT5


@pytest.mark.parametrize(
    ("pmf", "expected"),
    [
        ([0.2, 0.3, 0.5], [0.89, 0.29, 0.29]),  # .8^2+.5^2, .2^2+.5^2, .2^2+.5^2
        ([0.0, 1.0, 0.0], [1.0, 0.0, 1.0]),  # a sure prediction: its absolute error
        ([0.25, 0.25, 0.25, 0.25], [0.875, 0.375, 0.375, 0.875]),
    ],
)
def test_ranked_probability_score_by_hand(pmf, expected):
    assert ranked_probability_score(np.array([pmf]))[0] == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 11))
def test_ranked_probability_score_is_the_energy_form(seed, k):
    p = np.random.default_rng(seed).dirichlet(np.ones(k))
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    expected = distance @ p - 0.5 * p @ distance @ p
    assert ranked_probability_score(p[None])[0] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000))
def test_both_scores_are_proper(seed):
    rng = np.random.default_rng(seed)
    true, other = rng.dirichlet(np.ones(6), 2)
    assert log_score(true[None])[0] @ true >= log_score(other[None])[0] @ true
    own, others = (ranked_probability_score(p[None])[0] @ true for p in (true, other))
    assert own <= others + 1e-12


def test_weighted_mean_is_that_of_the_rows():
    rng = np.random.default_rng(1)
    values, count = rng.normal(size=(4, 3)), rng.integers(0, 6, (4, 3))
    rows = np.repeat(values.ravel(), count.ravel())
    mean, error = weighted_mean(values, count)
    assert mean == pytest.approx(rows.mean())
    assert error == pytest.approx(rows.std(ddof=1) / np.sqrt(len(rows)))


def test_clusters_add_up_before_they_vary():
    """Two clusters of identical answers are worth two numbers: se = |a - b| / 2."""
    values, count = np.array([[1.0], [3.0]]), np.array([[50], [50]])
    assert weighted_mean(values, count, np.array([0, 1])) == pytest.approx((2.0, 1.0))
    assert weighted_mean(values, count)[1] == pytest.approx(1 / np.sqrt(99))
    with pytest.raises(InsufficientDataError, match="1 units"):
        weighted_mean(values, count, np.array([0, 0]))


def test_baselines_are_smoothed_shares():
    frame = pd.DataFrame({"s": list("aaab"), "y": [1.0, 1.0, 5.0, np.nan]})
    counts = cells(SurveyWave(frame, answer="y", scale=CSAT5, factors=["s"]))
    found = baseline_pmfs(counts, "s")
    overall = np.array([2.5, 0.5, 0.5, 0.5, 1.5]) / 5.5
    assert found["global"][0] == pytest.approx(overall)
    assert found["segment"][0] == pytest.approx((np.array([2, 0, 0, 0, 1]) + 2.5 * overall) / 5.5)
    assert found["segment"][1] == pytest.approx(overall)
    assert list(baseline_pmfs(counts, None)) == ["global"]


def test_gains_are_paired_and_signed():
    rng = np.random.default_rng(3)
    pmf = rng.dirichlet(np.ones(5) * 3, 40)
    count = rng.multinomial(30, pmf)
    flat = np.full((40, 5), 0.2)
    table = score_table(pmf, {"global": flat}, count).set_index(["score", "against"])
    gain = table.loc[("rps", "global")]
    row = np.repeat(np.arange(40), count.sum(axis=1))
    y = np.repeat(np.tile(np.arange(5), 40), count.ravel())
    d = (ranked_probability_score(flat) - ranked_probability_score(pmf))[row, y]
    assert gain["estimate"] == pytest.approx(d.mean())
    assert gain["std_error"] == pytest.approx(d.std(ddof=1) / np.sqrt(len(d)))
    assert gain["skill"] == pytest.approx(d.mean() / ranked_probability_score(flat)[row, y].mean())
    assert gain["conf_low"] > 0 and table.loc[("log_score", "global"), "conf_low"] > 0
    assert table.loc[("log_score", ""), "estimate"] == pytest.approx(np.log(pmf[row, y]).mean())
    assert table.loc[("log_score", "global"), "skill"] == pytest.approx(
        1 - np.log(pmf[row, y]).mean() / np.log(0.2)
    )
    assert (table["n"] == 1200).all()


def test_an_answer_called_impossible_that_nobody_gave_costs_nothing():
    pmf, count = np.array([[0.5, 0.5, 0.0]]), np.array([[3, 4, 0]])
    table = score_table(pmf, {"global": np.full((1, 3), 1 / 3)}, count)
    assert np.isfinite(table[["estimate", "std_error"]]).all(axis=None)


def test_shapes_must_agree():
    with pytest.raises(AlignmentError, match="counts"):
        weighted_mean(np.ones((2, 3)), np.ones((3, 2)))
