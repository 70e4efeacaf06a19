import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.scores import CSAT5, CSAT7, NPS, PSAT, ces_scale


def test_nps_counts_six_as_detractor_seven_and_eight_as_nothing_nine_as_promoter():
    assert NPS.score_weights.tolist() == [-100] * 7 + [0, 0, 100, 100]


def test_nps_runs_from_minus_to_plus_hundred():
    assert NPS.limits == (-100, 100)


@pytest.mark.parametrize(
    ("scale", "top"), [(CSAT5, [4, 5]), (CSAT7, [6, 7]), (PSAT, [1])], ids=lambda x: str(x)
)
def test_the_top_band_holds_the_best_answers(scale, top):
    assert scale.values[scale.in_band(scale.values, "top")].tolist() == top


def test_effort_has_no_default_direction():
    with pytest.raises(TypeError, match="higher_is_better"):
        ces_scale(7)
    with pytest.raises(ConfigError, match="higher_is_better is None"):
        ces_scale(7, higher_is_better=None)


@pytest.mark.parametrize(
    ("points", "higher", "top", "easy", "hard"),
    [
        (7, True, [5, 6, 7], [6, 7], [1, 2]),
        (7, False, [1, 2, 3], [1, 2], [6, 7]),
        (5, True, [4, 5], [4, 5], [1, 2]),
        (5, False, [1, 2], [1, 2], [4, 5]),
        (3, True, [3], [3], [1]),
    ],
)
def test_effort_bands_follow_the_direction(points, higher, top, easy, hard):
    scale = ces_scale(points, higher_is_better=higher)
    found = {b: scale.values[scale.in_band(scale.values, b)].tolist() for b in scale.bands}
    assert found == {"top": top, "easy": easy, "hard": hard}
    assert scale.higher_is_better is higher


def test_an_effort_scale_needs_three_points():
    with pytest.raises(ConfigError, match="points is 2"):
        ces_scale(2, higher_is_better=True)


def test_the_score_of_effort_is_the_mean_answer():
    assert np.array_equal(ces_scale(5, higher_is_better=True).score_weights, [1, 2, 3, 4, 5])
