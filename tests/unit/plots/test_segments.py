"""The forest of segments: hollow by itself, filled when pooled, and the band of the mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cximpact.core.errors import ConfigError, MissingColumnError
from cximpact.plots.render import to_png
from cximpact.plots.segments import segments


def tables(n=4):
    names = [f"segment {i}" for i in range(n)]
    own = np.linspace(-1.0, 3.0, n)
    pooled = 1 + 0.5 * (own - 1)
    make = lambda x, half: pd.DataFrame(  # noqa: E731
        {"segment": names, "estimate": x, "conf_low": x - half, "conf_high": x + half}
    )
    return make(pooled, 0.5), make(own, 1.0).sample(frac=1, random_state=1)


def points(ax, hollow):
    found = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    chosen = [line for line in found if (to_hex(line.get_markerfacecolor()) == "#ffffff") == hollow]
    return np.concatenate([line.get_xdata() for line in chosen])


def key(ax):
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_segments_stand_in_order_with_both_estimates_side_by_side():
    pooled, own = tables()
    ax = segments(pooled, own, mean=(1.0, 0.2, 1.8), title="Effects", unit="points")
    np.testing.assert_allclose(points(ax, hollow=False), pooled["estimate"][::-1])
    np.testing.assert_allclose(points(ax, hollow=True), np.sort(own["estimate"])[::-1])
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [f"segment {i}" for i in (3, 2, 1, 0)]
    assert key(ax)[-1] == "mean over segments"
    assert ax.get_xlabel() == "Effect (points)"
    assert to_png(ax).startswith(b"\x89PNG")


def test_without_a_mean_there_is_no_band_and_inputs_stay():
    pooled, own = tables(30)
    before = pooled.copy(), own.copy()
    ax = segments(pooled, own)
    assert key(ax) == ["by itself", "pooled"]
    pd.testing.assert_frame_equal(pooled, before[0])
    pd.testing.assert_frame_equal(own, before[1])


def test_tables_that_do_not_belong_together_are_refused():
    pooled, own = tables()
    with pytest.raises(ConfigError, match="differ in their segments"):
        segments(pooled, own.iloc[1:])
    with pytest.raises(ConfigError, match="one column of segments"):
        segments(pooled.drop(columns="segment"), own)
    with pytest.raises(MissingColumnError):
        segments(pooled, own.drop(columns="conf_low"))
