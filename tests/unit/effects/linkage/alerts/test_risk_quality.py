import numpy as np
import pytest
from scipy import special

from cximpact.core.errors import SeparationError
from cximpact.effects.linkage.alerts.risk_quality import judge, log_odds, recalibrate


def outcomes(n=4000, seed=1, a=0.0, b=1.0):
    """Predictions whose log-odds must be taken times b plus a to be right."""
    rng = np.random.default_rng(seed)
    eta = rng.normal(-1, 1.2, n)
    y = (rng.random(n) < special.expit(a + b * eta)).astype(float)
    return special.expit(eta), y, rng.integers(0, 5, n)


def test_measures_by_hand():
    p = np.array([0.1, 0.4, 0.35, 0.8, 0.5, 0.2])
    y = np.array([0.0, 0, 1, 1, 0, 1])
    found = judge(p, y, recalibrated=False)
    assert found.brier == pytest.approx(np.mean((p - y) ** 2))
    assert found.base_rate == 0.5
    assert found.skill == pytest.approx(1 - found.brier / 0.25)
    pairs = [(a > b) for a in p[y == 1] for b in p[y == 0]]
    assert found.auc == pytest.approx(np.mean(pairs))


def test_right_predictions_are_left_alone():
    p, y, fold = outcomes()
    before, after = recalibrate(p, y, fold, "auto")
    assert after is before
    assert not after.recalibrated
    assert after.slope == pytest.approx(1, abs=0.1)
    assert after.intercept == pytest.approx(0, abs=0.15)
    missed = after.table().eval("(predicted < conf_low) | (predicted > conf_high)")
    assert missed.sum() <= 3


def test_predictions_that_are_too_extreme_are_drawn_in():
    p, y, fold = outcomes(a=-0.3, b=0.5)
    before, after = recalibrate(p, y, fold, "auto")
    assert before.slope == pytest.approx(0.5, abs=0.06)
    assert before.intercept == pytest.approx(-0.3, abs=0.1)
    assert after.recalibrated
    assert after.slope == pytest.approx(1, abs=0.12)
    assert after.p_value > 0.05 > before.p_value
    assert after.brier < before.brier
    raw, _ = recalibrate(p, y, fold, "never")
    assert not raw.recalibrated


def test_the_line_of_a_row_comes_from_other_folds():
    p, y, fold = outcomes(n=600, b=0.5)
    flipped = np.where(fold == 2, 1 - y, y)
    _, plain = recalibrate(p, y, fold, "always")
    _, other = recalibrate(p, flipped, fold, "always")
    own = fold == 2
    np.testing.assert_array_equal(plain.probability[own], other.probability[own])
    assert not np.allclose(plain.probability[~own], other.probability[~own])


def test_the_table_groups_like_predictions():
    p, y, _ = outcomes(n=1005)
    table = judge(p, y, recalibrated=False).table(0.8)
    assert table["n"].sum() == 1005
    assert table["predicted"].is_monotonic_increasing
    assert (table["conf_level"] == 0.8).all()
    assert (table["n"] * table["observed"]).sum() == pytest.approx(y.sum())
    assert table["conf_low"].le(table["observed"]).all()


def test_the_same_prediction_for_all_can_be_judged():
    y = np.r_[np.ones(20), np.zeros(60)]
    found = judge(np.full(80, 0.25), y, recalibrated=False)
    assert found.skill == pytest.approx(0)
    assert found.auc == 0.5


def test_certainties_stay_finite_and_perfect_predictions_are_refused():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    p = np.linspace(0.05, 0.95, 40)
    with pytest.raises(SeparationError, match="measured after the outcome"):
        judge(p, (p > 0.5).astype(float), recalibrated=False)
