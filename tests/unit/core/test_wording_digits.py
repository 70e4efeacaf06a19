"""No digit below the Monte Carlo error is printed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.wording import format_number, format_probability


@pytest.mark.parametrize(
    ("value", "mcse", "text"),
    [
        (36971.886, 0.0, "36,972"),
        (36971.886, 8.0, "36,970"),
        (36971.886, 37.0, "37,000"),
        (36971.886, 0.04, "36,972"),
        (0.726616, 0.004, "0.73"),
        (0.726616, 0.0, "0.7266"),
        (-1928.67, 100.0, "-1,900"),
        (12.0, 300.0, "0"),
        (-12.0, 300.0, "0"),
        (math.nan, 0.0, "undefined"),
        (math.inf, 0.0, "unbounded"),
    ],
)
def test_numbers_are_rounded_to_their_error(value, mcse, text):
    assert format_number(value, mcse) == text


@pytest.mark.parametrize(
    ("share", "n", "text"),
    [
        (0.87, 4000, "87%"),
        (0.9863, 100_000, "98.6%"),
        (1.0, 1000, "more than 99%"),
        (0.0, 1000, "less than 1%"),
        (1.0, 100_000, "more than 99.9%"),
        (0.5, 50, "50%"),
        (0.996, 300, "more than 99%"),
    ],
)
def test_probabilities_are_never_called_certain(share, n, text):
    assert format_probability(share, n) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6))
def test_the_last_place_is_worth_at_least_the_error(value, mcse):
    text = format_number(value, mcse).replace(",", "")
    decimals = len(text.partition(".")[2])
    if decimals:
        assert 10.0**-decimals >= mcse * (1 - 1e-12)
    assert abs(float(text) - value) <= 5.0001 * max(mcse, 1e-4 * abs(value), 1e-12) + 0.5
