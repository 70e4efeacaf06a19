"""Bins: about equal numbers, ties together, the same edges for the next wave."""

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    ZeroVarianceError,
)
from cximpact.imputation.binning import Bins, bin_columns
from tests.support.engines import ENGINES


def binned(frame, bins, column="x"):
    return nw.from_native(bins.apply(frame)).lazy().collect().to_pandas()[f"{column}_bin"]


def test_hundred_different_values_fall_into_ten_bins_of_ten():
    frame = pd.DataFrame({"x": np.random.default_rng(0).permutation(100) + 0.5})
    bins = bin_columns(frame, ["x"])
    assert bins.edges["x"].tolist() == [9.5 + 10 * i for i in range(9)]
    counts = binned(frame, bins).value_counts()
    assert len(counts) == 10 and set(counts) == {10}


def test_bins_agree_with_quantile_bins_of_pandas():
    values = np.random.default_rng(1).gamma(2.0, 3.0, 1000)
    bins = bin_columns(pd.DataFrame({"x": values}), ["x"], n_bins=4)
    expected = np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")
    assert bins.edges["x"] == pytest.approx(expected)


def test_ties_stay_together_and_give_fewer_bins():
    frame = pd.DataFrame({"x": [0.0] * 70 + [1.0] * 10 + [2.0] * 10 + [3.0] * 10})
    bins = bin_columns(frame, ["x"], n_bins=5)
    counts = binned(frame, bins).value_counts()
    assert counts.to_dict() == {"1: up to 0": 70, "2: 0 to 1": 10, "3: above 1": 20}


def test_a_last_value_with_most_rows_still_gives_two_bins():
    frame = pd.DataFrame({"x": [0.0] + [1.0] * 99})
    assert bin_columns(frame, ["x"]).edges["x"].tolist() == [0.0]


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=60), st.integers(2, 12))
def test_equal_values_share_a_bin_and_bins_keep_the_order(values, n_bins):
    if len(set(values)) < 2:
        values = [*values, 6]
    frame = pd.DataFrame({"x": np.array(values, dtype=float)})
    bins = bin_columns(frame, ["x"], n_bins=n_bins)
    found = frame.assign(bin=binned(frame, bins)).sort_values("x")
    assert found.groupby("x")["bin"].nunique().max() == 1
    assert found["bin"].is_monotonic_increasing
    assert 2 <= found["bin"].nunique() <= n_bins
    assert set(found["bin"]) == set(bins.labels("x"))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_learns_and_applies_the_same_edges(engine):
    table = pd.DataFrame({"id": range(40), "x": [1.0, 2.0, 3.0, np.nan] * 10})
    frame = ENGINES[engine](table)
    bins = bin_columns(frame, ["x"], n_bins=3, missing="own_bin")
    assert bins.edges["x"].tolist() == [1.0, 2.0]
    found = nw.from_native(bins.apply(frame)).lazy().collect().to_pandas().sort_values("id")
    assert found["x_bin"].tolist()[:4] == ["1: up to 1", "2: 1 to 2", "3: above 2", "missing"]
    assert list(found.columns) == ["id", "x", "x_bin"]


def test_the_next_wave_gets_the_same_edges():
    bins = bin_columns(pd.DataFrame({"x": np.arange(100.0)}), ["x"], n_bins=2)
    later = pd.DataFrame({"x": [-1000.0, 49.0, 49.5, 1000.0]})
    assert binned(later, bins).str[0].tolist() == ["1", "1", "2", "2"]
    assert "x_bin" not in later


def test_stored_bins_come_back_equal():
    bins = bin_columns(pd.DataFrame({"x": np.arange(30.0)}), ["x"], missing="own_bin")
    back = Bins(**bins.as_dict())
    assert back.edges["x"].tolist() == bins.edges["x"].tolist()
    assert back.labels("x")[-1] == "missing"


def test_labels_sort_in_the_order_of_the_bins():
    bins = bin_columns(pd.DataFrame({"x": np.arange(1000.0)}), ["x"], n_bins=12)
    assert list(bins.labels("x")) == sorted(bins.labels("x"))
    assert len(bins.table()) == 12


def test_edges_that_look_alike_keep_names_apart():
    bins = Bins(edges={"x": [1_000_000.1, 1_000_000.2]})
    assert len(set(bins.labels("x"))) == 3


def test_missing_values_are_refused_by_default_with_the_rows():
    frame = pd.DataFrame({"x": [1.0, np.nan, 2.0, np.nan]})
    with pytest.raises(MissingValueError, match="2 rows, at positions 1, 3; .*own_bin"):
        bin_columns(frame, ["x"])
    bins = Bins(edges={"x": [1.5]})
    with pytest.raises(MissingValueError, match="missing in 2 rows"):
        bins.apply(frame)


@pytest.mark.parametrize(
    ("column", "error", "match"),
    [
        ([1.0, np.inf], NonFiniteError, "infinite"),
        (["a", "b"], DtypeError, "expected numbers"),
        ([1.0, 1.0], ZeroVarianceError, "1 different values"),
    ],
)
def test_columns_that_cannot_be_binned_are_refused(column, error, match):
    with pytest.raises(error, match=match):
        bin_columns(pd.DataFrame({"x": column}), ["x"])


def test_bad_settings_are_refused():
    frame = pd.DataFrame({"x": [1.0, 2.0], "x_bin": "a"})
    with pytest.raises(ConfigError, match="increasing"):
        Bins(edges={"x": [2.0, 1.0]})
    with pytest.raises(ConfigError, match="n_bins is 1"):
        bin_columns(frame, ["x"], n_bins=1)
    with pytest.raises(ConfigError, match="'x_bin' already"):
        Bins(edges={"x": [1.5]}).apply(frame)
    with pytest.raises(MissingColumnError, match="Did you mean 'x'"):
        Bins(edges={"x": [1.5]}).labels("X")


def test_the_text_says_that_covariates_were_binned():
    assert "'x' into 3 bins" in Bins(edges={"x": [1.0, 2.0]}).explain()
