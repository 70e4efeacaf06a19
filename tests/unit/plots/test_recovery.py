import numpy as np
import pandas as pd
import pytest

from cximpact import plots
from cximpact.core.errors import ConfigError, MissingColumnError

FLOW = pd.DataFrame(
    {
        "at": pd.date_range("2026-01-01", periods=12, freq="W"),
        "opened": np.arange(1, 13) * 20,
        "closed": np.arange(12) * 20,
        "open": 20,
        "overdue": 5,
    }
)
CLOSING = pd.DataFrame(
    {
        "outcome": np.repeat(["resolved", "left"], 3),
        "time": np.tile([1.0, 5.0, 20.0], 2),
        "estimate": [0.2, 0.5, 0.7, 0.05, 0.1, 0.2],
    }
).assign(conf_low=lambda t: t["estimate"] - 0.03, conf_high=lambda t: t["estimate"] + 0.03)
CELLS = pd.DataFrame(
    {
        "score": [4, 5, 6, 6, 7, 8.0],
        "alert": [True, True, True, False, False, False],
        "fit": [0.3, 0.35, 0.4, 0.3, 0.36, 0.4],
        "estimate": [0.3, 0.36, 0.4, np.nan, 0.35, 0.41],
        "std_error": [0.02] * 3 + [np.nan] + [0.02] * 2,
    }
)
EFFECT = pd.DataFrame({"estimate": [0.1], "conf_low": [0.02], "conf_high": [0.18]})


def texts(ax) -> str:
    return " ".join(t.get_text() for t in ax.texts)


def test_the_timeline_names_its_lines_at_their_ends():
    figure = plots.recovery_timeline(FLOW, CLOSING, title="Cases")
    sums, stocks, curves = figure.axes
    assert "opened 240" in texts(sums)
    assert "closed 220" in texts(sums)
    assert "overdue 5" in texts(stocks)
    assert "resolved 70%" in texts(curves)
    assert curves.get_xlabel() == "Days since the case was opened"
    assert plots.to_png(figure)


def test_closing_curves_start_from_nothing():
    ax = plots.closing_curves(CLOSING, unit="hours")
    assert all(line.get_ydata()[0] == 0 for line in ax.lines)
    assert ax.get_xlabel() == "Hours since the case was opened"
    many = pd.concat([CLOSING.assign(outcome=f"end {k}")[:3] for k in range(8)])
    with pytest.raises(ConfigError, match="8 outcomes"):
        plots.closing_curves(many)


def test_the_jump_is_drawn_at_the_cutoff_and_said():
    ax = plots.recovery_cutoff(CELLS, EFFECT, cutoff=6, unit="pp", name="repurchase")
    assert "10 (2 to 18) percentage points" in texts(ax)
    assert ax.get_ylabel() == "Repurchase (%)"
    threshold = [line for line in ax.lines if list(line.get_xdata()) == [6.5, 6.5]]
    assert len(threshold) == 1
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["with an alert", "without an alert", "carried on to the cutoff"]


def test_alerts_at_high_scores_put_the_threshold_on_the_other_side():
    mirrored = CELLS.assign(score=12 - CELLS["score"])
    ax = plots.recovery_cutoff(mirrored, EFFECT, cutoff=6)
    assert any(list(line.get_xdata()) == [5.5, 5.5] for line in ax.lines)


def test_shares_are_not_drawn_beyond_their_ends():
    wide = CELLS.assign(std_error=[2.0] * 3 + [np.nan] + [2.0] * 2)
    low, high = plots.recovery_cutoff(wide, EFFECT, cutoff=6, unit="pp").get_ylim()
    assert low > -0.2
    assert high < 1.2


def test_an_unbounded_effect_is_drawn_without_an_interval():
    unbounded = EFFECT.assign(conf_low=-np.inf, conf_high=np.inf)
    assert "(" not in texts(plots.recovery_cutoff(CELLS, unbounded, cutoff=6)).split(":")[1]


def test_tables_are_checked():
    with pytest.raises(MissingColumnError, match="overdue"):
        plots.recovery_timeline(FLOW.drop(columns="overdue"), CLOSING)
    with pytest.raises(MissingColumnError, match="fit"):
        plots.recovery_cutoff(CELLS.drop(columns="fit"), EFFECT, cutoff=6)
    with pytest.raises(ConfigError, match="holds no times"):
        plots.recovery_timeline(FLOW.assign(at=list("abcdefghijkl")), CLOSING)
