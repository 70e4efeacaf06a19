import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DtypeError, DuplicateKeyError, MissingColumnError
from cximpact.plots import driver_importance, driver_quadrants, style


def shares(**changes) -> pd.DataFrame:
    base = {
        "driver": ["staff", "food", "wifi"],
        "estimate": [0.1, 0.2, 0.01],
        "conf_low": [0.08, 0.15, 0.0],
        "conf_high": [0.12, 0.25, 0.03],
        "conf_level": 0.9,
        "selected": [True, True, False],
    }
    return pd.DataFrame(base | changes)


def places(**changes) -> pd.DataFrame:
    base = {
        "driver": ["staff", "food"],
        "importance": [0.2, 0.1],
        "importance_low": [0.15, 0.08],
        "importance_high": [0.25, 0.12],
        "performance": [3.0, 4.0],
        "performance_low": [2.9, 3.9],
        "performance_high": [3.1, 4.1],
        "quadrant": ["fix first", "possible overkill"],
        "probability": [0.95, 0.6],
    }
    return pd.DataFrame(base | changes)


def test_bars_are_sorted_and_the_stable_in_color():
    ax = driver_importance(shares())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["food", "staff", "wifi"]
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [0.2, 0.1, 0.01]
    colors = [bar.get_facecolor() for bar in ax.patches]
    assert colors[0] == colors[1] != colors[2]
    key = [t.get_text() for t in ax.get_legend().get_texts()]
    assert key == ["stable", "not stable", "90% interval"]
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlabel() == "Share of the variance of the outcome (%)"


def test_the_key_names_what_is_there():
    table = shares(own=[0.02, 0.03, np.nan], selected=[True] * 3).drop(columns="conf_level")
    ax = driver_importance(table, what="share of the deviance of churn")
    key = [t.get_text() for t in ax.get_legend().get_texts()]
    assert key == ["stable", "interval", "beyond what all ratings share"]
    assert ax.get_xlabel() == "Share of the deviance of churn (%)"
    diamonds = next(line for line in ax.lines if line.get_marker() == "D")
    np.testing.assert_array_equal(diamonds.get_xdata(), [0.03, 0.02, np.nan])


def test_quadrants_are_named_and_unsure_ones_hollow():
    ax = driver_quadrants(places())
    texts = {t.get_text() for t in ax.texts}
    assert {"fix first", "keep up", "low priority", "possible overkill", "staff", "food"} <= texts
    dots = ax.collections[-1]
    faces = [tuple(c) for c in dots.get_facecolors()]
    assert faces[1] == (1, 1, 1, 1)
    assert faces[0] != (1, 1, 1, 1)
    lines = sorted(float(np.asarray(line.get_xdata())[0]) for line in ax.lines)
    assert 3.5 in lines


def test_limits_of_the_table_are_drawn():
    table = places()
    table.attrs["limits"] = (0.17, 3.2)
    ax = driver_quadrants(table)
    assert any(np.asarray(line.get_xdata())[0] == 3.2 for line in ax.lines)
    assert any(np.asarray(line.get_ydata())[0] == 0.17 for line in ax.lines)


def test_bad_tables_are_named():
    with pytest.raises(MissingColumnError, match="selected"):
        driver_importance(shares().drop(columns="selected"))
    with pytest.raises(DtypeError, match="true or false"):
        driver_importance(shares(selected=["yes", "no", "no"]))
    with pytest.raises(DuplicateKeyError, match="driver"):
        driver_importance(shares(driver=["a", "a", "b"]))
    with pytest.raises(ConfigError, match="quadrant is 'top'"):
        driver_quadrants(places(quadrant=["top", "keep up"]))
    with pytest.raises(DtypeError, match="DataFrame"):
        driver_quadrants([1, 2])
    assert style.BLUE
