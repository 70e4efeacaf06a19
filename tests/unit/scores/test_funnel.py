import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DataError
from cximpact.data import SurveyWave
from cximpact.scores import (
    NPS,
    corrected_open_rate,
    funnel,
    loss_shares,
    proportion_interval,
)
from tests.support import golden

STAGES = ("delivered", "opened", "started", "completed")


def waves(counts, flags=STAGES, **columns) -> SurveyWave:
    """A wave of nested stages: counts are those invited, then those past each stage."""
    invited = counts[0]
    frame = pd.DataFrame(
        {s: np.arange(invited) < n for s, n in zip(flags, counts[1:], strict=True)}
    )
    frame = frame.astype(float).assign(**columns)
    frame["score"] = np.where(np.arange(invited) < counts[-1], 9.0, np.nan)
    return SurveyWave(frame, answer="score", scale=NPS, stages={s: s for s in flags})


def test_the_funnel_of_the_textbook_example():
    table = funnel(waves([10000, 9500, 2850, 1140, 912]))
    assert table["estimate"].to_numpy() == pytest.approx([0.95, 0.30, 0.40, 0.80])
    assert golden.close(table["cumulative"].iloc[-1], golden.load("scores")["numbers"]["funnel"])
    assert table["n_lost"].tolist() == [500, 6650, 1710, 228]
    assert table["n"].tolist() == [10000, 9500, 2850, 1140]


def test_loss_shares_add_up_and_do_not_depend_on_the_order():
    rates = np.array([0.95, 0.30, 0.40, 0.80])
    shares = loss_shares(rates)
    assert shares.sum() == pytest.approx(1)
    assert shares == pytest.approx(np.log(rates) / np.log(0.0912))
    assert loss_shares(rates[::-1]) == pytest.approx(shares[::-1])
    assert funnel(waves([10000, 9500, 2850, 1140, 912]))["loss_share"].to_numpy() == pytest.approx(
        shares
    )


def test_no_loss_and_total_loss():
    assert loss_shares([1.0, 1.0]).tolist() == [0, 0]
    assert np.isnan(loss_shares([0.5, 0.0])).all()
    with pytest.raises(ConfigError, match="rates is 1\\.2"):
        loss_shares([1.2, 0.5])


def test_rates_have_wilson_intervals():
    row = funnel(waves([40, 35, 20, 10, 9]), prob=0.8).iloc[2]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        proportion_interval(10, 20, prob=0.8)
    )
    assert row["std_error"] == pytest.approx(np.sqrt(0.25 / 19))
    assert row["conf_level"] == 0.8


def test_groups_have_funnels_of_their_own():
    segment = np.repeat(["b", "a"], [60, 40])
    table = funnel(waves([100, 80], ["started"], segment=segment), "segment")
    assert table["segment"].tolist() == ["a", "b"]
    assert table["estimate"].tolist() == [0.5, 1.0]


def test_a_stage_nobody_got_to_is_missing_not_zero():
    table = funnel(waves([10, 5, 0, 0, 0]))
    assert table["estimate"].iloc[1] == 0
    assert table["estimate"].iloc[2:].isna().all()
    assert table["loss_share"].isna().all()


def test_a_corrected_open_rate_inverts_the_error():
    assert corrected_open_rate(0.9 * 0.4 + 0.2 * 0.6, 0.9, 0.8) == pytest.approx(0.4)
    assert corrected_open_rate(0.31, 1, 1) == pytest.approx(0.31)


@pytest.mark.parametrize(
    ("observed", "error", "message"),
    [(0.1, DataError, "10.0% recorded opens cannot"), (0.95, DataError, "expected 20.0% to 90.0%")],
)
def test_opens_that_the_error_rates_rule_out_are_refused(observed, error, message):
    with pytest.raises(error, match=message):
        corrected_open_rate(observed, 0.9, 0.8)


def test_a_flag_that_tells_nothing_is_refused():
    with pytest.raises(ConfigError, match="tells nothing"):
        corrected_open_rate(0.5, 0.5, 0.5)


def noisy(n: int, sens: float, spec: float, seed: int) -> SurveyWave:
    """True opens .4, started .5 of the openers, and a flag with errors."""
    rng = np.random.default_rng(seed)
    opened = rng.random(n) < 0.4
    flag = np.where(opened, rng.random(n) < sens, rng.random(n) >= spec)
    started = opened & (rng.random(n) < 0.5)
    frame = pd.DataFrame({"opened": flag.astype(float), "started": started.astype(float)})
    frame["score"] = np.where(started, 8.0, np.nan)
    return SurveyWave(
        frame, answer="score", scale=NPS, stages={"opened": "opened", "started": "started"}
    )


def test_misrecorded_opens_are_corrected():
    table = funnel(noisy(40_000, 0.9, 0.8, 1), open_error=(0.9, 0.8))
    assert table["estimate"].to_numpy() == pytest.approx([0.4, 0.5], abs=0.02)
    assert table["n"].iloc[1] == pytest.approx(16_000, rel=0.05)


def test_an_exact_flag_needs_no_correction():
    wave = waves([1000, 900, 300, 120, 90])
    plain, exact = funnel(wave), funnel(wave, open_error=(1.0, 1.0))
    for column in ("estimate", "n", "n_passed", "cumulative", "loss_share"):
        assert exact[column].to_numpy() == pytest.approx(plain[column].to_numpy())
    assert exact["std_error"].to_numpy() == pytest.approx(plain["std_error"].to_numpy(), rel=0.01)


def test_intervals_of_corrected_stages_cover():
    many = noisy(150_000, 0.9, 0.8, 3)
    frame = many.frame.assign(world=np.arange(150_000) % 100)
    worlds = SurveyWave(frame, answer="score", scale=NPS, stages=many.stages)
    table = funnel(worlds, "world", open_error=(0.9, 0.8))
    truth = table["stage"].map({"opened": 0.4, "started": 0.5})
    inside = (table["conf_low"] < truth) & (truth < table["conf_high"])
    # 99.9 % band of 100 worlds at 90 %
    assert inside.groupby(table["stage"]).sum().between(80, 99).all()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ((0.9, 0.1), "sum to at most 1"),
        (0.9, "expected \\(sensitivity"),
        ((1.1, 0.9), "sensitivity"),
    ],
)
def test_bad_error_rates_are_refused(error, message):
    with pytest.raises(ConfigError, match=message):
        funnel(noisy(50, 1, 1, 1), open_error=error)


def test_more_starts_than_opens_are_refused():
    with pytest.raises(DataError, match="500 people went past the open stage"):
        funnel(waves([1000, 600, 500], ["opened", "started"]), open_error=(1.0, 0.7))


def test_waves_without_stages_are_refused(nps_wave):
    with pytest.raises(ConfigError, match="the wave has no stages"):
        funnel(nps_wave)
    with pytest.raises(ConfigError, match="no stage 'opened'"):
        funnel(waves([5, 4], ["started"]), open_error=(1, 1))
