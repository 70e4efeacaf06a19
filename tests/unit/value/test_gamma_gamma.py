"""Spend: published numbers, recovery, and spend that goes with frequency."""

import numpy as np
import pandas as pd
import pytest

from cximpact import value
from cximpact.core.errors import (
    AssumptionWarning,
    CLVInputError,
    DesignError,
    InsufficientDataError,
)
from cximpact.value.gamma_gamma import _LogLikelihood, expected_spend
from cximpact.value.likelihood import numeric_gradient
from tests.support import buying
from tests.support.golden import close, load

GOLDEN = load("lifetime_value")


def simulated(theta, n, rng):
    p, q, v = theta
    x = rng.integers(1, 8, n).astype(float)
    scale = rng.gamma(q, 1 / v, n)
    return pd.DataFrame({"frequency": x, "monetary": rng.gamma(p * x, 1 / scale) / x})


def test_published_expectations():
    case = GOLDEN["gamma_gamma"]
    for x, mean, printed in case["customers"]:
        assert close(expected_spend(case["theta"], x, mean), printed)
    assert close(expected_spend(case["theta"], 0, 0.0), case["population"])


@pytest.mark.filterwarnings("ignore:Column 'dollar_value' is 0")
def test_cdnow_has_the_published_parameters():
    fit = value.GammaGamma().fit(buying.cdnow(), rng=1)
    table = fit.tidy().set_index("term")
    for term, printed in GOLDEN["cdnow"]["gamma_gamma"].items():
        assert close(table.loc[term, "estimate"], printed)
    assert (table["n"] == 946).all() and fit.correlation == pytest.approx(0.1139, abs=1e-4)
    each = fit.predict()
    never = fit.history.table["frequency"] == 0
    assert each[never].unique() == pytest.approx([float(fit.mean_spend())])


def test_known_parameters_are_found_again():
    theta = [6.25, 3.74, 15.44]
    rows = (
        value.GammaGamma().fit(simulated(theta, 8000, np.random.default_rng(2)), rng=1).tidy(0.999)
    )
    assert ((rows["conf_low"] < theta) & (theta < rows["conf_high"])).all()


def test_the_gradient_is_the_slope():
    table = simulated([5.0, 4.0, 20.0], 50, np.random.default_rng(1))
    loglik = _LogLikelihood(*table.to_numpy().T)
    theta = np.array([4.0, 3.0, 18.0])
    slope = numeric_gradient(lambda th: loglik(th)[0], theta)
    np.testing.assert_allclose(loglik(theta)[1], slope, rtol=1e-6)


def test_spend_that_goes_with_frequency_is_said():
    table = simulated([6.0, 4.0, 15.0], 500, np.random.default_rng(1))
    table["monetary"] *= 1 + table["frequency"]
    with pytest.warns(AssumptionWarning, match=r"correlation of 0\.\d+ \(above 0\.3"):
        value.GammaGamma().fit(table, rng=1)


def test_a_mean_that_is_infinite_is_refused():
    table = simulated([3.0, 0.6, 5.0], 3000, np.random.default_rng(1))
    with pytest.raises(DesignError, match="finite only above 1"):
        value.GammaGamma().fit(table, rng=1)


def test_too_few_who_bought_again():
    with pytest.raises(InsufficientDataError, match="3 customers bought again"):
        value.GammaGamma().fit(pd.DataFrame({"x": [1, 2, 3, 0], "m": [5.0, 6, 7, np.nan]}))


def test_spend_must_be_positive():
    table = pd.DataFrame({"frequency": [1, 2.0], "monetary": [5.0, -6]})
    with pytest.raises(CLVInputError, match="not above 0 for a repeater in 1 row, at position 1"):
        value.GammaGamma().fit(table)


@pytest.mark.filterwarnings("ignore:Column 'dollar_value' is 0")
def test_lifetime_value_is_purchases_times_spend_times_margin():
    history = buying.cdnow()
    bought, spent = value.BetaGeoNBD().fit(history, rng=1), value.GammaGamma().fit(history, rng=1)
    worth = value.customer_value(
        bought, spent, margin=0.3, currency="USD", horizon=39, discount_rate=0.0, rng=1, size=100
    )
    table = worth.details["customers"]
    np.testing.assert_allclose(table["value"], 0.3 * table["purchases"] * table["spend"], rtol=1e-9)
    assert float(worth.draws.mean()) == pytest.approx(table["value"].mean(), rel=0.03)
    late = value.customer_value(
        bought, spent, margin=0.3, currency="USD", horizon=39, discount_rate=0.15, rng=1, size=100
    )
    for shown in (repr(v) + v._repr_html_() for v in (history, bought, spent, worth)):
        assert "00004" not in shown  # no customer is named
    ratio = late.details["customers"]["value"] / table["value"]
    weeks = (1 - 1.15**-0.75) / np.log(1.15) / 0.75
    assert ratio.between(weeks, 1.0).all()  # more is bought early: at least the even stream
