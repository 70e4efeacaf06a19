import numpy as np
import pytest

from cximpact.effects.linkage.cases import AlertCutoff
from tests.support.recovery import score_world


@pytest.fixture(scope="module")
def found():
    frame = score_world(4000, np.random.default_rng(8), jump=0.5)
    return AlertCutoff(outcome="spend", score="score", cutoff=6, curvature=0.05).fit(frame, rng=1)


def test_the_table_of_the_picture_has_both_sides_at_the_cutoff(found):
    cells = found.details["cells"]
    at = cells[cells["score"] == 6].set_index("alert")
    assert np.isnan(at.loc[False, "estimate"])
    assert at.loc[True, "estimate"] == pytest.approx(
        cells.loc[(cells["score"] == 6) & cells["alert"], "estimate"].iloc[0]
    )
    assert len(cells) == 12
    assert abs(at.loc[True, "fit"] - at.loc[False, "fit"] - 0.5) < 0.3
    assert (cells.loc[cells["score"] > 6, "alert"] == False).all()  # noqa: E712


def test_the_weights_give_the_estimate(found):
    cells = found.details["cells"].dropna()
    weights = found.details["weights"].set_index("score")["weight"]
    mean = cells.set_index("score")["estimate"]
    assert float(weights @ mean.loc[weights.index]) == pytest.approx(float(found.estimate))
    assert weights[weights.index <= 6].sum() == pytest.approx(1)
    assert weights[weights.index > 6].sum() == pytest.approx(-1)
