"""How often intervals of a policy hold the truth, and experiments find what they plan for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.effects.uplift.experiment import experiment_size, score_deviation
from cximpact.effects.uplift.experiment_policy import (
    normal_area,
    policy_experiment_size,
    ranking_experiment_size,
)
from cximpact.effects.uplift.policy_effect import effect_on_list
from cximpact.effects.uplift.policy_lists import list_of_same_size
from cximpact.effects.uplift.policy_valuation import policy_value
from tests.support.targeting import retention_world, scores

pytestmark = pytest.mark.slow
REPEATS = 600
MONEY = {"value": 100.0, "cost": 2.0, "currency": "EUR", "draws": 50}


def band(prob: float, repeats: int = REPEATS) -> tuple[float, float]:
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def check_share(share: float, prob: float, repeats: int = REPEATS) -> None:
    low, high = band(prob, repeats)
    assert low <= share <= high


def truth_of_lists() -> tuple[dict[str, float], dict[str, float], float]:
    """Return profits, differences and the effect on the list in a very large world."""
    world = retention_world(np.random.default_rng(99), 2_000_000)
    each = 100 * world.effect - 2
    treat = each > 0
    profits = {
        "policy": (treat * each).mean(),
        "everybody": each.mean(),
        "random": treat.mean() * each.mean(),
        "risk ranking": treat.mean() * each.mean(),
        "nobody": 0.0,
    }
    differences = {k: profits["policy"] - v for k, v in profits.items() if k != "policy"}
    return profits, differences, float(100 * world.effect[treat].mean())


def test_intervals_hold_profits_differences_and_the_effect_on_the_list():
    profits, differences, per_contact = truth_of_lists()
    held: dict[str, list[bool]] = {}
    spread, errors = [], []
    for seed in range(REPEATS):
        world = retention_world(np.random.default_rng(seed), 1500)
        treat = (100 * world.effect > 2).astype(int)
        by_risk = list_of_same_size(world.risk, treat)
        found = policy_value(
            {"policy": treat, "risk ranking": by_risk}, world.pseudo_outcome, rng=seed, **MONEY
        )
        table = found.tidy(0.9).set_index("policy")
        for name in ("policy", "everybody", "random", "risk ranking"):
            row = table.loc[name]
            held.setdefault(name, []).append(row["conf_low"] <= profits[name] <= row["conf_high"])
        for row in found.differences(0.9).itertuples():
            inside = row.conf_low <= differences[row.against] <= row.conf_high
            held.setdefault(f"against {row.against}", []).append(inside)
        row = effect_on_list(found, kind="gain", scale="money").tidy(0.9).iloc[0]
        held.setdefault("per contact", []).append(
            row["conf_low"] <= per_contact <= row["conf_high"]
        )
        spread.append(table.loc["policy", "estimate"])
        errors.append(table.loc["policy", "std_error"])
    for inside in held.values():
        check_share(np.mean(inside), 0.9)
    assert np.mean(errors) / np.std(spread) == pytest.approx(1, abs=0.08)


def test_clusters_need_their_errors():
    profit, naive, clustered = 0.0, [], []
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        cluster = np.repeat(np.arange(60), 20)
        treated = rng.integers(0, 2, 60)[cluster]
        stays = rng.normal(0, 1, 1200) + rng.normal(0, 1, 60)[cluster]
        gamma = scores(stays, treated, np.zeros(1200), np.zeros(1200))
        treat = np.ones(1200, dtype=int)
        for kept, codes in ((naive, None), (clustered, cluster)):
            row = policy_value(
                treat, gamma, value=1.0, cost=0.0, currency="EUR", cluster=codes, draws=2, rng=1
            ).tidy(0.9)
            kept.append(row["conf_low"][0] <= profit <= row["conf_high"][0])
    check_share(np.mean(clustered), 0.9)
    assert np.mean(naive) < 0.6


def test_the_best_of_ten_useless_policies_looks_good_only_where_it_was_chosen():
    here, there, sure = [], [], []
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        n = 2000
        treated = rng.integers(0, 2, n)
        stays = (rng.random(n) < 0.5).astype(float)
        gamma = scores(stays, treated, np.full(n, 0.5), np.zeros(n))
        first = np.arange(n) < n // 2
        tried = rng.random((10, n)) < 0.3
        profit = [np.mean(t[first] * 100 * gamma[first]) for t in tried]
        best = tried[int(np.argmax(profit))].astype(int)
        money = MONEY | {"cost": 0.0}
        same = policy_value(best[first], gamma[first], rng=1, **money).tidy(0.9).iloc[0]
        other = policy_value(best[~first], gamma[~first], rng=1, **money).tidy(0.9).iloc[0]
        here.append(same["estimate"])
        there.append(other["estimate"])
        sure.append((same["conf_low"] > 0, other["conf_low"] > 0))
    error = np.std(there) / np.sqrt(REPEATS)
    assert np.mean(here) > 20 * error
    assert abs(np.mean(there)) < 3 * error
    wrongly = np.mean(sure, axis=0)
    assert wrongly[0] > 0.25
    check_share(wrongly[1], 0.05)


def test_an_average_effect_is_found_as_often_as_planned():
    plan = experiment_size(0.06, baseline=0.3, treated_share=0.3)
    rng = np.random.default_rng(1)
    repeats = 20_000
    one = rng.binomial(plan.n_treated, 0.36, repeats) / plan.n_treated
    two = rng.binomial(plan.n_control, 0.30, repeats) / plan.n_control
    error = np.sqrt(one * (1 - one) / plan.n_treated + two * (1 - two) / plan.n_control)
    assert np.mean(abs(one - two) > 1.959964 * error) == pytest.approx(0.8, abs=0.012)


def test_an_effect_of_clusters_is_found_as_often_as_planned():
    plan = experiment_size(0.3, sd=1.0, cluster_size=25, icc=0.1)
    rng, half, found = np.random.default_rng(2), plan.clusters // 2, []
    for _ in range(4000):
        means = rng.normal(0, np.sqrt(0.1 + 0.9 / 25), (2, half))
        means[1] += 0.3
        found.append(stats.ttest_ind(means[1], means[0]).pvalue < 0.05)
    assert np.mean(found) == pytest.approx(plan_power(plan), abs=0.02)
    assert plan_power(plan) >= 0.8


def plan_power(plan) -> float:
    """Power of the rounded plan, by the non-central t distribution."""
    df = plan.clusters - 2
    critical = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(critical, df, plan.target / plan.std_error))


def test_a_gain_of_a_policy_is_found_as_often_as_planned():
    profits, _, _ = truth_of_lists()
    gain = profits["policy"] - profits["everybody"]
    world = retention_world(np.random.default_rng(3), 400_000)
    away = 100 * world.effect <= 2
    plan = policy_experiment_size(
        gain,
        differing_share=away.mean(),
        score_sd=float((100 * world.pseudo_outcome[away] - 2).std()),
    )
    found = []
    for seed in range(REPEATS):
        sample = retention_world(np.random.default_rng(seed), plan.n)
        treat = (100 * sample.effect > 2).astype(int)
        value = policy_value(treat, sample.pseudo_outcome, rng=1, **MONEY)
        found.append(value.against("everybody", 0.95)["conf_low"] > 0)
    check_share(np.mean(found), 0.8)


@pytest.mark.parametrize(
    ("weighting", "weight"),
    [("autoc", lambda u: -np.log(u) - 1), ("qini", lambda u: 0.5 - u)],
)
def test_a_ranking_is_found_as_often_as_planned(weighting, weight):
    sd, spread, agreement = 1.0, 0.15, 0.8
    score_sd = score_deviation(sd, effect_sd=spread)
    plan = ranking_experiment_size(
        spread, score_sd=score_sd, correlation=agreement, weighting=weighting
    )
    found, areas = [], []
    n = plan.n
    place = weight((np.arange(n) + 0.5) / n)
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        tau = rng.normal(0, spread, n)
        ranking = agreement * tau / spread + np.sqrt(1 - agreement**2) * rng.normal(size=n)
        treated = rng.integers(0, 2, n)
        outcome = tau * treated + rng.normal(0, sd, n)
        gamma = scores(outcome, treated, np.zeros(n), tau)
        ordered = gamma[np.argsort(-ranking)]
        area = np.mean(place * ordered)
        error = np.std(place * (ordered - ordered.mean())) / np.sqrt(n)
        areas.append(area)
        found.append(abs(area) > 1.959964 * error)
    assert np.mean(areas) == pytest.approx(agreement * spread * normal_area(weighting), rel=0.03)
    assert np.std(areas) == pytest.approx(plan.std_error, rel=0.1)
    check_share(np.mean(found), 0.8)
