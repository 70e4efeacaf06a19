"""Probability integral transforms of ordinal answers."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.imputation.validation.pit import (
    mean_pit,
    pit_histogram,
    pit_limits,
    randomized_pit,
    randomized_ranks,
    rank_histogram,
)

PMF = np.array([[0.2, 0.3, 0.5]])


def answers(pmf, n, seed):
    return np.random.default_rng(seed).multinomial(n, pmf)


def test_limits_are_the_distribution_function():
    low, high = pit_limits(PMF)
    assert low[0] == pytest.approx([0, 0.2, 0.5])
    assert high[0] == pytest.approx([0.2, 0.5, 1.0])


def test_mean_pit_by_hand():
    """Two answers, the first and the third: F(.35) is (1 + 0) / 2, F(.75) is (1 + .5) / 2."""
    found = mean_pit(PMF, np.array([[1, 0, 1]]), np.array([0.1, 0.35, 0.75, 1.0]))
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_counts_are_as_good_as_rows():
    rng = np.random.default_rng(0)
    pmf = rng.dirichlet(np.ones(4), 3)
    count = rng.integers(0, 5, (3, 4))
    row, category = (np.repeat(i.ravel(), count.ravel()) for i in np.indices(count.shape))
    one = np.eye(4, dtype=int)[category]
    points = np.linspace(0, 1, 21)
    assert mean_pit(pmf, count, points) == pytest.approx(mean_pit(pmf[row], one, points))
    assert len(randomized_pit(pmf, count, rng)) == count.sum()


def test_transforms_of_calibrated_answers_are_uniform():
    rng = np.random.default_rng(1)
    pmf = rng.dirichlet(np.ones(11), 200)
    u = randomized_pit(pmf, rng.multinomial(50, pmf), rng)
    assert stats.kstest(u, "uniform").pvalue > 0.01


def test_the_mean_transform_is_what_drawing_gives_on_average():
    rng = np.random.default_rng(2)
    pmf = rng.dirichlet(np.ones(5), 6)
    count = rng.integers(0, 4, (6, 5))
    points = np.linspace(0.1, 0.9, 9)
    drawn = np.array(
        [(randomized_pit(pmf, count, rng)[:, None] <= points).mean(axis=0) for _ in range(3000)]
    )
    assert drawn.mean(axis=0) == pytest.approx(mean_pit(pmf, count, points), abs=0.01)


def test_histogram_shows_overconfidence_as_a_bowl():
    true = np.array([[0.2, 0.2, 0.2, 0.2, 0.2]])
    narrow = np.array([[0.02, 0.18, 0.6, 0.18, 0.02]])
    table = pit_histogram(narrow, answers(true, 1000, 3))
    assert table["estimate"].iloc[[0, -1]].min() > table["conf_high"].max()
    flat = pit_histogram(true, answers(true, 1000, 3))
    assert (flat["estimate"].between(flat["conf_low"], flat["conf_high"])).all()
    assert flat["estimate"].mean() == pytest.approx(1.0)


def test_ranks_of_one_more_draw_are_uniform():
    rng = np.random.default_rng(4)
    draws = rng.poisson(3, (2000, 100))
    observed = rng.poisson(3, 2000)
    below = (draws < observed[:, None]).sum(axis=1)
    equal = (draws == observed[:, None]).sum(axis=1)
    u = randomized_ranks(below, equal, 100, rng)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    table = rank_histogram(u)
    assert (table["estimate"].between(table["conf_low"], table["conf_high"])).all()
    with pytest.raises(ConfigError, match="exceed"):
        randomized_ranks(np.array([90]), np.array([20]), 100, rng)


def test_shapes_must_agree():
    with pytest.raises(AlignmentError, match=r"pmf has shape \(1, 3\)"):
        randomized_pit(PMF, np.ones((2, 3)), np.random.default_rng(0))
