"""Coverage of what closing the loop does, over many worlds with a known truth."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import AssumptionWarning, TreatmentError
from cximpact.effects.linkage.cases import AlertCutoff, AlertHoldout, CaseLedger, before_after
from tests.support.recovery import holdout_world, regression_world, score_world, weak_world

pytestmark = pytest.mark.slow

PROB = 0.9
WORLDS = 400
LATE = AlertHoldout(outcome="spend", assigned="alert", treated="recovered", draws=100)


def band(worlds: int = WORLDS) -> tuple[float, float]:
    """Shares that chance allows 99 times in 100."""
    low, high = stats.binom.interval(0.99, worlds, PROB)
    return low / worlds, high / worlds


def coverage(one: Callable[[np.random.Generator], bool], worlds: int = WORLDS) -> float:
    streams = np.random.default_rng(20_260_301).spawn(worlds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return float(np.mean([one(stream) for stream in streams]))


def inside(share: float, worlds: int = WORLDS) -> bool:
    low, high = band(worlds)
    return low <= share <= high


def test_the_effect_on_compliers_with_a_strong_first_stage():
    def one(rng: np.random.Generator) -> bool:
        found = LATE.fit(holdout_world(500, rng), rng=1)
        return found.confidence_set(PROB).contains(0.5)

    assert inside(coverage(one))


def test_a_weak_first_stage_keeps_its_level_where_the_usual_interval_loses_it():
    usual = []

    def one(rng: np.random.Generator) -> bool:
        try:
            found = LATE.fit(weak_world(200, rng), rng=1)
        except TreatmentError:  # nobody was moved in this sample: nothing is ruled out
            return True
        wald = found.test
        if wald is None:
            return found.confidence_set(PROB).contains(0.0)
        half = stats.norm.ppf(0.95) * wald.std_error
        usual.append(abs(wald.estimate) <= half)
        return wald.confidence_set(PROB).contains(0.0)

    assert inside(coverage(one))
    assert not inside(float(np.mean(usual)), len(usual))


def test_the_effect_of_the_alert_held_back_by_store():
    itt = AlertHoldout(outcome="spend", assigned="alert", cluster="store", draws=100)
    rows = AlertHoldout(outcome="spend", assigned="alert", draws=100)
    naive = []

    def one(rng: np.random.Generator) -> bool:
        store = np.repeat(np.arange(60), 10)
        alert = rng.permutation(np.arange(60) % 2)[store]
        spend = 0.3 * alert + 0.7 * rng.normal(size=60)[store] + rng.normal(size=600)
        frame = pd.DataFrame({"store": store, "alert": alert, "spend": spend})
        naive.append(rows.fit(frame, rng=1).confidence_set(PROB).contains(0.3))
        return itt.fit(frame, rng=1).confidence_set(PROB).contains(0.3)

    assert inside(coverage(one, 300), 300)
    assert np.mean(naive) < 0.75


@pytest.mark.parametrize("bend", [0.0, 0.05, 0.12])
def test_an_effect_at_the_cutoff_with_the_bend_at_its_bound(bend):
    """The bend of the world is the worst one or nearly, so the level is reached, not exceeded."""
    design = AlertCutoff(
        outcome="spend", score="score", cutoff=6, curvature=max(bend, 0.05), draws=100
    )

    def one(rng: np.random.Generator) -> bool:
        found = design.fit(score_world(1500, rng, jump=0.5, bend=bend), rng=1)
        return found.confidence_set(PROB).contains(0.5)

    share = coverage(one, 200)
    assert share >= band(200)[0]
    if bend:
        assert share <= band(200)[1]


def test_a_line_through_bending_means_misses():
    line = AlertCutoff(outcome="spend", score="score", cutoff=6, curvature=0.0, draws=100)

    def one(rng: np.random.Generator) -> bool:
        found = line.fit(score_world(3000, rng, jump=0.5, bend=0.12), rng=1)
        return found.confidence_set(PROB).contains(0.5)

    assert coverage(one, 100) < 0.2


def test_a_recovery_that_the_cutoff_only_makes_likelier():
    design = AlertCutoff(
        outcome="spend",
        score="score",
        cutoff=6,
        curvature=0.05,
        treated="called",
        curvature_treated=0.02,
        draws=100,
    )

    def one(rng: np.random.Generator) -> bool:
        frame = score_world(2500, rng, bend=0.05)
        reach = np.where(frame["alert"] == 1, 0.55, 0.15) + 0.02 * (10 - frame["score"])
        called = (rng.random(2500) < reach).astype(int)
        frame = frame.assign(called=called, spend=frame["spend"] + 0.8 * called)
        return design.fit(frame, rng=1).confidence_set(PROB).contains(0.8)

    assert coverage(one, 200) >= band(200)[0]


def test_shares_closed_with_many_cases_still_open():
    def one(rng: np.random.Generator) -> bool:
        opened = rng.uniform(0, 40, 150)
        end = rng.exponential(20.0, 150)
        how = pd.Series(rng.choice(["resolved", "left"], 150, p=[0.7, 0.3]))
        still = opened + end > 40
        frame = pd.DataFrame({"case": range(150), "opened": opened, "how": how.mask(still)})
        frame["closed"] = np.where(still, np.nan, opened + end)
        ledger = CaseLedger(
            frame, case="case", opened="opened", closed="closed", outcome="how", at=40.0
        )
        row = ledger.time_to_close(times=[15.0], draws=300, rng=rng).summary(PROB)
        row = row.set_index("outcome").loc["resolved"]
        return row["conf_low"] <= 0.7 * (1 - np.exp(-15 / 20)) <= row["conf_high"]

    assert inside(coverage(one, 300), 300)


def test_what_chance_leaves_over_is_nothing():
    def one(rng: np.random.Generator) -> bool:
        frame = regression_world(800, rng)
        found = before_after(frame, before="first", after="second", cutoff=-1.5, draws=400, rng=rng)
        row = found.summary(PROB).set_index("part").loc["left over"]
        return row["conf_low"] <= 0 <= row["conf_high"]

    assert inside(coverage(one, 300), 300)
