"""Sizes of experiments: against statsmodels, by simulation elsewhere, and their limits."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from cximpact.core.errors import ConfigError
from cximpact.effects.uplift.experiment import experiment_size, score_deviation
from cximpact.effects.uplift.experiment_policy import (
    normal_area,
    policy_experiment_size,
    ranking_experiment_size,
)
from tests.support import golden

SIZES = golden.load("experiment_size")


@pytest.mark.parametrize("known", SIZES["means"])
def test_means_need_as_many_as_statsmodels_says(known):
    ratio = known["ratio"]
    found = experiment_size(
        known["effect"],
        sd=1.0,
        treated_share=ratio / (1 + ratio),
        power=known["power"],
        prob=1 - known["alpha"],
    )
    assert found.n_control == math.ceil(known["control"])
    assert found.n_treated == math.ceil(ratio * known["control"])


@pytest.mark.parametrize("known", SIZES["rates"])
def test_rates_need_as_many_as_statsmodels_says(known):
    found = experiment_size(
        known["effect"], baseline=known["baseline"], power=known["power"], prob=1 - known["alpha"]
    )
    assert found.n_control == found.n_treated == math.ceil(known["arm"])


def test_the_standard_error_is_that_of_the_customers():
    found = experiment_size(2.0, sd=(8.0, 12.0), treated_share=0.3)
    expected = math.sqrt(144 / found.n_treated + 64 / found.n_control)
    assert found.std_error == pytest.approx(expected)
    power = stats.norm.sf(stats.norm.ppf(0.975) - 2 / expected)
    assert power == pytest.approx(0.8, abs=0.005)
    assert found.n_treated / found.n == pytest.approx(0.3, abs=0.01)


def test_clusters_inflate_the_size_and_come_whole():
    plain = experiment_size(0.02, baseline=0.1)
    found = experiment_size(0.02, baseline=0.1, cluster_size=50, icc=0.02)
    assert found.design_effect == pytest.approx(1.98)
    assert found.n == pytest.approx(1.98 * plain.n, abs=100)
    assert found.n_treated % 50 == found.n_control % 50 == 0
    assert found.clusters == found.n / 50
    assert "clusters, which inflate the variance 1.98 times" in found.explain()
    few = experiment_size(1.0, sd=1.0, cluster_size=50, icc=0.5)
    # few clusters: the t distribution has clusters less two degrees of freedom, not customers

    def power(clusters):
        critical, distance = stats.t.ppf(0.975, clusters - 2), math.sqrt(clusters * 50 / 102)
        return stats.nct.sf(critical, clusters - 2, distance)

    assert power(few.clusters) >= 0.8 > power(few.clusters - 2)


def test_a_difference_between_policies_counts_only_where_they_differ():
    found = policy_experiment_size(0.5, differing_share=0.3, score_sd=90.0)
    variance = 0.3 * 90**2 + 0.3 * 0.7 * (0.5 / 0.3) ** 2
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found.n == pytest.approx(z**2 * variance / 0.25, abs=2)
    assert found.target == 0.5
    assert found.std_error == pytest.approx(math.sqrt(variance / found.n))
    more = policy_experiment_size(0.5, differing_share=0.6, score_sd=90.0)
    assert more.n == pytest.approx(2 * found.n, rel=0.01)
    loss = policy_experiment_size(-0.5, differing_share=0.3, score_sd=90.0)
    assert loss.n == found.n


def test_the_area_of_normal_effects_is_that_of_the_integral():
    def area(weight):
        return integrate.quad(lambda u: stats.norm.isf(u) * weight(u), 0, 1)[0]

    assert normal_area("autoc") == pytest.approx(area(lambda u: -math.log(u) - 1), abs=1e-6)
    assert normal_area("qini") == pytest.approx(area(lambda u: 0.5 - u), abs=1e-6)


@pytest.mark.parametrize(("weighting", "variance"), [("autoc", 1.0), ("qini", 1 / 12)])
def test_a_ranking_needs_more_where_it_goes_less_with_the_effects(weighting, variance):
    one = ranking_experiment_size(0.1, score_sd=0.9, weighting=weighting)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert one.target == pytest.approx(0.1 * normal_area(weighting))
    assert one.n == pytest.approx((z * 0.9 / one.target) ** 2 * variance, abs=2)
    half = ranking_experiment_size(0.1, score_sd=0.9, weighting=weighting, correlation=0.5)
    assert half.n == pytest.approx(4 * one.n, rel=0.01)
    assert weighting.upper() in half.explain()


def test_the_deviation_of_a_score_is_that_of_simulated_scores():
    rng = np.random.default_rng(1)
    n, e = 200_000, 0.3
    treated = (rng.random(n) < e).astype(float)
    effect = rng.normal(1, 3.0, n)
    residual = rng.normal(0, np.where(treated == 1, 3.0, 2.0))
    score = effect + residual * (treated / e - (1 - treated) / (1 - e))
    expected = score_deviation((2.0, 3.0), treated_share=e, effect_sd=3.0)
    assert score.std() == pytest.approx(expected, rel=0.01)


def test_a_plan_is_a_row_and_a_paragraph():
    found = experiment_size(0.2, baseline=0.65)
    row = found.tidy().iloc[0]
    assert (row["n"], row["n_treated"], row["treated_share"]) == (140, 70, 0.5)
    assert "140 customers (70 contacted, 70 not) find an average effect of 0.2" in found.explain()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: experiment_size(0.0, sd=1.0), "effect is 0"),
        (lambda: experiment_size(0.1), "either baseline"),
        (lambda: experiment_size(0.1, sd=1.0, baseline=0.1), "either baseline"),
        (lambda: experiment_size(0.5, baseline=0.6), "outside 0 to 1"),
        (lambda: experiment_size(0.1, sd=0.0), "sd is 0"),
        (lambda: experiment_size(0.1, sd=1.0, treated_share=1.0), "treated_share"),
        (lambda: experiment_size(0.1, sd=1.0, power=80), r"power is 80; .* Did you mean 0.8"),
        (lambda: experiment_size(0.1, sd=1.0, prob=95), "Did you mean 0.95"),
        (lambda: experiment_size(0.1, sd=1.0, icc=2), "icc is 2"),
        (lambda: experiment_size(1e-9, sd=1.0), "too small for its spread"),
        (lambda: policy_experiment_size(0.0, differing_share=0.1, score_sd=1), "gain is 0"),
        (lambda: policy_experiment_size(1, differing_share=0, score_sd=1), "differing_share"),
        (lambda: ranking_experiment_size(0.1, score_sd=1, correlation=-0.1), "correlation"),
        (lambda: ranking_experiment_size(0.1, score_sd=1, weighting="auto"), "'autoc'"),
    ],
)
def test_plans_that_make_no_sense_are_refused(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
