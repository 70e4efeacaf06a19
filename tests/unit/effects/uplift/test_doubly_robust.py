"""Doubly robust scores and their averages: closed forms, populations and errors."""

import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.effects.uplift.crossfit import Nuisances
from cximpact.effects.uplift.doubly_robust import (
    AverageEffects,
    average_effects,
    combine_repeats,
    doubly_robust_scores,
    weighted_mean,
)

RNG = np.random.default_rng(8)
N = 600
X = RNG.integers(0, 3, N)
E = np.array([0.2, 0.5, 0.7])[X]
T = (RNG.random(N) < E).astype(int)
Y = (RNG.random(N) < 0.2 + 0.1 * X + 0.1 * T * X).astype(float)


def rows(**columns):
    table = pd.DataFrame({"y": Y, "t": T, "x": X, **columns})
    roles = {c: c for c in ("cluster", "weight") if c in columns}
    return cx.CrossSection(table, outcome="y", treatment="t", features=["x"], **roles).to_arrays()


def nuisances(mean, e, estimated=False) -> Nuisances:
    return Nuisances(
        mean=mean,
        propensity=np.column_stack([1 - e, e]),
        estimated=estimated,
        means=[],
        shares=[],
        family="binary",
    )


def cell_means() -> np.ndarray:
    by = pd.Series(Y).groupby([X, T]).mean()
    return np.column_stack([by.loc[list(zip(X, np.full(N, a), strict=True))] for a in (0, 1)])


def test_without_means_the_score_is_horvitz_and_thompson():
    mean, e = np.zeros((N, 2)), np.full(N, 0.5)
    score = doubly_robust_scores(Y, T, mean, np.column_stack([1 - e, e]))[:, 0]
    np.testing.assert_allclose(score, 2 * Y * (2 * T - 1))


def test_saturated_cells_give_the_stratified_difference():
    found = average_effects(rows(), nuisances(cell_means(), E))
    cells = pd.DataFrame({"x": X, "t": T, "y": Y}).pivot_table(index="x", columns="t", values="y")
    size = pd.Series(X).value_counts(normalize=True)
    assert found.value[0] == pytest.approx(((cells[1] - cells[0]) * size).sum(), rel=1e-12)


def test_a_wrong_propensity_does_not_matter_where_the_means_are_right():
    right = average_effects(rows(), nuisances(cell_means(), E)).value
    wrong = average_effects(rows(), nuisances(cell_means(), np.full(N, 0.3))).value
    np.testing.assert_allclose(wrong, right, rtol=1e-12)


def test_the_error_is_that_of_a_mean():
    score = doubly_robust_scores(Y, T, cell_means(), np.column_stack([1 - E, E]))[:, 0]
    found = average_effects(rows(), nuisances(cell_means(), E))
    assert found.covariance[0, 0] == pytest.approx(score.var(ddof=1) / N, rel=1e-12)


def test_clusters_are_summed_first():
    once = average_effects(rows(), nuisances(cell_means(), E))
    cluster = np.tile(np.arange(N), 2)
    table = pd.DataFrame({"y": np.tile(Y, 2), "t": np.tile(T, 2), "x": np.tile(X, 2), "c": cluster})
    twice = cx.CrossSection(table, outcome="y", treatment="t", features=["x"], cluster="c")
    known = nuisances(np.tile(cell_means(), (2, 1)), np.tile(E, 2))
    found = average_effects(twice.to_arrays(), known)
    np.testing.assert_allclose(found.value, once.value)
    np.testing.assert_allclose(found.covariance, once.covariance)


def test_weights_count_rows():
    weight = RNG.integers(1, 4, N).astype(float)
    many = np.repeat(np.arange(N), weight.astype(int))
    known = nuisances(cell_means(), E)
    a = average_effects(rows(weight=weight), known)
    score = doubly_robust_scores(Y, T, known.mean, known.propensity)[many, 0]
    assert a.value[0] == pytest.approx(score.mean())


def population(h: np.ndarray) -> float:
    effect = np.diff(cell_means())[:, 0]
    return float(h @ effect / h.sum())


@pytest.mark.parametrize(
    ("target", "h"),
    [("att", E), ("overlap", E * (1 - E)), ("trimmed", ((E > 0.3) & (E < 0.8)).astype(float))],
)
def test_populations_weigh_the_effects_of_the_cells(target: str, h: np.ndarray):
    known = nuisances(cell_means(), E)
    found = average_effects(rows(), known, target, (0.3, 0.8))
    assert found.value[0] == pytest.approx(population(h), rel=1e-10)


def test_the_effect_on_the_treated_is_the_classical_one():
    e = pd.Series(T).groupby(X).mean().loc[X].to_numpy()
    mean = cell_means() + RNG.normal(0, 0.1, (N, 2))
    found = average_effects(rows(), nuisances(mean, e, estimated=True), "att")
    left = Y - mean[:, 0]
    classical = (T * left - (1 - T) * e / (1 - e) * left).sum() / T.sum()
    assert found.value[0] == pytest.approx(classical, rel=1e-10)


@pytest.mark.parametrize("target", ["att", "overlap"])
def test_small_errors_of_an_estimated_propensity_cancel(target: str):
    share = pd.Series(T).groupby(X).mean().loc[X].to_numpy()
    moved = [
        average_effects(
            rows(), nuisances(cell_means(), share + d * (X - 1), estimated=True), target
        )
        for d in (-1e-3, 0.0, 1e-3)
    ]
    low, at, high = (found.value[0] for found in moved)
    assert abs(high - low) / 2e-3 < 1e-3 * abs(at)


def test_a_shift_of_the_outcome_leaves_effects_alone_and_swapping_arms_turns_them():
    known = nuisances(cell_means(), E)
    base = average_effects(rows(), known).value[0]
    scores = doubly_robust_scores(Y + 7, T, known.mean + 7, known.propensity)
    assert scores.mean() == pytest.approx(base)
    swapped = doubly_robust_scores(Y, 1 - T, known.mean[:, ::-1], known.propensity[:, ::-1])
    assert swapped.mean() == pytest.approx(-base)


def test_arms_share_the_error_of_the_control():
    top = np.column_stack([T - 0.5, T + 0.5])
    ones = np.ones((N, 2))
    found = weighted_mean(top, ones, np.ones(N), np.arange(N))
    np.testing.assert_allclose(found.covariance, found.covariance[0, 0])


def test_repeats_are_combined_by_the_median():
    parts = [
        AverageEffects(value=np.array([v]), covariance=np.array([[c]]))
        for v, c in ((1.0, 0.1), (2.0, 0.2), (9.0, 0.3))
    ]
    found = combine_repeats(parts)
    assert found.value[0] == 2.0
    assert found.covariance[0, 0] == pytest.approx(np.median([1.1, 0.2, 49.3]))
