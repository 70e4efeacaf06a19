"""Predicted answers and promised gains, in worlds whose every answer is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.customers import customers
from cximpact.imputation.targeting import target
from cximpact.scores import NPS

pytestmark = pytest.mark.slow
CUTS = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])
WORLDS, PEOPLE, RATE = 12, 5000, 0.25


def _world(seed: int) -> pd.DataFrame:
    """Happier customers answer more often; ``true`` holds what everybody would answer."""
    rng = np.random.default_rng([11, seed])
    effects = [rng.normal(0, sd, k) for sd, k in ((0.5, 5), (0.3, 3))]
    effects.append(np.cumsum(rng.normal(0, 0.1, 4)))
    codes = [rng.integers(0, len(e), PEOPLE) for e in effects]
    eta = sum((e - e.mean())[c] for e, c in zip(effects, codes, strict=True))
    true = ((eta + rng.logistic(size=PEOPLE))[:, None] > CUTS).sum(axis=1)
    responds = rng.random(PEOPLE) < special.expit(-3 + 1.2 * eta)
    columns = {"segment": np.array(list("abcde"))[codes[0]], "channel": codes[1]}
    columns |= {"month": codes[2], "true": true, "nps": np.where(responds, true, np.nan)}
    return pd.DataFrame({"customer": np.arange(PEOPLE)} | columns)


def _fit(frame: pd.DataFrame, seed: int):
    roles = {"factors": ["segment", "channel"], "period": "month", "customer": "customer"}
    wave = SurveyWave(frame, answer="nps", scale=NPS, **roles)
    return OrdinalImputer(draws=400, tune=300, chains=2, allow_unconverged=True).fit(wave, rng=seed)


@pytest.fixture(scope="module")
def runs():
    """A first fit in each world, its predictions, a plan, and the fit after it was carried out."""
    out = []
    for seed in range(WORLDS):
        frame = _world(seed)
        fit = _fit(frame, seed)
        plan = target(fit, budget=1200, response=RATE, period="all")
        invited = frame["customer"].isin(plan.draw(rng=seed)["customer"])
        answers = invited & (np.random.default_rng([13, seed]).random(PEOPLE) < RATE)
        later = frame.assign(nps=frame["true"].where(answers, frame["nps"]))
        after = float(_fit(later, seed).score().std())
        out.append((frame, customers(fit).frame(), plan, after))
    return out


def test_predictive_sets_hold_the_answers_of_the_silent(runs):
    inside, mass = [], []
    for frame, predicted, _, _ in runs:
        silent = ~predicted["answered"].to_numpy()
        true = frame["true"].to_numpy()
        hit = (true >= predicted["set_low"]) & (true <= predicted["set_high"])
        inside.append(hit[silent].mean())
        mass.append(predicted["set_mass"][silent].mean())
    gap = np.array(inside) - np.array(mass)
    error = gap.std(ddof=1) / np.sqrt(WORLDS)
    assert abs(gap.mean()) < stats.t.ppf(0.995, WORLDS - 1) * error
    assert error < 0.015


def test_probabilities_of_detractors_are_calibrated(runs):
    """Right on average, and customers who are shown twice as far from the mean are so."""
    gaps, slopes = [], []
    for frame, predicted, _, _ in runs:
        silent = ~predicted["answered"].to_numpy()
        shown = predicted["p_detractor"].to_numpy()[silent]
        seen = (frame["true"].to_numpy() <= 6)[silent].astype(float)
        gaps.append(seen.mean() - shown.mean())
        slopes.append(np.polyfit(shown, seen, 1)[0])
    for values, expected, precise in ((gaps, 0.0, 0.015), (slopes, 1.0, 0.25)):
        error = np.std(values, ddof=1) / np.sqrt(WORLDS)
        assert abs(np.mean(values) - expected) < stats.t.ppf(0.995, WORLDS - 1) * error
        assert error < precise


def test_the_uncertainty_falls_as_promised(runs):
    """The promise takes standard deviations of terms as known; learning them helps a bit more."""
    ratio = [after / plan.expected_sd["planned"].iloc[0] for _, _, plan, after in runs]
    before = [plan.expected_sd["planned"] / plan.expected_sd["before"] for _, _, plan, _ in runs]
    assert 0.8 < np.mean(ratio) < 1.05
    assert np.mean(before) < 0.75
