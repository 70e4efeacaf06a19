import numpy as np
import pytest

from cximpact.core.errors import (
    DataWarning,
    DtypeError,
    EmptyDataError,
    MissingValueError,
    NonFiniteError,
    ScaleError,
    WeightError,
)
from cximpact.scores import CSAT5, NPS
from cximpact.scores.counts import check_counts, count_answers


def test_answers_are_counted_with_their_weights_and_squares():
    found = count_answers([1, 1, 5], CSAT5, [2.0, 3.0, 4.0])
    assert found.count.tolist() == [2, 0, 0, 0, 1]
    assert found.weight.tolist() == [5, 0, 0, 0, 4]
    assert found.weight_sq.tolist() == [13, 0, 0, 0, 16]
    assert found.shares.tolist() == [5 / 9, 0, 0, 0, 4 / 9]


BAD = [
    ([], EmptyDataError, "0 values"),
    ([3, np.nan, 4], MissingValueError, "1 row, at position 1"),
    ([3, np.inf], NonFiniteError, "1 row, at position 1"),
    ([3, 6, 9], ScaleError, "ranges from 3 to 9 .* from 1 to 5: 2 rows, at positions 1, 2"),
    ([3, 99], ScaleError, "99 looks like a missing code"),
    ([3, 2.5], ScaleError, "between the steps"),
    (["3", "4"], DtypeError, "Convert it explicitly"),
    ([True, False], DtypeError, "bool"),
    ([1 + 1j], DtypeError, "complex"),
    ([[1, 2], [3, 4]], DtypeError, "2 dimensions"),
]


@pytest.mark.parametrize(("answers", "error", "message"), BAD)
def test_bad_answers_are_refused_and_left_alone(answers, error, message):
    array = np.array(answers)
    before = array.copy()
    with pytest.raises(error, match=message):
        count_answers(array, CSAT5)
    assert np.array_equal(array, before, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1, -1, 1], "negative in 1 row, at position 1"), ([0, 0, 0], "sums to 0"), ([1, 2], "for 3")],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(WeightError, match=message):
        count_answers([1, 2, 3], CSAT5, weights)


def test_answers_from_one_to_ten_on_a_scale_from_zero_are_suspected():
    answers = np.tile(np.arange(1, 11), 10)
    with pytest.warns(DataWarning, match="100 answers hold no 0 .* scale from 1 to 10"):
        count_answers(answers, NPS)


@pytest.mark.parametrize(
    "answers",
    [np.arange(1, 11), np.tile(np.arange(11), 10), np.r_[np.full(9, 1), np.full(300, 10)]],
)
def test_few_answers_a_zero_or_a_thin_tail_raise_no_suspicion(answers):
    assert count_answers(answers, NPS).count.sum() == answers.size


@pytest.mark.parametrize("counts", [[-1, 2], [0, 0]])
def test_counts_must_be_counts(counts):
    with pytest.raises(WeightError, match="expected counts of at least 0"):
        check_counts(counts)
