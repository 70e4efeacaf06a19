"""The two-number story."""

import pytest

from cximpact import roi
from cximpact.core.errors import ConfigError


def test_average_value_times_customers_at_risk():
    story = roi.simple(500, 1200)
    assert story.loss == 600_000
    assert story.adjusted(p_leave=0.4, save_rate=0.25) == pytest.approx(60_000)
    assert "600,000" in story.explain() and "every one of them would leave" in story.explain()


def test_the_full_model_gives_it_to_the_last_bit():
    it = roi.simple(500.1, 1200.7).initiative("USD")
    out = roi.simulate(it, horizon=1, period="year", discount_rate=0.0)
    assert float(out.npv()[0]) == 500.1 * 1200.7


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roi.simple(-1, 10), "average_value is -1"),
        (lambda: roi.simple(1, float("nan")), "at_risk is nan"),
        (lambda: roi.simple(1, 1).adjusted(p_leave=1.1, save_rate=0), "p_leave is 1.1"),
        (lambda: roi.simple(1, 1).adjusted(p_leave=1, save_rate=-1), "save_rate is -1"),
    ],
)
def test_bounds(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
