import numpy as np
import pytest
from scipy import stats

from cximpact.effects.linkage.thresholds.normal import RATE, SHAPE, NormalPart


def world(seed, n=60):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 4, n).astype(float)
    x = rng.normal(size=(n, 1))
    x = (x - x.mean()) / x.std()
    return score, x, 100 + 8 * (score >= 2) + 3 * x[:, 0] + 10 * rng.normal(size=n)


@pytest.mark.parametrize("with_x", [False, True])
@pytest.mark.parametrize("shaped", [False, True])
def test_evidence_is_that_of_a_multivariate_t(shaped, with_x):
    score, x, y = world(1)
    x = x if with_x else x[:, :0]
    z = (y - y.mean()) / y.std()
    h = score[:, None] >= 2
    design = np.column_stack([1 - h, h, x] if shaped else [np.ones(z.size), x])
    shape = RATE / SHAPE * (np.eye(z.size) + design @ design.T)
    exact = stats.multivariate_t(np.zeros(z.size), shape, df=2 * SHAPE).logpdf(z)
    part = NormalPart.from_rows(score, x, y)
    heights = (part.score >= 2).astype(float) if shaped else None
    assert part.log_evidence(heights) == pytest.approx(exact)


def test_draws_are_in_units_of_the_outcome():
    score, x, y = world(2, n=5000)
    part = NormalPart.from_rows(score, x, y)
    drawn = part.draw((part.score >= 2).astype(float), 4000, np.random.default_rng(1))
    assert np.abs((drawn.mean(axis=0) - [100, 108, 3, 100]) / drawn.std(axis=0)).max() < 3
    high = score >= 2
    expected = 10 / np.sqrt([(~high).sum(), high.sum()])
    assert drawn[:, :2].std(axis=0) == pytest.approx(expected, rel=0.06)


def test_without_a_shape_both_ends_are_one():
    score, x, y = world(3)
    drawn = NormalPart.from_rows(score, x, y).draw(None, 50, np.random.default_rng(1))
    assert drawn.shape == (50, 4)
    assert (drawn[:, 0] == drawn[:, 1]).all()


def test_other_units_change_nothing_but_units():
    score, x, y = world(4)
    one, other = NormalPart.from_rows(score, x, y), NormalPart.from_rows(score, x, 5 * y - 40)
    heights = (one.score >= 2).astype(float)
    assert one.log_evidence(heights) == pytest.approx(other.log_evidence(heights))
    drawn = [p.draw(heights, 5, np.random.default_rng(1)) for p in (one, other)]
    assert drawn[1][:, :2] == pytest.approx(5 * drawn[0][:, :2] - 40)
    assert drawn[1][:, 3] == pytest.approx(25 * drawn[0][:, 3])
