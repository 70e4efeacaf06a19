"""Balance, overlap and what something unmeasured would do."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet

from cximpact import plots
from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    DuplicateKeyError,
    MissingColumnError,
    MissingValueError,
)
from cximpact.plots import style

BALANCE = pd.DataFrame(
    [
        ("age", "", "before", 0.2),
        ("age", "", "after", 0.05),
        ("region", "north", "before", -0.5),
        ("region", "north", "after", 0.15),
        ("tenure", "", "before", 0.01),
        ("tenure", "", "after", 0.0),
    ],
    columns=["variable", "level", "sample", "difference"],
)


def dots(ax):
    """Place, row, color and whether each dot is hollow."""
    found = []
    for line in ax.lines:
        if line.get_linestyle() == "None" and len(line.get_xdata()):
            hollow = to_hex(line.get_markerfacecolor()) == "#ffffff"
            found += [
                (x, y, to_hex(line.get_color()), hollow, line.get_marker())
                for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
            ]
    return found


def key(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def histogram():
    low = np.linspace(0, 0.75, 4)
    one = pd.DataFrame({"low": low, "high": low + 0.25, "share": [0.1, 0.2, 0.3, 0.4]})
    return pd.concat(
        [one.assign(arm="treated"), one.assign(arm="untreated", share=one["share"][::-1].values)]
    )


def grid(n=11, start=0.4):
    x, y = (a.ravel() for a in np.meshgrid(*[np.linspace(0, 0.4, n)] * 2, indexing="ij"))
    estimate = start - np.sqrt(4 * x * y / (1 - x))
    return pd.DataFrame({"r2_treatment": x, "r2_outcome": y, "estimate": estimate})


def test_differences_stand_in_order_of_their_size_before():
    before = BALANCE.copy()
    ax = plots.love_plot(BALANCE, title="Balance")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["region: north", "age", "tenure"]
    assert sorted(dots(ax)) == sorted(
        [
            (0.2, 1.0, style.ORANGE, True, "o"),
            (0.05, 1.0, style.BLUE, False, "o"),
            (-0.5, 0.0, style.ORANGE, True, "o"),
            (0.15, 0.0, style.ORANGE, False, "o"),
            (0.01, 2.0, style.BLUE, True, "o"),
            (0.0, 2.0, style.BLUE, False, "o"),
        ]
    )
    assert key(ax) == ["before weighting", "after weighting", "within 0.1: balanced"]
    assert ax.get_xlabel() == "Difference, treated less untreated (standard deviations)"
    pd.testing.assert_frame_equal(BALANCE, before)


def test_one_sample_is_filled_and_the_threshold_moves_the_colors():
    ax = plots.love_plot(BALANCE[BALANCE["sample"] == "before"], threshold=0.3)
    assert [color for *_, color, hollow, _ in dots(ax) if not hollow] != []
    assert {(y, color) for _, y, color, _, _ in dots(ax)} == {
        (0.0, style.ORANGE),
        (1.0, style.BLUE),
        (2.0, style.BLUE),
    }
    assert key(ax) == ["before weighting", "within 0.3: balanced"]


def test_the_size_before_weighting_decides_the_order_and_the_band_is_seen():
    table = BALANCE.assign(difference=[0.05, 0.01, 0.03, -0.08, 0.01, 0.0])
    ax = plots.love_plot(table.iloc[::-1], threshold=0.5)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["age", "region: north", "tenure"]
    low, high = ax.get_xlim()
    assert low < -0.5 and high > 0.5


def test_infinite_differences_are_arrows_at_the_edge():
    table = BALANCE.assign(difference=[np.inf, 0.0, -np.inf, 0.0, 0.3, 0.1])
    ax = plots.love_plot(table)
    low, high = ax.get_xlim()
    arrows = {mark: x for x, *_, mark in dots(ax) if mark != "o"}
    assert set(arrows) == {"<", ">"}
    assert low < arrows["<"] < 0.02 * high + 0.98 * low
    assert high > arrows[">"] > 0.98 * high + 0.02 * low
    assert [t.get_text() for t in ax.get_yticklabels()][-1] == "tenure"
    joins = ax.collections[-1].get_segments()  # type: ignore[attr-defined]
    assert len(joins) == 3 and np.isfinite(joins).all()


def test_tables_without_differences_are_refused():
    with pytest.raises(MissingColumnError, match="difference"):
        plots.love_plot(BALANCE.drop(columns="difference"))
    with pytest.raises(DuplicateKeyError):
        plots.love_plot(pd.concat([BALANCE, BALANCE]))
    with pytest.raises(ConfigError, match="sample is 'later'"):
        plots.love_plot(BALANCE.replace({"sample": {"after": "later"}}))
    with pytest.raises(MissingValueError, match="'difference' is missing in 1 row"):
        plots.love_plot(BALANCE.assign(difference=[np.nan, *[0.1] * 5]))
    with pytest.raises(DtypeError, match="difference"):
        plots.love_plot(BALANCE.assign(difference="large"))


def test_arms_mirror_each_other():
    ax = plots.overlap_histogram(histogram(), edge=0.1)
    bars = [p for p in ax.patches if hasattr(p, "get_height") and p.get_width() == 0.25]
    assert [b.get_height() for b in bars] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, -0.4, -0.3, -0.2, -0.1]
    )
    low, high = ax.get_ylim()
    assert low == -high
    assert {"treated", "untreated", "Shaded: chances below 10% or above 90%"} <= set(texts(ax))
    ax.get_figure().canvas.draw()
    shown = [t.get_text() for t in ax.get_yticklabels()]
    assert shown == shown[::-1] and not any("-" in t for t in shown)


def test_extreme_chances_are_shaded_on_both_sides():
    ax = plots.overlap_histogram(histogram(), edge=0.1)
    shades = [p.get_extents() for p in ax.patches if to_hex(p.get_facecolor()) == style.SHADE]
    ends = [ax.transData.inverted().transform(s.get_points())[:, 0] for s in shades]
    np.testing.assert_allclose(ends, [[0.0, 0.1], [0.9, 1.0]], atol=1e-9)


def test_other_arms_are_refused():
    with pytest.raises(MissingValueError, match="'share' is missing in 8 rows"):
        plots.overlap_histogram(histogram().assign(share=np.nan))
    with pytest.raises(ConfigError, match="an arm is named 'both'"):
        plots.overlap_histogram(histogram().replace({"arm": {"treated": "both"}}))
    assert not any("Shaded" in t for t in texts(plots.overlap_histogram(histogram())))


def contours(ax):
    return [c for c in ax.collections if isinstance(c, ContourSet)]


def test_the_threshold_is_a_line_of_its_own():
    ax = plots.confounding_contour(grid(), unit="points", threshold=0.1)
    others, crossing = contours(ax)
    assert crossing.levels.tolist() == [0.1] and not np.isclose(others.levels, 0.1).any()
    assert to_hex(crossing.get_edgecolor()[0]) == style.ORANGE
    vertices = crossing.get_paths()[0].vertices
    x, y = vertices[(vertices > 0).all(axis=1)].T
    np.testing.assert_allclose(0.4 - np.sqrt(4 * x * y / (1 - x)), 0.1, atol=0.02)
    assert any(
        "The estimate, 0.4, once an omitted variable is added; orange: 0.1" in t for t in texts(ax)
    )


def test_an_estimate_that_nothing_takes_away_has_no_such_line():
    ax = plots.confounding_contour(grid(start=9.0))
    assert all(0.0 not in c.levels for c in contours(ax))
    assert any("0 is out of reach" in t for t in texts(ax))
    above = plots.confounding_contour(grid(), threshold=99.0)
    assert all(99.0 not in c.levels for c in contours(above))


def test_benchmarks_inside_the_grid_are_named():
    marks = pd.DataFrame(
        {
            "benchmark": ["age", "age", "tenure", "gone", "calls", "spend"],
            "k": [1, 2, 1, 1, 1, 1],
            "r2_treatment": [0.1, 0.2, 0.05, np.nan, 0.0001, 0.9],
            "r2_outcome": [0.1, 0.3, 0.9, np.nan, 0.3, 0.1],
        }
    )
    ax = plots.confounding_contour(grid(), marks)
    assert "2 × age" in texts(ax)
    assert not any(name in t for t in texts(ax) for name in ("tenure", "gone", "calls", "spend"))
    (diamonds,) = [line for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_array_equal(diamonds.get_xydata(), [[0.1, 0.1], [0.2, 0.3]])


def test_names_of_benchmarks_that_are_close_do_not_touch():
    marks = pd.DataFrame(
        {
            "benchmark": list("abcde"),
            "k": 1,
            "r2_treatment": [0.1, 0.11, 0.12, 0.39, 0.02],
            "r2_outcome": [0.2, 0.2, 0.201, 0.2, 0.01],
        }
    )
    ax = plots.confounding_contour(grid(), marks)
    named = {t.get_text(): t for t in ax.texts if "×" in t.get_text()}
    assert set(named) == {"1 × a", "1 × b", "1 × c", "1 × d"}
    heights = np.sort([getattr(named[f"1 × {k}"], "xy")[1] for k in "abc"])  # noqa: B009
    assert (np.diff(heights) >= 0.055 * 0.4 - 1e-12).all()
    assert [named[f"1 × {k}"].get_horizontalalignment() for k in "ad"] == ["left", "right"]


def test_a_grid_with_gaps_is_refused():
    with pytest.raises(ConfigError, match="full grid"):
        plots.confounding_contour(grid().iloc[1:])
    with pytest.raises(ConfigError, match="full grid"):
        plots.confounding_contour(grid().head(11))
    with pytest.raises(MissingValueError, match="'estimate' is missing in 1 row"):
        plots.confounding_contour(grid().assign(estimate=[np.nan, *[0.1] * 120]))
    with pytest.raises(DuplicateKeyError):
        plots.confounding_contour(pd.concat([grid(), grid()]))
