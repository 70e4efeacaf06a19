from __future__ import annotations

import numpy as np
import pytest

from cximpact.imputation import whiten as module
from cximpact.imputation.mode import choose_centered, find_mode
from cximpact.imputation.whiten import whiten
from tests.support.ordinal import every_term


@pytest.mark.parametrize("dense", [True, False])
def test_gradient_by_whitened_numbers_is_that_of_the_value(dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(module, "MAX_DENSE", 5)
    posterior, _ = every_term("probit", "scale")
    mode = find_mode(posterior)
    centered = choose_centered(posterior, mode)
    whitening = whiten(posterior, mode, centered)
    assert whitening.matrix.ndim == (2 if dense else 1)
    sampled = posterior.parametrized(centered)
    density = whitening.density(sampled)
    z = np.random.default_rng(0).normal(size=posterior.n_free)
    value, gradient = density(z)
    assert value == pytest.approx(sampled.value_and_gradient(whitening.theta(z))[0], rel=1e-12)
    units = 1e-5 * np.eye(posterior.n_free)
    expected = np.array([(density(z + u)[0] - density(z - u)[0]) / 2e-5 for u in units])
    assert gradient == pytest.approx(expected, abs=1e-6 * np.abs(gradient).max())


def test_covariance_has_both_layers():
    posterior, _ = every_term()
    mode = find_mode(posterior)
    whole = {b.term.name: np.ones(b.term.n_coordinates) for b in posterior.blocks}
    matrix = whiten(posterior, mode, whole).matrix
    n = posterior.n_inner
    outer = mode.factor @ mode.factor.T
    inner = np.linalg.inv(mode.inner.factor @ mode.inner.factor.T)
    covariance = matrix @ matrix.T
    assert covariance[n:, n:] == pytest.approx(outer)
    assert covariance[:n, :n] == pytest.approx(inner + mode.slope @ outer @ mode.slope.T)
    assert covariance[:n, n:] == pytest.approx(mode.slope @ outer)
