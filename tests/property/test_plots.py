"""Pictures of any table: drawn, or refused with a reason."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import plots
from cximpact.core.errors import CxImpactError
from cximpact.plots.cash_flow import payback
from cximpact.plots.histogram import edges_of
from cximpact.plots.labels import NumberFormatter, wrapped
from cximpact.plots.positions import spread

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = st.floats(width=32) | st.none()
FINITE = st.floats(-1e12, 1e12)


@st.composite
def tables(draw):
    n = draw(st.integers(0, 6))
    label = draw(st.sampled_from([TEXT, st.integers(-5, 5), st.none(), st.booleans(), NUMBER]))
    columns = {"x": label, "by": TEXT, "estimate": NUMBER, "conf_low": NUMBER, "conf_high": NUMBER}
    frame = {c: draw(st.lists(s, min_size=n, max_size=n)) for c, s in columns.items()}
    return pd.DataFrame(frame).drop(columns=draw(st.sampled_from([[], ["by"], ["conf_low"]])))


@given(table=tables(), by=st.sampled_from([None, "by"]), title=TEXT, unit=TEXT)
@settings(max_examples=40, deadline=None)
def test_any_table_is_drawn_or_refused_and_left_alone(table, by, title, unit):
    before = table.copy()
    for draw in (
        lambda: plots.scores(table, x="x", by=by, title=title, unit=unit),
        lambda: plots.effect(table, title=title, unit=unit),
        lambda: plots.sensitivity_curve(table, x="x", threshold=0.0),
    ):
        try:
            assert draw().get_figure() is not None
        except CxImpactError as error:
            assert str(error)
    pd.testing.assert_frame_equal(table, before)


@given(st.lists(FINITE, min_size=1, max_size=30), st.floats(1e-3, 1e3))
def test_labels_end_up_apart_in_the_same_order(wanted, gap):
    moved = spread(np.array(wanted), gap)
    order = np.argsort(wanted, kind="stable")
    scale = max(1.0, float(np.abs(wanted).max()))
    assert (np.diff(moved[order]) >= gap - 1e-9 * scale).all()


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=200))
def test_histogram_edges_hold_most_draws_and_none_straddles_zero(values):
    edges = edges_of(np.array(values))
    inside = ((np.array(values) >= edges[0]) & (np.array(values) <= edges[-1])).mean()
    assert inside >= 0.98 - 1 / len(values)
    if edges[0] < 0 < edges[-1]:
        assert np.abs(edges).min() == 0
    assert 3 <= len(edges) < 400


@given(st.lists(st.lists(st.integers(-3, 3), min_size=5, max_size=5), min_size=1, max_size=8))
def test_after_payback_nothing_is_below_zero(paths):
    cumulative = np.array(paths, dtype=float)
    for row, when in zip(cumulative, payback(cumulative, np.arange(5)), strict=True):
        if np.isinf(when):
            assert row[-1] < 0
        else:
            assert (row[int(when) :] >= 0).all()
            assert when == 0 or row[int(when) - 1] < 0


@given(FINITE, st.floats(1e-3, 1e9), st.integers(2, 8))
def test_ticks_can_be_told_apart(start, step, n):
    step = float(f"{step:.1g}")
    start = np.round(start / step) * step if abs(start / step) < 1e6 else 0.0
    texts = NumberFormatter().format_ticks([start + i * step for i in range(n)])
    assert len(set(texts)) == n


@given(st.text(max_size=200), st.integers(8, 30), st.integers(1, 3))
def test_wrapped_labels_fit_and_make_no_formula(text, width, lines):
    shown = wrapped(text, width, lines)
    assert shown.count("\n") < lines
    assert shown.count("$") == shown.count(r"\$")
