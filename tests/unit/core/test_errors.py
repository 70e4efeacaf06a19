"""Messages say what was found, where, and what was probably meant."""

import inspect

import numpy as np
import pytest

from cximpact.core import errors
from cximpact.core.errors import MissingColumnError, closest, join_names, rows_phrase


def test_every_error_has_the_common_base_and_a_docstring():
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    ]
    for cls in classes:
        base = errors.CxImpactWarning if issubclass(cls, Warning) else errors.CxImpactError
        assert issubclass(cls, base) and cls.__doc__


def test_data_and_design_errors_are_value_errors_too():
    for cls in (
        errors.ScaleError,
        errors.NoControlError,
        errors.AlignmentError,
        errors.ConfigError,
    ):
        assert issubclass(cls, ValueError)
    assert issubclass(errors.FileError, OSError) and issubclass(
        errors.MemoryBudgetError, MemoryError
    )


def test_a_missing_column_names_the_closest():
    error = MissingColumnError.from_names(["CSTA"], ["csat", "region"], role="outcome")
    assert str(error) == (
        "Column 'CSTA' (role 'outcome') not found; available: 'csat', 'region'."
        " Did you mean 'csat'?"
    )
    assert "Did you mean" not in str(MissingColumnError.from_names(["zzz"], ["csat"]))


def test_long_lists_are_cut():
    assert join_names(list("abcd"), limit=2) == "'a', 'b' and 2 more"
    assert join_names([]) == "none"


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([3], "1 row, at position 3"),
        (np.array([1, 2]), "2 rows, at positions 1, 2"),
        (range(7), "7 rows, first at positions 0, 1, 2, 3, 4"),
    ],
)
def test_rows_are_named_by_position(positions, words):
    assert rows_phrase(list(positions)) == words


def test_closest_ignores_case_and_gives_up_on_strangers():
    assert closest("Posterior", ["posterior", "prior"]) == "posterior"
    assert closest("x", ["posterior"]) is None
