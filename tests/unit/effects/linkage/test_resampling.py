import numpy as np

from cximpact.effects.linkage import resampling
from cximpact.effects.linkage.resampling import bootstrap_weights


def test_rows_of_a_cluster_share_their_factor():
    cluster, weight = np.array([0, 0, 1]), np.array([1.0, 2.0, 0.5])
    (drawn,) = bootstrap_weights(cluster, weight, 20_000, rng=1)
    np.testing.assert_allclose(drawn[:, 1], 2 * drawn[:, 0])
    np.testing.assert_allclose(drawn.mean(axis=0), weight, rtol=0.03)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 2])[0, 1]) < 0.03
    assert drawn.min() > 0


def test_the_size_of_the_blocks_does_not_matter(monkeypatch):
    cluster, weight = np.arange(50), np.ones(50)
    whole = np.concatenate(list(bootstrap_weights(cluster, weight, 30, rng=2)))
    monkeypatch.setattr(resampling, "_NUMBERS", 200)
    parts = list(bootstrap_weights(cluster, weight, 30, rng=2))
    assert len(parts) == 8
    np.testing.assert_array_equal(np.concatenate(parts), whole)
