import numpy as np
import pytest

from cximpact.core.errors import ConfigError, EmptyDataError, InsufficientDataError
from cximpact.effects.linkage.dose.levels import levels_of

SCORE = np.array([0.0, 3.0, 7.0, 8.0, 10.0, 3.0])


def test_every_score_is_a_level():
    found = levels_of(SCORE, None)
    assert found.value.tolist() == [0, 3, 7, 8, 10]
    assert found.n.tolist() == [1, 2, 1, 1, 1]
    assert "0 (1), 3 (2)" in found.notes[0]


def test_bands_are_named_by_their_lower_ends():
    found = levels_of(SCORE, [0, 7, 9])
    assert found.value.tolist() == [0, 7, 9]
    assert found.code.tolist() == [0, 0, 1, 1, 2, 0]


def test_bands_that_nobody_is_in_are_passed_over():
    assert levels_of(SCORE, [0, 4, 7]).value.tolist() == [0, 7]


@pytest.mark.parametrize(
    ("score", "bands", "error", "words"),
    [
        (SCORE, [1, 7], ConfigError, "begin at 1.*down to 0"),
        (SCORE, [0], InsufficientDataError, r"all 6 rows are at one level \(0\)"),
        (SCORE, [], EmptyDataError, "bands"),
        (np.linspace(0, 1, 99), None, ConfigError, "99 different values"),
    ],
)
def test_bad_levels_are_refused(score, bands, error, words):
    with pytest.raises(error, match=words):
        levels_of(score, bands)


def test_full_levels_need_no_note():
    assert levels_of(np.repeat([0.0, 1.0], 5), None).notes == ()
