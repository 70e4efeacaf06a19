from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import AssumptionWarning, DataWarning
from cximpact.data import SurveyWave, cells
from cximpact.imputation.design import build_design
from cximpact.imputation.identification import (
    shared_answers,
    warn_about_answers,
    warn_about_style,
)
from cximpact.imputation.spec import Spec
from cximpact.scores import CSAT5


def build(frame, **spec):
    spec = Spec(**spec)
    counts = cells(SurveyWave(frame, answer="y", scale=CSAT5), by=list(spec.columns))
    return counts, build_design(counts, spec)


def test_a_level_without_answers_is_pointed_out():
    frame = pd.DataFrame({"g": list("aabb"), "y": [1.0, 2.0, np.nan, np.nan]})
    with pytest.warns(DataWarning, match="1 of 2 levels of 'g' have no answers"):
        warn_about_answers(*build(frame, factors=("g",)))


def test_a_frame_that_answered_in_full_is_pointed_out():
    frame = pd.DataFrame({"g": list("aabb"), "y": [1.0, 2.0, 3.0, 4.0]})
    with pytest.warns(DataWarning, match="all 4 rows have an answer"):
        warn_about_answers(*build(frame, factors=("g",)))


def test_channels_that_meet_different_customers_are_pointed_out():
    frame = pd.DataFrame({"g": list("abab"), "c": list("pqpq"), "y": [1.0, 2.0, 3.0, np.nan]})
    counts, design = build(frame, factors=("g",), style="c")
    assert shared_answers(counts, design) == 0.0
    with pytest.warns(AssumptionWarning, match="0% of the answers.*several channels"):
        warn_about_style(counts, design)


def test_a_style_without_any_factor_is_pointed_out():
    frame = pd.DataFrame({"c": list("pqpq"), "y": [1.0, 2.0, 3.0, np.nan]})
    with pytest.warns(AssumptionWarning, match="rest on the prior"):
        warn_about_style(*build(frame, style="c"))


def test_channels_that_meet_the_same_customers_are_fine():
    frame = pd.DataFrame(
        {"g": list("aaabbb"), "c": list("pqqpqq"), "y": [1.0, 2.0, np.nan, 1.0, 3.0, np.nan]}
    )
    counts, design = build(frame, factors=("g",), style="c")
    assert shared_answers(counts, design) == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_style(counts, design)
        warn_about_answers(counts, design)
