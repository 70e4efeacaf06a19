"""From transactions to histories: what counts as a purchase, and histories that cannot be."""

import numpy as np
import pandas as pd
import pytest

from cximpact import value
from cximpact.core.errors import (
    CLVInputError,
    ConfigError,
    DataWarning,
    DtypeError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
)
from cximpact.value.transactions import as_history
from tests.support import engines

ROWS = pd.DataFrame(
    {
        "who": ["a", "a", "a", "b", "a", "b"],
        "when": pd.to_datetime(
            ["2024-01-01", "2024-01-15", "2024-01-15", "2024-01-08", "2024-02-05", "2024-03-04"]
        ),
        "paid": [10.0, 20.0, 5.0, 40.0, 30.0, 60.0],
    }
)


def history(rows=ROWS, **changes):
    settings = {"customer": "who", "date": "when", "amount": "paid"} | changes
    return value.purchase_history(rows, **settings)


def test_a_basket_split_by_the_till_is_one_purchase_and_the_first_is_no_repeat():
    found = history()
    assert found.table.loc["a"].tolist() == [2, 5, 9, 27.5]
    assert found.table.loc["b"].tolist() == [1, 8, 8, 60.0]
    assert found.notes == ("1 transactions share customer and day with another; counted once.",)


def test_a_calibration_period_leaves_the_holdout_out_and_says_so():
    found = history(until="2024-01-31")
    assert found.table.loc["a"].tolist() == pytest.approx([1, 2, 30 / 7, 25.0])
    assert found.table.loc["b", ["frequency", "recency"]].tolist() == [0, 0]
    assert np.isnan(found.table.loc["b", "monetary"])
    assert "2 days of purchase after 2024-01-31 are left out." in found.notes
    assert found.repeaters().n == 1


def test_refunds_are_refused_netted_or_dropped():
    rows = pd.concat([ROWS, ROWS.iloc[[4]].assign(paid=-30.0)], ignore_index=True)
    with pytest.raises(
        CLVInputError, match=r"'paid' is negative in 1 row, at position 6.*refunds="
    ):
        history(rows)
    netted = history(rows, refunds="net")
    assert netted.table.loc["a", "frequency"] == 1
    assert "1 days net to nothing by refunds and are no purchases." in netted.notes
    dropped = history(rows, refunds="drop")
    assert dropped.table.loc["a", "frequency"] == 2
    assert "1 refunds were left out." in dropped.notes


def test_a_purchase_without_money_is_kept_and_said():
    with pytest.warns(DataWarning, match="is 0 in 1 rows; they count as purchases"):
        found = history(ROWS.assign(paid=[10.0, 20.0, 5.0, 40.0, 0.0, 60.0]))
    assert found.table.loc["a", "frequency"] == 2
    dropped = history(ROWS.assign(paid=[10.0, 20.0, 5.0, 40.0, 0.0, 60.0]), free="drop")
    assert dropped.table.loc["a", "frequency"] == 1
    assert "1 rows with an amount of 0 were left out." in dropped.notes


def test_transactions_are_no_history():
    with pytest.raises(MissingColumnError, match="by purchase_history"):
        as_history(ROWS)


@pytest.mark.parametrize("engine", list(engines.ENGINES))
def test_any_engine_gives_the_same(engine):
    found = history(engines.ENGINES[engine](ROWS))
    pd.testing.assert_frame_equal(
        found.table, history().table, check_names=False, check_index_type=False
    )


def test_time_in_other_units():
    assert history(period="day").table.loc["a", "T"] == 63
    assert history(period="month").table.loc["a", "T"] == pytest.approx(63 / 30.4375)


@pytest.mark.parametrize(
    ("rows", "changes", "error", "match"),
    [
        (ROWS.iloc[:0], {}, EmptyDataError, "0 rows"),
        (ROWS, {"until": "2023-01-01"}, EmptyDataError, "up to 2023-01-01"),
        (ROWS, {"until": 20240101}, DtypeError, "expected a date"),
        (ROWS, {"until": "31/31/2024"}, DtypeError, "such as"),
        (ROWS.assign(when=20240101), {}, DtypeError, "expected dates"),
        (ROWS.assign(who=None), {}, MissingValueError, "'who' is missing in 6 rows"),
        (ROWS.assign(paid=np.inf), {}, CLVInputError, "infinite"),
        (ROWS, {"customer": "whom"}, MissingColumnError, "Did you mean 'who'"),
        (ROWS, {"period": "weeks"}, ConfigError, "Did you mean 'week'"),
        (ROWS, {"refunds": "keep"}, ConfigError, "expected one of"),
    ],
)
def test_transactions_that_cannot_be(rows, changes, error, match):
    before = rows.copy()
    with pytest.raises(error, match=match):
        history(rows, **changes)
    pd.testing.assert_frame_equal(rows, before)


def customers(**columns):
    table = {"frequency": [2.0, 0.0], "recency": [5.0, 0.0], "T": [9.0, 9.0]}
    return pd.DataFrame(table | columns)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"recency": [10.0, 0.0]}, "recency lies beyond T in 1 row, at position 0"),
        ({"recency": [5.0, 1.0]}, "without a repeat purchase in 1 row, at position 1"),
        ({"recency": [0.0, 0.0]}, "recency is 0 with a repeat purchase"),
        ({"frequency": [-1.0, 0.0]}, "negative or no whole number"),
        ({"frequency": [1.5, 0.0]}, "no whole number"),
        ({"T": [np.inf, 9.0]}, "infinite"),
        ({"T": [np.nan, 9.0]}, "'T' is missing"),
    ],
)
def test_customers_that_cannot_be(columns, match):
    with pytest.raises(CLVInputError, match=match):
        as_history(customers(**columns))


def test_the_notation_of_the_papers_is_understood():
    table = customers().rename(columns={"frequency": "x", "recency": "t_x"})
    assert list(as_history(table).table) == ["frequency", "recency", "T"]
    with pytest.raises(ConfigError, match="give amount="):
        as_history(value.PurchaseHistory(table=customers(), period="week"), monetary=True)
