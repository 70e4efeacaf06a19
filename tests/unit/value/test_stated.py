"""Stated and elicited values."""

import numpy as np
import pytest

from cximpact import value
from cximpact.core.elicit import fit_quantiles
from cximpact.core.errors import ConfigError, UnitsError

SAYS = "finance, budget round"


@pytest.mark.parametrize("family", ["lognormal", "normal", "gamma"])
def test_elicited_quantiles_are_matched_exactly(family):
    fitted = fit_quantiles({0.1: 80.0, 0.9: 150.0}, family)
    assert fitted.ppf([0.1, 0.9]) == pytest.approx([80.0, 150.0], rel=1e-9)


@pytest.mark.parametrize("family", ["lognormal", "normal", "gamma"])
def test_moments_are_matched(family):
    worth = value.uncertain(
        100, 20, "EUR", per="order", assumption=SAYS, rng=1, distribution=family, size=20_000
    )
    assert float(worth.draws.mean()) == pytest.approx(100, abs=0.6)
    assert float(worth.draws.std()) == pytest.approx(20, abs=0.6)


def test_draws_follow_the_quantiles_and_the_seed():
    make = dict(per="order", assumption=SAYS, size=20_000)
    one = value.from_quantiles({0.1: 80, 0.9: 150}, "EUR", rng=5, **make)
    same = value.from_quantiles({0.1: 80, 0.9: 150}, "EUR", rng=5, **make)
    other = value.from_quantiles({0.1: 80, 0.9: 150}, "EUR", rng=6, **make)
    assert np.quantile(one.draws, [0.1, 0.9]) == pytest.approx([80, 150], rel=0.02)
    assert np.array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, other.draws)


def test_two_values_of_one_seed_are_not_copies_of_each_other():
    make = dict(per="order", assumption=SAYS, rng=5, size=2000)
    one = value.uncertain(100, 20, "EUR", **make)
    two = value.uncertain(100, 21, "EUR", **make)
    assert abs(np.corrcoef(one.draws, two.draws)[0, 1]) < 0.1


def test_a_fixed_value_has_no_uncertainty_and_keeps_its_reason():
    worth = value.fixed(180, "EUR", per="retained customer", assumption=SAYS)
    row = worth.summary().iloc[0]
    assert (row["estimate"], row["std_error"], row["mcse"]) == (180, 0, 0)
    assert "finance" in worth.explain() and "without uncertainty" in worth.explain()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: value.fixed(-1, "EUR", per="x", assumption=SAYS), "amount is -1"),
        (lambda: value.fixed(True, "EUR", per="x", assumption=SAYS), "amount is True"),
        (lambda: value.fixed(1, "EUR", per="", assumption=SAYS), "per is ''"),
        (lambda: value.fixed(1, "EUR", per="x", assumption=" "), "say in a sentence"),
        (lambda: fit_quantiles({0.1: 3.0}, "normal"), "two entries"),
        (lambda: fit_quantiles({0.1: 3.0, 0.9: 2.0}, "normal"), "do not increase"),
        (lambda: fit_quantiles({10: 3.0, 0.9: 4.0}, "normal"), "Did you mean 0.1"),
        (lambda: fit_quantiles({0.1: -3.0, 0.9: 4.0}, "gamma"), "this family is positive"),
        (lambda: fit_quantiles({0.1: 1.0, 0.9: 4.0}, "gama"), "Did you mean 'gamma'"),
        (lambda: fit_quantiles({0.1: 1.0, 0.9: 1.0 + 1e-9}, "gamma"), "fit no gamma"),
    ],
)
def test_what_cannot_be_stated_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_currency_is_a_code():
    with pytest.raises(UnitsError, match="ISO code"):
        value.fixed(1, "euro", per="x", assumption=SAYS)
