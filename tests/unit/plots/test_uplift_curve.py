"""Curves of rankings, effects by group, and predicted effects against those found."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex

from cximpact import plots
from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
)
from cximpact.plots import style

FRACTIONS = np.linspace(0.01, 1.0, 100)


def curve(name=None, scale=1.0):
    estimate = scale * 0.04 * np.sqrt(FRACTIONS)
    table = pd.DataFrame(
        {
            "fraction": FRACTIONS,
            "estimate": estimate,
            "conf_low": estimate - 0.01 / FRACTIONS,
            "conf_high": estimate + 0.01 / FRACTIONS,
            "conf_level": 0.9,
            "random": scale * 0.04 * FRACTIONS,
        }
    )
    return table if name is None else table.assign(score=name)


def groups(n=10):
    estimate = np.linspace(0.06, -0.02, n)
    columns = {"estimate": estimate, "conf_low": estimate - 0.02, "conf_high": estimate + 0.02}
    return pd.DataFrame({"group": np.arange(1, n + 1), **columns, "conf_level": 0.9})


def pairs():
    return pd.DataFrame(
        {
            "group": [1, 2, 3],
            "predicted": [0.06, 0.03, -0.01],
            "observed": [0.05, 0.0, -0.02],
            "conf_low": [0.03, -0.02, -0.04],
            "conf_high": [0.07, 0.02, 0.0],
            "conf_level": 0.9,
        }
    )


def key(ax):
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def bands(ax):
    return [c for c in ax.collections if isinstance(c, PolyCollection)]


def test_one_ranking_has_its_band_and_the_random_line():
    table = curve()
    before = table.copy()
    ax = plots.uplift_curve(table.sample(frac=1, random_state=1), kind="uplift", unit="pp")
    ranking, random = ax.lines[0], ax.lines[1]
    np.testing.assert_array_equal(ranking.get_xdata(), FRACTIONS)
    np.testing.assert_array_equal(ranking.get_ydata(), table["estimate"])
    np.testing.assert_array_equal(random.get_ydata(), table["random"])
    assert random.is_dashed()
    assert key(ax) == ["ranking", "90% interval at each point", "in random order"]
    assert len(bands(ax)) == 1
    assert ax.get_xlabel() == "Customers treated, highest scores first (%)"
    assert ax.get_ylabel() == "Gain per customer (percentage points)"
    pd.testing.assert_frame_equal(table, before)


def test_wide_intervals_of_the_first_customers_do_not_squash_the_rest():
    table = curve()
    table.loc[0, "estimate"] = -9.0
    ax = plots.uplift_curve(table, unit="pp")
    steady = curve().query("fraction >= 0.05")
    low, high = ax.get_ylim()
    assert high == pytest.approx(steady["conf_high"].max(), rel=0.2)
    assert low > curve()["conf_low"].min()
    assert low <= steady["conf_low"].min()
    few = plots.uplift_curve(table.head(3))
    assert few.get_ylim()[0] < -9.0


def test_rankings_are_compared_on_one_picture():
    table = pd.concat([curve("model"), curve("risk", 0.5)])
    ax = plots.uplift_curve(table, by="score", kind="qini")
    assert key(ax)[:2] == ["model", "risk"]
    assert len(bands(ax)) == 2
    solid = [line for line in ax.lines if line.get_linewidth() == 2.0]
    assert [to_hex(line.get_color()) for line in solid] == list(style.PALETTE[:2])
    np.testing.assert_array_equal(solid[1].get_ydata(), curve("risk", 0.5)["estimate"])


def test_many_rankings_have_no_bands_and_more_are_refused():
    table = pd.concat([curve(f"m{i}") for i in range(4)])
    ax = plots.uplift_curve(table, by="score")
    assert not bands(ax) and "in random order" in key(ax)
    with pytest.raises(ConfigError, match="there are 8 rankings; at most 7"):
        plots.uplift_curve(pd.concat([curve(f"m{i}") for i in range(8)]), by="score")


def test_the_best_order_is_drawn_where_it_is_given():
    ax = plots.uplift_curve(curve().assign(perfect=0.3).drop(columns="random"))
    assert key(ax)[-1] == "best possible order"
    assert ax.get_ylim()[1] > 0.3
    assert "in random order" not in key(ax)


def test_tables_that_are_no_curve_are_refused():
    with pytest.raises(MissingColumnError, match="fraction"):
        plots.uplift_curve(curve().drop(columns="fraction"))
    with pytest.raises(DuplicateKeyError, match="repeat"):
        plots.uplift_curve(pd.concat([curve(), curve()]))
    with pytest.raises(ConfigError, match=r"fraction goes from 1 to 100; expected shares"):
        plots.uplift_curve(curve().assign(fraction=100 * FRACTIONS))
    with pytest.raises(ConfigError, match="kind"):
        plots.uplift_curve(curve(), kind="gain")
    with pytest.raises(EmptyDataError):
        plots.uplift_curve(curve().head(0))
    with pytest.raises(MissingValueError, match="'estimate' is missing in 1 row"):
        plots.uplift_curve(curve().assign(estimate=[np.nan, *FRACTIONS[1:]]))


def test_zero_is_always_seen():
    far = curve().assign(estimate=5.0, conf_low=4.9, conf_high=5.1, random=5.0)
    assert plots.uplift_curve(far).get_ylim()[0] < 0
    high = groups().assign(estimate=5.0, conf_low=4.9, conf_high=5.1)
    assert plots.uplift_deciles(high).get_ylim()[0] < 0
    assert plots.uplift_deciles(high, average=9.0).get_ylim()[1] > 9


def test_groups_stand_in_order_with_their_intervals_and_the_average():
    ax = plots.uplift_deciles(groups().iloc[::-1], average=0.02, unit="pp", title="By group")
    (dots,) = [c for c in ax.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets(), np.c_[np.arange(10), groups()["estimate"]])
    assert [t.get_text() for t in ax.get_xticklabels()] == [str(i) for i in range(1, 11)]
    (lines,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    ends = np.array([s[:, 1] for s in lines.get_segments()])
    np.testing.assert_allclose(ends, groups()[["conf_low", "conf_high"]])
    assert "all customers\n2" in texts(ax)
    assert ax.get_ylabel() == "Effect (percentage points)"
    harmed = [to_hex(c) == style.ORANGE for c in dots.get_facecolor()]
    assert harmed == list(groups()["estimate"] < 0)


def test_many_groups_keep_their_labels_apart():
    ax = plots.uplift_deciles(groups(100))
    assert len(ax.get_xticklabels()) == 10
    assert not any("all customers" in t for t in texts(ax))
    with pytest.raises(DuplicateKeyError):
        plots.uplift_deciles(pd.concat([groups(), groups()]))
    with pytest.raises(MissingValueError, match="estimate"):
        plots.uplift_deciles(groups().assign(estimate=np.nan))


def test_calibration_marks_the_groups_that_miss_their_prediction():
    ax = plots.calibration(pairs(), unit="pp")
    (dots,) = [c for c in ax.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets(), pairs()[["predicted", "observed"]])
    assert [to_hex(c) for c in dots.get_facecolor()] == [style.BLUE, style.ORANGE, style.BLUE]
    assert "1 of 3 90% intervals miss the prediction (orange)" in texts(ax)
    low = plots.calibration(pairs().assign(predicted=[0.02, 0.01, -0.01]))
    assert "1 of 3 90% intervals miss the prediction (orange)" in texts(low)
    diagonal = ax.lines[0]
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert ax.get_xlabel() == "Predicted effect (percentage points)"


def test_calibration_says_so_where_all_is_right():
    fitting = pairs().assign(observed=lambda t: t["predicted"]).drop(columns="conf_level")
    fitting = fitting.assign(
        conf_low=fitting["predicted"] - 0.01, conf_high=fitting["predicted"] + 0.01
    )
    assert "All 3 intervals hold the prediction" in texts(plots.calibration(fitting))
    with pytest.raises(MissingColumnError, match="predicted"):
        plots.calibration(pairs().drop(columns="predicted"))
    with pytest.raises(DtypeError):
        plots.calibration("table")  # type: ignore[arg-type]
    with pytest.raises(MissingValueError, match="'observed' is missing in 3 rows"):
        plots.calibration(pairs().assign(observed=np.nan))
