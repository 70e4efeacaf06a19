"""The tables behind the pictures: they add up, and the pictures can draw them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, MissingColumnError, NoRespondentsError
from cximpact.data import SurveyWave, cells
from cximpact.imputation.pictures import (
    answer_table,
    path_table,
    tipping_table,
    who_answered_table,
)
from cximpact.imputation.poststratify import probabilities
from cximpact.plots.answers import answer_distribution
from cximpact.plots.score_path import score_path
from cximpact.plots.tipping import tipping_dumbbell
from cximpact.plots.who_answered import who_answered
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def frame():
    return customer_frame(n=2000, seed=5)


@pytest.fixture(scope="module")
def fit(frame):
    return synthetic(wave_of(frame), n_draws=300)


def test_observed_shares_are_those_of_the_answers(fit, frame):
    table = answer_table(fit)
    expected = frame["nps"].value_counts(normalize=True).reindex(range(11), fill_value=0.0)
    assert table["observed"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (table["n"] == frame["nps"].notna().sum()).all()
    assert table["estimate"].sum() == pytest.approx(1.0)


def test_predicted_shares_have_the_mean_and_spread_of_the_model(fit):
    table = answer_table(fit, rng=3)
    n = fit.cells.answered
    p = np.concatenate(list(probabilities(fit.draws, fit.design)))
    mean = np.einsum("sjk,j->sk", p, n) / n.sum()
    within = np.einsum("sjk,j->sk", p * (1 - p), n).mean(axis=0) / n.sum() ** 2
    assert table["estimate"].to_numpy() == pytest.approx(mean.mean(axis=0), abs=0.003)
    expected = np.sqrt(mean.var(axis=0) + within)
    assert table["std_error"].to_numpy() == pytest.approx(expected, rel=0.2)


def test_intervals_hold_answers_that_come_from_the_model(fit):
    rng = np.random.default_rng(7)
    p = np.concatenate(list(probabilities(fit.draws, fit.design)))
    table, n = answer_table(fit, prob=0.8), int(fit.cells.n_answered)
    drawn = [
        rng.multinomial(fit.cells.answered.astype(int), p[i]).sum(axis=0) / n
        for i in rng.integers(0, len(p), 200)
    ]
    inside = [
        (table["conf_low"] <= one + 1e-9) & (one <= table["conf_high"] + 1e-9) for one in drawn
    ]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)


def test_answers_by_group_leave_out_groups_without_answers(frame):
    silent = frame.assign(nps=frame["nps"].where(frame["segment"] != "b"))
    table = answer_table(synthetic(wave_of(silent), n_draws=50), "segment")
    assert list(table["segment"].unique()) == list("acd")
    assert table.groupby("segment")["observed"].sum().to_numpy() == pytest.approx(np.ones(3))
    assert len(table) == 33


def test_the_same_seed_predicts_the_same_answers(fit):
    pd.testing.assert_frame_equal(answer_table(fit, rng=4), answer_table(fit, rng=4))
    pd.testing.assert_frame_equal(answer_table(fit), answer_table(fit))


def test_shares_of_who_answered_are_counted(fit, frame):
    table = who_answered_table(fit, "segment").set_index("segment")
    by = frame.groupby("segment")["nps"]
    assert table["n"].to_dict() == by.size().to_dict()
    assert table["answered"].to_dict() == by.count().to_dict()
    assert table[["frame_share", "respondent_share"]].sum().to_numpy() == pytest.approx([1, 1])
    assert table["response_rate"].to_numpy() == pytest.approx((by.count() / by.size()).to_numpy())


def test_the_path_has_both_scores_of_every_period(fit):
    table = path_table(fit, 0.8)
    assert table.groupby("who")["month"].apply(list).to_dict() == {
        "everyone": [1, 2, 3],
        "respondents": [1, 2, 3],
    }
    pd.testing.assert_frame_equal(table, fit.compare("month", prob=0.8))
    with pytest.raises(ConfigError, match="has no period"):
        path_table(synthetic(wave_of(customer_frame(), period=None), n_draws=20))


def test_the_shift_that_tips_brings_the_group_to_the_threshold(fit):
    table = tipping_table(fit, "segment", 5.0)
    for segment, delta in table[["segment", "delta"]].itertuples(index=False):
        row = list(table["segment"]).index(segment)
        silent = fit.silent_score("segment", delta=delta).mean("sample").values[row]
        cells_ = fit.cells.index["segment"] == segment
        answered = fit.cells.answered[cells_].sum()
        people = fit.cells.frame_count[cells_].sum()
        whole = (answered * table.loc[row, "respondents"] + (people - answered) * silent) / people
        assert whole == pytest.approx(5.0, abs=0.05)
    assert (np.sign(table["delta"]) == np.sign(5.0 - table["everyone"])).all()


def test_a_threshold_out_of_reach_tips_nothing(fit):
    table = tipping_table(fit, "segment", 99.5)
    assert table[["tipped", "delta"]].isna().all(axis=None)
    with pytest.raises(ConfigError, match="expected low < high"):
        tipping_table(fit, "segment", 0.0, low=1.0, high=0.0)


def test_the_pictures_draw_the_tables(fit):
    drawn = [
        answer_distribution(answer_table(fit)),
        who_answered(who_answered_table(fit, "segment"), x="segment"),
        score_path(path_table(fit), x="month"),
        tipping_dumbbell(tipping_table(fit, "segment", 5.0), x="segment", threshold=5.0),
    ]
    assert all(ax.get_figure() is not None for ax in drawn)


def test_bad_columns_and_waves_without_answers_are_refused(fit, frame):
    with pytest.raises(MissingColumnError, match="Did you mean 'segment'"):
        who_answered_table(fit, "segmnt")
    nobody = cells(
        SurveyWave(
            frame.assign(nps=np.nan), answer="nps", scale=fit.cells.scale,
            factors=["segment", "channel"], period="month",
        )
    )  # fmt: skip
    silent = dataclasses.replace(fit, cells=nobody)
    with pytest.raises(NoRespondentsError, match="nobody answered"):
        answer_table(silent)
    with pytest.raises(NoRespondentsError, match="nobody answered"):
        who_answered_table(silent, "segment")
