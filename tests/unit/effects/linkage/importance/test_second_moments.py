import numpy as np

from cximpact.effects.linkage.importance import second_moments as module
from cximpact.effects.linkage.importance.second_moments import (
    covariances,
    second_moments,
    weighted_means,
)


def test_moments_are_weighted_products(monkeypatch):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((50, 3)), rng.exponential(size=(4, 50))
    found = second_moments(x, [w[:1], w[1:]])
    full = np.column_stack([np.ones(50), x])
    for one, weights in zip(found, w, strict=True):
        np.testing.assert_allclose(one, full.T @ (weights[:, None] * full))
    for one, weights in zip(covariances(found), w, strict=True):
        np.testing.assert_allclose(one, np.cov(x, rowvar=False, aweights=weights, ddof=0))
    np.testing.assert_allclose(weighted_means(found), w @ x / w.sum(axis=1)[:, None])
    monkeypatch.setattr(module, "_NUMBERS", 70)  # seven rows at a time
    np.testing.assert_allclose(second_moments(x, [w]), found)
