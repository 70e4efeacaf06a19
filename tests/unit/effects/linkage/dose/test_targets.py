import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import InsufficientDataError
from cximpact.effects.linkage.dose.levels import levels_of
from cximpact.effects.linkage.dose.targets import targets_of
from cximpact.effects.linkage.rows import link_rows

FRAME = pd.DataFrame({"s": [0, 0, 1, 1], "spend": [0.0, np.e, 1.0, 0.0], "came": [0, 1, 1, 1]})


def targets(frame, family):
    rows = link_rows(frame, {"score": "s", "outcome[0]": "came", "outcome[1]": "spend"})
    return targets_of(rows, ["came", "spend"], family, levels_of(rows.numbers["score"], None))


def test_a_hurdle_is_whether_and_how_much():
    came, whether, amount = targets(FRAME, {"spend": "hurdle"})
    assert came.is_rate
    assert whether.name == "spend > 0"
    assert whether.y.tolist() == [0, 1, 1, 0]
    assert amount.name == "log spend, if any"
    assert amount.y[amount.used] == pytest.approx([1, 0])
    assert amount.used.tolist() == [False, True, True, False]


def test_other_outcomes_are_left_alone():
    came, spend = targets(FRAME, "auto")
    assert (came.name, spend.name) == ("came", "spend")
    assert not spend.is_rate
    assert spend.used.all()


def test_a_level_without_buyers_is_refused():
    with pytest.raises(InsufficientDataError, match="levels 1 has an amount of 'spend'"):
        targets(FRAME.assign(spend=[0.0, 3.0, 0.0, 0.0]), {"spend": "hurdle"})
