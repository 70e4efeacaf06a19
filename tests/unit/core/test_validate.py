"""Scalar options and plain vectors are checked once, with a hint."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NonFiniteError,
    WeightError,
)
from cximpact.core.validate import (
    check_choice,
    check_count,
    check_number,
    check_prob,
    check_vector,
    check_weights,
)


@pytest.mark.parametrize("good", [0.9, np.float64(0.9), np.float32(0.5), 1e-9])
def test_fractions_are_probabilities(good):
    assert check_prob(good) == float(good)


@pytest.mark.parametrize(
    ("bad", "hint"), [(95, "0.95"), (90.0, "0.9"), (2, "0.02"), (99.9, "0.999")]
)
def test_percentages_are_answered_with_the_fraction(bad, hint):
    with pytest.raises(ConfigError, match=rf"prob is {bad}; .* Did you mean {hint}\?"):
        check_prob(bad)


@pytest.mark.parametrize(
    "bad", [0, 1, -0.5, 100, 950, np.nan, np.inf, "0.9", None, True, [0.9], 1j]
)
def test_other_probabilities_are_refused(bad):
    with pytest.raises(ConfigError, match="prob is") as caught:
        check_prob(bad)
    assert "Did you mean" not in str(caught.value)


def test_numbers_keep_their_bounds():
    assert check_number(0, "x", low=0) == 0.0
    for value, options, words in [
        (0, {"low": 0, "open_low": True}, "finite number above 0"),
        (-1, {"low": 0}, "at least 0"),
        (2, {"low": 0, "high": 1}, "at least 0 and at most 1"),
        (np.inf, {}, r"expected a finite number\."),
        (10**400, {}, "expected a finite number"),
        (True, {}, "expected a number"),
    ]:
        with pytest.raises(ConfigError, match=words):
            check_number(value, "x", **options)


@pytest.mark.parametrize("bad", [0, -1, 1.0, True, "3", None, np.nan])
def test_counts_are_whole_and_positive(bad):
    with pytest.raises(ConfigError, match="whole number of at least 1"):
        check_count(bad, "draws")
    assert check_count(np.int32(3), "draws") == 3 and check_count(0, "n", low=0) == 0


def test_choices_name_the_closest():
    assert check_choice("eti", "kind", ("eti", "hdi")) == "eti"
    with pytest.raises(ConfigError, match="Did you mean 'posterior'"):
        check_choice("Posterir", "draw_kind", ("posterior", "bootstrap"))
    for bad in (None, 3, ["eti"], {}):
        with pytest.raises(ConfigError, match="expected one of 'eti', 'hdi'"):
            check_choice(bad, "kind", ("eti", "hdi"))


@pytest.mark.parametrize(
    "good",
    [
        [1, 2, 3],
        np.array([1, 2, 3], dtype=np.uint8),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], index=[5, 5, 5]),
        pl.Series([1, 2, 3]),
        (1.0, 2.0, 3.0),
        np.ma.array([1, 2, 3]),
    ],
)
def test_vectors_of_numbers_become_floats(good):
    out = check_vector(good, "x")
    assert out.dtype == float and out.tolist() == [1.0, 2.0, 3.0]
    out[0] = 9  # a copy of its own


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ([], EmptyDataError, "0 values"),
        ([[1, 2]], DtypeError, "2 dimensions"),
        ([[1], [2, 3]], DtypeError, "nested unevenly"),
        (3, DtypeError, "0 dimensions"),
        (["7", "7,5"], DtypeError, "expected numbers"),
        ([True, False], DtypeError, "bool"),
        ([1j], DtypeError, "complex"),
        ([{1}, {}], DtypeError, "object"),
        (np.array(["2024-01-01"], dtype="M8[D]"), DtypeError, "datetime64"),
        ([1, None, 2], MissingValueError, "1 row, at position 1"),
        ([1.0, np.nan, np.nan], MissingValueError, "2 rows, at positions 1, 2"),
        (pd.Series([1, None], dtype="Int64"), MissingValueError, "1 row, at position 1"),
        (np.ma.array([1, 2], mask=[False, True]), MissingValueError, "1 row, at position 1"),
        ([1, np.inf, -np.inf], NonFiniteError, "2 rows, at positions 1, 2"),
        (["Ann", None], DtypeError, "object"),
    ],
)
def test_other_vectors_are_refused(bad, error, words):
    with pytest.raises(error, match=words) as caught:
        check_vector(bad, "score")
    assert str(caught.value).startswith("score") and "Ann" not in str(caught.value)


def test_only_five_positions_are_named():
    with pytest.raises(MissingValueError, match=r"9 rows, first at positions 0, 1, 2, 3, 4;"):
        check_vector([np.nan] * 9, "x")


def test_vectors_are_not_changed():
    mine = np.array([3.0, 1.0])
    check_vector(mine, "x")[0] = 7
    assert mine.tolist() == [3.0, 1.0]


def test_weights_default_to_one_and_may_be_zero():
    assert check_weights(None, 3).tolist() == [1, 1, 1]
    assert check_weights([0, 2], 2).tolist() == [0, 2]
    assert check_weights([1e308, 1e308], 2).tolist() == [1e308, 1e308]


@pytest.mark.parametrize(
    ("weights", "words"),
    [([1, 2, 3], "3 values for 2 rows"), ([1, -1], "negative in 1 row"), ([0, 0], "sums to 0")],
)
def test_weights_that_cannot_weigh_are_refused(weights, words):
    with pytest.raises(WeightError, match=words):
        check_weights(weights, 2)


def test_the_light_modules_need_numpy_only():
    code = (
        "import sys, cximpact.core.errors, cximpact.core.validate, cximpact.core.rng\n"
        "print(sorted({'pandas', 'xarray', 'scipy', 'pymc'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
