from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, DtypeError
from cximpact.core.summaries import interval
from cximpact.imputation.graph_fit import Sampling
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.response_stages import STAGE_DIM, log_progress
from cximpact.imputation.selection import SelectionModel
from cximpact.imputation.staged_fit import StagedSelectionFit
from tests.support.gauss_hermite import funnel_world

TRUTH = {"opened": 0.8, "completed": -0.4}
MODEL = SelectionModel(
    factors=["segment"],
    instrument="lot",
    lambda_sd=1.0,
    stages=True,
    sampling=Sampling(draws=200, tune=300, allow_unconverged=True),
)


@pytest.fixture(scope="module")
def world():
    return funnel_world(5, 20_000, lam=tuple(TRUTH.values()))


@pytest.fixture(scope="module")
def fit(world):
    return MODEL.fit(world[0], rng=1)


def with_lam(fit, *columns):
    """The fit with other draws of ``lam``."""
    lam = fit.draws["lam"]
    values = np.column_stack([np.broadcast_to(c, len(lam)) for c in columns])
    draws = fit.draws.assign(lam=lam.copy(data=values))
    return replace(fit, fitted=replace(fit.fitted, draws=draws))


def test_both_stages_are_recovered_and_learned(fit, world):
    assert isinstance(fit, StagedSelectionFit)
    for stage, truth in TRUTH.items():
        low, high = interval(fit.draws["lam"].sel({STAGE_DIM: stage}), 0.99)
        assert float(low) < truth < float(high), stage
    low, high = interval(fit.score(), 0.99)
    assert float(low) < world[1] < float(high)
    assert fit.learned()["learned"].all()


def test_stage_that_everybody_passed_is_left_out_and_that_is_said(fit):
    assert fit.left_out == ("delivered",)
    assert fit.stages == ("opened", "completed")
    assert "everybody passed who got there: 'delivered'" in fit.explain()
    assert fit.fitted.provenance.settings["left_out"] == ["delivered"]


def test_each_stage_that_was_not_learned_says_so(fit):
    assert "not learned" not in fit.explain()
    n = fit.draws.sizes["sample"]
    prior = stats.norm.ppf((np.arange(n) + 0.5) / n)
    text = with_lam(fit, fit.draws["lam"].values[:, 0], prior).explain()
    assert text.count("not learned") == 1
    assert text.index("not learned") > text.index("completed")
    assert with_lam(fit, prior, prior).explain().count("not learned") == 2


def test_table_has_a_row_for_each_stage(fit):
    table = fit.learned()
    assert list(table.columns) == ["stage", "mean", "sd", "prior_sd", "overlap", "learned"]
    assert tuple(table["stage"]) == fit.stages
    assert {"lam[opened]", "lam[completed]", "response_opened_lot[0]"} <= set(fit.tidy()["term"])


def test_picture_has_the_prior_and_every_stage(fit):
    labels = [text.get_text() for text in fit.plot().get_yticklabels()]
    assert labels == ["prior", "opened", "completed"]


def test_how_far_somebody_got_speaks_about_the_score(fit):
    stopped, later, answered = with_lam(fit, 1.0, 0.0).score("reached").mean("sample").values
    assert stopped < later - 0.3
    assert answered == pytest.approx(later, abs=0.2)


def test_answers_of_the_silent_equal_numerical_integration(fit):
    draws, counts = fit.draws.isel(sample=slice(0, 1)), fit.staged
    row = int(np.flatnonzero(counts.reached == 1)[0])
    at = np.linspace(-8, 8, 4001)
    weight = np.exp(log_progress(draws, counts, fit.crossed[1], at)[0, row]) * stats.norm.pdf(at)
    eta = fit.crossed[0].latent(draws)[0, counts.row[row]]
    expected = weight @ category_probabilities(eta + at, draws["cuts"].values[0]) / weight.sum()
    found = fit.score("reached", statistic="mean")
    assert found.sizes["reached"] == 3
    mixed = fit.mixture().probabilities(slice(0, 1))[0, row]
    np.testing.assert_allclose(mixed, expected, rtol=1e-5)


def test_scores_add_up_over_how_far_people_got(fit):
    groups, everyone = fit.score("reached", rng=3), fit.score(rng=3)
    counts = fit.cells.index.assign(n=fit.cells.frame_count).groupby("reached")["n"].sum()
    weighted = groups.values @ counts.to_numpy() / counts.sum()
    np.testing.assert_allclose(weighted, everyone.values, rtol=1e-12)


def test_anybody_is_not_split_by_how_far_they_got(fit):
    assert fit.score("segment", target="super").dims == ("sample", "segment")
    with pytest.raises(ConfigError, match="not known how far"):
        fit.score(["segment", "reached"], target="super")


def test_settings_are_checked(world):
    with pytest.raises(DtypeError, match="list of columns"):
        SelectionModel(stages="opened")
    with pytest.raises(ConfigError, match="stages is empty"):
        SelectionModel(stages=[])
    with pytest.raises(ConfigError, match="a stage is 'read'"):
        SelectionModel(stages=["read"])
    plain = replace(world[0], stages={})
    with pytest.raises(ConfigError, match="delivered, opened, started, completed"):
        MODEL.fit(plain, rng=1)
