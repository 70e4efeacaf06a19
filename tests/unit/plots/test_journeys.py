"""The way from one score to the next, and the grid of a journey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from cximpact.core.errors import DataError, EmptyDataError, MissingColumnError
from cximpact.plots import journey_heat, score_waterfall, to_png


def change(before=30.0, after=31.25) -> pd.DataFrame:
    rows = [("before", before), ("after", after), ("change", after - before)]
    table = pd.DataFrame(rows, columns=["quantity", "estimate"])
    return table.assign(conf_low=table["estimate"] - 2, conf_high=table["estimate"] + 2)


def steps() -> pd.DataFrame:
    rows = [("a", "mix", -3.5), ("a", "within", 3.75), ("b", "mix", -2.0), ("b", "within", 3.0)]
    table = pd.DataFrame(rows, columns=["touchpoint", "part", "estimate"])
    return table.assign(conf_low=table["estimate"] - 1, conf_high=table["estimate"] + 1)


def bars(ax) -> list[Rectangle]:
    return [p for p in ax.patches if isinstance(p, Rectangle)]


def names(ax) -> list[str]:
    return [t.get_text() for t in ax.get_yticklabels()]


def test_each_step_starts_where_the_last_ended():
    ax = score_waterfall(change(), steps(), unit="NPS points", title="Why it rose")
    assert names(ax) == [
        "before",
        "a · mix",
        "b · mix",
        "b · within",
        "a · within",
        "after",
    ]
    starts = [b.get_x() for b in bars(ax)]
    np.testing.assert_allclose(starts, [30, 26.5, 24.5, 27.5])
    np.testing.assert_allclose([b.get_width() for b in bars(ax)], [-3.5, -2, 3, 3.75])
    texts = [t.get_text() for t in ax.texts]
    assert "-3.5 (-4.5 to -2.5)" in texts
    assert "31.2 (29.2 to 33.2)" in texts
    assert to_png(ax).startswith(b"\x89PNG")


def test_the_smaller_steps_are_drawn_as_one():
    ax = score_waterfall(change(), steps(), largest=2)
    assert names(ax) == ["before", "a · mix", "a · within", "2 smaller steps", "after"]
    assert bars(ax)[2].get_width() == pytest.approx(1.0)


def test_both_parts_together_need_no_key():
    both = (
        steps().groupby("touchpoint", as_index=False)[["estimate", "conf_low", "conf_high"]].sum()
    )
    ax = score_waterfall(change(), both)
    assert names(ax)[1:3] == ["a", "b"]
    assert ax.get_legend() is None


def test_steps_that_do_not_add_up_are_refused():
    with pytest.raises(DataError, match=r"steps sum to 1.25, but the score changed by 2"):
        score_waterfall(change(after=32.0), steps())
    with pytest.raises(DataError, match="no row 'after'"):
        score_waterfall(change().iloc[:1], steps())
    with pytest.raises(MissingColumnError, match="touchpoint"):
        score_waterfall(change(), steps().drop(columns="touchpoint"))


def cells() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "step": ["buy", "buy", "use"],
            "channel": ["app", "phone", "app"],
            "volume": [100.0, 50.0, 3.0],
            "score": [40.0, -20.0, np.nan],
            "value_at_risk": [500.0, 1000.0, 10.0],
        }
    )


def test_a_cell_shows_its_number_its_contacts_and_its_value():
    ax = journey_heat(cells(), rows=["step"], column="channel", unit="NPS points")
    texts = [t.get_text() for t in ax.texts]
    assert {"40", "-20", "100 contacts", "3 contacts"} <= set(texts)
    assert any("the longest 1,000" in t for t in texts)
    assert names(ax) == ["buy", "use"]
    black = [p.get_width() for p in bars(ax) if p.get_facecolor()[:3] == (34 / 255,) * 3]
    np.testing.assert_allclose(black, [0.44, 0.88, 0.0088])
    hatched = [p for p in bars(ax) if p.get_hatch()]
    assert len(hatched) == 1
    assert hatched[0].get_y() > 0.5


def test_high_and_low_are_told_apart_around_the_mean_over_contacts():
    ax = journey_heat(cells().drop(columns="value_at_risk"), rows=["step"], column="channel")
    high, low = (p.get_facecolor() for p in bars(ax)[:2])
    assert high[2] > high[0]
    assert low[0] > low[2]
    middle = np.average([40, -20], weights=[100, 50])
    scale = ax.figure.axes[1].get_ylim()
    assert np.mean(scale) == pytest.approx(middle)
    assert not any("value at risk" in t.get_text() for t in ax.texts)


def test_a_grid_without_numbers_is_refused():
    with pytest.raises(EmptyDataError, match="'score' has no number"):
        journey_heat(cells().assign(score=np.nan), rows=["step"], column="channel")
    with pytest.raises(DataError, match="repeat"):
        journey_heat(cells(), rows=[], column="channel")
