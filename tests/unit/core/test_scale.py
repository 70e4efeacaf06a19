"""A scale knows its answers, and says what is wrong with others."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError, MissingValueError, ScaleError
from cximpact.core.scale import ScoreScale

BANDS = {"detractor": (0, 6), "passive": (7, 8), "promoter": (9, 10)}
NPS = {"name": "NPS", "low": 0, "high": 10, "higher_is_better": True, "bands": BANDS}
SCALE = ScoreScale(**NPS, weights={"detractor": -100, "promoter": 100}, score_range=(-100, 100))


def test_every_answer_has_its_weight():
    assert SCALE.score_weights.tolist() == [-100] * 7 + [0, 0] + [100, 100]
    assert SCALE.values.tolist() == list(range(11)) and SCALE.n_categories == 11
    assert SCALE.limits == (-100, 100)


def test_without_weights_the_score_is_the_mean_answer():
    half = ScoreScale(name="stars", low=1, high=5, step=0.5, higher_is_better=True)
    assert half.n_categories == 9 and half.limits == (1.0, 5.0)
    assert half.codes([1, 1.5, 5]).tolist() == [0, 1, 8]


def test_bands_include_both_ends():
    assert SCALE.in_band([6, 7, 8, 9], "passive").tolist() == [False, True, True, False]
    with pytest.raises(ConfigError, match="no band 'promotor'"):
        SCALE.in_band([1], "promotor")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"low": 10}, "low < high"),
        ({"low": 12}, "low < high"),
        ({"step": 3}, "whole number of steps"),
        ({"step": 0}, "step is 0"),
        ({"high": np.inf}, "high is inf"),
        ({"low": "0"}, "low is '0'"),
        ({"bands": {"b": (0, 11)}}, "Band 'b' .* within 0 to 10"),
        ({"bands": {"b": (5, 4)}}, "Band 'b'"),
        ({"bands": {"b": 5}}, "expected a pair"),
        ({"bands": {"b": (1, 2, 3)}}, "expected a pair"),
        ({"bands": {"b": ("1", 2)}}, "expected a number"),
        ({"weights": {"promoters": 1}}, "unknown bands 'promoters'; it has 'detractor'"),
        ({"weights": {"promoter": "1"}}, "weight of band 'promoter'"),
        ({"bands": {"a": (0, 5), "b": (5, 10)}, "weights": {"a": -1, "b": 1}}, "overlap"),
        ({"score_range": (1, 1)}, "score_range"),
        ({"score_range": 5}, "expected a pair"),
    ],
)
def test_scales_that_contradict_themselves_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        ScoreScale(**(NPS | changes))


def test_answers_off_the_scale_are_located():
    with pytest.raises(
        ScaleError, match="ranges from 0 to 11 but scale NPS runs from 0 to 10: 1 row"
    ):
        SCALE.check([0, 11, 5])
    with pytest.raises(ScaleError, match=r"nps ranges .* 2 rows, at positions 0, 2"):
        SCALE.check([-5, 4, 20], name="nps")
    one_to_ten = ScoreScale(name="1-10", low=1, high=10, higher_is_better=True)
    with pytest.raises(ScaleError, match="1 row, at position 1"):
        one_to_ten.check([10, 0])


@pytest.mark.parametrize("code", [-1, 99, 999, 77, -9])
def test_codes_for_missing_answers_are_recognized(code):
    with pytest.raises(ScaleError, match=f"{code} looks like a missing code"):
        SCALE.check([5, code])


def test_ordinary_slips_are_not_called_missing_codes():
    with pytest.raises(ScaleError) as caught:
        SCALE.check([5, 12])
    assert "missing code" not in str(caught.value)


def test_answers_between_the_steps_are_located():
    with pytest.raises(ScaleError, match=r"between the steps .* 1 row, at position 2"):
        SCALE.check([1, 2, 7.5])
    with pytest.raises(MissingValueError):
        SCALE.check([1, np.nan])


def test_answers_that_miss_a_step_by_rounding_are_accepted():
    tenth = ScoreScale(name="t", low=0, high=1, step=0.1, higher_is_better=True)
    assert tenth.codes([0.1 + 0.2, 0.7, 0.1 * 3]).tolist() == [3, 7, 3]


def test_codes_are_category_numbers():
    assert SCALE.codes([0, 10, 3]).tolist() == [0, 10, 3]
    csat = ScoreScale(name="CSAT", low=1, high=5, higher_is_better=True)
    assert csat.codes([1, 5]).dtype.kind == "i" and csat.codes([1, 5]).tolist() == [0, 4]


def test_bands_and_weights_cannot_be_changed():
    bands = {"top": (9, 10)}
    scale = ScoreScale(**(NPS | {"bands": bands}))
    bands["top"] = (0, 1)
    assert scale.bands["top"] == (9, 10)
    with pytest.raises(TypeError):
        scale.bands["top"] = (0, 1)
