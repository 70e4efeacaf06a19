"""Cash flow, net present value, any quantity, and the waterfall."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact import plots
from cximpact.core.errors import AlignmentError, ConfigError, DataError, DtypeError, UnitsError
from cximpact.plots.cash_flow import payback
from cximpact.plots.histogram import edges_of


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def draws(values, *dims, **coords):
    return xr.DataArray(np.asarray(values, float), dims=("sample", *dims), coords=coords)


def normal(n=2000, mean=100.0, sd=200.0):
    return draws(np.random.default_rng(3).normal(mean, sd, n))


def fan(n=500):
    rng = np.random.default_rng(5)
    steps = np.column_stack([np.full(n, -100.0), *[rng.normal(20, 8, n) for _ in range(12)]])
    return draws(steps.cumsum(axis=1), "month", month=np.arange(13))


def test_payback_is_for_good():
    paths = np.array([[-5, 1, -1, 2], [-5, -1, 0, 3], [1, 1, 1, 1], [-5, 5, 5, -1]])
    assert payback(paths, np.arange(4)).tolist() == [3, 2, 0, np.inf]


def test_the_fan_holds_the_quantiles_of_the_draws():
    paths = fan()
    ax = plots.cash_flow_fan(paths, currency="EUR")
    outer, inner = (c.get_paths()[0].vertices for c in ax.collections[:2])
    at_end = outer[outer[:, 0] == 12][:, 1]
    expected = np.quantile(paths.sel(month=12), [0.05, 0.95])
    assert np.allclose([at_end.min(), at_end.max()], expected)
    inside = inner[inner[:, 0] == 12][:, 1]
    expected = np.quantile(paths.sel(month=12), [0.25, 0.75])
    assert np.allclose([inside.min(), inside.max()], expected)


def test_the_fan_marks_the_median_payback_and_says_the_chance():
    paths = fan()
    when = payback(paths.to_numpy(), np.arange(13))
    ax = plots.cash_flow_fan(paths, currency="EUR")
    (mark,) = [line for line in ax.lines if line.get_label() == "payback"]
    assert list(mark.get_xdata()) == [np.median(when)]
    assert f"Paid back for good in half of the draws by month {np.median(when):g}" in texts(ax)
    assert any(t.startswith("Chance to have paid back for good by month 12: ") for t in texts(ax))
    assert ax.get_ylabel() == "Cumulative discounted net (EUR)"


def test_a_fan_that_never_pays_back_has_no_mark():
    ax = plots.cash_flow_fan(fan() - 1e6, currency="EUR")
    assert "Not paid back for good in half of the draws by month 12" in texts(ax)
    assert not [line for line in ax.lines if line.get_label() == "payback"]
    assert ax.get_ylim()[1] > 0


def test_a_fixed_cash_flow_has_no_band_and_no_chance():
    ax = plots.cash_flow_fan(fan().isel(sample=[0, 0]), currency="EUR")
    assert not any("Chance" in t or "band" in t for t in texts(ax))


def test_the_fan_is_drawn_in_time_order_from_any_layout():
    shuffled = (
        fan().isel(month=np.random.default_rng(0).permutation(13)).transpose("month", "sample")
    )
    first, second = (plots.cash_flow_fan(f, currency="EUR") for f in (fan(), shuffled))
    assert np.allclose(first.lines[0].get_ydata(), second.lines[0].get_ydata())


def test_the_fan_refuses_what_it_cannot_read():
    with pytest.raises(AlignmentError, match="expected 'sample' and 1 other"):
        plots.cash_flow_fan(normal(), currency="EUR")
    with pytest.raises(UnitsError, match="ISO code"):
        plots.cash_flow_fan(fan(), currency="euro")
    named = fan().assign_coords(month=[f"m{i:02d}" for i in range(13)])
    with pytest.raises(DtypeError, match="expected period numbers"):
        plots.cash_flow_fan(named, currency="EUR")


def test_the_chance_of_a_gain_is_the_share_of_draws_above_zero():
    values = draws([-1.0] * 130 + [2.0] * 870)
    ax = plots.npv_distribution(values, "EUR")
    chance = next(t for t in texts(ax) if t.startswith("Chance of a gain"))
    assert chance.endswith(("87%", "90%"))
    assert any(t.startswith("Mean ") and "90% of the draws between" in t for t in texts(ax))


def test_no_bar_straddles_zero_and_losses_have_their_own_color():
    values = normal()
    ax = plots.npv_distribution(values, "EUR")
    bars = [(b.get_x(), b.get_x() + b.get_width(), b) for b in ax.patches]
    assert not [b for left, right, b in bars if left < -1e-9 and right > 1e-9]
    lost = sum(b.get_height() for left, right, b in bars if right <= 1e-9)
    assert np.isclose(lost, float((values < 0).mean()), atol=0.011)
    colors = {right <= 1e-9: b.get_facecolor() for _, right, b in bars}
    assert colors[True] != colors[False]


def test_zero_is_in_view_unless_it_is_far_away():
    assert edges_of(np.linspace(5, 10, 99)).min() <= 0
    assert edges_of(np.linspace(1000, 1001, 99)).min() > 900
    assert edges_of(-np.linspace(5, 10, 99)).max() >= 0


def test_long_tails_are_cut_and_counted():
    values = np.append(np.random.default_rng(0).normal(0, 1, 2000), [1e6, -1e6])
    ax = plots.npv_distribution(draws(values), "EUR")
    (said,) = [t for t in texts(ax) if "outside the picture" in t]
    assert int(said.split()[0]) >= 2 and "2,002 draws" in said
    assert ax.get_xlim()[1] < 100


def test_a_fixed_npv_has_neither_interval_nor_chance():
    ax = plots.npv_distribution(draws([-5.0] * 10), "EUR")
    assert texts(ax) == ["A fixed number, -5 EUR, without an interval"]


def test_large_amounts_are_shown_in_millions():
    ax = plots.npv_distribution(normal(mean=4e7, sd=2e7), "EUR")
    assert ax.get_xlabel() == "Net present value (million EUR)"
    assert ax.xaxis.get_major_formatter().format_ticks([0, 2e7]) == ["0", "20"]


def test_nan_draws_are_refused():
    with pytest.raises(DataError, match="NaN or infinite"):
        plots.npv_distribution(draws([1.0, np.nan]), "EUR")


def test_a_quantity_becomes_a_histogram_and_several_become_rows():
    ax = plots.distribution(normal(mean=180, sd=20), unit="EUR per customer")
    assert ax.get_xlabel() == "EUR per customer" and len(ax.patches) > 20
    several = draws(np.ones((50, 2)) * [1.0, 5.0], "segment", segment=["a", "b"])
    ax = plots.distribution(several, unit="EUR")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["b", "a"]


def steps():
    return pd.DataFrame(
        {
            "label": ["Answers", "Retention", "Value", "Cost", "Net"],
            "value": [8450.0, 0.058, 300_841.0, -212_800.0, 88_041.0],
            "kind": ["step", "step", "step", "step", "total"],
            "unit": ["answers", "pp", None, "EUR", None],
        }
    )


def test_the_waterfall_writes_people_and_draws_money():
    ax = plots.waterfall(steps(), currency="EUR")
    assert len(ax.patches) == 3
    spans = [(b.get_x(), b.get_x() + b.get_width()) for b in ax.patches]
    assert spans == [(0, 300_841), (88_041, 300_841), (0, 88_041)]
    expected = {"8,450 answers", "+5.8 percentage points", "+300,841 EUR", "-212,800 EUR"}
    assert expected | {"88,041 EUR"} <= set(texts(ax))


def test_the_waterfall_goes_below_zero():
    table = steps().assign(value=[1.0, 0.01, 100.0, -300.0, -200.0])
    ax = plots.waterfall(table, currency="EUR")
    assert ax.get_xlim()[0] < -200
    assert (ax.patches[1].get_x(), ax.patches[1].get_width()) == (-200, 300)


def test_a_total_that_is_not_the_sum_is_refused():
    table = steps()
    table.loc[4, "value"] = 90_000.0
    with pytest.raises(DataError, match="total at position 4 is 90,000, but .* sum to 88,041"):
        plots.waterfall(table, currency="EUR")


def test_the_interval_of_a_total_is_drawn_and_in_view():
    table = steps().assign(conf_low=[np.nan] * 4 + [-76_000], conf_high=[np.nan] * 4 + [500_000])
    ax = plots.waterfall(table, currency="EUR")
    assert ax.get_xlim()[0] < -76_000 and ax.get_xlim()[1] > 500_000


def test_a_mistyped_kind_and_a_table_without_money_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'total'"):
        plots.waterfall(steps().replace("total", "totl"), currency="EUR")
    with pytest.raises(DataError, match="no row of the waterfall is money in EUR"):
        plots.waterfall(steps().assign(unit="USD"), currency="EUR")
