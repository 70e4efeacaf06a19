"""The three worked cash flows, through the public names."""

import math

import pytest

import cximpact as cx
from tests.support import money

CASES = {
    # lag, ramp: NPV, ROI, payback, discounted payback, IRR per month
    (0, 0): (36971.886151, 0.726616, 16, 16, 0.0537572),
    (3, 0): (13545.040403, 0.266203, 20, 21, 0.0253378),
    (3, 6): (-1928.667569, -0.037905, 24, math.inf, 0.0053216),
}


@pytest.mark.parametrize(("timing", "expected"), CASES.items())
def test_worked_case_to_the_printed_digits(timing, expected):
    lag, ramp = timing
    out = cx.roi.simulate(money.initiative(lag=lag, ramp=ramp), horizon=24, discount_rate=0.10)
    npv, roi, payback, discounted, irr = expected
    assert float(out.npv()[0]) == pytest.approx(npv, abs=5e-7)
    assert out.roi() == pytest.approx(roi, abs=5e-7)
    assert float(out.payback()[0]) == payback
    assert float(out.payback(discounted=True)[0]) == discounted
    assert out.irr().values[0] == pytest.approx([irr], abs=5e-8)


def test_cost_and_undiscounted_sum_of_the_first_case():
    out = cx.roi.simulate(money.initiative(), horizon=24, discount_rate=0.10)
    assert float(out.pv_cost()[0]) == pytest.approx(50882.283837, abs=5e-7)
    assert float(out.net().sum("period")[0]) == pytest.approx(47146.939587, abs=5e-7)
    assert float(out.net(cumulative=True)[0, -1]) == pytest.approx(47146.939587, abs=5e-7)


def test_the_onboarding_world():
    """28,800 joiners, ATE .05803, margin 180, 6 a joiner and 40,000 fixed: ROI .4137."""
    it = money.one_period(
        cx.core.units.Change(value=0.05803, unit="pp"),
        n=28_800,
        value=180.0,
        baseline=0.5522,
        costs={"one_off": 40_000, "per_treated": 6},
    )
    out = cx.roi.simulate(it, horizon=1, period="year", discount_rate=0.0)
    assert float(out.pv_cost()[0]) == 212_800
    assert out.roi() == pytest.approx(0.4137, abs=2e-4)
    effect = out.break_even().set_index("quantity").loc["effect", "break_even"]
    assert effect == pytest.approx(0.041049, abs=5e-7)
