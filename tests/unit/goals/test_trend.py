"""The trend baseline: textbook numbers, prediction intervals and what goes in."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    DataError,
    DesignError,
    DuplicateKeyError,
    InsufficientPeriodsError,
    MissingValueError,
    ScaleError,
    SmallSampleWarning,
)
from cximpact.core.scale import ScoreScale
from cximpact.goals import trend_baseline

CSAT = ScoreScale(name="CSAT", low=0, high=100, higher_is_better=True)
Y = [57, 57, 54, 53, 50, 51, 48, 47]
X = list(range(1, 9))


def test_ols_prediction_interval_to_the_digits():
    base = trend_baseline(X, Y, method="ols", rng=1)
    row = base.tidy(0.9).query("score == 'measured'").iloc[0]
    assert row["period"] == 9 and row["n"] == 8
    assert row["estimate"] == pytest.approx(45.3214286, abs=1e-7)
    assert row["std_error"] == pytest.approx(1.1420198, abs=1e-7)
    assert row["conf_low"] == pytest.approx(43.1022783, abs=1e-7)
    assert row["conf_high"] == pytest.approx(2 * 45.3214286 - 43.1022783, abs=2e-7)
    assert base.probability(50) == pytest.approx(0.0031903, abs=1e-7)


def test_ols_prediction_interval_is_not_the_interval_of_the_line():
    low, high = trend_baseline(X, Y, method="ols").summary().loc[1, ["conf_low", "conf_high"]]
    assert low < 43.957 and high > 46.685


def test_ols_draws_follow_the_t_distribution_of_the_interval():
    base = trend_baseline(X, Y, method="ols", rng=1, n_draws=40_000)
    draws = base.draws["measured"].values[:, 0]
    np.testing.assert_allclose(np.quantile(draws, [0.05, 0.95]), [43.102, 47.541], atol=0.06)
    assert np.mean(draws >= 50) == pytest.approx(0.0031903, abs=0.001)


def test_slope_of_the_line():
    base = trend_baseline(X, Y, method="ols", horizon=2)
    assert float(base.point[1] - base.point[0]) == pytest.approx(-1.5119048, abs=1e-7)


def test_theil_sen_point():
    base = trend_baseline(X, Y, method="theil_sen", horizon=2)
    assert base.point.values.tolist() == pytest.approx([58.75 - 1.5 * 9, 58.75 - 1.5 * 10])


def test_one_odd_wave_moves_theil_sen_less_than_ols():
    odd = [58, 56, 54, 52, 50, 48, 46, 64]
    off = {m: abs(trend_baseline(X, odd, method=m).base - 42) for m in ("ols", "theil_sen")}
    assert off["theil_sen"] < 3 < 9 < off["ols"]


@pytest.mark.parametrize("method", ["ols", "theil_sen", "auto"])
@pytest.mark.parametrize(("y", "end"), [([58, 56, 54, 52, 50], 48), ([42, 44, 46, 48, 50], 52)])
def test_mirrored_series_have_mirrored_baselines(method, y, end):
    assert trend_baseline(X[:5], y, scale=CSAT, method=method).base == pytest.approx(end)


def test_auto_takes_the_local_linear_trend_from_eight_periods_on():
    errors = [1.0] * 8
    assert "local linear" in trend_baseline(X, Y, errors, scale=CSAT).method
    assert "least squares" in trend_baseline(X[:7], Y[:7], errors[:7], scale=CSAT).method


def test_fewer_than_four_periods_are_insufficient_for_a_trend():
    with pytest.warns(SmallSampleWarning, match="3 periods are insufficient"):
        base = trend_baseline([1, 2, 3], [58, 56, 54], [1, 1, 1], scale=CSAT, rng=1)
    assert base.base == 54
    assert "insufficient" in base.explain()
    spread = float(base.draws["true"].std())
    assert spread == pytest.approx(np.hypot(1.0, 2.5), rel=0.05)
    with pytest.raises(InsufficientPeriodsError, match="needs at least 4"):
        trend_baseline([1, 2, 3], [58, 56, 54], method="ols")


def test_known_survey_error_is_taken_out_of_the_true_score():
    noisy = trend_baseline(X, Y, [0.8] * 8, method="ols", rng=1)
    true, measured = (float(noisy.draws[k].std()) for k in ("true", "measured"))
    unknown = float(trend_baseline(X, Y, method="ols", rng=1).draws["measured"].std())
    assert true < measured
    assert measured == pytest.approx(np.hypot(true, 0.8), rel=0.03)
    assert measured == pytest.approx(unknown, rel=0.15)


def test_the_next_survey_has_its_own_error():
    base = trend_baseline(X, Y, [0.8] * 8, method="ols", next_std_error=5.0, rng=1)
    noise = (base.draws["measured"] - base.draws["true"]).values
    assert noise.std() == pytest.approx(5.0, rel=0.05)


def test_draws_never_leave_the_scale_and_the_note_says_how_many_were_clipped():
    y = [90, 92, 95, 96, 99]
    base = trend_baseline(X[:5], y, scale=CSAT, horizon=3, method="ols", rng=1)
    assert float(base.draws["true"].max()) <= 100
    assert any("clipped" in note for note in base.notes)
    assert base.summary()["conf_high"].max() <= 100


def test_gaps_between_years_count():
    with_gap = trend_baseline([2010, 2011, 2013, 2014], [50, 52, 56, 58], method="ols")
    assert with_gap.base == pytest.approx(60)
    assert with_gap.point["period"].values.tolist() == [2015]


@pytest.mark.parametrize(
    ("periods", "ahead"),
    [
        (list(pd.period_range("2024-01", periods=4, freq="M")), "2024-05"),
        (["spring", "summer", "autumn", "winter"], "+1"),
        ([0.5, 1.0, 1.5, 2.0], 2.5),
        (None, 5),
    ],
)
def test_periods_ahead_are_named_after_those_seen(periods, ahead):
    base = trend_baseline(periods, [50, 52, 51, 53], method="ols")
    assert base.point["period"].values.tolist() == [ahead]


def test_draws_of_a_history_stay_joint_with_their_forecast():
    rng = np.random.default_rng(3)
    values = np.array([50, 51, 52, 53, 54.0]) + 2 * rng.standard_normal((4000, 5))
    coords = {"year": [2014, 2015, 2016, 2017, 2018]}
    history = dr.from_array(values, source="imputed", dims=("year",), coords=coords)
    base = trend_baseline(None, history, scale=CSAT, method="ols", rng=1)
    assert base.point["period"].values.tolist() == [2019]
    assert dr.order_of(base.draws)["imputed"] == dr.order_of(history)["imputed"]
    true = base.draws["true"].values[:, 0]
    assert np.corrcoef(true, values[:, -1])[0, 1] > 0.5
    lines = np.polynomial.polynomial.polyfit(np.arange(5.0), values.T, 1)
    np.testing.assert_allclose(lines[0] + 5 * lines[1], true, atol=1e-8)


def test_errors_shared_by_all_waves_do_not_average_out():
    rng = np.random.default_rng(3)
    shared = rng.standard_normal((4000, 1)) * 3 + 0.3 * rng.standard_normal((4000, 9))
    values = np.linspace(50, 58, 9) + shared
    history = dr.from_array(values, source="imputed", dims=("period",))
    base = trend_baseline(None, history, scale=CSAT, rng=1)
    assert float(base.draws["true"].std()) > 2.8


def test_the_same_seed_gives_the_same_draws_and_other_data_other_noise():
    one, two = (trend_baseline(X, Y, method="ols", rng=7) for _ in range(2))
    xr.testing.assert_identical(one.draws, two.draws)
    other = trend_baseline(X, np.add(Y, 1.0), method="ols", rng=7)
    gap = other.draws["true"] - one.draws["true"]
    assert float(gap.std()) > 0.1


def test_inputs_are_not_changed():
    x, y, e = np.arange(5), np.array([50.0, 51, 50, 52, 53]), np.ones(5)
    before = [a.tobytes() for a in (x, y, e)]
    trend_baseline(x, y, e, scale=CSAT)
    assert [a.tobytes() for a in (x, y, e)] == before


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((X, Y[:7]), {}, DataError, "periods has 8 values for 7 scores"),
        (([1, 1, 2, 3], Y[:4]), {}, DuplicateKeyError, "1 row, at position 1"),
        (([1, 3, 2, 4], Y[:4]), {}, DataError, "not in increasing order: 1 row, at position 2"),
        ((X[:4], [50, np.nan, 51, 52]), {}, MissingValueError, "estimates is missing in 1 row"),
        ((X, Y, [1.0] * 7), {}, DataError, "std_errors has 7 values"),
        ((X, Y, [-1.0] * 8), {}, DataError, "smallest -1"),
        ((X, [*Y[:7], 101]), {"scale": CSAT}, ScaleError, "from 50 to 101|to 101"),
        ((X, Y), {"scale": (0, 100)}, ConfigError, "expected a ScoreScale"),
        ((X, Y), {"horizon": 0}, ConfigError, "horizon is 0"),
        ((X, Y), {"n_draws": 0}, ConfigError, "n_draws is 0"),
        ((X, Y), {"method": "olss"}, ConfigError, "Did you mean 'ols'"),
        ((X[:4], Y[:4]), {"method": "flat"}, ConfigError, "needs scale"),
        (([1, 2, 3.3, 4], Y[:4]), {"method": "local_linear"}, DesignError, "equal steps"),
    ],
)
def test_unusable_input_is_named(args, options, error, message):
    with pytest.raises(error, match=message):
        trend_baseline(*args, **options)


def test_draws_of_several_segments_are_refused():
    values = np.full((200, 4, 2), 50.0)
    history = dr.from_array(values, source="fit", dims=("period", "segment"))
    with pytest.raises(AlignmentError, match="Select one segment"):
        trend_baseline(None, history)
    with pytest.raises(ConfigError, match="carry their own"):
        trend_baseline(None, history.isel(segment=0), [1.0] * 4)


def test_a_baseline_explains_itself_and_shows_as_html():
    base = trend_baseline(X, Y, [0.8] * 8, scale=CSAT, rng=1)
    assert "prediction interval" in base.explain() and "logit" in base.explain()
    assert "<table" in base._repr_html_()
    assert base.metric == "CSAT"
