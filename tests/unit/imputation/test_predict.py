from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import ConfigError, MemoryBudgetError, UnseenLevelError
from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer, category_probabilities
from cximpact.imputation import predict as module
from cximpact.imputation.predict import predict
from cximpact.scores import CSAT5


@pytest.fixture(scope="module")
def agents():
    """Sixty agents whose customers differ with a standard deviation of 0.8."""
    rng = np.random.default_rng(5)
    effect = rng.normal(0, 0.8, 60)
    agent = rng.integers(0, 60, 6000)
    cuts = np.array([-2.0, -1.0, 0.5, 1.5])
    answers = 1.0 + ((effect[agent] + rng.logistic(size=6000))[:, None] > cuts).sum(axis=1)
    answers[rng.random(6000) < 0.5] = np.nan
    frame = pd.DataFrame({"agent": agent, "y": answers})
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["agent"])
    return OrdinalImputer(open=["agent"]).fit(wave, rng=1)


def test_rows_that_were_met_have_the_probabilities_of_their_cells(imputed):
    table = imputed.cells.index.iloc[[3, 40]]
    found = predict(imputed, table)
    draws, row = imputed.draws, table.iloc[1]
    eta = sum(
        draws[f"effect_{name}"].sel({name: str(row[name])}).values
        for name in ("segment", "channel", "month")
    )
    expected = category_probabilities(eta, draws["cuts"].values)
    assert found.isel(row=1).values == pytest.approx(expected)
    assert found.sum("answer").values == pytest.approx(1.0)


def test_standard_deviation_of_open_levels_is_recovered(agents):
    sigma = agents.draws["sigma_agent"]
    assert float(sigma.quantile(0.01)) < 0.8 < float(sigma.quantile(0.99))


def test_a_new_agent_is_as_uncertain_as_agents_differ(agents):
    new = predict(agents, pd.DataFrame({"agent": [999, 3]}), new_levels="population", rng=2)
    top = special.logit(1 - new.isel(answer=4).values)
    cut = agents.draws["cuts"].values[:, [3]]
    effects = cut - top
    sigma = agents.draws["sigma_agent"].values
    assert effects[:, 0].std() == pytest.approx(np.sqrt((sigma**2).mean()), rel=0.05)
    assert effects[:, 1].std() < 0.6 * effects[:, 0].std()
    wide, narrow = sigma > np.quantile(sigma, 0.8), sigma < np.quantile(sigma, 0.2)
    ratio = effects[wide, 0].std() / effects[narrow, 0].std()
    assert ratio == pytest.approx(sigma[wide].mean() / sigma[narrow].mean(), rel=0.12)
    assert ratio > 1.15


def test_a_new_agent_is_refused_unless_asked_for(agents):
    with pytest.raises(UnseenLevelError, match="allow new levels"):
        predict(agents, pd.DataFrame({"agent": [999]}))


def test_a_new_level_of_a_listed_factor_is_always_refused(imputed):
    table = imputed.cells.index.iloc[[0]].assign(segment="z")
    with pytest.raises(UnseenLevelError, match="'segment'"):
        predict(imputed, table, new_levels="population")


def test_a_fit_without_standard_deviations_cannot_draw_new_levels(agents):
    fast = OrdinalImputer(open=["agent"], method="laplace", nodes=16).fit(agents.wave, rng=1)
    with pytest.raises(ConfigError, match="does not know; fit with method='nuts'"):
        predict(fast, pd.DataFrame({"agent": [999]}), new_levels="population")


def test_a_long_table_is_sent_to_the_streaming_prediction(imputed, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 1000)
    with pytest.raises(MemoryBudgetError, match=r"ImputedScores\.customers"):
        predict(imputed, imputed.cells.index)
