from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.imputation import OrdinalImputer
from cximpact.imputation.laplace import nested_laplace
from cximpact.imputation.mode import find_mode


@pytest.fixture(scope="module")
def fast(world):
    return OrdinalImputer(method="laplace").fit(world.wave, rng=1)


@pytest.fixture(scope="module")
def careful(world):
    return OrdinalImputer(method="laplace", nodes=1024).fit(world.wave, rng=1)


def test_score_is_that_of_sampling(fast, imputed):
    quick, exact = fast.score(target="super"), imputed.score(target="super")
    assert float(quick.mean()) == pytest.approx(float(exact.mean()), abs=0.1 * float(exact.std()))
    assert float(quick.std()) == pytest.approx(float(exact.std()), rel=0.1)


def test_segments_are_those_of_sampling(fast, imputed):
    quick, exact = fast.score("segment", target="super"), imputed.score("segment", target="super")
    assert quick.mean("sample").values == pytest.approx(exact.mean("sample").values, abs=0.5)
    assert quick.std("sample").values == pytest.approx(exact.std("sample").values, rel=0.1)


def test_standard_deviations_of_terms_are_not_given_unless_the_nodes_suffice(fast, careful):
    assert not any(name.startswith(("sigma", "walk")) for name in fast.draws)
    assert fast.diagnostics["effective_nodes"] < 64
    assert careful.diagnostics["effective_nodes"] > 400
    assert "sigma_segment" in careful.draws


def test_standard_deviations_from_many_nodes_are_those_of_sampling(careful, imputed):
    for name in ("sigma_segment", "sigma_channel", "walk_sd"):
        quick, exact = careful.draws[name], imputed.draws[name]
        for q in (0.1, 0.5, 0.9):
            found, expected = float(quick.quantile(q)), float(exact.quantile(q))
            assert found == pytest.approx(expected, rel=0.15)


def test_without_factors_the_posterior_is_the_conjugate_one(no_factors):
    posterior = no_factors.imputer.posterior(no_factors.cells)
    found = nested_laplace(posterior, find_mode(posterior), n_draws=8000, n_nodes=16, rng=2)
    share = posterior.named(found.theta)["p0"][:, 1]
    exact = stats.beta(31, 21)
    assert share.mean() == pytest.approx(exact.mean(), abs=0.003)
    assert share.std() == pytest.approx(exact.std(), rel=0.05)
    assert np.isfinite(found.effective_draws)
    assert found.effective_draws > 6000


def test_result_says_that_it_is_an_approximation(fast, imputed):
    assert "nested Laplace approximation" in fast.explain()
    assert "nested Laplace approximation" not in imputed.explain()


def test_same_seed_same_numbers(fast, world):
    again = OrdinalImputer(method="laplace").fit(world.wave, rng=1)
    assert (again.draws["cuts"].values == fast.draws["cuts"].values).all()
