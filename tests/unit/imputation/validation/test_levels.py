"""Gaps of levels, by hand, and adjusted p-values."""

import numpy as np
import pandas as pd
import pytest

from cximpact.imputation.validation.levels import holm, level_table


def test_gaps_by_hand():
    """Group a: 4 answers predicted 0.5 each, 3 of them 1. Its standard error is .5 / 2."""
    index = pd.DataFrame({"g": ["a", "b", "a"]})
    pmf = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]])
    count = np.array([[1, 1], [20, 80], [0, 2]])
    table = level_table(index, pmf, count, np.array([0.0, 1.0]), ["g"])
    assert table["level"].tolist() == ["a", "b"]
    assert table["observed"].to_numpy() == pytest.approx([0.75, 0.8])
    assert table["estimate"].to_numpy() == pytest.approx([0.25, 0.0])
    assert table["std_error"].to_numpy() == pytest.approx([0.25, 0.04])
    assert table["p_adjusted"].to_numpy() == pytest.approx([2 * 0.3173105, 1.0])
    assert table["conf_high"].iloc[1] == pytest.approx(1.6448536 * 0.04)
    assert table["n"].tolist() == [4, 100]


def test_a_model_without_factors_has_no_levels():
    table = level_table(pd.DataFrame(index=[0]), np.array([[1.0]]), np.array([[1]]), np.ones(1), [])
    assert table.empty and "p_adjusted" in table


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.6, 0.5])) == pytest.approx([1.0, 1.0])
