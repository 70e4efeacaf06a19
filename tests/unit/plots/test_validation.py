"""The page of a validation: every number has its mark, faults are orange, bad tables refused."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cximpact.core.errors import DuplicateKeyError, MissingColumnError
from cximpact.plots import style, to_png
from cximpact.plots.validation import validation_page


def tables():
    at = np.linspace(0, 0.9, 10)
    points = np.linspace(0.05, 0.95, 19)
    gap = np.where(points > 0.5, 0.05, 0.0)
    kinds = ["randomized", "shortest"]
    return {
        "histogram": pd.DataFrame(
            {"low": at, "high": at + 0.1, "estimate": [1.0] * 9 + [1.6], "conf_low": 0.8,
             "conf_high": 1.2}
        ),
        "ecdf": pd.DataFrame(
            {"point": points, "estimate": gap, "conf_low": -0.03, "conf_high": 0.03,
             "conf_level": 0.95}
        ),
        "coverage": pd.DataFrame(
            [(k, p, p, p + 0.01 * (k == "shortest"), p - 0.02, p + 0.005)
             for k in kinds for p in (0.5, 0.9)],
            columns=["kind", "prob", "expected", "estimate", "conf_low", "conf_high"],
        ),
        "calibration": pd.DataFrame(
            {"decile": [1, 2], "predicted": [0.2, 0.4], "estimate": [0.21, 0.6],
             "conf_low": [0.15, 0.35], "conf_high": [0.25, 0.45]}
        ),
        "scores": pd.DataFrame(
            [("rps", "", 1.2, 1.1, 1.3, np.nan), ("rps", "global", 0.1, 0.05, 0.15, 0.08),
             ("rps", "segment", -0.1, -0.15, -0.05, -0.08),
             ("log_score", "global", 0.02, -0.01, 0.05, 0.01)],
            columns=["score", "against", "estimate", "conf_low", "conf_high", "skill"],
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def page():
    return validation_page(**tables(), event="detractor", title="Costs $5 & <more>")


def titles(page):
    return [ax.get_title(loc="left") for ax in page.axes]


def test_five_questions_and_a_title_that_is_taken_literally(page):
    assert titles(page) == [
        "Do answers fall where they should?",
        "By how much are shares off?",
        "Do sets hold what they promise?",
        "Are predicted chances right?",
        "Is it better than plain shares?",
    ]
    assert len(to_png(page)) > 20_000
    assert page._repr_png_()[:4] == b"\x89PNG"


def test_what_lies_outside_is_orange(page):
    bars = page.axes[0].patches
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [style.BLUE] * 9 + [style.ORANGE]
    late = page.axes[1].lines[-1]
    assert late.get_color() == style.ORANGE
    assert np.isfinite(late.get_ydata()).sum() == (tables()["ecdf"]["estimate"] > 0).sum()
    dots = [line for line in page.axes[2].lines if len(line.get_xdata()) == 1]
    assert [dot.get_color() for dot in dots] == [style.BLUE] * 2 + [style.ORANGE] * 2
    shares = page.axes[3].collections[-1]
    assert [to_hex(c) for c in shares.get_facecolors()] == [style.BLUE, style.ORANGE]


def test_dots_lie_at_their_numbers(page):
    dots = [line for line in page.axes[2].lines if len(line.get_xdata()) == 1]
    assert [float(d.get_ydata()[0]) for d in dots] == pytest.approx([0, 0, 0.01, 0.01])
    gains = page.axes[4].collections[-1]
    assert np.asarray(gains.get_offsets())[:, 0] == pytest.approx([0.08, -0.08, 0.01])
    assert [to_hex(c) for c in gains.get_facecolors()] == [
        style.BLUE,
        style.ORANGE,
        style.MUTED,
    ]
    ends = page.axes[4].collections[-2].get_segments()
    assert ends[0][:, 0] == pytest.approx([0.04, 0.12])  # 0.08 * (.05, .15) / .1
    assert ends[1][:, 0] == pytest.approx([-0.12, -0.04])


def test_the_tables_are_not_changed_and_bad_ones_are_refused():
    given = tables()
    before = {name: table.copy() for name, table in given.items()}
    validation_page(**given)
    for name, table in given.items():
        pd.testing.assert_frame_equal(table, before[name])
    with pytest.raises(MissingColumnError, match="expected"):
        validation_page(**given | {"coverage": given["coverage"].drop(columns="expected")})
    with pytest.raises(DuplicateKeyError, match="decile"):
        validation_page(**given | {"calibration": given["calibration"].assign(decile=1)})
