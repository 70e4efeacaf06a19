"""Payback, internal rates and tail means on plain cash flows."""

import numpy as np
import pytest
from scipy import stats

from cximpact.roi.metrics import cvar, internal_rates, payback, present_values, sign_changes


def column(*flows):
    return np.array(flows, dtype=float)[:, None]


def rates(*flows, times=None):
    found = internal_rates(column(*flows), np.arange(len(flows)) if times is None else times)
    return found[0]


def test_payback_is_the_first_period_in_which_the_money_is_back():
    assert payback(column(-100, 60, 40, 50))[0] == 2
    assert payback(column(-100, 60, 30))[0] == np.inf
    assert payback(column(-100, *[0.1] * 1000))[0] == 1000


def test_nothing_is_back_before_any_money_moved():
    assert payback(column(0, -10, 4, 6))[0] == 3
    assert payback(column(0, 0, 5, 5))[0] == 2
    assert payback(column(0, -10, 4))[0] == np.inf
    assert payback(column(0, 0, 0))[0] == 0


def test_payback_can_be_asked_to_stay():
    flows = column(-100, 120, -50, 40)
    assert payback(flows)[0] == 1
    assert payback(flows, stays=True)[0] == 3
    assert payback(column(-100, 120, -50), stays=True)[0] == np.inf


def test_one_internal_rate_of_a_plain_investment():
    assert rates(-100, 110) == pytest.approx([0.10])
    assert rates(-100, 0, 121) == pytest.approx([0.10])
    assert rates(-100, 50) == pytest.approx([-0.5])
    assert rates(-100, 60, 40) == pytest.approx([0.0], abs=1e-12)


def test_all_rates_are_found_when_there_are_several():
    assert rates(-100, 230, -132) == pytest.approx([0.10, 0.20])
    assert rates(-4, 9, -5) == pytest.approx([0.0, 0.25], abs=1e-12)
    three = np.poly1d([1 / 1.05, 1 / 1.10, 1 / 1.40], r=True).coeffs[::-1]
    assert rates(*three) == pytest.approx([0.05, 0.10, 0.40])


def test_without_a_change_of_sign_there_is_no_rate():
    for flows in ((-1, -2, -3), (1, 2, 3), (0, 0, 0), (-1, 3, -2.5)):
        assert np.isnan(rates(*flows)).all()


def test_rates_follow_the_time_of_payment():
    assert rates(-100, 0, 110, times=np.array([0, 0.5, 1.5]))[0] == pytest.approx(
        1.1 ** (1 / 1.5) - 1
    )


def test_long_horizons_neither_overflow_nor_lose_the_rate():
    flows = np.zeros(700)
    flows[0], flows[-1] = -1.0, 2.0
    assert rates(*flows)[0] == pytest.approx(2 ** (1 / 699) - 1)
    assert rates(*np.concatenate([np.zeros(100), flows]))[0] == pytest.approx(2 ** (1 / 699) - 1)


def test_each_draw_gets_its_own_roots():
    net = np.array([[-100, -100, -1.0, 5.0], [110, 230, -1.0, 1.0], [0, -132, -1.0, 2.0]])
    found = internal_rates(net, np.arange(3))
    assert found.shape == (4, 2)
    assert found[0, 0] == pytest.approx(0.10) and np.isnan(found[0, 1])
    assert found[1] == pytest.approx([0.1, 0.2])
    assert np.isnan(found[2:]).all()


def test_sign_changes_pass_over_zeros():
    assert sign_changes(column(-1, 0, 2, 0, 3, -1)).tolist() == [2]


def test_the_tail_mean_of_a_normal():
    values = stats.norm(100, 200).ppf((np.arange(2_000_000) + 0.5) / 2_000_000)
    assert (values > 0).mean() == pytest.approx(0.691462, abs=1e-6)
    assert cvar(values, 0.05)[0] == pytest.approx(-312.5426, abs=2e-3)
    assert cvar(values, 0.10)[0] == pytest.approx(-250.9967, abs=2e-3)


def test_a_fractional_draw_counts_in_part():
    assert cvar(np.array([1.0, 2.0, 3.0, 4.0]), 0.375)[0] == pytest.approx((1 + 0.5 * 2) / 1.5)
    assert cvar(np.array([5.0, 1.0]), 0.05)[0] == 1.0


def test_the_error_of_a_tail_mean_is_that_of_repeated_samples():
    rng = np.random.default_rng(2)
    means = [cvar(rng.normal(size=2000), 0.1)[0] for _ in range(300)]
    claimed = cvar(rng.normal(size=2000), 0.1)[1] / np.sqrt(2000)
    assert np.std(means) == pytest.approx(claimed, rel=0.15)


def test_flows_equal_in_all_draws_are_discounted_once():
    one = np.array([[[1.0], [2.0]]])
    same = np.broadcast_to(one, (1, 2, 5))
    assert present_values(same, np.array([1, 0.5])).tolist() == [[2.0]] * 5
    assert present_values(same.copy(), np.array([1, 0.5])).tolist() == [[2.0]] * 5
