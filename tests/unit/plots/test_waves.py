"""Scores by wave and by segment."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cximpact import plots
from cximpact.core.errors import (
    DataError,
    DtypeError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
    NonFiniteError,
)
from tests.support.reporting import score_table


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def row_names(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_years_become_a_line_with_a_band():
    table = score_table([2018, 2016, 2017], "year")
    ax = plots.scores(table, x="year", unit="points", title="NPS by year")
    line = next(one for one in ax.lines if one.get_linestyle() == "-" and len(one.get_xdata()) == 3)
    assert line.get_xdata().tolist() == [2016, 2017, 2018]
    assert line.get_ydata().tolist() == [12.5, 45.0, -20.0]
    assert len(ax.collections) >= 1
    assert ax.get_xlabel() == "Year" and ax.get_ylabel() == "points"
    assert ax.get_figure().get_suptitle() == "NPS by year"


def test_years_have_no_thousands_separator_but_money_has():
    table = score_table([2016, 2017, 2018], "year").assign(estimate=[1e4, 2e4, 3e4])
    table = table.assign(conf_low=np.nan, conf_high=np.nan)
    ax = plots.scores(table, x="year", unit="EUR")
    assert ax.xaxis.get_major_formatter().format_ticks([2016, 2017]) == ["2016", "2017"]
    assert ax.yaxis.get_major_formatter().format_ticks([1e4, 2e4]) == ["10,000", "20,000"]


@pytest.mark.parametrize(
    "labels",
    [
        ["2019-01", "2019-02", "2019-05"],
        ["2019Q1", "2019Q2", "2020Q1"],
        list(pd.period_range("2019-01", periods=3, freq="M")),
        list(pd.date_range("2019-01-01", periods=3, tz="UTC")),
    ],
)
def test_text_periods_and_dates_are_time(labels):
    ax = plots.scores(score_table(labels, "month"), x="month")
    drawn = next(one for one in ax.lines if len(one.get_xdata()) == 3)
    assert (np.diff(drawn.get_xdata()) > 0).all()
    assert ax.get_xlabel() == "Month"


def test_a_gap_in_time_stays_a_gap():
    ax = plots.scores(score_table(["2019-01", "2019-02", "2019-05"], "month"), x="month")
    steps = np.diff(next(one for one in ax.lines if len(one.get_xdata()) == 3).get_xdata())
    assert steps.tolist() == [31, 89]


def test_categories_are_sorted_best_on_top_with_their_numbers():
    table = score_table(["low", "middle", "high"])
    ax = plots.scores(table, x="segment", unit="points")
    assert row_names(ax) == ["high", "middle", "low"]
    low, high = ax.get_ylim()
    assert low > high  # the first row is on top
    assert "45 (40 to 51)" in texts(ax) or "45.0 (40.0 to 51.0)" in texts(ax)


def test_an_ordered_category_keeps_its_order():
    ages = pd.Categorical(["old", "young", "middle"], ["young", "middle", "old"], ordered=True)
    ax = plots.scores(score_table(["a", "b", "c"]).assign(segment=ages), x="segment")
    assert row_names(ax) == ["young", "middle", "old"]


def test_zero_is_marked_when_it_is_in_view():
    def verticals(ax):
        return [one for one in ax.lines if list(one.get_xdata()) == [0, 0]]

    assert verticals(plots.scores(score_table(["a", "b"]), x="segment"))
    above = score_table(["a", "b"]).assign(estimate=50.0, conf_low=45.0, conf_high=55.0)
    assert not verticals(plots.scores(above, x="segment"))


def test_a_row_without_interval_is_hollow_and_one_without_data_says_so():
    table = score_table(["a", "b", "c"])
    table.loc[1, ["conf_low", "conf_high"]] = np.nan
    table.loc[2, ["estimate", "conf_low", "conf_high"]] = np.nan
    ax = plots.scores(table, x="segment")
    assert "no data" in texts(ax) and row_names(ax)[-1] == "c"
    hollow = [m for m in ax.lines if m.get_markerfacecolor() == "white"]
    assert sum(len(m.get_xdata()) for m in hollow) == 2


def test_an_infinite_interval_is_no_interval():
    table = score_table(["a", "b"]).assign(conf_high=[np.inf, 60.0])
    assert "-20" in texts(plots.scores(table, x="segment"))


def test_an_infinite_interval_on_a_line_is_hollow():
    table = score_table([2016, 2017, 2018], "year").assign(conf_high=[np.inf, 60.0, 70.0])
    ax = plots.scores(table, x="year")
    hollow = [m for m in ax.lines if m.get_markerfacecolor() == "white"]
    assert [list(m.get_xdata()) for m in hollow] == [[2016]]
    assert np.isfinite(ax.dataLim.get_points()).all()


def test_an_interval_that_leaves_its_estimate_out_is_drawn_as_it_is():
    table = score_table(["a"]).assign(estimate=90.0, conf_low=50.0, conf_high=80.0)
    ax = plots.scores(table, x="segment")
    segments = [s for c in ax.collections for s in c.get_segments() if s[0][0] == 50.0]
    assert segments and segments[0][1][0] == 80.0


def test_groups_over_time_are_labelled_at_their_ends():
    table = pd.concat(
        [score_table([2016, 2017, 2018], "year", region=[r] * 3) for r in ("north", "south")]
    )
    ax = plots.scores(table, x="year", by="region")
    assert {"north", "south"} <= set(texts(ax))
    assert ax.get_legend() is None


def test_groups_of_categories_get_a_key_and_a_color_each():
    table = pd.concat([score_table(["a", "b"], channel=[c] * 2) for c in ("chat", "phone")])
    ax = plots.scores(table, x="segment", by="channel")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["chat", "phone"]
    assert len({h.get_color() for h in ax.get_legend().legend_handles}) == 2


def test_many_groups_lose_their_intervals_and_the_picture_says_so():
    stores = [f"store {i}" for i in range(24)]
    table = pd.concat([score_table([2016, 2017], "year", store=[s] * 2) for s in stores])
    ax = plots.scores(table, x="year", by="store")
    assert "24 groups; their intervals are not drawn" in texts(ax)
    assert set(stores) <= set(texts(ax))
    assert not ax.collections


def test_many_groups_of_categories_become_rows():
    table = pd.concat([score_table(["a", "b"], store=[f"s{i}"] * 2) for i in range(9)])
    ax = plots.scores(table, x="segment", by="store")
    assert len(row_names(ax)) == 18 and "b · s0" in row_names(ax)


def test_forty_long_names_stay_apart_and_get_room():
    names = [f"Store in a street with a very long name, number {i}" for i in range(40)]
    ax = plots.scores(score_table(names), x="segment")
    assert len(set(row_names(ax))) == 40
    assert ax.get_figure().get_size_inches()[1] > 9
    plots.to_png(ax, dpi=20)


def test_one_category_is_drawn():
    ax = plots.scores(score_table(["all"]), x="segment", unit="share")
    assert row_names(ax) == ["all"] and ax.get_xlabel() == "%"
    assert "-2,000 (-2,500 to -1,400)" in texts(ax)


def test_it_draws_where_it_is_told():
    mine = Figure().add_subplot()
    assert plots.scores(score_table(["a", "b"]), x="segment", ax=mine, title="Mine") is mine
    assert mine.get_title(loc="left") == "Mine"


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (lambda t: t.drop(columns="conf_low"), MissingColumnError, "'conf_low' not found"),
        (lambda t: t.rename(columns={"segment": "segmnt"}), MissingColumnError, "Did you mean"),
        (lambda t: t.head(0), EmptyDataError, "0 rows"),
        (lambda t: t.assign(estimate=["1", "2"]), DtypeError, "'estimate' has type"),
        (lambda t: t.assign(estimate=[np.inf, 1.0]), NonFiniteError, "infinite in 1 row"),
        (
            lambda t: t.assign(segment=["a", "a"]),
            DuplicateKeyError,
            "repeat in 1 row, at position 1",
        ),
        (lambda t: t.assign(segment=["a", None]), EmptyDataError, "no label in 1 row"),
        (lambda t: t.assign(segment=[np.inf, 1.0]), NonFiniteError, "infinite in 1 row"),
        (lambda t: t.to_dict(), DtypeError, "is a dict; expected a pandas DataFrame"),
        (lambda t: t[[*t.columns, "estimate"]], DataError, "occurs twice"),
    ],
)
def test_a_bad_table_is_refused_with_its_reason(broken, error, message):
    with pytest.raises(error, match=message):
        plots.scores(broken(score_table(["a", "b"])), x="segment")


def test_the_table_is_left_alone():
    table = score_table([2018, 2016], "year", region=["a", "b"])
    before = table.copy()
    plots.scores(table, x="year", by="region")
    pd.testing.assert_frame_equal(table, before)
