"""Tests of what a graph implies: uniform where it holds, decisive where it does not."""

import numpy as np
import pytest
from scipy import stats

from cximpact.effects.linkage.kpi import independence
from cximpact.effects.linkage.kpi.independence import independence_tests

PARENTS = {"a": (), "b": ("a",), "c": ("b",)}


def asked(seed: int, *, n: int = 120, direct: float = 0.0, clusters: int | None = None):
    rng = np.random.default_rng(seed)
    cluster = np.arange(n) if clusters is None else np.arange(n) % clusters
    shared = 0.0 if clusters is None else rng.normal(size=clusters)[cluster]
    a = rng.normal(size=n) + shared
    b = a + rng.normal(size=n)
    c = b + direct * a + rng.normal(size=n) * (1 + 0.5 * np.abs(a))
    x = np.column_stack([np.ones(n), b])
    left = c - x @ np.linalg.lstsq(x, c)[0]
    return independence_tests(
        PARENTS,
        {"a": a, "b": b, "c": c},
        {"c": x},
        {"c": left},
        cluster,
        permutations=99,
        rng=seed,
    )


@pytest.mark.parametrize("clusters", [None, 30])
def test_p_values_are_uniform_where_the_graph_holds(clusters):
    found = [asked(seed, clusters=clusters)["p_value"].item() for seed in range(200)]
    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_missing_arrow_is_found_and_named():
    row = asked(1, n=600, direct=0.8).iloc[0]
    assert row["rejected"]
    assert (row["node"], row["independent_of"], row["given"]) == ("c", "a", "b")
    assert row["partial_correlation"] > 0.2
    # the partial correlation by the residuals of two regressions
    assert not asked(1, n=600)["rejected"].item()


def test_with_many_rows_the_normal_distribution_stands_in(monkeypatch):
    permuted = asked(5, n=500, direct=0.05)["p_value"].item()
    monkeypatch.setattr(independence, "_MANY", 100)
    assert asked(5, n=500, direct=0.05)["p_value"].item() == pytest.approx(permuted, abs=0.12)


def test_nodes_that_are_told_exactly_are_left_out():
    n = 50
    a = np.arange(n, dtype=float)
    x = np.column_stack([np.ones(n), a])
    noise = np.random.default_rng(1).normal(size=n)
    table = independence_tests(
        PARENTS, {"a": 2 * a}, {"c": x}, {"c": noise}, np.arange(n), permutations=99, rng=1
    )
    assert table.empty
    assert list(table.columns)[-1] == "rejected"
