import numpy as np
import pytest

from cximpact.effects.linkage.importance.lasso_kernel import _sweep, first_in


def test_uncorrelated_columns_enter_by_their_correlation():
    cross = np.array([0.1, -0.5, 0.3, 0.0])
    for wanted, expected in ((1, {1}), (2, {1, 2}), (3, {0, 1, 2})):
        chosen = first_in(np.eye(4), cross, np.arange(5), wanted)
        assert set(np.flatnonzero(chosen)) == expected


def test_the_solution_is_that_of_a_lasso():
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(2)
    x = rng.standard_normal((200, 6)) + rng.standard_normal((200, 1))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = x[:, 0] - 0.5 * x[:, 3] + rng.standard_normal(200)
    y -= y.mean()
    gram, cross, beta = x.T @ x / 200, x.T @ y / 200, np.zeros(6)
    for _ in range(500):
        _sweep(gram, cross, np.arange(7), 0.1, beta)
    expected = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(x, y).coef_
    np.testing.assert_allclose(beta, expected, atol=1e-8)


def test_a_group_enters_as_a_whole_and_pays_for_its_size():
    # by itself 0.4 beats 0.3 and 0.3; together these reach 0.42 / sqrt(2) = 0.3
    cross = np.array([0.3, 0.3, 0.4])
    edges = np.array([0, 2, 3])
    assert first_in(np.eye(3), cross, edges, 1).tolist() == [False, True]
    cross[:2] = 0.6
    assert first_in(np.eye(3), cross, edges, 1).tolist() == [True, False]


def test_groups_without_columns_and_short_paths_are_no_trouble():
    chosen = first_in(np.eye(2), np.array([0.5, 0.0]), np.array([0, 1, 1, 2]), 3)
    assert chosen.tolist() == [True, False, False]


@pytest.mark.parametrize("seed", range(3))
def test_the_optimality_conditions_of_groups_hold(seed: int):
    rng = np.random.default_rng(seed)
    x = np.linalg.qr(rng.standard_normal((50, 5)))[0] * np.sqrt(50)
    x[:, 2:] = x[:, 2:] + 0.4 * x[:, :1]
    x[:, 2:4] = np.linalg.qr(x[:, 2:4])[0] * np.sqrt(50)
    x[:, 4] /= x[:, 4].std()
    y = rng.standard_normal(50)
    gram, cross, beta = x.T @ x / 50, x.T @ y / 50, np.zeros(5)
    edges, penalty = np.array([0, 1, 2, 4, 5]), 0.05
    gram[4, 4] = 1.0
    for _ in range(2000):
        _sweep(gram, cross, edges, penalty, beta)
    slack = cross - gram @ beta
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        size, limit = np.linalg.norm(beta[a:b]), penalty * np.sqrt(b - a)
        if size:
            np.testing.assert_allclose(slack[a:b], limit * beta[a:b] / size, atol=1e-7)
        else:
            assert np.linalg.norm(slack[a:b]) <= limit + 1e-9
