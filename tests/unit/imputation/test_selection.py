from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, special, stats

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, DtypeError, MemoryBudgetError, NoRespondentsError
from cximpact.core.provenance import Provenance
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave, cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.quadrature import normal_rule
from cximpact.imputation.selection import SelectionModel, build_selection
from cximpact.imputation.selection_fit import SelectionFit
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import CUTS, selective_world

SHORT = gf.Sampling(draws=400, tune=500, allow_unconverged=True)


@pytest.fixture(scope="module")
def world():
    return selective_world(1, 20_000, lam=0.8, push=3.0)


@pytest.fixture(scope="module")
def fit(world):
    wave, _ = world
    model = SelectionModel(
        factors=["segment"], instrument="reminder", lambda_sd=1.0, sampling=SHORT
    )
    return model.fit(wave, rng=1)


def synthetic(fit, **changed):
    """The fit with draws of a normal around chosen values, at no cost."""
    n, rng = 500, np.random.default_rng(3)
    values = {"lam": rng.normal(0, 0.5, n), **changed}
    draws = fit.draws.isel(sample=slice(0, n))
    plain = {name: (draws[name].dims, draws[name].values) for name in draws.data_vars}
    plain |= {name: ("sample", value) for name, value in values.items()}
    new = xr.Dataset(plain, coords={d: draws[d] for d in draws.coords if d != dr.KEY})
    labelled = dr.with_order(new, dr.fitted_order("made up", []))
    fitted = gf.Fitted(draws=labelled, diagnostics={}, provenance=Provenance(method="m", seed=1))
    return SelectionFit(
        fitted=fitted,
        cells=fit.cells,
        crossed=fit.crossed,
        rule=fit.rule,
        settings=SelectionModel(factors=["segment"]),
    )


def test_likelihood_equals_adaptive_integration():
    frame = pd.DataFrame(
        {"segment": ["a", "a", "a", "b", "b"], "answer": [1.0, 4.0, np.nan, 5.0, np.nan]}
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    counts = cells(wave)
    crossed = (cr.cross(counts.index, ["segment"]),) * 2
    model = build_selection(counts, crossed, SelectionModel().priors, 0.5, normal_rule(40))
    p0 = np.array([0.1, 0.15, 0.25, 0.3, 0.2])
    at = {"p0": p0, "lam": 0.6, "response": -0.4}
    at |= {"effect_segment": np.array([0.3, -0.3]), "response_segment": np.array([-0.2, 0.2])}
    found = model["answers"].eval({model[k]: v for k, v in at.items()}, mode="FAST_COMPILE")
    cuts = special.logit(np.cumsum(p0)[:-1])

    def person(eta, level, answer):
        def density(u):
            pi = special.expit(level + 0.6 * u)
            p = category_probabilities(np.array(eta + u), cuts)
            return stats.norm.pdf(u) * (1 - pi if answer is None else pi * p[answer])

        return np.log(integrate.quad(density, -9, 9, epsabs=1e-13)[0])

    expected = sum(person(0.3, -0.6, a) for a in (0, 3, None))
    expected += sum(person(-0.3, -0.2, a) for a in (4, None))
    assert float(found) == pytest.approx(expected, rel=1e-8)


def test_instrument_recovers_how_answering_depends_on_the_score(fit):
    low, high = interval(fit.draws["lam"])
    assert float(low) < 0.8 < float(high)
    assert fit.learning["learned"]
    assert fit.learning["overlap"] < 0.5


def test_without_stages_answering_is_one_step(fit):
    assert type(fit) is SelectionFit
    assert fit.draws["lam"].dims == ("sample",)
    assert "stages" not in fit.fitted.provenance.settings


def test_score_of_everybody_is_nearer_than_missing_at_random(fit, world):
    wave, truth = world
    counts = cells(wave, by=["segment"])
    by_cell = counts.dense() @ CSAT5.values / counts.answered
    random = float(counts.frame_count @ by_cell / counts.n_frame)
    score = fit.score()
    assert abs(float(score.mean()) - truth) < 0.4 * abs(random - truth)
    low, high = interval(score, 0.95)
    assert float(low) < truth < float(high)


def test_scores_of_groups_add_up(fit):
    everyone = fit.score(target="super")
    groups = fit.score("segment", target="super")
    counts = fit.cells.index.assign(n=fit.cells.frame_count).groupby("segment")["n"].sum()
    weighted = (groups.values * counts.to_numpy()).sum(axis=1) / counts.sum()
    np.testing.assert_allclose(everyone.values, weighted, rtol=1e-12)
    assert groups.dims == ("sample", "segment")


def test_silence_says_something_about_the_score(fit):
    happy, unhappy = synthetic(fit, lam=np.full(500, -1.0)), synthetic(fit, lam=np.full(500, 1.0))
    assert float(happy.score().mean()) > float(unhappy.score().mean()) + 0.1


def test_same_seed_same_numbers(fit):
    np.testing.assert_array_equal(fit.score().values, fit.score().values)
    assert not np.array_equal(fit.score(rng=1).values, fit.score(rng=2).values)


def test_prior_left_as_it_was_is_said(fit):
    nothing = synthetic(fit)
    assert not nothing.learning["learned"]
    assert nothing.learning["overlap"] > 0.9
    assert "not learned" in nothing.explain()
    assert "form of the model alone" in nothing.explain()
    assert "not learned" not in fit.explain()
    assert "'reminder'" in fit.explain()


def test_tidy_starts_with_the_score(fit):
    table = fit.tidy(0.8)
    assert table["term"].iloc[0] == "CSAT5 score"
    assert {"lam", "effect_segment[a]", "response_reminder[1]"} <= set(table["term"])
    assert (table["conf_level"] == 0.8).all()


def test_picture_shows_prior_and_posterior(fit):
    ax = fit.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["prior", "posterior"]
    assert ax.get_xlabel() == "Log odds of answering per sd of score"


def test_cutpoints_of_the_world_are_recovered(fit):
    np.testing.assert_allclose(fit.draws["cuts"].mean("sample"), CUTS, atol=0.25)


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="must not move the score"):
        SelectionModel(factors=["reminder"], instrument="reminder")
    with pytest.raises(DtypeError, match="list of columns"):
        SelectionModel(factors="segment")
    with pytest.raises(ConfigError, match="lambda_sd"):
        SelectionModel(lambda_sd=0)
    with pytest.raises(MemoryBudgetError, match="more than"):
        cr.check_size(200_000, 15, 11)


def test_both_kinds_of_people_are_needed():
    frame = pd.DataFrame({"answer": [1.0, 2.0, 5.0]})
    wave = SurveyWave(frame, answer="answer", scale=CSAT5)
    with pytest.raises(NoRespondentsError, match="3 of 3"):
        SelectionModel().fit(wave, rng=1)
