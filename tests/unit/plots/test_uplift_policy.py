"""Maps of customers by risk and effect, and profit against budget."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from cximpact import plots
from cximpact.core.errors import ConfigError, MissingColumnError, MissingValueError, UnitsError
from cximpact.plots.customer_kinds import COLORS
from cximpact.plots.customer_map import MOST_DOTS, cell_edges, draw_cells
from cximpact.plots.render import to_png, to_svg

BREAK_EVEN = 0.01


def customers(n, seed=1):
    rng = np.random.default_rng(seed)
    risk, uplift = rng.beta(2, 5, n), rng.normal(0.01, 0.02, n)
    kind = np.select(
        [uplift < 0, uplift > BREAK_EVEN, risk >= np.median(risk)],
        ["sleeping dogs", "persuadables", "lost causes"],
        "sure things",
    )
    return pd.DataFrame({"risk": risk, "uplift": uplift, "quadrant": kind})


def drawn(table, **options):
    cut = float(table["risk"].median())
    return plots.risk_uplift_map(table, risk_cut=cut, break_even=BREAK_EVEN, unit="pp", **options)


def key(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def budgets(scale=1.0):
    at = [100.0, 200.0, 300.0]
    rows = [
        ("uplift ranking", at, [40.0, 90.0, 90.0]),
        ("at random", at, [5.0, 10.0, 15.0]),
    ]
    parts = [
        pd.DataFrame({"policy": p, "budget": b, "estimate": scale * np.array(e)})
        for p, b, e in rows
    ]
    table = pd.concat(parts, ignore_index=True)
    ends = {"conf_low": table["estimate"] - 30, "conf_high": table["estimate"] + 30}
    return table.assign(**ends, conf_level=0.9)


def test_few_customers_are_dots_in_the_color_of_their_kind():
    table = customers(100)
    before = table.copy()
    ax = drawn(table, title="Map")
    dots = [c for c in ax.collections if isinstance(c, PathCollection)]
    assert sum(len(c.get_offsets()) for c in dots) == 100
    for c, (name, color) in zip(dots, COLORS.items(), strict=True):
        assert to_hex(c.get_facecolor()[0]) == color
        own = table[table["quadrant"] == name]
        np.testing.assert_allclose(c.get_offsets(), own[["risk", "uplift"]])
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("n", [100, MOST_DOTS + 1, 500_000])
def test_the_key_counts_all_customers_of_each_kind(n):
    table = customers(n)
    counts = table["quadrant"].value_counts()
    ax = drawn(table)
    assert ax.get_legend()._ncols == 2  # type: ignore[union-attr]
    shown = key(ax)
    assert [text.partition(":")[0] for text in shown] == list(COLORS)
    assert [text.split(": ")[1].split(" ")[0] for text in shown] == [
        f"{counts[name]:,}" for name in COLORS
    ]


def test_half_a_million_customers_stay_a_small_picture():
    ax = drawn(customers(500_000))
    assert to_png(ax).startswith(b"\x89PNG")
    svg = to_svg(ax)
    assert len(svg) < 1_500_000 and "<image" not in svg


def test_no_cell_mixes_customers_from_both_sides_of_a_line():
    table = customers(20_000)
    ax = drawn(table)
    (cells,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
    cut = float(table["risk"].median())
    for path in cells.get_paths():
        (x0, y0), (x1, y1) = path.vertices.min(axis=0), path.vertices.max(axis=0)
        assert not x0 < cut < x1
        assert not any(y0 < line < y1 for line in (0.0, BREAK_EVEN))
    base = np.array([to_rgb(COLORS["sleeping dogs"])])
    low = np.array([path.vertices[:, 1].max() <= 0 for path in cells.get_paths()])
    strength = (1 - cells.get_facecolors()[low, :3]) / (1 - base)
    np.testing.assert_allclose(strength, strength[:, :1].repeat(3, axis=1), rtol=1e-6)
    assert strength.min() >= 0.18 and strength.max() <= 1.0


def test_lines_are_named_with_their_values():
    ax = drawn(customers(100))
    assert {"pays from 1", "harms below 0"} <= set(texts(ax))
    assert any(t.startswith("risk ") for t in texts(ax))
    alone = plots.risk_uplift_map(customers(100))
    assert texts(alone) == ["harms below 0"]
    low, high = alone.get_ylim()
    assert low < 0 < high


def test_names_of_lines_that_are_close_do_not_touch():
    ax = plots.risk_uplift_map(customers(100), break_even=0.001)
    heights = {t.get_text(): t.xy[1] for t in ax.texts if t.get_text()}
    low, high = ax.get_ylim()
    gap = heights["pays from 0.001"] - heights["harms below 0"]
    assert gap == pytest.approx(0.055 * (high - low))


def test_an_outlier_does_not_squash_the_map_of_many():
    table = customers(20_000)
    table.loc[0, "uplift"] = 50.0
    assert drawn(table).get_ylim()[1] < 1.0
    few = customers(100)
    few.loc[0, "uplift"] = 50.0
    assert drawn(few).get_ylim()[1] > 50.0


def test_what_a_contact_harms_is_shaded():
    ax = drawn(customers(100))
    (shade,) = ax.patches
    ends = ax.transData.inverted().transform(shade.get_extents().get_points())[:, 1]
    np.testing.assert_allclose(ends, [ax.get_ylim()[0], 0.0], atol=1e-9)


def test_a_thin_cell_is_as_dark_as_a_thick_one_of_the_same_density():
    ax = Figure().add_subplot()
    x, y = np.full(60, 0.5), np.repeat([0.5, 2.0, 3.5], [10, 20, 30])
    edges = np.array([0.0, 1.0]), np.array([0.0, 1.0, 3.0, 4.0])
    draw_cells(ax, x, y, np.zeros(60, int), ["#000000"], edges=edges)
    shades = ax.collections[0].get_facecolor()[:, 0]  # type: ignore[index]
    assert shades[0] == pytest.approx(shades[1]) and shades[2] < shades[0]


def test_unknown_kinds_and_gaps_are_refused():
    with pytest.raises(ConfigError, match="quadrant is 'cats' in 1 rows"):
        plots.risk_uplift_map(customers(20).assign(quadrant=["cats", *["persuadables"] * 19]))
    with pytest.raises(MissingValueError, match="'risk' is missing in 1 row"):
        plots.risk_uplift_map(customers(20).assign(risk=[np.nan, *[0.1] * 19]))
    with pytest.raises(MissingColumnError, match="quadrant"):
        plots.risk_uplift_map(customers(20).drop(columns="quadrant"))


def test_cells_have_an_edge_at_every_cut_inside():
    edges = cell_edges(-1.0, 3.0, [0.0, 0.01, 7.0])
    assert {0.0, 0.01} <= set(edges) and edges[0] == -1.0 and edges[-1] == 3.0
    assert (np.diff(edges) > 0).all() and np.diff(edges).max() <= 4.0 / 64 + 1e-12


def test_profit_starts_at_nothing_and_its_highest_point_is_marked():
    ax = plots.policy_curve(budgets(), currency="EUR", chosen=(150.0, 70.0))
    first = next(line for line in ax.lines if line.get_linewidth() == 2.2)
    np.testing.assert_array_equal(first.get_xdata(), [0.0, 100.0, 200.0, 300.0])
    np.testing.assert_array_equal(first.get_ydata(), [0.0, 40.0, 90.0, 90.0])
    marks = {str(line.get_marker()): line.get_xydata()[0].tolist() for line in ax.lines}
    assert marks["o"] == [200.0, 90.0]  # of two budgets that earn as much, the smaller one
    assert marks["D"] == [150.0, 70.0]
    said = " ".join(texts(ax))
    assert "most: 90 EUR with a budget of 200 EUR (90% interval 60 EUR to 120 EUR)" in said
    assert "the list chosen" in said
    assert {"uplift ranking", "at random"} <= set(texts(ax))
    assert ax.get_xlabel() == "Budget for contacts (EUR)"


def test_only_the_first_policy_has_a_band():
    ax = plots.policy_curve(budgets(), currency="EUR")
    assert len(ax.collections) == 1
    assert "the list chosen" not in " ".join(texts(ax))
    with pytest.raises(MissingValueError, match="estimate"):
        plots.policy_curve(budgets().assign(estimate=np.nan), currency="EUR")


def test_a_list_beyond_the_budgets_is_seen():
    ax = plots.policy_curve(budgets(), currency="EUR", chosen=(900.0, 500.0))
    assert ax.get_xlim()[1] > 900 and ax.get_ylim()[1] > 500


def test_where_no_budget_pays_none_is_marked():
    ax = plots.policy_curve(budgets(-1.0), currency="EUR")
    assert "No budget pays: profit is never above 0" in texts(ax)
    assert not [line for line in ax.lines if line.get_marker() == "o"]
    with pytest.raises(UnitsError):
        plots.policy_curve(budgets(), currency="euro")
    with pytest.raises(ConfigError, match="smallest budget is 0"):
        plots.policy_curve(budgets().assign(budget=lambda t: t["budget"] - 100), currency="EUR")
