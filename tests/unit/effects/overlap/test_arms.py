"""The door for treatment and propensities."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import check_overlap
from cximpact.effects.overlap.arms import check_arms, check_propensity


@pytest.mark.parametrize(
    "treatment", [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], pd.Series([0, 1, 1], [7, 8, 9])]
)
def test_two_arms(treatment):
    assert check_arms(treatment).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("treatment", "error", "match"),
    [
        ([0, 1, 2], errors.TreatmentError, "'0', '1', '2'"),
        (["a", "b"], errors.TreatmentError, "type"),
        ([1, 1], errors.NoControlError, "all 2"),
        ([0, 0], errors.NoTreatedError, "none of 2"),
        ([0, np.nan], errors.MissingValueError, "position 1"),
        ([], errors.EmptyDataError, "0 values"),
        ([[0, 1]], errors.DtypeError, "2 dimensions"),
    ],
)
def test_what_is_no_treatment(treatment, error, match):
    with pytest.raises(error, match=match):
        check_arms(treatment)


def test_propensities():
    assert check_propensity([0, 0.5, 1]).tolist() == [0, 0.5, 1]
    with pytest.raises(errors.ScaleError, match="2 rows, at positions 0, 2"):
        check_propensity([-0.1, 0.5, 50])
    with pytest.raises(errors.OverlapError, match="2 rows, at positions 0, 2.*overlap.trim"):
        check_overlap([0, 0.5, 1])
    with pytest.raises(errors.DtypeError, match="2 values for 3"):
        check_overlap([0.4, 0.5], 3)
    given = np.array([0.2, 0.8])
    assert check_overlap(given) is not given
