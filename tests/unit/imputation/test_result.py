from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, MissingColumnError
from cximpact.data import SurveyWave, cells
from cximpact.scores import NPS


def test_segments_add_up_to_everybody(imputed):
    whole = imputed.score(target="super")
    parts = imputed.score("segment", target="super")
    share = imputed.cells.index.assign(n=imputed.cells.frame_count).groupby("segment")["n"].sum()
    combined = (parts * (share / share.sum()).to_numpy()).sum("segment")
    assert np.allclose(whole.values, combined.values)


def test_scores_of_one_fit_are_a_joint_sample(imputed):
    segment, month = imputed.score("segment"), imputed.score("month")
    assert dr.check_joint(segment, month) == dr.order_of(imputed.draws)


def test_two_fits_of_the_same_answers_cannot_pass_for_independent(imputed):
    other = dr.from_array(
        np.zeros(4000), source="another", data_ids=[f"data:{imputed.cells.data_hash}"]
    )
    with pytest.raises(AlignmentError):
        dr.pair(imputed.score(), other, rng=1)


def test_a_frame_that_answered_in_full_has_its_score_exactly(imputed):
    rng = np.random.default_rng(0)
    frame = imputed.cells.index.copy()
    frame["nps"] = rng.integers(0, 11, len(frame)).astype(float)
    full = cells(SurveyWave(frame, answer="nps", scale=NPS), by=list(imputed.cells.by))
    known = dataclasses.replace(imputed, cells=full)
    score = known.score()
    value = 100.0 * ((frame["nps"] >= 9).mean() - (frame["nps"] <= 6).mean())
    assert np.allclose(score.values, value)
    assert float(known.score(target="super").std()) > 0.1


def test_a_shift_of_zero_is_missing_at_random_and_the_score_rises_with_the_shift(imputed):
    table = imputed.sensitivity([-1.0, -0.5, 0.0, 0.5])
    assert table["estimate"].is_monotonic_increasing
    assert table["silent"].is_monotonic_increasing
    at_random = float(imputed.score(target="super").mean())
    assert table.loc[2, "estimate"] == pytest.approx(at_random)


def test_tipping_point_is_where_the_score_meets_the_threshold(imputed):
    threshold = float(imputed.score(target="super").mean()) - 10.0
    delta = imputed.tipping_point(threshold)
    reached = imputed.sensitivity([delta])["estimate"].iloc[0]
    assert delta < 0
    assert reached == pytest.approx(threshold, abs=0.05)
    assert np.isnan(imputed.tipping_point(99.9))


def test_manski_bounds_hold_every_possible_answer_of_the_silent(imputed):
    row = imputed.bounds().iloc[0]
    n, silent = imputed.cells.n_frame, imputed.cells.n_frame - imputed.cells.n_answered
    answered = row["respondents"] * imputed.cells.n_answered
    assert row["lower"] == pytest.approx((answered - 100 * silent) / n)
    assert row["upper"] == pytest.approx((answered + 100 * silent) / n)
    assert row["response_rate"] == pytest.approx(1 - silent / n)


def test_summary_names_each_level(imputed):
    terms = set(imputed.summary()["term"])
    assert {"sigma_segment", "effect_segment[a]", "effect_channel[0]", "walk_sd"} <= terms
    assert not any(t.startswith(("unit_", "p0")) for t in terms)


def test_effects_of_a_factor_sum_to_zero(imputed):
    for name in ("segment", "channel", "month"):
        total = imputed.draws[f"effect_{name}"].sum(name)
        assert float(abs(total).max()) < 1e-8


def test_several_columns_become_one_labelled_dimension(imputed):
    score = imputed.score(["segment", "channel"])
    assert score.dims == ("sample", "group")
    assert list(score["segment"].values[:3]) == ["a", "a", "a"]
    assert str(score["group"].values[0]) == "a · 0"


def test_comparison_has_a_row_for_each_and_the_people_behind_it(imputed):
    table = imputed.compare("segment")
    assert list(table["who"].unique()) == ["respondents", "everyone"]
    sums = table.groupby("who")["n"].sum()
    assert sums["everyone"] == imputed.cells.n_frame
    assert sums["respondents"] == imputed.cells.n_answered


def test_an_unknown_column_is_named_with_the_nearest(imputed):
    with pytest.raises(MissingColumnError, match="Did you mean 'segment'"):
        imputed.score("segmnt")


def test_bad_options_are_refused(imputed):
    with pytest.raises(ConfigError, match="target is 'fin'"):
        imputed.score(target="fin")
    with pytest.raises(ConfigError, match="expected low < high"):
        imputed.tipping_point(0.0, low=1.0, high=0.0)


def test_explanation_gives_both_scores_the_condition_and_the_outer_limit(imputed):
    text = imputed.explain()
    assert "who answered" in text
    assert "missing at random (not testable" in text
    assert "Without any assumption" in text


def test_html_escapes_what_customers_wrote(imputed):
    levels = {**imputed.design.levels}
    hostile = dataclasses.replace(imputed.design, levels=levels)
    page = dataclasses.replace(imputed, design=hostile)._repr_html_()
    assert page.startswith("<div>")
    assert "<script" not in page


def test_plot_puts_respondents_beside_everyone(imputed):
    axes = imputed.plot("segment")
    words = " ".join(t.get_text() for t in axes.figure.findobj(lambda a: hasattr(a, "get_text")))
    assert "respondents" in words.lower()


def test_draws_are_read_only_and_keep_their_fit(imputed):
    assert isinstance(imputed.fit, xr.DataTree)
    with pytest.raises(ValueError, match="read-only"):
        imputed.draws["cuts"].values[0] = 0.0


def test_bounds_of_a_group_without_answers_are_the_whole_scale():
    from cximpact.imputation.bounds import manski_bounds
    from cximpact.imputation.poststratify import margin

    frame = pd.DataFrame({"g": list("ab"), "y": [9.0, np.nan]})
    counts = cells(SurveyWave(frame, answer="y", scale=NPS, factors=["g"]))
    table = manski_bounds(counts, margin(counts, "g"), NPS.score_weights)
    assert list(table.loc[1, ["lower", "upper"]]) == [-100.0, 100.0]
    assert np.isnan(table.loc[1, "respondents"])
