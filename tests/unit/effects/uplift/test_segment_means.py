"""Variances of means: a cell's own as far as it can be told, else that of its arm."""

from __future__ import annotations

import numpy as np
import pytest

from cximpact.core.errors import InsufficientDataError
from cximpact.effects.uplift.segment_means import cell_means


def collapsed(samples):
    """Moments of samples, laid out as segments by arms."""
    shape = (len(samples), len(samples[0]))
    counts = np.array([[len(y) for y in row] for row in samples], dtype=float)
    powers = [
        np.array([[np.mean(y**p) if len(y) else 0.0 for y in row] for row in samples]).reshape(
            shape
        )
        for p in (1, 2, 3, 4)
    ]
    return powers, {"__count": counts, "__w": counts, "__ww": counts}


def test_alike_cells_share_a_variance_and_unlike_ones_keep_their_own():
    rng = np.random.default_rng(1)
    alike = [[rng.normal(size=50), rng.normal(0, 2, size=50)] for _ in range(40)]
    found = cell_means(*collapsed(alike), 0.0)
    assert found.own_share.max() < 0.3
    errors = 1 / np.sqrt(found.precision)
    np.testing.assert_allclose(errors[:, 1].mean() / errors[:, 0].mean(), 2.0, rtol=0.1)
    unlike = [[rng.normal(0, s, size=5000) for _ in range(2)] for s in (1.0, 3.0, 9.0)]
    found = cell_means(*collapsed(unlike), 0.0)
    assert found.own_share.min() > 0.95
    own = np.array([[y.var(ddof=1) / len(y) for y in row] for row in unlike])
    np.testing.assert_allclose(1 / found.precision, own, rtol=0.15)


def test_nobody_who_bought_is_no_certainty():
    rng = np.random.default_rng(2)
    spend = [[rng.binomial(1, 0.02, 60) * rng.lognormal(3, 1, 60) for _ in "ab"] for _ in range(60)]
    spend[0] = [np.zeros(60), np.zeros(60)]
    found = cell_means(*collapsed(spend), 0.0)
    pooled = np.mean([[y.var(ddof=1) / 60 for y in row] for row in spend], axis=0)
    assert (1 / found.precision[0] > 0.5 * pooled).all()


def test_errors_of_means_are_what_they_scatter_by():
    rng = np.random.default_rng(3)
    z = []
    for _ in range(300):
        rows = [[rng.exponential(2.0, 30), rng.exponential(3.0, 30)] for _ in range(6)]
        found = cell_means(*collapsed(rows), 0.0)
        z.append((found.mean - [2.0, 3.0]) * np.sqrt(found.precision))
    assert np.std(z) == pytest.approx(1.0, abs=0.05)


def test_nothing_that_varies_is_refused():
    with pytest.raises(InsufficientDataError, match="two customers"):
        cell_means(*collapsed([[np.ones(1), np.zeros(1)]] * 2), 0.0)
    with pytest.raises(InsufficientDataError, match="does not vary"):
        cell_means(*collapsed([[np.ones(5), np.zeros(5)]] * 2), 0.0)


def test_variances_are_those_by_hand():
    """One arm of five cells of seven: pooled with ddof 1, kept by what scatters beyond noise."""
    rng = np.random.default_rng(4)
    rows = [[rng.normal(5.0, s, 7)] for s in (0.1, 0.3, 1.0, 3.0, 9.0)]
    found = cell_means(*collapsed(rows), 0.0)
    samples = [row[0] for row in rows]
    own = np.array([y.var(ddof=1) for y in samples])
    pooled = own.mean()
    kurtosis = np.mean([((y - y.mean()) ** 4).mean() for y in samples]) / pooled**2
    noise = (kurtosis - 1) / 7
    apart = max(((own / pooled - 1) ** 2).mean() - noise, 0.0)
    kept = apart / (apart + noise)
    assert 0.05 < kept < 0.95
    np.testing.assert_allclose(found.own_share[:, 0], kept, rtol=1e-6)
    variance = pooled + kept * (own - pooled)
    np.testing.assert_allclose(found.precision[:, 0], 7 / variance, rtol=1e-6)
    assert found.sd == pytest.approx(np.sqrt(pooled))
