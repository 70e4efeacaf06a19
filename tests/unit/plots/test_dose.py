import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import DataError
from cximpact.plots import dose_curve

CURVE = pd.DataFrame(
    {
        "score_level": [2.0, 0.0, 1.0],
        "estimate": [0.4, 0.2, 0.3],
        "conf_low": [0.3, 0.1, 0.2],
        "conf_high": [0.5, 0.3, 0.4],
        "conf_level": 0.9,
    }
)
BARS = pd.DataFrame({"threshold": [1.0, 2.0], "probability": [0.3, 0.7]})


def test_levels_are_drawn_in_order_and_rates_in_percent():
    (ax,) = dose_curve(CURVE, unit="share", outcome="visits").axes
    line = ax.lines[0]
    assert line.get_xdata().tolist() == [0, 1, 2]
    assert "%" in ax.get_ylabel()
    assert "90%" in ax.texts[0].get_text()


def test_bars_stand_at_the_thresholds_and_the_likeliest_is_named():
    top, bottom = dose_curve(CURVE, BARS, standing="associational", score="NPS").axes
    bars = [(b.get_x() + b.get_width() / 2, b.get_height()) for b in bottom.patches]
    assert bars == [(1.0, 0.3), (2.0, 0.7)]
    assert bottom.texts[0].get_text() == "2: 0.70"
    assert bottom.get_xlabel() == "NPS"
    assert top.get_xlim() == bottom.get_xlim()
    assert any(t.get_text() == "The link is associational" for t in top.texts)


def test_the_tables_are_left_alone():
    before = CURVE.copy(), BARS.copy()
    dose_curve(CURVE, BARS)
    pd.testing.assert_frame_equal(CURVE, before[0])
    pd.testing.assert_frame_equal(BARS, before[1])


@pytest.mark.parametrize(
    ("table", "bars"),
    [
        (CURVE.drop(columns="estimate"), BARS),
        (CURVE.assign(estimate=np.nan), BARS),
        (CURVE.assign(score_level=1.0), BARS),
        (CURVE, BARS.drop(columns="probability")),
        (CURVE, BARS.assign(probability=np.nan)),
        (CURVE.iloc[:0], None),
    ],
)
def test_what_cannot_be_drawn_is_refused(table, bars):
    with pytest.raises(DataError):
        dose_curve(table, bars)
