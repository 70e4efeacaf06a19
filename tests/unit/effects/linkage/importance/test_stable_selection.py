import numpy as np
import pandas as pd
import pytest

from cximpact.effects.linkage.importance import stable_selection
from cximpact.effects.linkage.importance.stable_selection import StableSelection, select_stable
from cximpact.effects.linkage.rows import LinkedRows, link_rows


def selection(inclusion, **changes) -> StableSelection:
    settings = {"per_half": 2, "threshold": 0.9, "pairs": 50} | changes
    return StableSelection(inclusion=np.array(inclusion), **settings)


def opened(x: np.ndarray, y: np.ndarray, **roles) -> tuple[LinkedRows, np.ndarray]:
    frame = pd.DataFrame({"x": x[:, 0], "y": y} | roles)
    rows = link_rows(
        frame, {"x": "x", "y": "y"}, weight="w" if "w" in roles else None,
        cluster="store" if "store" in roles else None,
    )  # fmt: skip
    columns = np.column_stack([x, y])
    return rows, (columns - columns.mean(axis=0)) / columns.std(axis=0)


def select(rows: LinkedRows, columns: np.ndarray, **changes) -> StableSelection:
    settings = {"per_half": 3, "threshold": 0.9, "pairs": 30, "rng": 1, "first": 0} | changes
    first = settings.pop("first")
    edges = settings.pop("edges", np.arange(columns.shape[1] - first))
    return select_stable(rows, columns, first, edges, **settings)


def correlated(seed: int, n: int = 600, p: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.8 * rng.standard_normal((n, 1)) + rng.standard_normal((n, p))


def test_those_that_matter_are_chosen_in_every_half():
    x = correlated(1)
    y = 0.4 * x[:, 0] + 0.4 * x[:, 1] + np.random.default_rng(2).standard_normal(600)
    found = select(*opened(x, y))
    assert found.inclusion[:2].tolist() == [1, 1]
    assert found.inclusion[2:].max() < 0.9
    # three are chosen in each half
    assert found.inclusion.sum() == pytest.approx(3)
    assert set(found.stable(5, np.zeros(8, dtype=bool))) == {0, 1}


def test_the_naive_choice_of_one_fit_pads_with_chance_and_stability_does_not():
    """Nothing goes with the outcome; the three largest are always three."""
    padded, kept = 0, 0
    for seed in range(8):
        x = correlated(seed, n=300)
        y = np.random.default_rng([3, seed]).standard_normal(300)
        padded += len(np.argsort(-np.abs(x.T @ y))[:3])
        kept += len(select(*opened(x, y), pairs=20).stable(5, np.zeros(8, dtype=bool)))
    assert padded == 24
    assert kept <= 8


def test_fewer_are_returned_where_fewer_are_stable_and_never_more_than_asked_for():
    found = selection([0.95, 0.2, 1.0, 0.9, 0.89])
    nobody = np.zeros(5, dtype=bool)
    assert found.stable(5, nobody) == (2, 0, 3)
    assert found.stable(2, nobody) == (2, 0)
    assert found.stable(5, np.array([0, 0, 1, 0, 0], dtype=bool)) == (0, 3)
    assert selection([0.5, 0.8]).stable(5, np.zeros(2, dtype=bool)) == ()


def test_the_bound_is_that_of_meinshausen_and_buehlmann():
    found = selection(np.zeros(10), per_half=5, threshold=0.75)
    assert found.false_bound == pytest.approx(25 / (0.5 * 10))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    # constants of Shah and Samworth (2013), theorem 2, times q^2 / p = 25 / 20
    [
        (0.9, 4 * (0.1 + 0.01) / 1.02 * 1.25),
        (0.7, 1.25 / (2 * (0.4 - 0.01))),
    ],
)
def test_the_sharper_bound_is_that_of_shah_and_samworth(threshold: float, expected: float):
    found = selection(np.zeros(20), per_half=5, threshold=threshold)
    assert found.false_bound_unimodal == pytest.approx(expected)
    assert found.false_bound_unimodal < found.false_bound


def test_the_sharper_bound_is_claimed_only_where_it_holds():
    many = selection(np.zeros(6), per_half=4)  # chosen by chance in more than 1 / sqrt(3)
    assert many.false_bound_unimodal == many.false_bound
    low = selection(np.zeros(10), per_half=5, threshold=0.6, pairs=2)
    assert low.false_bound_unimodal == low.false_bound


def test_halves_keep_clusters_together():
    """Rows of a store are copies and nothing is to be found: halves of rows agree on chance."""
    most = {"rows": [], "stores": []}
    for seed in range(6):
        rng = np.random.default_rng([5, seed])
        store = np.repeat(np.arange(20), 100)
        x, y = rng.standard_normal((20, 4))[store], rng.standard_normal(20)[store]
        most["rows"].append(select(*opened(x, y), per_half=1).inclusion.max())
        most["stores"].append(select(*opened(x, y, store=store), per_half=1).inclusion.max())
    assert np.mean(most["rows"]) > 0.9
    assert np.mean(most["stores"]) < 0.75


def test_covariates_come_first_and_weights_count():
    rng = np.random.default_rng(6)
    x = correlated(6, p=4)
    y = 2 * x[:, 0] + 0.3 * x[:, 2] + rng.standard_normal(600)
    rows, columns = opened(x, y)
    found = select(rows, columns, first=1, edges=np.arange(4), per_half=1)
    assert found.inclusion.tolist() == [0, 1, 0]
    # in the rows that count, column 3 is what goes with the outcome
    y[:300] = 2 * x[:300, 3] + rng.standard_normal(300)
    w = np.r_[np.full(300, 1000.0), np.full(300, 0.001)]
    found = select(*opened(x, y, w=w), per_half=1)
    assert found.inclusion.argmax() == 3


def test_a_group_of_columns_is_chosen_together():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((500, 5))
    x[:, 1] = x[:, 0]  # a mark that says what another says
    y = 0.5 * x[:, 2] + 0.5 * x[:, 3] + rng.standard_normal(500)
    found = select(*opened(x, y), edges=np.array([0, 2, 4, 5]), per_half=1)
    assert found.inclusion.tolist() == [0, 1, 0]


def test_the_seed_decides():
    x = correlated(8)
    y = 0.1 * x[:, 0] + np.random.default_rng(9).standard_normal(600)
    rows, columns = opened(x, y)
    one, same, other = (select(rows, columns, rng=seed).inclusion for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_pair_of_halves_is_all_rows(monkeypatch):
    x = correlated(3, n=101, p=3)
    rows, columns = opened(x, x[:, 0] + x[:, 1])
    seen = []

    def watch(moments, first, edges, wanted):
        seen.append(moments)
        return np.zeros(3, dtype=bool)

    monkeypatch.setattr(stable_selection, "_chosen", watch)
    select(rows, columns, pairs=12)
    full = np.column_stack([np.ones(101), columns])
    for one, other in zip(seen[:12], seen[12:], strict=True):
        assert (one[0, 0], other[0, 0]) == (50, 51)
        np.testing.assert_allclose(one + other, full.T @ full, atol=1e-9)


def test_columns_of_a_group_become_uncorrelated_with_variance_one():
    x = correlated(4, p=4)
    x[:, 1] = 3 * x[:, 0] + 0.5 * x[:, 1]
    x[:, 3] = x[:, 2]
    matrix = np.cov(x, rowvar=False)
    basis, kept = stable_selection._uncorrelated(matrix, np.diag(matrix), np.array([0, 2, 4]))
    assert kept.tolist() == [0, 2, 3]
    found = basis.T @ matrix @ basis
    np.testing.assert_allclose(found[:2, :2], np.eye(2), atol=1e-9)
    assert found[2, 2] == pytest.approx(1)
    assert (basis[2:, :2] == 0).all()
