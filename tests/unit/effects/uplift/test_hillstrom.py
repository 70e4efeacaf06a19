"""A real experiment with three arms: average effects to published digits, honest rankings."""

import numpy as np
import pytest
from scipy import stats

import cximpact as cx

u = cx.effects.uplift
FEATURES = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
SHARES = {"Mens E-Mail": 1 / 3, "Womens E-Mail": 1 / 3}
# rates of the arms as published with the data: visits, conversions (%), spend a head ($)
PUBLISHED = {
    "visit": {"Mens E-Mail": 18.28, "Womens E-Mail": 15.14, "No E-Mail": 10.62},
    "conversion": {"Mens E-Mail": 1.25, "Womens E-Mail": 0.88, "No E-Mail": 0.57},
    "spend": {"Mens E-Mail": 1.42, "Womens E-Mail": 1.08, "No E-Mail": 0.65},
}


@pytest.fixture(scope="module")
def frame(real_data):
    return cx.datasets.load_hillstrom(download=False)


def section(frame, outcome: str) -> cx.CrossSection:
    return cx.CrossSection(
        frame,
        outcome=outcome,
        treatment="segment",
        control="No E-Mail",
        features=FEATURES,
        propensity=SHARES,
    )


@pytest.mark.parametrize("outcome", PUBLISHED)
def test_average_effects_are_the_published_differences_with_welchs_errors(frame, outcome: str):
    found = u.AverageEffect(outcome_model="mean").fit(section(frame, outcome), rng=1).tidy()
    factor = 1 if outcome == "spend" else 100
    control = frame.loc[frame["segment"] == "No E-Mail", outcome]
    for _, row in found.iterrows():
        treated = frame.loc[frame["segment"] == row["arm"], outcome]
        published = PUBLISHED[outcome][row["arm"]] - PUBLISHED[outcome]["No E-Mail"]
        assert factor * row["estimate"] == pytest.approx(published, abs=0.0101)
        welch = stats.ttest_ind(treated, control, equal_var=False)
        assert row["std_error"] == pytest.approx(row["estimate"] / welch.statistic, rel=1e-10)


def test_adjusting_for_features_agrees_and_is_a_little_sharper(frame):
    data = section(frame, "visit")
    plain = u.AverageEffect(outcome_model="mean").fit(data, rng=1)
    adjusted = u.AverageEffect(outcome_model="linear").fit(data, rng=1)
    off = np.abs(plain.estimate - adjusted.estimate)
    assert (off < 0.3 * plain.std_error).all()
    assert (adjusted.std_error < plain.std_error).all()


@pytest.fixture(scope="module")
def judged(frame):
    """AUTOC of visits, conversion and spend in the women's arm, on the held-out half."""
    out = {}
    for outcome in PUBLISHED:
        train, test = section(frame, outcome).pick("Womens E-Mail").split(0.5, rng=1)
        out[outcome] = u.RLearner().fit(train, rng=1).evaluate(test, rng=1)
    return out


def test_visits_of_the_womens_arm_are_ranked_better_than_by_chance(judged):
    row = judged["visit"].tidy().set_index("metric").loc["autoc"]
    assert row["conf_low"] > 0
    assert "gain more than the average" in judged["visit"].explain()


@pytest.mark.parametrize("outcome", ["conversion", "spend"])
def test_rare_outcomes_are_not_and_this_is_said(judged, outcome: str):
    row = judged[outcome].tidy().set_index("metric").loc["autoc"]
    assert row["conf_low"] < 0 < row["conf_high"]
    assert "not told apart from a random one" in judged[outcome].explain()
