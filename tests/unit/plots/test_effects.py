"""Effects: one row a label, curves over time, event studies; respondents and everyone."""

import numpy as np
import pandas as pd
import pytest

from cximpact import plots
from cximpact.core.errors import ConfigError, DataError
from tests.support.reporting import effect_result, score_table


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


def event_table(times, shift=0.0):
    estimate = 0.01 * np.maximum(np.asarray(times, float) + 1, 0) + shift
    return pd.DataFrame(
        {
            "event_time": times,
            "estimate": estimate,
            "conf_low": estimate - 0.01,
            "conf_high": estimate + 0.01,
        }
    )


def reference_marks(ax):
    return [line for line in ax.lines if line.get_label() == "reference"]


def test_a_result_plots_itself_in_its_unit():
    ax = effect_result(["north", "south"]).plot()
    assert ax.get_xlabel() == "Effect (percentage points)"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["north", "south"]
    assert ax.xaxis.get_major_formatter().format_ticks([0.0, 0.05]) == ["0", "5"]


def test_no_effect_is_always_in_view():
    ax = effect_result().plot()
    low, high = ax.get_xlim()
    assert low < 0 < high
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)


def test_a_single_effect_shows_its_numbers():
    table = pd.DataFrame({"estimate": [0.058], "conf_low": [0.025], "conf_high": [0.09]})
    assert "5.8 (2.5 to 9.0)" in texts(plots.effect(table, unit="pp"))


def test_an_end_next_to_zero_keeps_its_sign():
    table = pd.DataFrame({"estimate": [0.498], "conf_low": [-0.021], "conf_high": [1.003]})
    assert "0.50 (-0.02 to 1.00)" in texts(plots.effect(table))


def test_a_tidy_table_is_labelled_by_its_dimensions_not_its_terms():
    table = effect_result(["north"]).tidy()
    ax = plots.effect(table)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["north"]
    term_only = table.drop(columns="segment")
    ax = plots.effect(term_only)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["segment[north]"]


def test_periods_become_curves_named_after_their_cohort():
    table = pd.concat([score_table([3, 4, 5], "period", cohort=[c] * 3) for c in (3, 4)])
    table = table[["cohort", "period", "estimate", "conf_low", "conf_high"]]
    ax = plots.effect(table.assign(estimate=table["estimate"] + 100, conf_low=90, conf_high=150))
    assert {"cohort 3", "cohort 4"} <= set(texts(ax))
    assert ax.get_ylim()[0] <= 0


def test_event_time_makes_an_event_study_with_the_reference_at_zero():
    ax = plots.effect(event_table([-3, -2, 0, 1, 2]), unit="pp")
    (mark,) = reference_marks(ax)
    assert list(mark.get_xdata()) == [-1] and list(mark.get_ydata()) == [0]
    assert {"before", "after", "reference"} <= set(texts(ax))
    assert ax.get_xlabel() == "Periods since treatment"


def test_the_time_before_treatment_is_shaded():
    ax = plots.event_study(event_table([-3, -2, 0, 1]))
    left, right = ax.get_xlim()
    (shade,) = ax.patches
    edges = shade.get_path().vertices[:, 0] if not hasattr(shade, "get_x") else None
    x0 = shade.get_x() if edges is None else edges.min()
    x1 = shade.get_x() + shade.get_width() if edges is None else edges.max()
    assert (x0, x1) == (left, -0.5) and right > 1


def test_the_band_is_pinched_at_the_reference():
    ax = plots.event_study(event_table([-3, -2, 0, 1]))
    band = max(ax.collections, key=lambda c: len(c.get_paths()[0].vertices))
    at = band.get_paths()[0].vertices
    assert (at[at[:, 0] == -1][:, 1] == 0).all() and (at[:, 0] == -1).sum() >= 2


def test_a_reference_of_zero_is_marked_and_an_estimate_there_is_not():
    zero = event_table([-2, -1, 0])
    zero.loc[1, ["estimate", "conf_low", "conf_high"]] = 0.0
    assert len(reference_marks(plots.event_study(zero))) == 1
    varying = event_table([-2, -1, 0], shift=0.002)
    assert not reference_marks(plots.event_study(varying))
    assert not reference_marks(plots.event_study(event_table([-2, 0]), reference=None))


def test_one_period_is_enough():
    ax = plots.event_study(event_table([0]))
    assert ax.get_ylim()[0] < 0 < ax.get_ylim()[1]


def test_groups_in_an_event_study_stand_beside_each_other():
    parts = [event_table([-2, 0, 1]).assign(cohort=c) for c in (5, 9)]
    table = pd.concat(parts)[["event_time", "cohort", "estimate", "conf_low", "conf_high"]]
    ax = plots.effect(table)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["cohort 5", "cohort 9"]


def test_too_many_groups_in_an_event_study_are_refused():
    parts = [event_table([-2, 0, 1]).assign(cohort=c) for c in range(8)]
    table = pd.concat(parts)[["event_time", "cohort", "estimate", "conf_low", "conf_high"]]
    with pytest.raises(ConfigError, match="8 groups cannot be read; aggregate"):
        plots.effect(table)


def pairs(labels, column):
    parts = [
        score_table(labels, column, who=[w] * len(labels)) for w in ("respondents", "everyone")
    ]
    return pd.concat(parts, ignore_index=True)


def test_respondents_and_everyone_are_joined_in_each_category():
    ax = plots.respondents_and_everyone(pairs(["a", "b", "c"], "segment"), x="segment")
    joins = [
        line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2
    ]
    assert len(joins) >= 3
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["respondents", "everyone"]


def test_respondents_and_everyone_over_time_are_labelled_at_their_ends():
    ax = plots.respondents_and_everyone(pairs([2016, 2017], "year"), x="year")
    assert {"respondents", "everyone"} <= set(texts(ax))


def test_another_who_is_refused():
    table = pairs(["a", "b"], "segment").replace("everyone", "all")
    with pytest.raises(DataError, match="'who' holds 'all'; expected 'respondents' or 'everyone'"):
        plots.respondents_and_everyone(table, x="segment")
