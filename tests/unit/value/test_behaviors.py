"""Several behaviors in money, and no gain twice."""

import numpy as np
import pandas as pd
import pytest

from cximpact import value
from cximpact.core.errors import ConfigError, DataError, DoubleCountingError, UnitsError
from tests.support import money

MARGINS = pd.DataFrame({"basic": [10.0, -4.0], "premium": [40.0, -4.0]}, index=["orders", "calls"])
MIX = pd.DataFrame({"basic": [0.75, 1.0], "premium": [0.25, 0.0]}, index=["orders", "calls"])


def changes(rho=0.0):
    rng = np.random.default_rng(1)
    z = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 4000)
    return {
        "orders": money.draws(0.2 + 0.05 * z[:, 0], "did", "outcome"),
        "calls": money.draws(0.1 + 0.05 * z[:, 1], "did", "outcome"),
    }


def worth(**settings):
    options = {"changes": changes(), "margins": MARGINS, "currency": "EUR", "rng": 1, "mix": MIX}
    return value.by_behavior(**(options | settings))


def test_purchases_differ_in_what_they_gain():
    found = worth(cost_to_serve={"orders": 2.0})
    parts = found.details["by_behavior"].set_index("behavior")["estimate"]
    assert parts["orders"] == pytest.approx(0.2 * (0.75 * 10 + 0.25 * 40 - 2), rel=0.02)
    assert parts["calls"] == pytest.approx(-0.4, rel=0.02)
    assert float(found.draws.mean()) == pytest.approx(parts.sum())


def test_behaviors_of_one_fit_stay_joint():
    together, apart = (worth(changes=changes(rho)).draws.std().item() for rho in (0.9, 0.0))
    assert together < 0.9 * apart  # orders gain and calls cost: they offset each other


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"changes": {}}, ConfigError, "at least one behavior"),
        ({"margins": MARGINS.iloc[:1]}, DataError, "expected one for each of 'calls', 'orders'"),
        ({"margins": MARGINS * np.nan}, DataError, "missing or infinite"),
        ({"mix": None}, ConfigError, "with 2 products say which share"),
        ({"mix": MIX * 0.9}, DataError, "does not sum to 1"),
        ({"cost_to_serve": {"visits": 1}}, ConfigError, "expected 'orders', 'calls'"),
        ({"cost_to_serve": {"calls": -1}}, ConfigError, "at least 0"),
        (
            {"changes": changes() | {"calls": money.draws([1.0, 2.0], "x", "points")}},
            UnitsError,
            "changes.calls is in 'points'",
        ),
    ],
)
def test_inputs_that_cannot_be(settings, error, match):
    with pytest.raises(error, match=match):
        worth(**settings)


def gains(link_source="link"):
    per_point = money.normal(0.02, 0.004, link_source)
    unit = value.fixed(100, "EUR", per="retained customer", assumption="finance")
    score = money.normal(3.0, 0.5, "did", "points")
    through = value.incremental(score, unit, link=per_point, rng=1)
    direct = value.incremental(money.normal(0.05, 0.01, "did"), unit, rng=1)
    return {"through the score": through, "retention": direct}


def test_a_gain_through_the_score_and_the_gain_itself_are_one_gain():
    with pytest.raises(DoubleCountingError, match="counted twice"):
        value.combine(gains(), rng=1)


def test_a_mediation_split_lets_both_count_and_is_recorded():
    total = value.combine(gains(), rng=1, split="indirect and direct effect by g-computation")
    parts = sum(float(part.draws.mean()) for part in gains().values())
    assert float(total.draws.mean()) == pytest.approx(parts, rel=0.02)
    assert "g-computation" in total.explain()


def test_independent_gains_add():
    unit = value.fixed(10, "EUR", per="order", assumption="finance")
    a = value.incremental(money.normal(1.0, 0.3, "a", "outcome"), unit, rng=1)
    b = value.incremental(money.normal(2.0, 0.4, "b", "outcome"), unit, rng=1)
    total = value.combine({"a": a, "b": b}, rng=1)
    assert float(total.draws.mean()) == pytest.approx(30.0)
    assert float(total.draws.std()) == pytest.approx(5.0, rel=0.1)


def test_currencies_do_not_add():
    unit = {c: value.fixed(10, c, per="order", assumption="finance") for c in ("EUR", "USD")}
    with pytest.raises(UnitsError, match="convert them"):
        value.combine(unit, rng=1)
    with pytest.raises(ConfigError, match="expected a ValuePosterior"):
        value.combine({"a": 5.0}, rng=1)
    with pytest.raises(ConfigError, match="in words"):
        value.combine(gains(), rng=1, split=" ")
