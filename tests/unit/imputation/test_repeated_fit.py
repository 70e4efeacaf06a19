"""What a fit with drift says; fits without are in `test_repeated`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cximpact.core.errors import ConfigError, DtypeError, InsufficientDataError
from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation import OccasionDrift, RepeatedAnswers, RepeatedFit
from cximpact.imputation.crossed import cross
from cximpact.imputation.graph_fit import Sampling
from cximpact.imputation.patterns import patterns
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import drifting_world

SHORT = Sampling(draws=150, tune=200, allow_unconverged=True)


@pytest.fixture(scope="module")
def world():
    return drifting_world(7, 1_200, months=3)


@pytest.fixture(scope="module")
def fit(world):
    return RepeatedAnswers(drift=True, nodes=21, sampling=SHORT).fit(world[0], rng=1)


def test_spread_and_drift_are_near_the_truth(fit):
    for name, truth in {
        "sd": 1.5,
        "rho": 0.6,
        "retest": 0.6 * 2.25 / (2.25 + np.pi**2 / 3),
    }.items():
        low, high = interval(fit.draws[name], 0.99)
        assert float(low) < truth < float(high), name
    assert fit.learning["learned"]
    assert fit.learning["lags"] == 2


def test_customers_are_known_at_their_last_answer(fit, world):
    table, frame = fit.customers(), world[0].frame
    last = frame.groupby("customer")["month"].max()
    truth = world[1][last.index, last]
    assert np.corrcoef(truth, table["mean"])[0, 1] > 0.5
    inside = np.abs(truth - table["mean"]) < 1.645 * table["sd"]
    assert float(inside.mean()) == pytest.approx(0.9, abs=0.05)
    first = world[1][last.index, 0][last > 0]
    assert (
        np.corrcoef(truth[last > 0], table["mean"][(last > 0).to_numpy()])[0, 1]
        > (np.corrcoef(first, table["mean"][(last > 0).to_numpy()])[0, 1])
    )


def test_words_and_table_name_the_drift(fit):
    assert "level of a customer drifts" in fit.explain()
    assert "not learned" not in fit.explain()
    assert "fades at the same rate" in fit.explain()
    assert {"rho", "retest", "sd"} <= set(fit.tidy()["term"])
    assert fit.fitted.provenance.settings["drift"]["column"] == "month"


def test_change_is_that_of_the_column(fit):
    change = fit.change("month", 0, 2, scale="latent")
    low, high = interval(change, 0.99)
    assert float(low) < 0.6 < float(high)
    assert float(fit.change("month", 0, 2).mean()) > 0


def test_two_waves_do_not_tell_drift_from_spread(fit):
    two = patterns(drifting_world(3, 300, months=2)[0], ["month"])
    crossed = cross(two.index, ["month"])
    found = RepeatedFit(fitted=fit.fitted, patterns=two, crossed=crossed, settings=fit.settings)
    assert not found.learning["learned"]
    assert "not learned" in found.explain()


def test_a_fit_without_drift_has_none_to_learn(fit):
    constant = replace(fit.settings, drift=False)
    assert constant.occasions(fit.patterns) is None
    with pytest.raises(ConfigError, match="no drift"):
        _ = replace(fit, settings=constant).learning


def test_drift_that_cannot_be_fitted(world):
    frame = world[0].frame
    with pytest.raises(DtypeError, match="expected True, False or OccasionDrift"):
        RepeatedAnswers(drift="month")  # type: ignore[arg-type]
    bare = SurveyWave(frame, answer="answer", scale=CSAT5, customer="customer")
    with pytest.raises(ConfigError, match="names no period"):
        RepeatedAnswers(drift=True).fit(bare, rng=1)
    with pytest.raises(InsufficientDataError, match="two levels"):
        drift = OccasionDrift(column="day")
        same = SurveyWave(frame.assign(day=1), answer="answer", scale=CSAT5, customer="customer")
        RepeatedAnswers(drift=drift).fit(same, rng=1)
    once = frame.drop_duplicates("customer").reset_index(drop=True)
    single = SurveyWave(once, answer="answer", scale=CSAT5, period="month", customer="customer")
    with pytest.raises(InsufficientDataError, match="answered once"):
        RepeatedAnswers(drift=True).fit(single, rng=1)
