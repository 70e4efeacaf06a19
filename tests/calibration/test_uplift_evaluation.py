"""Intervals of evaluations cover, and tests keep their size, in worlds with known truth."""

import numpy as np
import pytest
from scipy import stats

from cximpact.effects.uplift.calibration import best_linear_predictor
from cximpact.effects.uplift.calibration_gates import gates
from cximpact.effects.uplift.comparison import compare_scores
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut

pytestmark = pytest.mark.slow
PROB, WORLDS, N = 0.9, 400, 1000
SPREAD = 0.3


def band(p, worlds=WORLDS):
    """Where a share lands in 99 of 100 such runs."""
    return np.array(stats.binom.interval(0.99, worlds, p)) / worlds


def observed(rng, n=N):
    """Treatment depends on a customer trait that matters; its probability is known."""
    x = rng.random((n, 2))
    e = 1 / (1 + np.exp(0.5 - x[:, 0]))
    base, tau = 0.35 + 0.3 * x[:, 0], SPREAD * (x[:, 1] - 0.5)
    t = (rng.random(n) < e).astype(float)
    y = (rng.random(n) < base + tau * t).astype(float)
    mu1, mu0 = base + tau, base
    gamma = tau + t * (y - mu1) / e - (1 - t) * (y - mu0) / (1 - e)
    return HeldOut(outcome=y, treatment=t, pseudo_outcome=gamma, propensity=e), tau


def randomized(rng, n=N):
    x = rng.random((n, 2))
    tau = SPREAD * (x[:, 1] - 0.5)
    t = (rng.random(n) < 0.5).astype(float)
    y = (rng.random(n) < 0.35 + 0.3 * x[:, 0] + tau * t).astype(float)
    return HeldOut(outcome=y, treatment=t), tau


def evaluated(world, seed, score=None):
    data, tau = world(np.random.default_rng([5, seed]))
    found = evaluate_scores(
        tau if score is None else score(seed, tau),
        data,
        replicates=100,
        ks=(0.2,),
        rng=seed,
        normalization="none",
    )
    return found.tidy(PROB).set_index("metric")


def collected(world, score=None):
    tables = [evaluated(world, seed, score) for seed in range(WORLDS)]
    names = ["estimate", "std_error", "conf_low", "conf_high", "p_value", "p_value_greater"]
    return {name: np.array([t[name] for t in tables]) for name in names}, list(tables[0].index)


def check_coverage(found, truth):
    covered = ((found["conf_low"] <= truth) & (truth <= found["conf_high"])).mean(axis=0)
    low, high = band(PROB)
    assert (covered >= low).all(), covered
    assert (covered <= high).all(), covered
    error = found["estimate"].std(axis=0, ddof=1)
    bias = np.abs(found["estimate"].mean(axis=0) - truth)
    # areas over ranks are a little too small in small samples: of the order of log n / n
    assert (bias < 4 * error / np.sqrt(WORLDS) + 0.01 * np.abs(truth)).all(), bias
    ratio = found["std_error"].mean(axis=0) / error
    assert ((ratio > 0.88) & (ratio < 1.12)).all(), ratio


def test_every_metric_covers_in_a_randomized_trial():
    found, names = collected(randomized)
    assert names == ["qini", "auuc", "autoc", "qini_rate", "uplift_at_0.2", "effect_at_0.2"]
    truth = [SPREAD / 24, SPREAD / 12, SPREAD / 4, SPREAD / 12, 0.4 * SPREAD, 0.4 * SPREAD]
    check_coverage(found, np.array(truth))


def test_doubly_robust_metrics_cover_where_treatment_is_no_lottery():
    found, names = collected(observed)
    kept = [names.index(n) for n in ("autoc", "qini_rate", "effect_at_0.2")]
    truth = np.array([SPREAD / 4, SPREAD / 12, 0.4 * SPREAD])
    check_coverage({k: v[:, kept] for k, v in found.items()}, truth)


def test_a_random_ranking_is_rejected_as_often_as_it_should_be():
    found, _ = collected(randomized, lambda seed, tau: np.random.default_rng(seed).random(tau.size))
    for name in ("p_value", "p_value_greater"):
        low, high = band(0.1)
        rejected = (found[name] < 0.1).mean(axis=0)
        assert (rejected >= low).all(), rejected
        assert (rejected <= high).all(), rejected


def clustered(rng, stores=40, size=25):
    """Treatment by customer, but effects and scores that are shared within stores."""
    store = np.repeat(np.arange(stores), size)
    tau = 0.5 * rng.standard_normal(stores)[store]
    t = rng.integers(0, 2, store.size).astype(float)
    y = tau * t + rng.standard_normal(store.size)
    return y, t, store, rng.random(stores)[store]


def test_clusters_keep_the_size_that_rows_lose():
    p = {"store": [], "row": []}
    for seed in range(WORLDS):
        y, t, store, score = clustered(np.random.default_rng([6, seed]))
        for name, cluster in (("store", store), ("row", None)):
            data = HeldOut(outcome=y, treatment=t, propensity=np.full(y.size, 0.5), cluster=cluster)
            table = evaluate_scores(score, data, replicates=100, ks=(), rng=seed).tidy()
            p[name].append(table["p_value"].iloc[2:])
    rejected = {k: (np.array(v) < 0.1).mean(axis=0) for k, v in p.items()}
    low, high = band(0.1)
    assert ((rejected["store"] >= low) & (rejected["store"] <= high)).all(), rejected
    assert (rejected["row"] > 1.3 * high).all(), rejected


def test_lines_and_groups_cover():
    slope, inside, equal = 0, 0, 0
    truth = SPREAD * (np.array([0.9, 0.7, 0.5, 0.3, 0.1]) - 0.5)
    for seed in range(WORLDS):
        data, tau = observed(np.random.default_rng([7, seed]))
        row = best_linear_predictor(2 * tau, data.pseudo_outcome).tidy(PROB).iloc[1]
        slope += row["conf_low"] <= 0.5 <= row["conf_high"]
        table = gates(tau, data.pseudo_outcome, rng=seed).tidy(PROB)
        inside += ((table["band_low"] <= truth) & (truth <= table["band_high"])).all()
        noise = np.random.default_rng(seed).random(tau.size)
        test = gates(noise, data.pseudo_outcome).heterogeneity()
        equal += test["p_value"].iloc[0] < 0.1
    low, high = band(PROB)
    # quintiles of a sample are not those of the population, which costs a little coverage
    assert low <= slope / WORLDS <= high
    assert low <= inside / WORLDS <= high
    assert band(0.1)[0] <= equal / WORLDS <= band(0.1)[1]


def test_equally_good_scores_are_told_apart_as_often_as_they_should_be():
    p = []
    for seed in range(WORLDS // 2):
        rng = np.random.default_rng([8, seed])
        data, tau = randomized(rng)
        scores = {name: tau + 0.1 * rng.standard_normal(tau.size) for name in "ab"}
        p.append(compare_scores(scores, data, replicates=100, ks=(), rng=seed)["p_value"])
    rejected = (np.array(p) < 0.1).mean(axis=0)
    low, high = band(0.1, WORLDS // 2)
    assert (rejected >= low).all(), rejected
    assert (rejected <= high).all(), rejected
