from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import DtypeError, InsufficientDataError, ZeroVarianceError
from cximpact.data import SurveyWave, cells
from cximpact.imputation.design import build_design, latent
from cximpact.scores import CSAT5


@pytest.fixture
def counts():
    frame = pd.DataFrame(
        {"g": list("aabb"), "x": [1.0, 2.0, 3.0, 4.0], "one": 1, "y": [1.0, 2.0, 3.0, np.nan]}
    )
    return cells(SurveyWave(frame, answer="y", scale=CSAT5), by=["g", "x", "one"])


def test_covariates_are_standardized_over_the_people_of_the_frame(counts):
    design = build_design(counts, ["g"], None, ["x"])
    assert design.center == pytest.approx([2.5])
    assert design.x[:, 0].mean() == pytest.approx(0.0)
    assert design.x[:, 0].std() == pytest.approx(1.0)


def test_latent_score_adds_up_the_effects_of_a_cell(counts):
    design = build_design(counts, ["g"], None, ["x"])
    eta = latent(design, {"effect_g": np.array([-1.0, 1.0]), "slope": np.array([2.0])})
    assert eta == pytest.approx(np.array([-1, -1, 1, 1]) + 2.0 * design.x[:, 0])


def test_terms_name_every_column(counts):
    assert build_design(counts, ["g"], None, ["x"]).terms == ("g", "x")


def test_a_factor_with_one_level_is_refused(counts):
    with pytest.raises(InsufficientDataError, match="'one' has the single level"):
        build_design(counts, ["one"], None, [])


def test_a_constant_covariate_is_refused(counts):
    with pytest.raises(ZeroVarianceError, match="'one' is constant"):
        build_design(counts, ["g"], None, ["one"])


def test_a_text_covariate_is_refused(counts):
    with pytest.raises(DtypeError, match="name it as a factor"):
        build_design(counts, [], None, ["g"])
