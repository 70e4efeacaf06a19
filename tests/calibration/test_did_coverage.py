"""How often intervals of difference-in-differences hold the effect, and where plain ones fail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import CxImpactWarning
from cximpact.data.simulate import simulate_onboarding
from cximpact.effects import (
    EventStudy,
    GroupTime,
    ImputationDiD,
    NonlinearDiD,
    SunAbraham,
    SyntheticDiD,
    TwoByTwo,
    randomization_test,
    wild_cluster_test,
)
from cximpact.effects.did import simultaneous_band
from tests.support.did_evidence import (
    LEVEL,
    factor_world,
    growing_world,
    level_world,
    odds_world,
    onboarding_means,
    record,
    serial_world,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(f"ignore::{CxImpactWarning.__module__}.CxImpactWarning"),
]
CHEAP = {"draws": 100}
FEW = {"draws": 100, "inference": "normal"}


def band(repeats: int, prob: float = LEVEL) -> tuple[float, float]:
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def simple(estimator):
    return lambda data: estimator.fit(data, rng=1).aggregate("simple")


def first(estimator):
    """Effect in the period of treatment."""

    def fit(data):
        found = estimator.fit(data, rng=1).aggregate("event")
        return _only(found, found.estimate["event_time"].to_numpy() == 0)

    return fit


def _only(effect, kept):
    class One:
        @staticmethod
        def summary(level):
            return effect.summary(level)[kept]

    return One()


def whole(estimator):
    return lambda data: estimator.fit(data, rng=1)


GROWING = {
    "TwoByTwo": (whole(TwoByTwo(**CHEAP)), 2.75),
    "GroupTime, never": (simple(GroupTime(**FEW)), 2.75),
    "GroupTime, not yet": (simple(GroupTime(control="not_yet", **FEW)), 2.75),
    "SunAbraham": (simple(SunAbraham(**CHEAP)), 2.75),
    "ImputationDiD": (simple(ImputationDiD(**CHEAP)), 2.75),
    "GroupTime, at first": (first(GroupTime(**FEW)), 1.5),
    "SunAbraham, at first": (first(SunAbraham(**CHEAP)), 1.5),
    "ImputationDiD, at first": (first(ImputationDiD(**CHEAP)), 1.5),
}


def test_effects_that_grow_and_differ_are_held_by_all_but_two_way_fixed_effects():
    repeats = 400
    table = record(growing_world, GROWING, repeats)
    low, high = band(repeats)
    plain, others = table.loc["TwoByTwo"], table.drop("TwoByTwo")
    assert plain["coverage"] < 0.05
    assert plain["error"] < -20 * plain["mcse"]
    assert (others["error"].abs() < 4 * others["mcse"]).all()
    # two-way regressions take the sizes of the cohorts as given, which are drawn here
    fixed = others.index == "SunAbraham"
    assert others.loc[~fixed, "coverage"].between(low, high).all()
    ratio = others["std_error"] / others["sd"]
    assert ratio[~fixed].between(0.9, 1.15).all()


ONBOARDING = {
    "GroupTime, R's way": (simple(GroupTime(control="not_yet", small_sample=False, **FEW)), None),
    "GroupTime": (simple(GroupTime(control="not_yet", small_sample=True, **FEW)), None),
    "ImputationDiD, conservative": (simple(ImputationDiD(inference="conservative", **CHEAP)), None),
    "ImputationDiD": (simple(ImputationDiD(**CHEAP)), None),
}


def test_cohorts_of_ten_clusters_need_what_is_done_for_few():
    repeats = 600
    truth = simulate_onboarding(1).truth["ate"]
    fits = {name: (fit, truth) for name, (fit, _) in ONBOARDING.items()}
    table = record(onboarding_means, fits, repeats)
    low, high = band(repeats)
    assert (table["error"].abs() < 4 * table["mcse"]).all()
    for name in ("GroupTime", "ImputationDiD"):
        assert low <= table.loc[name, "coverage"] <= high
    gain = table["coverage"]["ImputationDiD"] - table["coverage"]["ImputationDiD, conservative"]
    assert gain > 0.01
    assert table["sd"]["ImputationDiD"] < table["sd"]["GroupTime"]


def test_trends_parallel_in_odds_are_not_parallel_in_differences():
    repeats = 400
    fits = {
        trend: (whole(NonlinearDiD(trend=trend, **CHEAP)), 0.0)
        for trend in ("odds", "difference", "ratio")
    }
    table = record(odds_world, fits, repeats)
    low, high = band(repeats)
    assert low <= table.loc["odds", "coverage"] <= high
    assert abs(table.loc["odds", "error"]) < 4 * table.loc["odds", "mcse"]
    assert table.loc["difference", "error"] == pytest.approx(-0.0125, abs=0.002)
    assert table.loc["ratio", "error"] > 0.01
    assert table.loc["difference", "coverage"] < low


def test_common_factors_are_balanced_by_synthetic_controls():
    repeats = 200
    fits = {
        "TwoByTwo": (whole(TwoByTwo(**CHEAP)), 1.0),
        "SyntheticDiD": (whole(SyntheticDiD(inference="jackknife", **CHEAP)), 1.0),
    }
    table = record(factor_world, fits, repeats)
    assert table.loc["TwoByTwo", "coverage"] < 0.75
    assert table.loc["SyntheticDiD", "coverage"] >= band(repeats)[0]
    assert abs(table.loc["SyntheticDiD", "error"]) < 0.2 * abs(table.loc["TwoByTwo", "error"])


def test_event_studies_hold_no_effect_under_serial_correlation():
    repeats = 400

    def fit(data):
        found = EventStudy(**CHEAP).fit(data, rng=1)
        return _only(found, found.estimate["event_time"].to_numpy() == 2)

    table = record(
        lambda seed: serial_world(seed, clusters=40, treated=20), {"x": (fit, 0.0)}, repeats
    )
    low, high = band(repeats)
    assert low <= table.loc["x", "coverage"] <= high


def test_placebos_cover_where_one_unit_is_treated():
    repeats = 200
    estimator = SyntheticDiD(inference="placebo", replications=100, **CHEAP)
    world = {"treated": 1, "controls": 40}
    table = record(
        lambda seed: factor_world(seed, **world), {"x": (whole(estimator), 1.0)}, repeats
    )
    assert table.loc["x", "coverage"] >= band(repeats)[0]


def test_the_bootstrap_of_synthetic_controls_covers():
    repeats = 100
    estimator = SyntheticDiD(inference="bootstrap", replications=50, **CHEAP)
    table = record(factor_world, {"x": (whole(estimator), 1.0)}, repeats)
    assert table.loc["x", "coverage"] >= band(repeats)[0]


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_simultaneous_bands_hold_all_effects_at_once(gaps):
    """Effects by event time of cohorts that gain alike: 2 at first, half more every period."""
    repeats, hits = 300, 0
    for seed in range(repeats):
        data = level_world(seed, gaps)
        effect = GroupTime(inference="rademacher", draws=1000).fit(data, rng=seed)
        table = simultaneous_band(effect.aggregate("event"), LEVEL)
        time = table["event_time"]
        truth = np.where(time >= 0, 2 + 0.5 * time, 0.0)
        hits += bool(((table["band_low"] <= truth) & (truth <= table["band_high"])).all())
    low, high = band(repeats)
    assert low <= hits / repeats <= high


def rejections(world, tests, repeats):
    counts = dict.fromkeys(tests, 0)
    for seed in range(repeats):
        data = world(seed)
        for name, test in tests.items():
            counts[name] += test(data) < 0.05
    return {name: count / repeats for name, count in counts.items()}


def plain_p(data):
    result = TwoByTwo(**CHEAP).fit(data, rng=1)
    t = abs(float(result.estimate / result.std_error))
    return 2 * stats.t.sf(t, result.df)


TESTS = {
    "clusters": plain_p,
    "wild": lambda data: wild_cluster_test(data, replications=999, rng=1).p_value,
    "randomization": lambda data: randomization_test(data, replications=999, rng=1).p_value,
}


def test_a_placebo_is_rejected_about_rightly_by_resampling_clusters():
    repeats = 400
    found = rejections(serial_world, TESTS, repeats)
    low, high = band(repeats, 0.05)
    assert low <= found["wild"] <= high
    assert low <= found["randomization"] <= high
    assert found["clusters"] <= band(repeats, 0.08)[1]


def test_with_two_treated_clusters_only_randomization_holds_its_size():
    repeats = 400
    found = rejections(lambda seed: serial_world(seed, clusters=20, treated=2), TESTS, repeats)
    low, high = band(repeats, 0.05)
    assert low <= found["randomization"] <= high
    assert found["clusters"] > 0.15
    assert found["wild"] < low


def test_six_weights_hold_their_size_with_eight_clusters():
    repeats = 400
    world = {"clusters": 8, "treated": 4}
    tests = {name: TESTS[name] for name in ("clusters", "wild")}
    found = rejections(lambda seed: serial_world(seed, **world), tests, repeats)
    low, high = band(repeats, 0.05)
    assert low <= found["wild"] <= high
    assert np.isfinite(found["clusters"])
