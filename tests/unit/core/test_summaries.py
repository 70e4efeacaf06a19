"""Draws become numbers in the last step, and each label says what was computed."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, DtypeError, InsufficientDataError
from cximpact.core.summaries import interval, mcse_mean, probability, summarize, to_table

SKEWED = np.random.default_rng(1).gamma(2.0, size=2000)
DRAWS = dr.from_array(SKEWED, source="s")
WIDE = dr.from_array(
    np.random.default_rng(2).normal([0, 5], size=(1000, 2)),
    source="s",
    dims=["k"],
    coords={"k": ["a", "b"]},
)


def test_the_equal_tailed_interval_is_made_of_quantiles():
    low, high = interval(DRAWS, 0.8, "eti")
    np.testing.assert_allclose([low, high], np.quantile(SKEWED, [0.1, 0.9]))


@pytest.mark.parametrize("prob", [0.5, 0.8, 0.9, 0.95])
def test_the_shortest_interval_agrees_with_arviz(prob):
    low, high = interval(DRAWS, prob, "hdi")
    expected = az.hdi(SKEWED, prob=prob)
    np.testing.assert_allclose([low, high], expected, atol=0.01)
    assert np.mean((low.item() <= SKEWED) & (high.item() >= SKEWED)) >= prob
    tails = interval(DRAWS, prob, "eti")
    assert high - low < tails[1] - tails[0]


def test_a_table_holds_the_interval_that_was_asked_for():
    for kind in ("eti", "hdi"):
        row = summarize(DRAWS, 0.8, kind).iloc[0]
        assert (row.conf_low, row.conf_high) == tuple(float(x) for x in interval(DRAWS, 0.8, kind))
        assert row.conf_level == 0.8
    assert summarize(DRAWS, 0.8, "eti").conf_low[0] != summarize(DRAWS, 0.8, "hdi").conf_low[0]


def test_a_summary_has_one_row_an_element_under_its_labels():
    table = summarize(WIDE, 0.9)
    assert list(table.columns) == [
        "k", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "mcse",
    ]  # fmt: skip
    assert table["k"].tolist() == ["a", "b"]
    np.testing.assert_allclose(table["estimate"], WIDE.values.mean(0))
    np.testing.assert_allclose(table["std_error"], WIDE.values.std(0, ddof=1))


def test_the_monte_carlo_error_uses_the_effective_number_of_draws():
    assert float(mcse_mean(DRAWS)) == pytest.approx(SKEWED.std(ddof=1) / np.sqrt(2000))
    fewer = DRAWS.assign_attrs(ess=500.0)
    assert float(mcse_mean(fewer)) == pytest.approx(SKEWED.std(ddof=1) / np.sqrt(500))
    assert summarize(fewer)["mcse"][0] == pytest.approx(SKEWED.std(ddof=1) / np.sqrt(500))


def test_numbers_over_all_draws_belong_to_no_sample_order():
    for array in (*interval(WIDE), *interval(WIDE, kind="hdi"), mcse_mean(WIDE)):
        assert "sample_order" not in array.attrs and "sample_key" not in array.coords


def test_a_draw_that_is_no_number_shows_instead_of_being_skipped():
    holes = WIDE.where(WIDE[0, 0] != WIDE)
    for kind in ("eti", "hdi"):
        table = summarize(holes, kind=kind)
        assert table.loc[0, ["estimate", "std_error", "conf_low", "conf_high"]].isna().all()
        assert table.loc[1].notna().all()


def test_a_probability_counts_true_draws():
    share = probability(WIDE > 0)
    np.testing.assert_allclose(share, (WIDE.values > 0).mean(0))
    with pytest.raises(DtypeError, match="expected true or false"):
        probability(WIDE)


def test_one_draw_has_no_spread():
    with pytest.raises(InsufficientDataError, match="1 draw"):
        summarize(dr.from_array([1.0], source="s"))


@pytest.mark.parametrize(("prob", "hint"), [(90, "0.9"), (95, "0.95")])
def test_a_percentage_is_taken_for_a_slip(prob, hint):
    with pytest.raises(ConfigError, match=f"Did you mean {hint}"):
        interval(DRAWS, prob)


def test_an_unknown_kind_is_named():
    with pytest.raises(ConfigError, match=r"'hpd'.*expected one of 'eti', 'hdi'"):
        summarize(DRAWS, kind="hpd")


def test_to_table_orders_every_column_as_the_first():
    one = xr.DataArray(np.arange(6).reshape(2, 3), dims=["a", "b"], coords={"a": ["x", "y"]})
    table = to_table({"one": one, "two": one.transpose("b", "a")})
    pd.testing.assert_series_equal(table["one"], table["two"], check_names=False)
    assert table[["a", "b"]].to_numpy().tolist()[3] == ["y", 0]


@pytest.mark.parametrize(
    "other",
    [
        xr.DataArray([1.0, 2.0], dims="k", coords={"k": ["b", "a"]}),
        xr.DataArray([1.0, 2.0, 3.0], dims="k", coords={"k": ["a", "b", "c"]}),
        xr.DataArray([1.0, 2.0], dims="j"),
        xr.DataArray(1.0),
    ],
)
def test_to_table_refuses_columns_whose_rows_differ(other):
    with pytest.raises(AlignmentError):
        to_table(
            {"one": xr.DataArray([1.0, 2.0], dims="k", coords={"k": ["a", "b"]}), "two": other}
        )


def test_a_dimension_named_like_a_column_is_refused():
    with pytest.raises(ConfigError, match="named like columns"):
        summarize(dr.from_array(np.ones((5, 2)), source="s", dims=["mcse"]))


def test_normal_draws_give_the_normal_interval():
    grid = dr.from_array(stats.norm.ppf((np.arange(20001) + 0.5) / 20001), source="grid")
    for kind in ("eti", "hdi"):
        np.testing.assert_allclose(interval(grid, 0.9, kind), [-1.6449, 1.6449], atol=5e-3)
