"""The scale of a question is declared, checked and remembered."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository, scales
from tests.unit.repository.conftest import SCALE, invitations


@pytest.mark.parametrize(
    ("answers", "error", "match"),
    [
        ([11, 2], errors.ScaleError, "ranges from 2 to 11 .* 1 row, at position 0"),
        ([-1, 2], errors.ScaleError, "-1 looks like a missing code"),
        ([99, 2], errors.ScaleError, "99 looks like a missing code"),
        ([2.5, 2], errors.ScaleError, "between the steps"),
        ([np.inf, 2], errors.NonFiniteError, "infinite"),
        (["7", "8"], errors.DtypeError, "expected numbers"),
        ([True, False], errors.DtypeError, "0 and 1"),
    ],
)
def test_an_answer_off_the_scale_is_refused(shared: Repository, answers, error, match: str):
    with pytest.raises(error, match=match):
        shared.add("surveys", invitations(answer=answers), scale=SCALE)
    assert shared.table("surveys").empty


def test_answers_need_a_scale_and_invitations_do_not(repo: Repository):
    with pytest.raises(errors.ConfigError, match="no scale says what they mean"):
        repo.add("surveys", invitations())
    assert repo.add("surveys", invitations(answer=[None, None])).rows == 2


def test_what_is_no_scale_is_refused(shared: Repository):
    with pytest.raises(errors.ConfigError, match="not a ScoreScale"):
        shared.add("surveys", invitations(), scale="NPS")


def test_a_scale_comes_back_as_it_was_declared(repo: Repository):
    repo.add("surveys", invitations(), scale=SCALE)
    found = scales.find(repo._connection, "relationship", "recommend")
    assert dataclasses.asdict(_plain(found)) == dataclasses.asdict(_plain(SCALE))
    assert scales.find(repo._connection, "relationship", None) is None


def test_a_question_keeps_its_scale(repo: Repository):
    repo.add("surveys", invitations(), scale=SCALE)
    later = invitations(customer=[3, 4], answer=[5, 6])
    for changes in ({"low": 1}, {"higher_is_better": False}):
        other = dataclasses.replace(SCALE, bands={}, weights={}, **changes)
        with pytest.raises(errors.ScaleError, match="declare one scale"):
            repo.add("surveys", later, scale=other)
    assert repo.add("surveys", later, scale=SCALE).rows == 2


def test_answers_from_1_on_a_scale_from_0_give_a_warning():
    n = 200
    with Repository() as repo:
        repo.add("customers", pd.DataFrame({"customer": range(n)}))
        frame = pd.DataFrame(
            {
                "customer": range(n),
                "invited": 1,
                "survey": "a",
                "answer": [1 + i % 10 for i in range(n)],
            }
        )
        with pytest.warns(errors.DataWarning, match="hold no 0"):
            repo.add("surveys", frame, scale=SCALE)


@dataclasses.dataclass
class Plain:
    fields: dict


def _plain(scale) -> Plain:
    values = {f.name: getattr(scale, f.name) for f in dataclasses.fields(scale) if f.init}
    return Plain({k: dict(v) if hasattr(v, "items") else v for k, v in values.items()})
