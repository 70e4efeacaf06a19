import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DesignError,
    MissingColumnError,
    NoRespondentsError,
    SmallSampleWarning,
)
from cximpact.data import SurveyWave
from cximpact.scores import (
    CSAT5,
    NPS,
    ces_scale,
    mean_interval,
    net_interval,
    nps,
    proportion_interval,
    standard_error,
    summarize,
)

COLUMNS = ["estimate", "std_error", "conf_low", "conf_high", "conf_level"]
COLUMNS += ["n", "n_invited", "response_rate", "n_eff", "note"]
CLASSES = [-100, 0, 100]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 600
    answers = rng.integers(0, 11, n).astype(float)
    answers[rng.random(n) < 0.5] = np.nan
    weight = rng.uniform(0.5, 2, n)
    return pd.DataFrame(
        {"score": answers, "seg": rng.choice(list("abc"), n), "year": n * [2018], "w": weight}
    )


def wave_of(frame, scale=NPS, **options) -> SurveyWave:
    return SurveyWave(frame, answer="score", scale=scale, **options)


def test_one_row_without_groups(nps_wave):
    table = summarize(nps_wave, prob=0.95)
    assert list(table.columns) == COLUMNS
    row = table.iloc[0]
    assert row["estimate"] == 35
    assert row["std_error"] == pytest.approx(standard_error([30, 70, 100], CLASSES))
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        net_interval(100, 30, 200, prob=0.95)
    )
    assert (row["n"], row["n_invited"], row["response_rate"], row["n_eff"]) == (200, 1000, 0.2, 200)
    assert table.attrs["unit"] == "NPS points"
    assert table.attrs["variance"] == "simple"


def test_groups_are_what_each_group_gives_alone(frame):
    table = summarize(wave_of(frame), ["seg", "year"])
    assert list(table.columns) == ["seg", "year", *COLUMNS]
    assert table["seg"].tolist() == ["a", "b", "c"]
    for i, level in enumerate("abc"):
        alone = summarize(wave_of(frame[frame["seg"] == level])).iloc[0]
        pd.testing.assert_series_equal(table.loc[i, COLUMNS], alone[COLUMNS], check_names=False)
        plain = nps(frame.query("seg == @level")["score"].dropna())
        assert table.loc[i, "estimate"] == pytest.approx(plain)


def test_pandas_polars_and_duckdb_agree(frame):
    expected = summarize(wave_of(frame, weight="w"), "seg")
    for other in (pl.from_pandas(frame), duckdb.from_df(frame)):
        found = summarize(wave_of(other, weight="w"), "seg")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("method", ["score", "wald", "adjusted_wald", "dirichlet"])
def test_every_net_method_is_the_plain_function(nps_wave, method):
    row = summarize(nps_wave, method=method, rng=3).iloc[0]
    plain = net_interval(100, 30, 200, method=method, rng=3)
    tolerance = 0.3 if method == "dirichlet" else 1e-9
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(plain, abs=tolerance)


@pytest.mark.parametrize("method", ["score", "wald", "jeffreys", "clopper_pearson"])
def test_every_share_method_is_the_plain_function(nps_wave, method):
    row = summarize(nps_wave, method=method, statistic="top_box").iloc[0]
    assert row["estimate"] == 0.5
    plain = proportion_interval(100, 200, method=method)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(plain)


@pytest.mark.parametrize("method", ["score", "t"])
def test_every_mean_method_is_the_plain_function(method):
    answers = np.repeat([1.0, 2, 3, 4, 5], [5, 10, 25, 90, 70])
    row = summarize(wave_of(pd.DataFrame({"score": answers}), CSAT5), method=method).iloc[0]
    assert row["estimate"] == pytest.approx(4.05)
    plain = mean_interval([5, 10, 25, 90, 70], [1, 2, 3, 4, 5], method=method)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(plain)


def test_mean_top_box_and_net_of_one_wave():
    scale = ces_scale(7, higher_is_better=False)
    wave = wave_of(pd.DataFrame({"score": [1.0, 2, 3, 7]}), scale)
    found = {
        s: summarize(wave, statistic=s)["estimate"].iloc[0] for s in ("mean", "top_box", "net")
    }
    assert found == {"mean": 3.25, "top_box": 0.75, "net": 25.0}
    assert summarize(wave, statistic="top_box", top=2)["estimate"].iloc[0] == 0.5


def test_a_group_without_answers_keeps_its_row(frame):
    frame.loc[frame["seg"] == "b", "score"] = np.nan
    with pytest.warns(SmallSampleWarning, match="no answers in 1 of 3 groups"):
        table = summarize(wave_of(frame), "seg").set_index("seg")
    assert table.loc["b", "n"] == 0
    assert table.loc["b", "note"] == "no answers"
    assert table.loc["b", "n_invited"] > 0
    assert table.loc["b", ["estimate", "std_error", "conf_low", "conf_high"]].isna().all()
    assert table.loc["a", "note"] == ""


def test_one_answer_has_an_interval_but_no_standard_error():
    with pytest.warns(SmallSampleWarning, match="one answer in 1 of 1 groups"):
        row = summarize(wave_of(pd.DataFrame({"score": [10.0, np.nan]}))).iloc[0]
    assert row["estimate"] == row["conf_high"] == 100
    assert np.isnan(row["std_error"])
    assert row["conf_low"] < 0


def test_agreement_of_all_answers_is_no_certainty():
    frame = pd.DataFrame({"score": [5.0] * 4})
    for statistic in ("mean", "top_box", "net"):
        row = summarize(wave_of(frame, CSAT5), statistic=statistic).iloc[0]
        assert row["std_error"] == 0
        assert row["conf_high"] > row["conf_low"]


def test_nobody_answered_is_an_error(frame):
    with pytest.raises(NoRespondentsError, match="none of 600 rows has an answer in 'score'"):
        summarize(wave_of(frame.assign(score=np.nan)))


def test_the_very_people_of_the_frame_need_a_design(nps_wave):
    with pytest.raises(DesignError, match=r"choose to answer .* impute the rest"):
        summarize(nps_wave, target="finite")
    row = summarize(nps_wave, target="finite", design="srs").iloc[0]
    assert row["std_error"] == pytest.approx(4.60500, abs=1e-5)


def test_a_census_is_certain():
    wave = wave_of(pd.DataFrame({"score": [0.0, 7, 10, 9]}))
    row = summarize(wave, target="finite", design="srs").iloc[0]
    assert row["std_error"] == 0
    assert row["conf_low"] == row["conf_high"] == pytest.approx(25)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prob": 90}, ConfigError, "Did you mean 0.9"),
        ({"method": "wilson"}, ConfigError, "method is 'wilson'"),
        ({"method": "clopper_pearson"}, ConfigError, "for shares alone"),
        ({"method": "adjusted_wald", "statistic": "mean"}, ConfigError, "for net scores"),
        ({"method": "dirichlet"}, ConfigError, "pass rng"),
        ({"statistic": "median"}, ConfigError, "statistic is 'median'"),
        ({"target": "everyone"}, ConfigError, "target is 'everyone'"),
        ({"by": ["sgement"]}, MissingColumnError, "Did you mean 'segment'"),
        ({"by": ["score"]}, ConfigError, "cannot be grouped by"),
    ],
)
def test_bad_options_are_refused_and_the_frame_left_alone(nps_wave, options, error, message):
    before = nps_wave.frame.copy()
    with pytest.raises(error, match=message):
        summarize(nps_wave, **options)
    pd.testing.assert_frame_equal(nps_wave.frame, before)


def test_answers_of_people_who_never_started_are_refused(nps_answers):
    frame = pd.DataFrame({"score": np.r_[nps_answers, np.zeros(50)], "go": [1] * 200 + [0] * 50})
    with pytest.raises(DataError, match=r"50 answers .* it is not a zero"):
        summarize(wave_of(frame, stages={"started": "go"}))
