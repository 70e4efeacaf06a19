"""Periods have labels that sort and numbers that neighbor."""

from datetime import date, timedelta

import duckdb
import pytest

from cximpact.core.errors import ConfigError
from cximpact.repository import periods
from cximpact.repository.sql import sql

UNITS = periods.UNITS[1:]


def read(make, unit: str, days: list[date]) -> list:
    """Evaluate an expression for some days."""
    statement = sql(
        "SELECT {e} FROM (SELECT unnest($days) AS day) ORDER BY day", e=make(sql("day"), unit)
    )
    with duckdb.connect() as connection:
        return [row[0] for row in connection.execute(statement, {"days": days}).fetchall()]


@pytest.mark.parametrize(
    ("unit", "label", "number"),
    [
        ("year", 2024, 2024),
        ("quarter", "2024-Q4", 8099),
        ("month", "2024-12", 24299),
        ("week", "2025-W01", (date(2024, 12, 31) - date(1, 1, 1)).days // 7),
        ("day", "2024-12-31", (date(2024, 12, 31) - date(1, 1, 1)).days),
    ],
)
def test_a_day_has_a_label_and_a_number(unit: str, label, number: int):
    assert read(periods.label, unit, [date(2024, 12, 31)]) == [label]
    assert read(periods.number, unit, [date(2024, 12, 31)]) == [number]


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_and_labels_change_on_the_same_days_and_by_one(unit: str):
    days = [date(2023, 12, 20) + timedelta(days=i) for i in range(0, 400)]
    numbers, labels = read(periods.number, unit, days), read(periods.label, unit, days)
    steps = [b - a for a, b in zip(numbers, numbers[1:], strict=False)]
    assert set(steps) <= {0, 1}
    changes = [a != b for a, b in zip(labels, labels[1:], strict=False)]
    assert changes == [bool(step) for step in steps]
    assert labels == sorted(labels)


@pytest.mark.parametrize(
    ("unit", "sql_type", "match"),
    [
        ("month", "BIGINT", "period='number'"),
        ("number", "DATE", "has dates"),
        ("fortnight", "DATE", "expected one of"),
        (None, "DATE", "expected one of"),
    ],
)
def test_a_unit_suits_the_column(unit, sql_type: str, match: str):
    with pytest.raises(ConfigError, match=match):
        periods.check_unit(unit, sql_type, "Column 'period'")


def test_numbered_periods_are_seen():
    assert periods.check_unit("number", "BIGINT", "x")
    assert not periods.check_unit("week", "TIMESTAMP", "x")
