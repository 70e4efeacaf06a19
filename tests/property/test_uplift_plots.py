"""Pictures of uplift of any table: drawn, or refused with a reason."""

from itertools import product

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import plots
from cximpact.core.errors import CxImpactError
from cximpact.plots.customer_kinds import COLORS
from cximpact.plots.customer_map import cell_edges

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBER = st.floats(-1e9, 1e9)
SHARE = st.floats(0, 1)
ANYTHING = st.floats(width=32) | st.none() | TEXT | st.booleans()
COLUMNS = {
    "group": st.integers(-3, 50),
    "score": st.sampled_from(["a", "b"]),
    "fraction": SHARE,
    "budget": NUMBER.map(abs),
    "policy": TEXT,
    "risk": SHARE,
    "uplift": NUMBER,
    "quadrant": st.sampled_from([*COLORS]),
    "variable": TEXT,
    "sample": st.sampled_from(["before", "after"]),
    "difference": NUMBER | st.just(np.inf),
    "arm": st.sampled_from(["treated", "untreated"]),
    "low": SHARE,
    "high": SHARE,
    "share": SHARE,
    "predicted": NUMBER,
    "observed": NUMBER,
    "estimate": NUMBER,
    "conf_low": NUMBER | st.none(),
    "conf_high": NUMBER | st.none(),
}
GRID = pd.DataFrame(product([0.0, 0.2, 0.4], [0.0, 0.5]), columns=["r2_treatment", "r2_outcome"])


@st.composite
def tables(draw):
    n = draw(st.integers(1, 5))
    odd = draw(st.sampled_from(["", *COLUMNS]))
    columns = COLUMNS | ({odd: ANYTHING} if odd else {})
    return pd.DataFrame({c: draw(st.lists(s, min_size=n, max_size=n)) for c, s in columns.items()})


@given(table=tables(), title=TEXT, unit=TEXT, at=NUMBER)
@settings(max_examples=25, deadline=None)
def test_any_table_is_drawn_or_refused_and_left_alone(table, title, unit, at):
    before = table.copy()
    look = {"title": title, "unit": unit}
    for draw in (
        lambda: plots.uplift_curve(table, by="score", **look),
        lambda: plots.uplift_curve(table, kind="qini"),
        lambda: plots.uplift_deciles(table, average=at, **look),
        lambda: plots.calibration(table, **look),
        lambda: plots.policy_curve(table, currency="EUR", title=title),
        lambda: plots.risk_uplift_map(table, risk_cut=0.5, break_even=at, **look),
        lambda: plots.love_plot(table, threshold=0.2),
        lambda: plots.overlap_histogram(table, edge=0.1),
    ):
        try:
            assert draw().get_figure() is not None
        except CxImpactError as error:
            assert str(error)
    pd.testing.assert_frame_equal(table, before)


@given(st.lists(NUMBER, min_size=6, max_size=6), NUMBER)
@settings(max_examples=25, deadline=None)
def test_any_surface_has_contours(estimates, threshold):
    table = GRID.assign(estimate=estimates)
    ax = plots.confounding_contour(table, threshold=threshold)
    assert ax.get_xlim() == (0.0, 0.4) and ax.get_ylim() == (0.0, 0.5)


@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.lists(st.floats(-2e6, 2e6), max_size=4),
)
def test_cells_fill_the_axis_and_respect_every_cut(low, width, cuts):
    high = low + width
    edges = cell_edges(low, high, cuts)
    assert edges[0] == low and edges[-1] == high and (np.diff(edges) > 0).all()
    assert {c for c in cuts if low < c < high} <= set(edges)
