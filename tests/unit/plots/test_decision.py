"""Pictures of decisions, goals by segment and curves of customers."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact import plots
from cximpact.core.errors import MissingColumnError, UnitsError


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def ticks(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


SWINGS = pd.DataFrame(
    {
        "input": ["a: effect", "b: value"],
        "low": [0.001, 8.0],
        "high": [0.005, 12.0],
        "unit": ["pp", ""],
        "npv_low": [-50.0, 20.0],
        "npv_high": [150.0, 60.0],
    }
)


def test_a_tornado_shows_both_ends_with_their_inputs():
    ax = plots.tornado(SWINGS, expected=40.0, currency="EUR")
    assert ticks(ax) == ["a: effect", "b: value"]
    assert {"0.1 pp", "0.5 pp", "8", "12"} <= set(texts(ax))
    ends = sorted(bar.get_x() + bar.get_width() for bar in ax.patches[:2])
    assert ends == pytest.approx([-50.0, 150.0])
    with pytest.raises(UnitsError):
        plots.tornado(SWINGS, expected=0.0, currency="euro")


def test_bars_are_sorted_and_labelled():
    ax = plots.bars(pd.DataFrame({"label": ["x", "y"], "value": [10.0, 2500.0]}), unit="EUR")
    assert ticks(ax) == ["y", "x"] and "2,500" in texts(ax)
    assert ax.get_xlim()[0] == 0


def test_intervals_keep_the_order_of_the_table():
    table = pd.DataFrame(
        {
            "label": ["later", "as planned"],
            "estimate": [-1.0, 4.0],
            "conf_low": [-3.0, 1.0],
            "conf_high": [1.0, 6.0],
        }
    )
    assert ticks(plots.intervals(table, unit="EUR")) == ["later", "as planned"]


def test_the_frontier_holds_the_choice():
    table = pd.DataFrame({"cost": [0.0, 10], "npv": [0.0, 30], "initiatives": ["none", "a"]})
    ax = plots.frontier(table, chosen=(10.0, 30.0), currency="EUR")
    assert "chosen" in texts(ax) and list(ax.lines[-1].get_xydata()[0]) == [10.0, 30.0]
    with pytest.raises(MissingColumnError, match="npv"):
        plots.frontier(table.drop(columns="npv"), chosen=(0, 0), currency="EUR")


def test_the_best_size_of_a_study_is_marked_where_it_pays():
    table = pd.DataFrame(
        {
            "n": [0, 100, 200.0],
            "evsi": [0, 50, 60.0],
            "cost": [0, 20, 40.0],
            "net_gain": [0, 30, 20.0],
        }
    )
    assert "best: n = 100" in texts(plots.study_size(table, currency="EUR"))
    poor = table.assign(net_gain=[0.0, -5, -9])
    assert not any("best" in t for t in texts(plots.study_size(poor, currency="EUR")))


def test_retention_shows_what_was_seen_and_what_was_fitted():
    renewals = np.arange(1, 5)
    table = pd.DataFrame(
        {
            "segment": "all customers",
            "renewal": renewals,
            "estimate": [0.8, 0.85, 0.88, 0.9],
            "conf_low": [0.78, 0.83, 0.86, 0.88],
            "conf_high": [0.82, 0.87, 0.9, 0.92],
        }
    )
    seen = pd.DataFrame({"segment": "all customers", "period": [1, 2], "retention": [0.7, 0.86]})
    ax = plots.retention_curves(table, seen)
    assert ax.get_ylim()[0] < 0.7 and ax.get_ylim()[1] == 1.0
    assert ax.lines[-1].get_ydata().tolist() == [0.7, 0.86]
    assert "Points: seen. Line: fitted, with its 90% band." in texts(ax)


def test_growth_starts_at_nothing():
    values = np.linspace(0, 3, 5) * np.linspace(0.9, 1.1, 50)[:, None]
    draws = xr.DataArray(values, dims=("sample", "time"), coords={"time": np.arange(5)})
    ax = plots.growth(draws, period="week", what="repeat purchases")
    assert ax.get_ylim()[0] == 0 and ax.get_xlabel() == "Weeks since the first purchase"


def test_chances_of_goals():
    table = pd.DataFrame(
        {"target": [1.0, 2, 3], "status_quo": [0.9, 0.4, 0.0], "with_initiatives": [1.0, 0.8, 0.3]}
    )
    ax = plots.attainment_curve(table, target=2.0)
    assert {"if nothing changes", "with the initiatives"} <= set(texts(ax))
    marked = [line.get_ydata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    assert marked == [0.4, 0.8]


def test_goals_of_segments():
    table = pd.DataFrame({"segment": ["a", "b"], "score": [10.0, 60], "target": [20.0, 62]})
    ax = plots.segment_goals(table, limits=(-100, 100))
    assert ticks(ax) == ["a", "b"] and any("→" in t for t in texts(ax))


def test_the_fan_opens_from_the_last_score_and_stays_on_the_scale():
    history = pd.DataFrame({"period": [1, 2, 3], "estimate": [4.8, 4.85, 4.9], "std_error": 0.02})
    draws = xr.DataArray(
        np.random.default_rng(1).normal(4.9, 0.2, (200, 2)),
        dims=("sample", "period"),
        coords={"period": [4, 5]},
    )
    ax = plots.goal_fan(history, draws, target=4.95, limits=(1.0, 5.0))
    assert ax.get_ylim()[1] <= 5.0 + 0.02 * 4 + 1e-9
    assert {"goal", "if nothing changes"} <= set(texts(ax))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "3", "4", "5"]
