from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from cximpact.core.errors import ConfigError, NoRespondentsError, TreatmentError
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation import crossed as cr
from cximpact.imputation.graph_fit import Sampling
from cximpact.imputation.joint import ScoreBehaviorModel
from cximpact.imputation.joint_graph import build_joint, sd_of_reliability
from cximpact.imputation.links import category_probabilities, log_category_probabilities
from cximpact.imputation.quadrature import log_mean, rule_for
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import linked_world

SD = sd_of_reliability(0.7)
MODEL = ScoreBehaviorModel(
    behavior="stays",
    treatment="treated",
    sampling=Sampling(draws=400, tune=400, allow_unconverged=True),
)
P0 = np.array([0.1, 0.15, 0.25, 0.3, 0.2])


@pytest.fixture(scope="module")
def world():
    return linked_world(2, 20_000, sd=SD)


@pytest.fixture(scope="module")
def once(world):
    """Compiling is what takes the time: the graph of a fit also serves lower reliabilities."""
    compiled = MODEL.compile(MODEL.cells(world[0]), rule_for(SD))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScoreBehaviorModel, "compile", lambda *_: compiled)
        yield


@pytest.fixture(scope="module")
def sensitivity(world, once):
    return MODEL.sensitivity(world[0], (0.5, 0.7), rng=5)


@pytest.fixture(scope="module")
def fit(world, once):
    return MODEL.fit(world[0], rng=5)


def graph_value(wave, sd, **changed):
    """The log likelihood of the graph at chosen parameters."""
    counts = MODEL.cells(wave)
    crossed = cr.cross(counts.index, ["segment"])
    model = build_joint(MODEL, counts, crossed, rule_for(max(sd, 1.0), 80), sd)
    effect = np.array([0.3, 0.1, -0.4])
    at = {"p0": P0, "effect_segment": effect, "behavior_segment": -effect, "kappa": 0.2}
    at |= {"delta": 0.5, "theta": -0.3, "linkage_within": 0.9 * sd} | changed
    given = {model[k]: np.asarray(v, dtype=float) for k, v in at.items()}
    return counts, float(model["people"].eval(given, mode="FAST_COMPILE"))


@pytest.mark.parametrize(
    ("reliability", "sd"), [(0.5, 1.8137994), (0.7, 2.7706235), (0.9, 5.4413981)]
)
def test_reliability_fixes_the_spread_of_people(reliability, sd):
    assert sd_of_reliability(reliability) == pytest.approx(sd, abs=1e-6)
    assert sd**2 / (sd**2 + np.pi**2 / 3) == pytest.approx(reliability, abs=1e-6)


def test_likelihood_equals_adaptive_integration():
    frame = pd.DataFrame(
        {
            "segment": ["a", "b", "c", "a"],
            "treated": [1, 0, 1, 0],
            "stays": [1, 0, 1, 0],
            "answer": [4.0, np.nan, 1.0, np.nan],
        }
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    _, found = graph_value(wave, 1.3)
    cuts = special.logit(np.cumsum(P0)[:-1])
    effect = {"a": 0.3, "b": 0.1, "c": -0.4}
    expected = 0.0
    for segment, treated, stays, answer in frame.itertuples(index=False):

        def density(a, segment=segment, treated=treated, stays=stays, answer=answer):
            eta = effect[segment] + 0.5 * treated + a
            pi = special.expit(0.2 - effect[segment] - 0.3 * treated + 0.9 * eta)
            p = category_probabilities(np.array(eta), cuts)
            seen = 1.0 if np.isnan(answer) else p[int(answer) - 1]
            return stats.norm.pdf(a, scale=1.3) * seen * (pi if stays else 1 - pi)

        expected += np.log(integrate.quad(density, -12, 12, epsabs=1e-13, limit=200)[0])
    assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("sd", [1e-6, 1.0])
def test_without_linkage_answers_are_those_of_the_ordinal_model(world, sd):
    """With lam = 0 the answers' part does not depend on the behavior, and is that of 3.1."""
    counts, found = graph_value(world[0], sd, linkage_within=0.0)
    index, effect = counts.index, dict(zip("abc", [0.3, 0.1, -0.4], strict=True))
    cell = index["segment"].map(effect).to_numpy(dtype=float)
    treated, stays = (index[c].to_numpy(dtype=float) for c in ("treated", "stays"))
    rule = rule_for(max(sd, 1.0), 80)
    eta = (cell + 0.5 * treated)[:, None] + sd * rule.nodes
    cuts = special.logit(np.cumsum(P0)[:-1])
    answers = log_mean(log_category_probabilities(eta, cuts), rule, axis=1)
    behavior = special.log_expit((2 * stays - 1) * (0.2 - cell - 0.3 * treated))
    expected = (counts.dense() * answers).sum() + counts.frame_count @ behavior
    assert found == pytest.approx(expected, rel=1e-9)


def test_effects_and_linkage_are_recovered(fit):
    for name, truth in {"lam": 0.3, "delta": 0.6, "theta": 0.4}.items():
        low, high = interval(fit.draws[name], 0.98)
        assert float(low) < truth < float(high), name
    assert float(fit.draws["lam"].std()) < 0.05


def test_linkage_is_that_of_a_standard_deviation(fit, world):
    expected = fit.draws["lam"].mean() * world[2].std()
    assert float(fit.linkage().mean()) == pytest.approx(float(expected), rel=0.03)


def test_score_of_everybody_is_nearer_than_that_of_respondents(fit, world):
    wave, answer, _ = world
    raw, truth = float(wave.frame["answer"].mean()), float(answer.mean())
    low, high = interval(fit.score(), 0.98)
    assert raw - truth > 0.12
    assert float(low) < truth < float(high)


def test_behavior_speaks_about_those_who_did_not_answer(fit, world):
    wave, answer, _ = world
    found = fit.score("stays").mean("sample").values
    truth = pd.Series(answer).groupby(wave.frame["stays"]).mean().to_numpy()
    np.testing.assert_allclose(found, truth, atol=0.08)
    process = fit.score("stays", target="super").mean("sample").values
    assert process[1] - process[0] < found[1] - found[0]


def test_sensitivity_lists_every_reliability(sensitivity, fit):
    assert sensitivity["reliability"].unique().tolist() == [0.5, 0.7]
    assert set(sensitivity["term"]) == {"CSAT5 score", "linkage", "delta", "theta"}
    by = sensitivity.set_index(["term", "reliability"])["estimate"]
    assert by["linkage", 0.5] > by["linkage", 0.7]
    assert by["delta", 0.5] < by["delta", 0.7]
    assert by["delta", 0.7] == pytest.approx(float(fit.draws["delta"].mean()), abs=0.03)
    scores = by["CSAT5 score"]
    assert scores.max() - scores.min() < 0.03


def test_words_and_table(fit):
    text = fit.explain()
    assert "'stays'" in text
    assert "reliability of 0.7" in text
    assert fit.tidy()["term"].tolist()[:2] == ["CSAT5 score", "linkage"]


def test_picture_shows_prior_and_posterior(fit):
    ax = fit.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["prior", "posterior"]
    assert any(f"({-1.645 / SD:.1f} to {1.645 / SD:.1f})" in text.get_text() for text in ax.texts)


def test_settings_and_columns_are_checked(world):
    with pytest.raises(ConfigError, match="reliability"):
        ScoreBehaviorModel(behavior="stays", reliability=1.0)
    with pytest.raises(TreatmentError, match="'segment' has the values"):
        ScoreBehaviorModel(behavior="segment").fit(world[0], rng=1)
    nobody = pd.DataFrame({"answer": [np.nan, np.nan], "stays": [0, 1]})
    wave = SurveyWave(nobody, answer="answer", scale=CSAT5)
    with pytest.raises(NoRespondentsError, match="none of 2"):
        ScoreBehaviorModel(behavior="stays").fit(wave, rng=1)
