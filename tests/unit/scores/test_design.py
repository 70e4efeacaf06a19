import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    UnseenLevelError,
    ZeroVarianceError,
)
from cximpact.scores.design import read_design


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {"x": [1.0, 3.0, 5.0], "g": ["b", "a", "c"], "s": [10, 9, 10], "count": [1.0, 2.0, 1.0]}
    )


def test_numbers_are_standardized_with_their_counts_and_levels_become_terms(table):
    design = read_design(table, ["x", "g"], None)
    assert design.names == ["constant", "x", "g[b]", "g[c]"]
    x = (np.array([1, 3, 5]) - 3) / np.sqrt(2)
    expected = np.column_stack([np.ones(3), x, [1, 0, 0], [0, 0, 1]])
    assert design.matrix(table) == pytest.approx(expected)


def test_groups_are_numbered_in_the_order_of_their_names(table):
    design = read_design(table, [], "g")
    assert design.group_codes(table).tolist() == [1, 0, 2]
    assert read_design(table, ["x"], None).group_codes(table) is None


def test_new_rows_use_the_numbers_of_the_fit(table):
    design = read_design(table, ["x"], None)
    assert design.matrix(pd.DataFrame({"x": [3.0]})).tolist() == [[1, 0]]


def test_an_unseen_level_is_refused_without_naming_it(table):
    design = read_design(table, ["g"], None)
    with pytest.raises(UnseenLevelError, match="1 levels in 2 rows") as caught:
        design.matrix(pd.DataFrame({"g": ["secret", "a", "secret"]}))
    assert "secret" not in str(caught.value)


def test_a_constant_covariate_is_refused(table):
    with pytest.raises(ZeroVarianceError, match="'x' is constant"):
        read_design(table.assign(x=1.0), ["x"], None)


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ({"g": ["a"]}, MissingColumnError, "'x'"),
        ({"x": [1.0, np.nan], "g": ["a", "b"]}, MissingValueError, "'x' is missing in 1 row"),
        ({"x": [1.0, np.inf], "g": ["a", "b"]}, NonFiniteError, "'x' is infinite"),
    ],
)
def test_columns_with_gaps_are_refused(table, frame, error, message):
    with pytest.raises(error, match=message):
        read_design(table, ["x", "g"], None).collect(pd.DataFrame(frame))


def test_a_design_without_columns_has_the_constant_alone(table):
    design = read_design(table, [], None)
    assert design.matrix(design.collect(table)).tolist() == [[1], [1], [1]]
