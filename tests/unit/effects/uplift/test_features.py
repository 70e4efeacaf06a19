"""Features as numbers, learned once and applied to the next frame."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    DtypeError,
    EmptyDataError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    UnseenLevelError,
)
from cximpact.effects.uplift.features import MAX_LEVELS, MISSING, OTHER, FeatureEncoder

TABLE = pd.DataFrame({"x": [1.0, 2.0, 4.0], "new": [True, False, True], "plan": ["b", "a", "b"]})


def test_numbers_stay_and_levels_get_columns():
    encoder = FeatureEncoder.learn(TABLE)
    assert encoder.names == ("x", "new", "plan[a]", "plan[b]")
    expected = [[1, 1, 0, 1], [2, 0, 1, 0], [4, 1, 0, 1]]
    np.testing.assert_array_equal(encoder.encode(TABLE), expected)


def test_columns_are_found_by_name():
    encoder = FeatureEncoder.learn(TABLE)
    np.testing.assert_array_equal(
        encoder.encode(TABLE[["plan", "x", "new"]].assign(more=1)), encoder.encode(TABLE)
    )


def test_missing_values_are_filled_and_marked_when_allowed():
    table = TABLE.assign(x=[1.0, np.nan, 4.0], plan=["b", None, "b"])
    encoder = FeatureEncoder.learn(table, allow_missing=True)
    assert encoder.names[:2] == ("x", "x is missing")
    numbers = encoder.encode(table)
    np.testing.assert_array_equal(numbers[:, 0], [1, 2.5, 4])
    np.testing.assert_array_equal(numbers[:, 1], [0, 1, 0])
    np.testing.assert_array_equal(numbers[:, encoder.names.index(f"plan[{MISSING}]")], [0, 1, 0])


def test_rare_levels_are_put_together():
    many = pd.DataFrame({"zip": [f"z{i:03d}" for i in range(100)] + ["z000"] * 5})
    encoder = FeatureEncoder.learn(many)
    assert len(encoder.names) == MAX_LEVELS
    assert encoder.encode(many)[:, encoder.names.index(f"zip[{OTHER}]")].sum() == 100 - 29
    np.testing.assert_array_equal(
        encoder.encode(pd.DataFrame({"zip": ["never seen"]})).sum(axis=1), 1
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"plan": ["a", "c", "c"]}, UnseenLevelError, "2 rows, at positions 1, 2"),
        ({"plan": ["a", None, "b"]}, MissingValueError, "'plan' is missing in 1 row"),
        ({"x": [1, np.nan, 2]}, MissingValueError, "'x' is missing in 1 row, at position 1"),
        ({"x": [1, np.inf, 2]}, NonFiniteError, "'x' is infinite"),
        ({"x": ["1", "2", "3"]}, DtypeError, "was a number"),
    ],
)
def test_another_frame_must_read_alike(change, error, message):
    with pytest.raises(error, match=message):
        FeatureEncoder.learn(TABLE).encode(TABLE.assign(**change))


def test_what_is_no_feature_is_refused():
    with pytest.raises(MissingColumnError, match="'plan'"):
        FeatureEncoder.learn(TABLE).encode(TABLE.drop(columns="plan"))
    with pytest.raises(EmptyDataError, match="no features"):
        FeatureEncoder.learn(TABLE[[]])
    with pytest.raises(DtypeError, match="is a date"):
        FeatureEncoder.learn(pd.DataFrame({"d": pd.to_datetime(["2026-01-01"])}))
    with pytest.raises(DtypeError, match="list"):
        FeatureEncoder.learn(pd.DataFrame({"d": [[1], [2]]}))
