from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from cximpact.core.errors import ConfigError
from cximpact.imputation.links import category_probabilities, log_category_probabilities
from cximpact.imputation.quadrature import (
    graph_log_mean,
    graph_log_probabilities,
    log_mean,
    normal_rule,
    rule_for,
)

CUTS = np.array([-2.0, -1.1, 0.2, 1.7])


def marginal(sd, rule, eta=0.3, cuts=CUTS):
    """Log probabilities of the answers of people who differ by a normal effect."""
    at_nodes = log_category_probabilities(eta + sd * rule.nodes, cuts)
    return log_mean(at_nodes, rule, axis=0)


@pytest.mark.parametrize("power", range(0, 12))
def test_hermite_nodes_have_the_moments_of_a_normal(power):
    rule = normal_rule(15)
    moment = np.exp(rule.log_weights) @ rule.nodes**power
    assert moment == pytest.approx(float(stats.norm.moment(power)), rel=1e-10, abs=1e-8)


@pytest.mark.parametrize("n", [31, 61])
def test_even_nodes_have_the_moments_of_a_normal(n):
    rule = normal_rule(n, "even")
    weights = np.exp(rule.log_weights)
    assert weights.sum() == pytest.approx(1)
    assert weights @ rule.nodes**2 == pytest.approx(1, abs=2e-6)
    assert weights @ rule.nodes**4 == pytest.approx(3, abs=5e-5)


def test_fifteen_nodes_equal_sixty_for_effects_of_a_unit():
    np.testing.assert_allclose(
        marginal(1.0, normal_rule(15)), marginal(1.0, normal_rule(60)), atol=1e-6
    )


def test_fifteen_nodes_are_not_enough_for_wide_effects():
    short, long = marginal(2.77, normal_rule(15)), marginal(2.77, normal_rule(120))
    assert np.abs(short - long).max() > 1e-3


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.77, 5.44, 12.0])
def test_chosen_rule_equals_adaptive_integration(sd):
    edges = np.concatenate([[-np.inf], CUTS, [np.inf]])
    for category, found in enumerate(np.exp(marginal(sd, rule_for(sd)))):

        def density(z, k=category):
            between = special.expit(edges[k + 1] - 0.3 - sd * z) - special.expit(
                edges[k] - 0.3 - sd * z
            )
            return between * stats.norm.pdf(z)

        expected, _ = integrate.quad(density, -12, 12, points=[-1, 0, 1], epsabs=1e-12, limit=200)
        assert found == pytest.approx(expected, rel=1e-5)


def test_graph_equals_arrays_at_random_points():
    import pytensor
    import pytensor.tensor

    pt = pytensor.tensor
    eta, cuts, rule = pt.dmatrix("eta"), pt.dvector("cuts"), normal_rule(15)
    by_node = graph_log_probabilities(eta[:, :, None] + 1.3 * rule.nodes, cuts)
    function = pytensor.function(
        [eta, cuts], graph_log_mean(by_node, rule, axis=2), mode="FAST_COMPILE"
    )
    rng = np.random.default_rng(4)
    for _ in range(5):
        at = rng.normal(0, 3, (4, 2))
        where = np.sort(rng.normal(0, 2, 5))
        expected = log_mean(
            log_category_probabilities(at[:, :, None] + 1.3 * rule.nodes, where), rule, axis=2
        )
        np.testing.assert_allclose(function(at, where), expected, rtol=1e-8)


def test_graph_log1mexp_takes_a_negative_argument():
    import pytensor.tensor

    value = float(pytensor.tensor.log1mexp(pytensor.tensor.constant(-0.5)).eval())
    assert value == pytest.approx(-0.932752, abs=5e-7)


@pytest.mark.parametrize("eta", [-60.0, 60.0])
def test_graph_is_finite_far_out(eta):
    import pytensor.tensor

    pt = pytensor.tensor
    logs = graph_log_probabilities(pt.constant([eta]), pt.constant(CUTS)).eval()
    assert np.isfinite(logs).all()
    assert special.logsumexp(logs) == pytest.approx(0, abs=1e-12)


@given(sd=st.floats(0, 6), eta=st.floats(-6, 6))
def test_marginal_probabilities_sum_to_one_and_shrink_towards_even(sd, eta):
    rule = rule_for(sd)
    found = np.exp(marginal(sd, rule, eta, np.array([0.0])))
    assert found.sum() == pytest.approx(1)
    alone = category_probabilities(np.array(eta), np.array([0.0]))
    assert abs(found[0] - 0.5) <= abs(alone[0] - 0.5) + 1e-6


def test_too_few_nodes_are_refused():
    with pytest.raises(ConfigError, match="n is 2"):
        normal_rule(2)
    with pytest.raises(ConfigError, match="kind"):
        normal_rule(15, "gauss")
