from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import DuplicateKeyError, MissingColumnError, NoRespondentsError
from cximpact.data import SurveyWave
from cximpact.imputation.patterns import answer_number, patterns
from cximpact.scores import CSAT5

FRAME = pd.DataFrame(
    {
        "customer": [7, 7, 7, 3, 3, 5],
        "day": [2, 1, 3, 1, 2, 9],
        "answer": [4.0, 2.0, np.nan, 2.0, 4.0, 5.0],
    }
)


@pytest.mark.parametrize("engine", [pd.DataFrame, pl.from_pandas])
def test_answers_are_numbered_by_time(engine):
    frame = engine(FRAME)
    rows, answers = (answer_number(frame, "customer", "day", answer=a) for a in (None, "answer"))
    assert type(rows) is type(frame)
    assert list(rows["answer_number"]) == [2, 1, 3, 1, 2, 1]
    assert list(answers["answer_number"]) == [2, 1, 2, 1, 2, 1]
    assert "answer_number" not in list(frame.columns)


def test_unknown_order_and_columns_are_refused():
    with pytest.raises(DuplicateKeyError, match="1 pairs"):
        answer_number(pd.concat([FRAME, FRAME.tail(1)]), "customer", "day")
    with pytest.raises(MissingColumnError, match="days"):
        answer_number(FRAME, "customer", "days")


def wave(frame):
    return SurveyWave(frame, answer="answer", scale=CSAT5, customer="customer")


def test_customers_with_equal_answers_share_a_pattern():
    found = patterns(wave(FRAME), [])
    assert found.count.tolist() == [2.0, 1.0]
    assert found.codes.tolist() == [[1, 3], [4, 5]]
    assert found.customers["customer"].tolist() == [3, 5, 7]
    assert found.customers["pattern"].tolist() == [0, 1, 0]
    assert found.customers["answers"].tolist() == [2, 1, 2]
    assert found.occasions.tolist() == [5]


def test_cells_keep_patterns_apart_and_rows_may_be_shuffled():
    found = patterns(wave(FRAME), ["day"])
    again = patterns(wave(FRAME.sample(frac=1, random_state=1)), ["day"])
    assert len(found.count) == 2
    assert found.data_hash == again.data_hash
    assert found.occasions.tolist() == [2, 2, 1]
    assert found.n_answers == 5


def test_many_customers_cost_no_more():
    shifted = [FRAME.assign(customer=FRAME["customer"] + 10 * k) for k in range(50)]
    found = patterns(wave(pd.concat(shifted, ignore_index=True)), [])
    assert found.codes.tolist() == [[1, 3], [4, 5]]
    assert found.count.tolist() == [100.0, 50.0]


def test_no_answer_is_refused():
    with pytest.raises(NoRespondentsError, match="none of 6"):
        patterns(wave(FRAME.assign(answer=np.nan)), [])
