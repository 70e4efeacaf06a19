"""Extreme weighted means by sorting, against linear programs that search all weights."""

import numpy as np
import pytest
from scipy import optimize

from cximpact.effects.sensitivity.tilted_mean import sort_arm


def arm(seed, n=25, ties=False):
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 3, n).astype(float) if ties else rng.normal(1, 2, n)
    return values, rng.uniform(0.2, 4, n), rng.uniform(0.5, 2, n), rng.integers(0, 3, n)


def program_balanced(values, odds, weights, groups, strength, sign):
    """Choose factors that average 1 within each group."""
    mass = odds * weights
    rows = np.array([mass * (groups == g) for g in np.unique(groups)])
    found = optimize.linprog(
        -sign * mass * values / mass.sum(),
        A_eq=rows,
        b_eq=rows.sum(axis=1),
        bounds=(1 / strength, strength),
    )
    return -sign * found.fun


def program_free(values, odds, weights, base, strength, sign):
    """Charnes and Cooper: weights times a scale are the unknowns, and they sum to one."""
    n = values.size
    low, high = base + odds / strength, base + odds * strength
    c = np.append(-sign * weights * values, 0.0)
    total = np.append(weights, 0.0)[None]
    scale = np.vstack([np.column_stack([-np.eye(n), low]), np.column_stack([np.eye(n), -high])])
    found = optimize.linprog(c, A_ub=scale, b_ub=np.zeros(2 * n), A_eq=total, b_eq=[1.0])
    return -sign * found.fun if found.status == 0 else np.nan


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("strength", [1.0, 1.3, 2.0, 7.0])
def test_balanced_means_are_the_linear_program(strength, largest, ties):
    for seed in range(4):
        values, odds, weights, groups = arm(seed, ties=ties)
        sums = sort_arm(values, groups).sums(odds, weights)
        expected = program_balanced(values, odds, weights, groups, strength, 1 if largest else -1)
        assert sums.balanced(strength, largest=largest) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("base", [0.0, 1.0])
@pytest.mark.parametrize("strength", [1.0, 1.3, 2.0, 7.0])
def test_free_means_are_the_fractional_program(strength, base, largest, ties):
    for seed in range(4):
        values, odds, weights, _ = arm(seed, ties=ties)
        sums = sort_arm(values, np.zeros(values.size, dtype=int)).sums(odds, weights)
        expected = program_free(values, odds, weights, base, strength, 1 if largest else -1)
        found = sums.free(strength, largest=largest, base=base)
        assert found == pytest.approx(expected, abs=1e-7)


def test_whole_weights_are_repeated_rows():
    values, odds, _, groups = arm(9)
    times = np.arange(values.size) % 3
    weighted = sort_arm(values, groups).sums(odds, times.astype(float))
    rows = np.repeat(np.arange(values.size), times)
    repeated = sort_arm(values[rows], groups[rows]).sums(odds[rows], np.ones(rows.size))
    for largest in (True, False):
        assert weighted.balanced(2.0, largest=largest) == pytest.approx(
            repeated.balanced(2.0, largest=largest)
        )
        assert weighted.free(2.0, largest=largest, base=1.0) == pytest.approx(
            repeated.free(2.0, largest=largest, base=1.0)
        )


def test_a_single_row_moves_nowhere():
    sums = sort_arm(np.array([3.0]), np.array([0])).sums(np.array([2.0]), np.array([1.0]))
    assert sums.balanced(5.0, largest=True) == 3.0
    assert sums.free(5.0, largest=False, base=1.0) == 3.0
