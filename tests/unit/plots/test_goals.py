"""The goal ladder and the tipping point."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact import plots
from cximpact.core.errors import ConfigError, MissingColumnError
from cximpact.plots.sensitivity import crossings


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


CANDIDATES = pd.DataFrame(
    {
        "rule": ["Half a standard deviation", "20% of the opportunity", "Capacity", "High enough"],
        "target": [69.0, 68.0, 65.0, np.nan],
        "binding": [False, False, True, False],
    }
)


def test_the_ladder_starts_from_today_and_the_trend():
    ax = plots.goal_ladder(CANDIDATES, baseline=60.0, target=65.0, current=62.0)
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert rows[:3] == ["Today", "Trend, if nothing changes", "Half a standard deviation"]
    assert any(t.startswith("65.0 (+5.0, binding)") for t in texts(ax))
    assert "goal 65.0" in texts(ax) and "does not apply" in texts(ax)


def test_only_the_binding_rule_is_bold():
    ax = plots.goal_ladder(CANDIDATES, baseline=60.0, target=65.0)
    bold = [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"]
    assert sorted(bold) == ["65.0 (+5.0, binding)", "goal 65.0"]


def test_draws_of_the_baseline_show_their_interval():
    draws = xr.DataArray(np.linspace(55, 65, 1001), dims="sample")
    ax = plots.goal_ladder(CANDIDATES, baseline=draws, target=65.0)
    assert "60.0 (55.5 to 64.5)" in texts(ax)


def test_the_picture_does_not_leave_the_scale():
    ax = plots.goal_ladder(
        CANDIDATES.assign(target=[99.0, 100.0, 98.0, np.nan]),
        baseline=95.0,
        target=98.0,
        limits=(0, 100),
    )
    assert ax.get_xlim()[1] <= 100.2


def test_a_ladder_without_its_columns_is_refused():
    with pytest.raises(MissingColumnError, match="'binding' not found"):
        plots.goal_ladder(CANDIDATES.drop(columns="binding"), baseline=60.0, target=65.0)
    with pytest.raises(ConfigError, match="target is nan"):
        plots.goal_ladder(CANDIDATES, baseline=60.0, target=np.nan)


def curve():
    delta = np.linspace(-1, 1, 11)
    estimate = 35 + 22 * delta
    return pd.DataFrame(
        {
            "delta": delta,
            "estimate": estimate,
            "conf_low": estimate - 4,
            "conf_high": estimate + 4,
        }
    )


def test_the_tipping_point_is_where_the_curve_crosses():
    ax = plots.sensitivity_curve(curve(), x="delta", threshold=20.0)
    (mark,) = [line for line in ax.lines if line.get_label() == "tipping point"]
    assert np.isclose(mark.get_xdata()[0], -15 / 22)
    assert "The conclusion tips at delta = -0.68" in texts(ax)


def test_a_curve_that_does_not_tip_says_so_and_shows_the_threshold():
    ax = plots.sensitivity_curve(curve(), x="delta", threshold=-40.0)
    assert "The conclusion does not tip for delta from -1 to 1" in texts(ax)
    assert ax.get_ylim()[0] < -40


def test_crossings_count_touching_once_and_pass_over_gaps():
    assert crossings(np.arange(3.0), np.array([1.0, 0.0, 1.0]), 0.0) == [1.0]
    assert crossings(np.arange(3.0), np.array([1.0, -1.0, 1.0]), 0.0) == [0.5, 1.5]
    assert crossings(np.arange(3.0), np.array([1.0, np.nan, -1.0]), 0.0) == []
