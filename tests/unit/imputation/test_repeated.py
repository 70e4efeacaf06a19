from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from cximpact.core.errors import ConfigError, InsufficientDataError, UnseenLevelError
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation.graph_fit import Sampling
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.patterns import patterns
from cximpact.imputation.repeated import RepeatedAnswers
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import CUTS, repeated_world

MODEL = RepeatedAnswers(
    number="number", sampling=Sampling(draws=400, tune=400, allow_unconverged=True)
)
NAMES = ("segment", "month")


@pytest.fixture(scope="module")
def world():
    return repeated_world(4, 3_000)


@pytest.fixture(scope="module")
def fit(world):
    return MODEL.fit(world[0], rng=2)


def test_likelihood_equals_adaptive_integration():
    wave, _ = repeated_world(1, 6)
    data = patterns(wave, [*NAMES, "number"])
    model = MODEL.model(data, NAMES)
    p0, sd = np.array([0.1, 0.15, 0.25, 0.3, 0.2]), 1.4
    month = np.array([-0.5, 0.1, 0.4])
    at = {"p0": p0, "sd": sd, "gamma": -0.3}
    at |= {"effect_month": month, "effect_segment": np.array([-0.2, 0.2])}
    given = {model[k]: np.asarray(v, dtype=float) for k, v in at.items()}
    found = float(model["answers"].eval(given, mode="FAST_COMPILE"))
    cuts = special.logit(np.cumsum(p0)[:-1])
    expected = 0.0
    for _, rows in wave.frame.groupby("customer"):
        shift = rows["segment"].map({"a": -0.2, "b": 0.2}) + month[rows["month"]]
        eta = (shift - 0.3 * (rows["number"] - 1)).to_numpy()
        given_answers = rows["answer"].to_numpy(dtype=int) - 1

        def density(a, eta=eta, answers=given_answers):
            p = category_probabilities(eta + a, cuts)
            return stats.norm.pdf(a, scale=sd) * np.prod(p[np.arange(len(eta)), answers])

        expected += np.log(integrate.quad(density, -12, 12, epsabs=1e-14, limit=200)[0])
    assert found == pytest.approx(expected, rel=1e-7)


def test_spread_conditioning_and_change_are_recovered(fit):
    truth = {"sd": 1.5, "gamma": -0.2, "reliability": 1.5**2 / (1.5**2 + np.pi**2 / 3)}
    for name, value in truth.items():
        low, high = interval(fit.draws[name], 0.98)
        assert float(low) < value < float(high), name
    change = fit.change("month", 0, 2, scale="latent")
    low, high = interval(change, 0.98)
    assert float(low) < 0.8 < float(high)
    assert float(change.std()) < 0.15


def expected_score(eta, sd):
    z = np.linspace(-6, 6, 801)
    weight = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
    return (category_probabilities(eta[:, None] + sd * z, CUTS) @ CSAT5.values) @ weight


def test_change_in_points_is_that_of_the_same_customers(fit, world):
    frame = world[0].frame
    rest = 0.3 * np.where(frame["segment"] == "b", 1, -1) - 0.2 * (frame["number"] - 1)
    rest = rest.to_numpy()
    truth = float((expected_score(rest + 0.8, 1.5) - expected_score(rest, 1.5)).mean())
    found = fit.change("month", 0, 2)
    low, high = interval(found, 0.98)
    assert float(low) < truth < float(high)
    back = fit.change("month", 2, 0)
    np.testing.assert_allclose(back.values, -found.values)


def test_change_within_customers_is_sharper_than_between_samples(fit, world):
    """The answers of one customer are alike: two independent samples would say less."""
    frame = world[0].frame
    by = frame.groupby("month")["answer"]
    apart = np.sqrt((by.var() / by.size()).loc[[0, 2]].sum())
    free = fit.change("month", 0, 2).values
    held = free - np.polyval(np.polyfit(fit.draws["gamma"].values, free, 1), fit.draws["gamma"])
    assert held.std() < apart


def test_customers_effects_are_calibrated(fit, world):
    table = fit.customers()
    error = (world[1][table["customer"]] - table["mean"]) / table["sd"]
    assert float(error.std()) == pytest.approx(1, abs=0.06)
    assert float(np.mean(np.abs(error) < 1.645)) == pytest.approx(0.9, abs=0.025)
    assert len(table) == len(fit.patterns.customers)
    often = table.groupby("answers")["sd"].mean()
    assert often[3] < often[2] < often[1] < 1.5


def test_words_and_table(fit):
    assert "reliability of" in fit.explain()
    assert "Each earlier answer" in fit.explain()
    terms = fit.tidy()["term"].tolist()
    assert terms[0] == "reliability"
    assert "effect_month[2]" in terms


def test_picture_shows_prior_and_posterior(fit):
    ax = fit.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == ["prior", "posterior"]
    assert ax.get_xlim()[0] < 0.2
    assert ax.get_xlabel() == "Sd of customers on the latent scale"


def test_questions_that_cannot_be_answered(fit, world):
    with pytest.raises(UnseenLevelError, match="no level 7"):
        fit.change("month", 0, 7)
    with pytest.raises(ConfigError, match="column"):
        fit.change("months", 0, 1)
    once = world[0].frame.drop_duplicates("customer").reset_index(drop=True)
    wave = SurveyWave(once, answer="answer", scale=CSAT5, customer="customer")
    with pytest.raises(InsufficientDataError, match="answered once"):
        RepeatedAnswers().fit(wave, rng=1)
    with pytest.raises(ConfigError, match="names no customer"):
        RepeatedAnswers().fit(SurveyWave(once, answer="answer", scale=CSAT5), rng=1)
    with pytest.raises(ConfigError, match="number_cap"):
        RepeatedAnswers(number_cap=1)


def test_earlier_answers_count_up_to_the_cap():
    frame = pd.DataFrame({"customer": 1, "number": [1, 2, 3, 4], "answer": [1.0, 2.0, 3.0, 3.0]})
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, customer="customer")
    table = patterns(wave, ["number"])
    capped = RepeatedAnswers(number="number", number_cap=3).earlier(table)
    assert capped.tolist() == [0.0, 1.0, 2.0, 2.0]
    assert RepeatedAnswers().earlier(table).tolist() == [0.0, 0.0, 0.0, 0.0]
