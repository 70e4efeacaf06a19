import pandas as pd
import pytest

from cximpact.core.errors import DtypeError, MissingValueError, TimeOrderError
from cximpact.effects.linkage.timing import check_time_order


def dated(first, then) -> pd.DataFrame:
    return pd.DataFrame({"asked": pd.to_datetime(first), "bought": pd.to_datetime(then)})


def test_what_comes_later_passes():
    check_time_order(dated(["2024-01-01"], ["2024-01-01"]), "asked", "bought")
    assert check_time_order(pd.DataFrame({"a": [1], "b": [2]}), "a", "b") is None


def test_an_outcome_before_the_score_is_refused_with_the_dates():
    frame = dated(["2024-01-01", "2024-03-05"], ["2024-02-01", "2024-02-28"])
    with pytest.raises(TimeOrderError, match=r"1 row.*'bought' is 2024-02-28.*2024-03-05"):
        check_time_order(frame, "asked", "bought")


def test_dates_must_be_dates():
    with pytest.raises(DtypeError, match="'a' holds string"):
        check_time_order(pd.DataFrame({"a": ["1.2.2024"], "b": [1]}), "a", "b")
    mixed = pd.DataFrame({"a": pd.to_datetime(["2024-01-01"]), "b": [2024]})
    with pytest.raises(DtypeError, match="dates and 'b' numbers"):
        check_time_order(mixed, "a", "b")
    with pytest.raises(MissingValueError, match="'bought' is missing"):
        check_time_order(dated(["2024-01-01"], [None]), "asked", "bought")


def test_the_message_can_name_another_cause():
    frame = dated(["2024-03-05"], ["2024-02-28"])
    match = "leaving was measured before a feature.*or a feature that is earlier"
    with pytest.raises(TimeOrderError, match=match):
        check_time_order(frame, "asked", "bought", what="leaving", cause="a feature")
