"""The treatment list: identifiers as they are, order, interval, nothing else."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import DataError, DuplicateKeyError, IdTypeError
from cximpact.effects.uplift.allocation import allocate
from cximpact.effects.uplift.treatment_list_rows import treatment_list

GAIN = np.array([[4.0], [9.0], [1.0], [6.0]])
COST = np.array([[1.0], [5.0], [2.0], [3.0]])
CHOSEN = allocate(GAIN, COST)


def test_the_list_goes_by_profit_or_by_profit_per_cost():
    plain = treatment_list(None, CHOSEN, GAIN, COST)
    assert list(plain["row"]) == [1, 0, 3]
    assert list(plain["rank"]) == [1, 2, 3]
    assert list(plain["expected_profit"]) == [4.0, 3.0, 3.0]
    tight = treatment_list(None, allocate(GAIN, COST, budget=6.0), GAIN, COST)
    assert list(tight["row"]) == [0, 3, 1]
    np.testing.assert_allclose(tight["share"], [1.0, 1.0, 0.4])
    free = treatment_list(
        None, allocate([4.0, 9.0], [0.0, 5.0], budget=2.0), GAIN[:2], np.array([[0.0], [5.0]])
    )
    assert list(free["row"]) == [0, 1]


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(["007", "08", "9", "0010"], name="customer_id"),
        pd.Series([1, 2, 2**60, 2**60 + 1], name="customer_id", dtype="Int64"),
        pd.Series(pd.Categorical(["d", "c", "b", "a"]), name="customer_id"),
        pd.Index([3, 1, 4, 5], name="customer_id"),
    ],
)
def test_identifiers_keep_their_type(ids):
    before = ids.copy()
    found = treatment_list(ids, CHOSEN, GAIN, COST)["customer_id"]
    assert found.dtype == ids.dtype
    assert list(found) == [ids[1], ids[0], ids[3]]
    assert ids.equals(before)


def test_columns_of_other_engines_and_plain_arrays_are_taken():
    found = treatment_list(pl.Series("id", ["007", "08", "9", "0010"]), CHOSEN, GAIN, COST)
    assert list(found["id"]) == ["08", "007", "0010"]
    assert list(treatment_list([5, 6, 7, 8], CHOSEN, GAIN, COST)["customer"]) == [6, 5, 8]


def test_nothing_but_money_is_in_the_list():
    found = treatment_list(
        None, CHOSEN, GAIN, COST, gain_error=np.ones((4, 1)), arms=["call"], prob=0.8
    )
    names = "rank row arm share expected_gain cost expected_profit conf_low conf_high conf_level"
    assert list(found.columns) == names.split()
    assert set(found["arm"]) == {"call"}
    np.testing.assert_allclose(found["conf_high"] - found["expected_profit"], 1.2815516)
    assert treatment_list(None, CHOSEN, GAIN, COST)["conf_low"].isna().all()


@pytest.mark.parametrize(
    ("ids", "error", "match"),
    [
        (["a", "b", "c"], DataError, "ids has 3 values for 4 customers"),
        (["a", None, "c", "d"], IdTypeError, "ids is missing in 1 row, at position 1"),
        (["a", "b", "a", "c"], DuplicateKeyError, "ids repeats in 1 row, at position 2"),
        ([1.0, 2.5, 3.0, 4.0], IdTypeError, "fractional digits"),
        ([1.0, 2.0, 2.0**53, 4.0], IdTypeError, "lost or fractional"),
        (object(), IdTypeError, "expected a column"),
        (pd.Series([1, 2, 3, 4], name="cost"), DataError, "named 'cost'"),
        (pd.Series([1, 2, 3, 4], name="rank"), DataError, "named 'rank'"),
    ],
)
def test_identifiers_that_name_nobody_are_refused(ids, error, match):
    with pytest.raises(error, match=match):
        treatment_list(ids, CHOSEN, GAIN, COST)
