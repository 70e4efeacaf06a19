from itertools import permutations

import numpy as np
import pytest
from scipy import special

from cximpact.core.errors import ConfigError, ConvergenceError
from cximpact.effects.linkage.importance import deviance_shares
from cximpact.effects.linkage.importance.deviance_shares import share_deviance
from cximpact.scores.logit import fit_logit


def world(n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    first = np.column_stack([np.ones(n), rng.standard_normal(n)])
    x = rng.standard_normal((n, 4)) + 0.7 * rng.standard_normal((n, 1))
    eta = 0.5 * first[:, 1] + x @ [0.8, 0.4, 0.0, 0.0] - 0.5
    return first, x, (rng.random(n) < special.expit(eta)).astype(float)


def deviance(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    p = fit_logit(x, w * y, w, [str(i) for i in range(x.shape[1])]).predict(x)
    return float(-2 * (w @ (special.xlogy(y, p) + special.xlogy(1 - y, 1 - p))))


def test_shares_are_gains_in_deviance_over_all_orders():
    first, x, y = world()
    blocks = [[0], [1, 2], [3]]
    weights = np.random.default_rng(2).exponential(size=(3, 400))
    found = share_deviance(first, x, np.array([0, 1, 3, 4]), y, [weights[:1], weights[1:]])
    assert found.shares.shape == (3, 3)
    for row, w in enumerate(weights):
        null = deviance(first[:, :1], y, w)
        gains = np.zeros(3)
        for order in permutations(range(3)):
            inside: list[int] = []
            for j in order:
                before = deviance(np.column_stack([first, x[:, inside]]), y, w)
                inside = inside + blocks[j]
                gains[j] += before - deviance(np.column_stack([first, x[:, inside]]), y, w)
        np.testing.assert_allclose(found.shares[row], gains / 6 / null, atol=1e-7)
        np.testing.assert_allclose(found.first[row], 1 - deviance(first, y, w) / null, atol=1e-7)
        everything = np.column_stack([first, x])
        np.testing.assert_allclose(found.r2[row], 1 - deviance(everything, y, w) / null, atol=1e-7)


def test_copies_are_no_trouble():
    first, x, y = world()
    doubled = np.column_stack([x[:, 0], x])
    found = share_deviance(first, doubled, np.arange(6), y, [np.ones((1, 400))])
    assert found.shares[0, 0] == pytest.approx(found.shares[0, 1], abs=1e-6)
    alone = share_deviance(first, x, np.arange(5), y, [np.ones((1, 400))])
    assert found.r2[0] == pytest.approx(alone.r2[0], abs=1e-6)


def test_more_than_ten_players_are_refused():
    first, x, y = world()
    wide = np.tile(x, 3)[:, :11]
    with pytest.raises(ConfigError, match=r"11 drivers.* 2,048 regressions"):
        share_deviance(first, wide, np.arange(12), y, [np.ones((1, 400))])


def test_a_fit_that_does_not_settle_is_an_error(monkeypatch):
    first, x, y = world()
    monkeypatch.setattr(deviance_shares, "_STEPS", 2)
    with pytest.raises(ConvergenceError, match="measure='r2'"):
        share_deviance(first, x, np.arange(5), y, [np.ones((1, 400))])
