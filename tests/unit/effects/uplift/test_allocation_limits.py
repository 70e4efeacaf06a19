"""Limits that cannot be kept, and inputs that cannot be read."""

import numpy as np
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    DesignError,
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NonFiniteError,
)
from cximpact.effects.uplift.allocation import allocate

GAIN = np.array([3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"budget": 1.0}, ConfigError, r"budget is 1, below the cheapest contact of 2"),
        ({"budget": -1.0}, ConfigError, "budget is -1"),
        ({"budget": np.nan}, ConfigError, "budget is nan"),
        ({"capacity": 0}, ConfigError, "capacity is 0; expected a whole number of at least 1"),
        ({"capacity": 1.5}, ConfigError, "capacity is 1.5"),
        ({"min_share": 0.9, "max_share": 0.5}, ConfigError, "min_share is above max_share"),
        ({"min_share": 1.1}, ConfigError, "min_share of 'all' is 1.1"),
        ({"max_share": -0.1}, ConfigError, "max_share of 'all' is -0.1"),
        ({"min_share": 0.9, "capacity": 2}, ConfigError, "min_share asks for 3 contacts"),
        ({"min_share": 0.9, "budget": 5.0}, ConfigError, "contacts of at least 6"),
        ({"min_share": {"nort": 0.5}}, ConfigError, "nort"),
        ({"groups": ["a", "b"]}, DataError, "groups has 2 values for 3 customers"),
        ({"groups": ["a", None, "b"]}, DataError, "groups is missing for 1"),
        ({"eligible": [True, False]}, DataError, "shape"),
        ({"eligible": [1, 0, 1]}, DtypeError, "expected true or false"),
        ({"eligible": {"rested": [1.0, 0.0, 1.0]}}, DtypeError, "'rested'"),
    ],
)
def test_limits_that_nobody_could_keep_are_refused(settings, error, match):
    with pytest.raises(error, match=match):
        allocate(GAIN, 2.0, **settings)


def test_a_group_without_anybody_eligible_cannot_be_treated():
    settings = {"groups": ["a", "a", "b"], "eligible": [True, True, False]}
    with pytest.raises(DesignError, match="groups 'b' have nobody eligible"):
        allocate(GAIN, 2.0, min_share=0.3, **settings)
    assert allocate(GAIN, 2.0, min_share={"a": 0.3}, max_share=0.9, **settings).contacts == 1


def test_the_cheapest_contact_is_one_that_may_be_made():
    with pytest.raises(ConfigError, match="cheapest contact of 5"):
        allocate(GAIN, [1.0, 5.0, 6.0], budget=2.0, eligible=[False, True, True])


@pytest.mark.parametrize(
    ("gain", "cost", "error", "match"),
    [
        ([1.0, np.nan], 1.0, MissingValueError, "gain is missing in 1 row, at position 1"),
        ([1.0, np.inf], 1.0, NonFiniteError, "gain is infinite"),
        ([], 1.0, EmptyDataError, "gain has 0 values"),
        (["a"], 1.0, DtypeError, "gain has type"),
        ([1.0, 2.0], [1.0, -1.0], ConfigError, "cost is negative in 1 row, at position 1"),
        ([1.0, 2.0], -1.0, ConfigError, r"cost is negative \(-1\)"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], DataError, "each of 2 customers"),
        ([1.0, 2.0], [[1.0, 2.0]], DataError, "each of 1 arms"),
        ([1.0, 2.0], np.nan, MissingValueError, "cost is missing"),
        (np.ones((2, 2, 2)), 1.0, DtypeError, "3 dimensions"),
    ],
)
def test_money_that_cannot_be_read_is_refused(gain, cost, error, match):
    with pytest.raises(error, match=match):
        allocate(gain, cost)
