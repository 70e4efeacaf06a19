from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.imputation.forward import drift_rule, forward, last_weights, mehler
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.occasions import OccasionDrift, paths
from cximpact.imputation.patterns import Patterns, patterns
from cximpact.imputation.quadrature import log_mean, normal_rule, rule_for
from cximpact.imputation.repeated import RepeatedAnswers
from cximpact.scores import CSAT5
from tests.support.gauss_hermite import CUTS, drifting_world

RHO = (0.2, 0.5, 0.8, 0.95)
SD = (0.5, 1.0, 2.0)
TIMES = np.array([0.0, 1.0, 2.0, 5.0])
ANSWERS = ((0, 4, 0, -1), (0, 0, -1, 4), (4, 0, -1, -1), (-1, 2, 2, 2), (3, -1, -1, -1))
"""Answers of four occasions; -1 is none."""


def table_of(answers, times=TIMES):
    """Patterns of answers at the given times."""
    codes = [sorted(5 * t + a for t, a in enumerate(row) if a >= 0) for row in answers]
    filled = [row + [5 * len(times)] * (len(times) - len(row)) for row in codes]
    none = pd.DataFrame({"customer": [], "pattern": [], "answers": []})
    return Patterns(
        scale=CSAT5,
        index=pd.DataFrame({"month": times}),
        codes=np.array(filled),
        count=np.ones(len(answers)),
        customers=none,
    )


def at_nodes(rule, sd, n_rows=4):
    """Probability of each answer at each node, the same in every row."""
    return np.tile(category_probabilities(sd * rule.nodes, CUTS).T, (n_rows, 1))


def log_likelihoods(answers, sd, rho, rule, times=TIMES):
    found = paths(table_of(answers, times), times)
    masses, _ = forward(at_nodes(rule, sd, len(times)), rho, found, rule)
    logs = np.append(np.log(np.concatenate(masses)), 0.0)
    return logs[found.beginnings].sum(axis=1)


def joint_normal(times, sd, rho, n=61):
    """Levels at a few times with their weights, from the whole covariance matrix."""
    z, w = special.roots_hermitenorm(n)
    grid = np.array(list(itertools.product(z, repeat=len(times))))
    weight = np.prod(list(itertools.product(w / w.sum(), repeat=len(times))), axis=1)
    covariance = sd**2 * rho ** np.abs(np.subtract.outer(times, times))
    return grid @ np.linalg.cholesky(covariance).T, weight


def by_brute_force(row, sd, rho):
    """Likelihood of one pattern, and the mean of the level at its last answer."""
    there = np.flatnonzero(np.array(row) >= 0)
    levels, weight = joint_normal(TIMES[there], sd, rho)
    for place, t in enumerate(there):
        weight = weight * category_probabilities(levels[:, place], CUTS)[:, row[t]]
    return weight.sum(), (weight @ levels[:, -1]) / weight.sum()


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("sd", SD)
def test_likelihood_equals_integration_over_the_joint_normal(sd, rho):
    found = log_likelihoods(ANSWERS, sd, rho, drift_rule(2.0))
    expected = [np.log(by_brute_force(row, sd, rho)[0]) for row in ANSWERS]
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=0)
    many = log_likelihoods(ANSWERS, sd, rho, drift_rule(3.0))
    np.testing.assert_allclose(many, expected, atol=2e-5, rtol=0)


def on_a_dense_grid(answers, sd, rho, m=3001):
    """Likelihood of answers one unit apart, by integrating one occasion after the other."""
    a = np.linspace(-9, 9, m)
    chances = category_probabilities(sd * a, CUTS).T * (a[1] - a[0])
    step = np.exp(-0.5 * (a - rho * a[:, None]) ** 2 / (1 - rho**2))
    step /= np.sqrt(2 * np.pi * (1 - rho**2))
    state = np.exp(-0.5 * a**2) / np.sqrt(2 * np.pi) * chances[answers[0]]
    for k in answers[1:]:
        state = (state @ step) * chances[k]
    return state.sum()


@pytest.mark.parametrize("rho", RHO)
@pytest.mark.parametrize("sd", SD)
def test_long_paths_equal_dense_integration(sd, rho):
    answers = ((4, 4, 4, 0, 0, 1), (0, 4, 0, 4, 0, 4))
    found = log_likelihoods(answers, sd, rho, drift_rule(2.0), np.arange(6.0))
    expected = [np.log(on_a_dense_grid(row, sd, rho)) for row in answers]
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=0)


def test_correlation_one_is_the_constant_effect():
    rule, even = drift_rule(2.0), rule_for(2.0)
    data = table_of(ANSWERS)
    same = log_mean(data.incidence @ np.log(at_nodes(rule, 1.5)), rule)
    constant = log_mean(data.incidence @ np.log(at_nodes(even, 1.5)), even)
    np.testing.assert_allclose(log_likelihoods(ANSWERS, 1.5, 1.0, rule), same, atol=1e-11)
    np.testing.assert_allclose(log_likelihoods(ANSWERS, 1.5, 1.0, rule), constant, atol=1e-3)
    near = [log_likelihoods(ANSWERS, 1.5, 1 - 10.0**-k, rule) - same for k in (2, 3, 4, 5)]
    apart = [float(np.abs(difference).max()) for difference in near]
    assert all(5 * b < a for a, b in pairwise(apart))
    assert apart[-1] < 2e-4


def test_correlation_near_zero_is_independence():
    rule = drift_rule(2.0)
    p = category_probabilities(1.5 * rule.nodes, CUTS).T @ np.exp(rule.log_weights)
    expected = [np.log(p[[k for k in row if k >= 0]]).sum() for row in ANSWERS]
    np.testing.assert_allclose(log_likelihoods(ANSWERS, 1.5, 1e-9, rule), expected, atol=1e-7)


@pytest.mark.parametrize("n", [5, 27, 111, 201])
def test_transitions_keep_the_stationary_weights_and_chain(n):
    rule = normal_rule(n)
    basis, root = mehler(rule), np.exp(0.5 * rule.log_weights)
    np.testing.assert_allclose(basis @ basis.T, np.eye(n), atol=1e-10)

    def moves(r):
        return basis.T @ (r ** np.arange(n)[:, None] * basis) / root[:, None] * root

    weight = np.exp(rule.log_weights)
    if n < 60:
        np.testing.assert_allclose(weight @ moves(0.7), weight, atol=1e-12)
        np.testing.assert_allclose(moves(0.7).sum(axis=1), 1, atol=1e-8)
        np.testing.assert_allclose(moves(0.7) @ moves(0.5), moves(0.35), atol=1e-7)
        np.testing.assert_allclose(moves(0.7) @ rule.nodes, 0.7 * rule.nodes, atol=1e-7)


def test_what_is_known_at_the_last_answer():
    rule, found = drift_rule(2.0), paths(table_of(ANSWERS), TIMES)
    weight = last_weights(at_nodes(rule, 1.5), 0.6, found, rule)
    np.testing.assert_allclose(weight.sum(axis=1), 1)
    expected = [by_brute_force(row, 1.5, 0.6)[1] for row in ANSWERS]
    np.testing.assert_allclose(weight @ (1.5 * rule.nodes), expected, atol=1e-4)


def test_more_nodes_for_a_wider_spread():
    assert drift_rule(1.0).n_nodes == 15
    assert drift_rule(5.0).n_nodes == 111
    assert drift_rule(5.0, nodes=21).n_nodes == 21


def test_the_graph_is_the_sum_over_customers():
    wave, _ = drifting_world(3, 12, months=3)
    model = RepeatedAnswers(drift=OccasionDrift(column="month"), nodes=41)
    data = patterns(wave, ["month"])
    graph = model.model(data, ["month"])
    p0, month = np.array([0.1, 0.15, 0.25, 0.3, 0.2]), np.array([-0.5, 0.1, 0.4])
    given = {"p0": p0, "sd": np.array(1.4), "rho": np.array(0.7), "effect_month": month}
    found = float(
        graph["answers"].eval({graph[k]: v for k, v in given.items()}, mode="FAST_COMPILE")
    )
    cuts, expected = special.logit(np.cumsum(p0)[:-1]), 0.0
    for _, rows in wave.frame.groupby("customer"):
        at = rows["month"].to_numpy()
        levels, weight = joint_normal(at.astype(float), 1.4, 0.7, n=41)
        for place, (t, answer) in enumerate(zip(at, rows["answer"], strict=True)):
            p = category_probabilities(levels[:, place] + month[t], cuts)
            weight = weight * p[:, int(answer) - 1]
        expected += np.log(weight.sum())
    assert found == pytest.approx(expected, abs=1e-5)
