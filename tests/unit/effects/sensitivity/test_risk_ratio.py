"""E-values: printed numbers, their definition, and every measure."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.sensitivity import e_value
from tests.support.golden import close, load


@pytest.mark.parametrize(("ratio", "printed"), load("sensitivity")["e_values"].items())
def test_printed_e_values(ratio, printed):
    assert close(e_value(float(ratio)).estimate, printed)


def test_the_end_of_the_interval_nearest_to_one():
    found = e_value(3.9, 1.8, 8.7)
    assert found.limit == pytest.approx(3.0)
    assert e_value(0.8, 0.71, 0.91).limit == pytest.approx(1.42857, abs=1e-4)
    assert e_value(1.2, 0.9, 1.6).limit == 1.0
    assert e_value(0.9, 0.7, 1.1).limit == 1.0
    assert e_value(1.2).limit is None
    assert e_value(1.5, high=2.0).limit is None


@pytest.mark.parametrize("ratio", [1.3, 2.0, 5.0])
def test_a_confounder_of_that_strength_just_does_it(ratio):
    e = e_value(ratio).estimate
    assert e * e / (e + e - 1) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("options", "ratio"),
    [
        ({"estimate": 4.0, "measure": "odds_ratio"}, 2.0),
        ({"estimate": 4.0, "measure": "odds_ratio", "common_outcome": False}, 4.0),
        ({"estimate": 2.5, "measure": "rate_ratio"}, 2.5),
        ({"estimate": 1.5, "measure": "hazard_ratio", "common_outcome": False}, 1.5),
        ({"estimate": 1.5, "measure": "hazard_ratio"}, 1.3238135),
        ({"estimate": 0.5, "measure": "standardized_difference"}, np.exp(0.455)),
        ({"estimate": 0.06, "measure": "risk_difference", "baseline": 0.3}, 1.2),
        ({"estimate": -0.06, "measure": "risk_difference", "baseline": 0.3}, 0.8),
    ],
)
def test_measures_become_risk_ratios(options, ratio):
    found = e_value(**options)
    assert found.risk_ratio == pytest.approx(ratio, rel=1e-6)
    assert found.estimate == pytest.approx(e_value(ratio).estimate, rel=1e-6)


def test_interval_ends_are_converted_like_the_estimate():
    found = e_value(0.5, 0.2, 0.8, measure="standardized_difference")
    assert (found.low, found.high) == pytest.approx((np.exp(0.182), np.exp(0.728)))
    assert found.limit == pytest.approx(e_value(np.exp(0.182)).estimate)


def test_sentences():
    assert "raise the outcome, by a factor of 7.26 each" in e_value(3.9).explain()
    assert "lower the outcome" in e_value(0.8, 0.7, 0.9).explain()
    assert "nothing is needed" in e_value(1.2, 0.9, 1.6).explain()
    assert "include no effect, 3 is enough" in e_value(3.9, 1.8, 8.7).explain()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"estimate": 0}, "above 0"),
        ({"estimate": -2.0}, "above 0"),
        ({"estimate": np.inf}, "finite"),
        ({"estimate": 2, "low": 3, "high": 4}, "outside its interval"),
        ({"estimate": 2, "low": 1, "high": 1.5}, "outside its interval"),
        ({"estimate": 2, "measure": "ratio"}, "measure"),
        ({"estimate": 0.1, "measure": "risk_difference"}, "needs a baseline"),
        ({"estimate": 2, "baseline": 0.2}, "takes no baseline"),
        ({"estimate": 0.8, "measure": "risk_difference", "baseline": 0.3}, "at most 1"),
        ({"estimate": -0.4, "measure": "risk_difference", "baseline": 0.3}, "check it"),
        ({"estimate": 1e6, "measure": "standardized_difference"}, "check it"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_numbers_are_refused(options, match):
    with pytest.raises(ConfigError, match=match):
        e_value(**options)
