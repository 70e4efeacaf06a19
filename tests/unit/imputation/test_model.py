from __future__ import annotations

import numpy as np
import pytest

from cximpact.imputation.model import build_model
from cximpact.imputation.terms import zero_sum_basis
from tests.support.ordinal import STYLES, every_term, mixed


def degrees(posterior, degree):
    if degree == "mixed":
        return mixed(posterior)
    value = {"centered": 1.0, "noncentered": 0.0}[degree]
    return posterior.parametrized(
        {b.term.name: np.full(b.term.n_coordinates, value) for b in posterior.blocks}
    )


def point(posterior, theta):
    """Hand the free numbers to the graph by name."""
    named = {"p0_simplex__": theta[: posterior.n_categories - 1]}
    named["slope"] = theta[posterior.slopes_at]
    for block in posterior.blocks:
        named[f"unit_{block.term.name}"] = theta[block.where]
        named[f"{block.term.scale}_log__"] = np.asarray(theta[block.scale_at])
    return named


@pytest.mark.parametrize("degree", ["centered", "noncentered", "mixed"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_compiled_density_is_that_of_the_graph(link, style, degree):
    posterior, counts = every_term(link, style)
    posterior = degrees(posterior, degree)
    model = build_model(posterior, counts.dense())
    graph = model.compile_logp(sum=False, mode="FAST_COMPILE")
    rng = np.random.default_rng(3)
    for _ in range(4):
        theta = rng.normal(0, 0.6, posterior.n_free)
        expected = sum(float(np.sum(part)) for part in graph(point(posterior, theta)))
        assert posterior.value_and_gradient(theta)[0] == pytest.approx(expected, rel=1e-8)


def test_effects_in_the_basis_are_a_zero_sum_normal():
    import pymc as pm

    basis = zero_sum_basis(np.array([9.0, 3.0, 5.0, 1.0]))
    coordinates = np.array([0.3, -0.4, 1.1])
    with pm.Model() as model:
        pm.ZeroSumNormal("effect", sigma=0.7, shape=4)
    effects = basis @ coordinates
    graph = pm.logp(model["effect"], effects).eval()
    own = -0.5 * (coordinates / 0.7) ** 2 - np.log(0.7 * np.sqrt(2 * np.pi))
    assert float(np.sum(graph)) == pytest.approx(own.sum(), rel=1e-10)


def test_there_is_no_intercept_beside_the_cutpoints():
    posterior, counts = every_term()
    names = {v.name for v in build_model(posterior, counts.dense()).free_RVs}
    assert "p0" in names
    assert not any("intercept" in name for name in names)
