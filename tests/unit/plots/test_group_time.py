"""Strips of effects by cohort, and event studies with a band for all coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.plots import event_study, group_time, to_png


def effects(cohorts: list[float]) -> pd.DataFrame:
    rows = [(g, t, 0.1 * (t - g)) for g in cohorts for t in range(2, 7)]
    table = pd.DataFrame(rows, columns=["cohort", "period", "estimate"])
    return table.assign(conf_low=table["estimate"] - 1, conf_high=table["estimate"] + 1)


def test_each_cohort_has_its_strip_and_the_time_before_is_hollow():
    figure = group_time(effects([3, 5]), title="Effects", unit="points")
    assert len(figure.axes) == 2
    for ax, cohort in zip(figure.axes, (3, 5), strict=True):
        assert any(f"treated from {cohort}" in text.get_text() for text in ax.texts)
        hollow, full = (line for line in ax.lines if line.get_marker() == "o")
        assert max(hollow.get_xdata()) < cohort <= min(full.get_xdata())
        assert hollow.get_markerfacecolor() == "white"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert to_png(figure.axes[0]).startswith(b"\x89PNG")


def test_too_many_cohorts_are_refused():
    with pytest.raises(ConfigError, match="13 cohorts cannot be read"):
        group_time(effects(list(range(13))))


def band_of(table: pd.DataFrame) -> tuple[float, float]:
    shapes = event_study(table).collections
    points = np.concatenate([p.vertices for s in shapes for p in s.get_paths()])
    return points[:, 1].min(), points[:, 1].max()


def test_the_shaded_band_is_the_one_for_all_where_there_is_one():
    table = effects([0]).rename(columns={"period": "event_time"}).drop(columns="cohort")
    wide = table.assign(band_low=table["conf_low"] - 2, band_high=table["conf_high"] + 2)
    assert band_of(table)[1] == pytest.approx(table["conf_high"].max())
    assert band_of(wide)[1] == pytest.approx(wide["band_high"].max())


def test_effects_after_treatment_alone_have_no_reference():
    table = effects([0]).rename(columns={"period": "event_time"}).drop(columns="cohort")
    texts = [text.get_text() for text in event_study(table).texts]
    assert "reference" not in texts
    early = pd.concat([table.assign(event_time=table["event_time"] - 5), table])
    assert "reference" in [
        text.get_text() for text in event_study(early[early.event_time != -1]).texts
    ]
