"""Pictures of a survey: its funnel, who answered, what tips, answers, and the path of a score."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DuplicateKeyError,
    EmptyDataError,
    MissingColumnError,
)
from cximpact.plots.answers import answer_distribution
from cximpact.plots.densities import densities
from cximpact.plots.render import to_svg
from cximpact.plots.response_funnel import response_funnel
from cximpact.plots.score_path import score_path
from cximpact.plots.tipping import tipping_dumbbell
from cximpact.plots.who_answered import who_answered
from tests.support.reporting import HOSTILE, score_table

RATES = np.array([0.95, 0.30, 0.40, 0.80])
NAMES = [name for name in HOSTILE if name.strip()]


def funnel_table() -> pd.DataFrame:
    left = RATES.cumprod()
    return pd.DataFrame(
        {
            "stage": ["delivered", "opened", "started", "completed"],
            "estimate": RATES,
            "conf_low": RATES - 0.01,
            "conf_high": RATES + 0.01,
            "n": 10_000 * np.array([1, *left[:-1]]),
            "cumulative": left,
            "loss_share": -np.log(RATES) / -np.log(RATES).sum(),
        }
    )


def share_table(levels=("a", "b", "c")) -> pd.DataFrame:
    share = np.linspace(1, 2, len(levels))
    share /= share.sum()
    return pd.DataFrame(
        {
            "segment": list(levels),
            "frame_share": share,
            "respondent_share": share[::-1],
            "response_rate": 0.1 * share[::-1] / share,
        }
    )


def tipping_table(segments=("a", "b", "c")) -> pd.DataFrame:
    n = len(segments)
    everyone = np.linspace(-10.0, 40.0, n)
    tipped = np.where(everyone > 10, 10.0, np.nan)
    columns = {"respondents": everyone + 6, "everyone": everyone, "tipped": tipped}
    return pd.DataFrame({"segment": list(segments)} | columns | {"delta": tipped / -10})


def answer_table() -> pd.DataFrame:
    share = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
    observed = share + np.array([0.0, 0.05, -0.03, 0.0, -0.02])
    columns = {"estimate": share, "conf_low": share - 0.04, "conf_high": share + 0.04}
    return pd.DataFrame({"answer": np.arange(1.0, 6), "observed": observed} | columns)


def path_table(periods=("2025-01", "2025-02", "2025-04")) -> pd.DataFrame:
    parts = [score_table(list(periods), "month").assign(who=w) for w in ("respondents", "everyone")]
    return pd.concat(parts, ignore_index=True)


def curves(labels=("walk", "drift")) -> dict:
    at = np.linspace(0, 3, 400)
    return {label: (at, np.exp(-at * (1 + 5 * i))) for i, label in enumerate(labels)}


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def row_names(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def legend(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_funnel_shows_what_is_left_what_passes_and_who_loses():
    ax = response_funnel(funnel_table(), title="Spring")
    assert row_names(ax) == ["Invited", "Delivered", "Opened", "Started", "Completed"]
    left = [bar.get_width() for bar in ax.patches[:5]]
    assert left == pytest.approx([1.0, *RATES.cumprod()])
    lost = [bar.get_width() for bar in ax.patches[5:]]
    assert sum(lost) == pytest.approx(1 - 0.0912)
    said = texts(ax)
    assert "912 · 9.1%" in said and "10,000" in said
    assert "30.0 (29.0 to 31.0) %" in said and "50%" in said
    assert ax.get_figure().get_suptitle() == "Spring"


def test_the_stage_that_loses_most_stands_out():
    ax = response_funnel(funnel_table())
    heavy = [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"]
    assert heavy == ["50%"]


def test_a_stage_that_nobody_passes_has_no_loss_shares():
    table = funnel_table().iloc[:2].assign(estimate=[0.9, 0.0], cumulative=[0.9, 0.0])
    ax = response_funnel(table.assign(loss_share=np.nan, conf_low=np.nan, conf_high=np.nan))
    assert texts(ax).count("not defined") == 2 and "0.0 %" in texts(ax)


def test_a_funnel_of_several_groups_or_in_the_wrong_order_is_refused():
    table = funnel_table()
    with pytest.raises(DuplicateKeyError, match="Select or aggregate"):
        response_funnel(pd.concat([table, table]))
    with pytest.raises(DataError, match="rises in 1 row"):
        response_funnel(table.iloc[[0, 2, 1, 3]])
    with pytest.raises(DataError, match="'estimate' is missing or outside 0 to 1"):
        response_funnel(table.assign(estimate=95.0))


def test_who_answered_puts_the_frame_beside_the_respondents():
    ax = who_answered(share_table(), x="segment")
    assert row_names(ax) == ["c", "b", "a"]
    frame, answered = (line for line in ax.lines if len(line.get_xdata()) == 3)
    table = share_table().iloc[::-1]
    assert list(frame.get_xdata()) == pytest.approx(table["frame_share"])
    assert list(answered.get_xdata()) == pytest.approx(table["respondent_share"])
    assert "response rate" in texts(ax) and "10.0%" in texts(ax)
    assert legend(ax) == ["everyone in the frame", "those who answered"]


def test_an_ordered_category_of_levels_keeps_its_order():
    ages = pd.Categorical(["old", "young", "middle"], ["young", "middle", "old"], ordered=True)
    assert row_names(who_answered(share_table().assign(segment=ages), x="segment"))[0] == "young"


def test_shares_in_percent_are_refused():
    with pytest.raises(DataError, match="'frame_share' is missing or outside 0 to 1"):
        who_answered(share_table().assign(frame_share=30.0), x="segment")


def test_the_dumbbell_shows_three_scores_and_the_shift_that_tips():
    ax = tipping_dumbbell(tipping_table(), x="segment", threshold=10.0, unit="points")
    assert row_names(ax) == ["c", "b", "a"]
    assert legend(ax) == ["respondents", "everyone", "at the tipping point"]
    said = texts(ax)
    assert said.count("-1.00") == 2 and "nowhere" in said and "threshold 10" in said
    assert any(list(line.get_xdata()) == [10.0, 10.0] for line in ax.lines)


def test_the_dumbbell_needs_neither_threshold_nor_shifts():
    ax = tipping_dumbbell(tipping_table().drop(columns="delta"), x="segment")
    assert texts(ax) == []


def test_the_dumbbell_shades_the_interval_of_everybody():
    plain = tipping_dumbbell(tipping_table(), x="segment")
    table = tipping_table()
    table = table.assign(conf_low=table["everyone"] - 90, conf_high=table["everyone"] + 3)
    shaded = tipping_dumbbell(table, x="segment")
    assert len(shaded.collections) == len(plain.collections) + 1
    assert shaded.get_xlim()[0] < -90


def test_answers_outside_their_interval_stand_out():
    ax = answer_distribution(answer_table())
    colors = {i: bar.get_facecolor() for i, bar in enumerate(ax.patches)}
    assert colors[1] != colors[0] and colors[2] == colors[0]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(answer_table()["observed"])
    assert "observed, outside the interval" in legend(ax)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "3", "4", "5"]
    inside = answer_table().assign(observed=answer_table()["estimate"])
    assert legend(answer_distribution(inside)) == ["observed", "predicted"]


def test_answers_are_sorted_and_shown_once():
    ax = answer_distribution(answer_table().iloc[::-1])
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(answer_table()["observed"])
    with pytest.raises(DuplicateKeyError):
        answer_distribution(pd.concat([answer_table()] * 2))


def test_the_path_has_a_band_and_respondents_beside_it():
    ax = score_path(path_table(), x="month", unit="NPS points")
    band = next(line for line in ax.lines if line.get_linestyle() == "-")
    points = next(line for line in ax.lines if line.get_marker() == "s")
    assert np.diff(band.get_xdata()).tolist() == [31, 59]
    assert (points.get_xdata() > band.get_xdata()).all()
    assert (points.get_xdata() - band.get_xdata()).max() < 15
    assert legend(ax) == ["everyone", "respondents"] and ax.get_ylabel() == "NPS points"


def test_a_path_over_names_stands_in_the_order_of_the_table():
    ax = score_path(path_table(("later", "launch", "before")), x="month")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["later", "launch", "before"]


def test_a_path_without_respondents_is_a_path():
    table = path_table()
    ax = score_path(table[table["who"] == "everyone"], x="month")
    assert legend(ax) == ["everyone"]
    with pytest.raises(DataError, match="expected 'everyone'"):
        score_path(table[table["who"] == "respondents"], x="month")
    with pytest.raises(DataError, match="'nobody'"):
        score_path(table.assign(who="nobody").drop_duplicates("month"), x="month")


def test_densities_write_the_median_and_the_middle_mass():
    ax = densities({"walk": curves()["walk"]}, name="standard deviation")
    area = 1 - np.exp(-3)
    ends = [-np.log(1 - q * area) for q in (0.05, 0.5, 0.95)]
    bar = next(c for c in ax.collections if len(c.get_paths()) == 1 and c.get_linewidth()[0] == 3)
    assert bar.get_segments()[0][:, 0] == pytest.approx([ends[0], ends[2]], abs=0.01)
    assert "median (90% within)" in texts(ax)
    assert f"{ends[1]:.2f} ({ends[0]:.2f} to {ends[2]:.2f})" in " ".join(texts(ax))
    assert ax.get_xlabel() == "Standard deviation"


def test_a_narrow_density_is_as_high_as_a_wide_one():
    ax = densities(curves())
    peaks = [row - np.nanmin(line.get_ydata()) for row, line in enumerate(ax.lines[::2])]
    assert peaks == pytest.approx([0.78, 0.78])
    assert row_names(ax) == ["walk", "drift"]


def test_curves_that_are_none_are_refused():
    with pytest.raises(EmptyDataError, match="0 curves"):
        densities({})
    with pytest.raises(DataError, match="positions increasing"):
        densities({"a": ([0, 1, 1], [1, 1, 1])})
    with pytest.raises(DataError, match="negative, or zero everywhere"):
        densities({"a": ([0, 1], [0, 0])})
    with pytest.raises(ConfigError, match="41 curves"):
        densities({str(i): ([0, 1], [1, 1]) for i in range(41)})


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(MissingColumnError, match="'loss_share'"):
        response_funnel(funnel_table().drop(columns="loss_share"))
    with pytest.raises(MissingColumnError, match="Did you mean 'segment'"):
        who_answered(share_table(), x="segmnt")


@pytest.mark.parametrize("title", ["$x^{$", "<script>"])
def test_hostile_names_are_drawn_as_they_are(title):
    stages = funnel_table().assign(stage=NAMES[:4])
    pictures = [
        response_funnel(stages, title=title),
        who_answered(share_table(NAMES), x="segment", title=title),
        tipping_dumbbell(tipping_table(NAMES), x="segment", threshold=1.0, title=title, unit=title),
        answer_distribution(answer_table(), title=title, unit=title, name=title),
        score_path(path_table(NAMES), x="month", title=title, unit=title),
        densities(curves(NAMES), title=title, name=title, unit=title),
    ]
    assert all(to_svg(ax).startswith("<") for ax in pictures)


def test_tables_are_left_alone():
    for draw, table in (
        (response_funnel, funnel_table()),
        (lambda t: who_answered(t, x="segment"), share_table()),
        (lambda t: tipping_dumbbell(t, x="segment"), tipping_table()),
        (answer_distribution, answer_table()),
        (lambda t: score_path(t, x="month"), path_table()),
    ):
        before = table.copy()
        draw(table)
        pd.testing.assert_frame_equal(table, before)


def test_pictures_can_be_drawn_into_an_axes_of_the_user():
    first = response_funnel(funnel_table())
    assert answer_distribution(answer_table(), ax=first, title="again") is first
