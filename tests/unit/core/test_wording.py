"""Numbers and names in words."""

import math

import pytest

from cximpact.core import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (88_041.2, "88,041"),
        (0.0586, "0.0586"),
        (65.0, "65"),
        (0.05, "0.05"),
        (999.96, "1,000"),
        (0.0, "0"),
        (-0.0, "0"),
        (-1.5e-9, "-1.50e-09"),
        (1e20, "1.00e+20"),
        (math.nan, "–"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_have_separators_and_no_idle_digits(value, text):
    assert wording.number(value) == text


def test_a_change_shows_its_sign_and_nothing_is_minus_zero():
    assert wording.number(4.2, signed=True) == "+4.2"
    assert wording.fixed(-0.001, 2) == "0.00" and wording.fixed(0.0, 1, signed=True) == "0.0"
    assert wording.points(-3.14159) == "-3.1 points"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (88_041.3, "88,041 EUR"),
        (1_234_567, "1.23 million EUR"),
        (-2.5e9, "-2.5 billion EUR"),
        (-2.5, "-2.50 EUR"),
        (3, "3 EUR"),
        (math.nan, "– EUR"),
    ],
)
def test_money_names_its_currency(amount, text):
    assert wording.money(amount, "EUR") == text


def test_a_fraction_is_told_in_points_of_percent_or_percent():
    assert wording.pp(0.058) == "+5.8 percentage points"
    assert wording.percent(0.413) == "41%"
    assert wording.percent(-0.2, signed=True) == "-20%"


@pytest.mark.parametrize(
    ("error", "decimals"), [(2.5, 1), (0.02, 3), (34_000, 0), (0, 3), (math.nan, 3), (1e-30, 8)]
)
def test_a_standard_error_gets_two_digits(error, decimals):
    assert wording.decimals_for(error) == decimals


def test_plain_text_has_no_character_that_breaks_a_document():
    assert wording.plain("a\x00b\n c\ud800\u202e") == "a\ufffdb c\ufffd\ufffd"
    assert wording.plain("<b>é日\u200d") == "<b>é日\u200d"
