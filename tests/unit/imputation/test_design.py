from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    InsufficientDataError,
    MemoryBudgetError,
    MissingColumnError,
    UnseenLevelError,
    ZeroVarianceError,
)
from cximpact.data import SurveyWave, cells
from cximpact.imputation import build_terms as module
from cximpact.imputation.design import build_design, latent
from cximpact.imputation.spec import Spec
from cximpact.scores import CSAT5
from tests.support.ordinal import every_term


@pytest.fixture
def counts():
    frame = pd.DataFrame(
        {"g": list("aabb"), "x": [1.0, 2.0, 3.0, 4.0], "one": 1, "y": [1.0, 2.0, 3.0, np.nan]}
    )
    return cells(SurveyWave(frame, answer="y", scale=CSAT5), by=["g", "x", "one"])


def test_covariates_are_standardized_over_the_people_of_the_frame(counts):
    design = build_design(counts, Spec(factors=("g",), covariates=("x",)))
    assert design.center == pytest.approx([2.5])
    assert design.x[:, 0].mean() == pytest.approx(0.0)
    assert design.x[:, 0].std() == pytest.approx(1.0)


def test_latent_score_adds_up_the_effects_of_a_cell(counts):
    design = build_design(counts, Spec(factors=("g",), covariates=("x",)))
    eta = latent(design, {"effect_g": np.array([-1.0, 1.0]), "slope": np.array([2.0])})
    assert eta == pytest.approx(np.array([-1, -1, 1, 1]) + 2.0 * design.x[:, 0])


def test_terms_name_every_column_and_interaction():
    posterior, _ = every_term()
    named = ("segment", "region", "agent", "month", "tenure", "segment:region", "segment:month")
    assert posterior.design.terms == named


def test_an_interaction_numbers_the_cross_of_its_levels():
    posterior, counts = every_term()
    design = posterior.design
    expected = counts.index["segment"] * 3 + counts.index["region"]
    assert (design.codes["segment:region"] == expected).all()


def test_time_of_a_local_trend_is_counted_from_the_middle():
    posterior, counts = every_term()
    assert posterior.design.slopes == ("tenure", "trend_month")
    assert (posterior.design.x[:, 1] == counts.index["month"] - 2).all()


def test_other_rows_are_looked_up_with_the_levels_of_the_fit(counts):
    design = build_design(counts, Spec(factors=("g",), covariates=("x",)))
    other = design.at(pd.DataFrame({"g": ["b", "a"], "x": [2.5, 4.0]}))
    assert list(other.codes["g"]) == [1, 0]
    assert other.x[0, 0] == pytest.approx(0.0)


def test_an_unseen_level_is_named_with_its_rows(counts):
    design = build_design(counts, Spec(factors=("g",)))
    with pytest.raises(UnseenLevelError, match="'g' has 1 levels in 1 rows.*1 row, at position 1"):
        design.at(pd.DataFrame({"g": ["a", "z"]}))


def test_a_new_level_of_an_open_factor_is_numbered_after_the_known(counts):
    design = build_design(counts, Spec(factors=("g",), open=("g",)))
    other = design.at(pd.DataFrame({"g": ["z", "a"]}), open_levels=True)
    assert list(other.codes["g"]) == [2, 0]
    with pytest.raises(UnseenLevelError):
        design.at(pd.DataFrame({"g": ["z", "a"]}))


def test_a_column_that_the_table_lacks_is_named(counts):
    design = build_design(counts, Spec(factors=("g",)))
    with pytest.raises(MissingColumnError, match="'g'"):
        design.at(pd.DataFrame({"h": ["a"]}))


def test_everybody_is_moved_to_the_reference_channel():
    for style in ("shift", "scale"):
        posterior, counts = every_term(style=style)
        design = posterior.design
        most = counts.index.assign(n=counts.answered).groupby("channel")["n"].sum().idxmax()
        assert design.spec.reference == most
        moved = design.at_reference()
        if style == "shift":
            assert set(moved.codes["style_channel"]) == {most}
        else:
            assert set(moved.style_codes) == {most}
        assert (moved.codes["segment"] == design.codes["segment"]).all()


def test_an_unknown_reference_is_refused(counts):
    with pytest.raises(ConfigError, match="reference is 'q'; 'g' has 'a', 'b'"):
        build_design(counts, Spec(style="g", reference="q"))


def test_a_factor_with_one_level_is_refused(counts):
    with pytest.raises(InsufficientDataError, match="'one' has the single level"):
        build_design(counts, Spec(factors=("one",)))


def test_a_local_trend_needs_three_periods(counts):
    with pytest.raises(InsufficientDataError, match="2 levels; a local trend needs at least 3"):
        build_design(counts, Spec(period="g", period_model="local_trend"))


def test_a_constant_covariate_is_refused(counts):
    with pytest.raises(ZeroVarianceError, match="'one' is constant"):
        build_design(counts, Spec(factors=("g",), covariates=("one",)))


def test_a_text_covariate_is_refused(counts):
    with pytest.raises(DtypeError, match="name it as a factor"):
        build_design(counts, Spec(covariates=("g",)))


def test_too_many_levels_are_refused(counts, monkeypatch):
    monkeypatch.setattr(module, "MAX_LEVELS", 3)
    with pytest.raises(MemoryBudgetError, match="'x' has 4 levels, more than 3"):
        build_design(counts, Spec(factors=("x",)))
