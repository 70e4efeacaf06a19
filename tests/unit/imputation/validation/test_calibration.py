"""Calibration: bins, the distance, and what chance makes of it."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.scale import ScoreScale
from cximpact.imputation.validation.calibration import (
    calibration_error,
    calibration_table,
    unhappy_answers,
)
from cximpact.scores import CSAT5, NPS, ces_scale


def simulated(seed, shift=0.0, rows=100, size=50):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.1, 0.7, rows)
    n = np.full(rows, size)
    return p, n, rng.binomial(n, np.clip(p + shift, 0, 1))


@pytest.mark.parametrize(
    ("scale", "name", "answers"),
    [
        (NPS, "detractor", list(range(7))),
        (CSAT5, "bottom", [1, 2]),
        (ces_scale(7, higher_is_better=False), "hard", [6, 7]),
        (ScoreScale(name="x", low=1, high=5, higher_is_better=True), "worse half", [1, 2]),
        (ScoreScale(name="x", low=1, high=4, higher_is_better=False), "worse half", [3, 4]),
    ],
)
def test_the_unhappy_answers_of_each_scale(scale, name, answers):
    found, member = unhappy_answers(scale)
    assert found == name
    assert scale.values[member].tolist() == answers


def test_table_and_distance_by_hand():
    """Bins of .2 (100 answers, 30 happen) and .6 (300 answers, 150 happen): .25 x .1 + .75 x .1."""
    table = calibration_table(
        np.array([0.2, 0.6]), np.array([100, 300]), np.array([30, 150]), bins=2
    )
    assert table["predicted"].tolist() == [0.2, 0.6]
    assert table["estimate"].tolist() == [0.3, 0.5]
    assert table["conf_low"].iloc[0] == stats.binom.ppf(0.05, 100, 0.2) / 100
    error = calibration_error(table, rng=1)
    assert error.estimate == pytest.approx(0.1)
    assert error.p_value < 0.01 and not error.calibrated


def test_equal_predictions_share_a_bin_and_segments_cross():
    p = np.array([0.2, 0.2, 0.4, 0.4])
    table = calibration_table(p, np.array([5, 5, 5, 0]), np.ones(4), np.array(list("abab")))
    assert table[["segment", "decile", "n"]].to_numpy().tolist() == [
        ["a", 4, 5],
        ["a", 9, 5],
        ["b", 4, 5],
    ]


def test_deciles_hold_equally_many_answers():
    p, n, happened = simulated(0, rows=1000)
    assert set(calibration_table(p, n, happened)["n"]) == {5000}


def test_calibrated_predictions_are_rejected_as_often_as_said():
    p_values = [
        calibration_error(calibration_table(*simulated(seed)), n_boot=200, rng=seed).p_value
        for seed in range(200)
    ]
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_shifted_predictions_are_found_and_the_interval_covers():
    covered = []
    for seed in range(100):
        table = calibration_table(*simulated(seed, shift=0.08))
        error = calibration_error(table, n_boot=300, rng=seed)
        covered.append(error.conf_low <= 0.08 <= error.conf_high)
    assert not error.calibrated and error.estimate > error.chance_high
    assert np.mean(covered) >= 0.8


def test_the_interval_takes_out_what_chance_adds():
    """Calibrated predictions have a distance of chance alone; its interval reaches toward zero."""
    errors = [
        calibration_error(calibration_table(*simulated(seed)), n_boot=300, rng=seed)
        for seed in range(30)
    ]
    assert np.mean([error.conf_low / error.estimate for error in errors]) < 0.6
    assert np.mean([error.conf_low for error in errors]) < errors[0].chance / 2


def test_distance_of_chance_shrinks_with_the_square_root():
    chance = [
        calibration_error(calibration_table(*simulated(1, size=size)), rng=1).chance
        for size in (25, 400)
    ]
    assert chance[0] / chance[1] == pytest.approx(4, rel=0.1)


def test_bad_requests_are_refused():
    with pytest.raises(ConfigError, match="no band 'unhappy'"):
        unhappy_answers(NPS, "unhappy")
    with pytest.raises(InsufficientDataError, match="0 answers"):
        calibration_table(np.array([0.2]), np.array([0]), np.array([0]))
