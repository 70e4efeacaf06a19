"""A uniform latent shift: the answers it takes, and who changes class."""

import numpy as np
import pytest

from cximpact.core.errors import DataError, MissingColumnError
from cximpact.core.scale import ScoreScale
from cximpact.goals import required_shift, shift_pmf
from cximpact.scores import CSAT5, NPS

NOW = {"detractor": 0.15, "passive": 0.35, "promoter": 0.50}


def test_half_a_latent_sd_on_nps():
    shifted = shift_pmf(NOW, 0.5, NPS)
    after = shifted.table.set_index("answer")["after"]
    assert after["promoter"] == pytest.approx(0.691462, abs=1e-6)
    assert after["detractor"] == pytest.approx(0.062216, abs=1e-6)
    assert shifted.score == pytest.approx(62.92, abs=0.01)


@pytest.mark.parametrize(("goal", "shift"), [(40, 0.080388), (45, 0.163747)])
def test_shift_that_a_goal_takes(goal, shift):
    found = required_shift(NOW, goal, NPS)
    assert found.shift == pytest.approx(shift, abs=1e-6)
    assert found.score == pytest.approx(goal, abs=1e-9)


def test_moves_lead_from_the_shares_before_to_those_after():
    found = required_shift(NOW, 70, NPS)
    np.testing.assert_allclose(found.moves.sum(axis=1), found.table["before"], atol=1e-12)
    np.testing.assert_allclose(found.moves.sum(axis=0), found.table["after"], atol=1e-12)
    assert found.moves.loc["promoter", "detractor"] == 0
    assert found.moves.loc["detractor", "passive"] > 0


def test_shares_by_answer_and_by_band_agree():
    by_answer = [0.15, 0, 0, 0, 0, 0, 0, 0.35, 0, 0.2, 0.3]
    assert required_shift(by_answer, 45, NPS).shift == pytest.approx(
        required_shift(NOW, 45, NPS).shift, abs=1e-10
    )


def test_the_best_score_takes_an_infinite_shift():
    found = required_shift(NOW, 100, NPS)
    assert found.shift == np.inf
    assert found.table["after"].tolist() == pytest.approx([0, 0, 1])


def test_a_reversed_question_moves_the_other_way():
    effort = ScoreScale(name="effort", low=1, high=5, higher_is_better=False)
    pmf = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    assert shift_pmf(pmf, 0.3, effort).score == pytest.approx(6 - shift_pmf(pmf, 0.3, CSAT5).score)


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(DataError, match="sums to 200"):
        required_shift([5, 10, 25, 90, 70], 4.2, CSAT5)
    with pytest.raises(DataError, match="expected 5, one an answer"):
        required_shift([0.5, 0.5], 4.2, CSAT5)


def test_a_mistyped_band_is_named():
    with pytest.raises(MissingColumnError, match="Did you mean 'promoter'"):
        required_shift({"promotor": 1.0}, 40, NPS)


def test_bands_do_not_give_a_mean():
    with pytest.raises(DataError, match="score on scale CSAT5 is the mean"):
        required_shift({"top": 0.8, "bottom": 0.2}, 4.0, CSAT5)
