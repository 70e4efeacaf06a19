import numpy as np
import pytest

from cximpact.core.errors import ConfigError, MissingValueError, ScaleError
from cximpact.scores import (
    CSAT5,
    CSAT7,
    ces,
    csat,
    mean_score,
    net_ease,
    nps,
    psat,
    rescale,
)
from tests.support import golden

NUMBERS = golden.load("scores")["numbers"]
CSAT_ANSWERS = np.repeat([1, 2, 3, 4, 5], [5, 10, 25, 90, 70])


def test_nps_of_the_textbook_example(nps_answers):
    assert golden.close(nps(nps_answers), NUMBERS["nps"])


@pytest.mark.parametrize(("answer", "score"), [(6, -100), (7, 0), (8, 0), (9, 100)])
def test_the_borders_of_the_nps_classes(answer, score):
    assert nps([answer]) == score


def test_csat_of_the_textbook_example():
    assert golden.close(csat(CSAT_ANSWERS), NUMBERS["csat_share"])
    assert golden.close(mean_score(CSAT_ANSWERS, CSAT5), NUMBERS["csat_mean"])
    assert golden.close(rescale(mean_score(CSAT_ANSWERS, CSAT5), CSAT5), NUMBERS["csat_rescaled"])


def test_csat_is_a_fraction_and_its_boxes_an_argument():
    assert csat([7, 6, 5, 1], CSAT7) == 0.5
    assert csat([7, 6, 5, 1], CSAT7, top=3) == 0.75


def test_psat_is_the_share_of_yes_or_of_top_boxes():
    assert psat([1, 0, 0, 0]) == 0.25
    assert psat([5, 4, 3, 1], CSAT5) == 0.5


def test_effort_is_the_mean_and_net_ease_turns_with_the_direction():
    answers = [7, 7, 7, 1]
    assert ces(answers, higher_is_better=True) == ces(answers, higher_is_better=False) == 5.5
    assert net_ease(answers, higher_is_better=True) == 50
    assert net_ease(answers, higher_is_better=False) == -50


def test_effort_needs_its_direction():
    with pytest.raises(TypeError, match="higher_is_better"):
        ces([1, 2])


def test_weights_count(nps_answers):
    assert nps([10, 0], weights=[3, 1]) == 50
    assert nps(nps_answers, weights=np.full(200, 7.0)) == pytest.approx(35)


def test_a_missing_answer_is_never_a_detractor():
    with pytest.raises(MissingValueError, match="answers is missing in 1 row, at position 1"):
        nps([10, np.nan])


def test_an_eleven_is_no_promoter():
    with pytest.raises(ScaleError, match="runs from 0 to 10"):
        nps([10, 11])


def test_only_what_is_on_the_scale_is_rescaled():
    with pytest.raises(ConfigError, match="score is 6"):
        rescale(6, CSAT5)
