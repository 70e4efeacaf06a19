import numpy as np
import pytest
from scipy import special, stats

from cximpact.effects.linkage.thresholds.binary import BinaryPart

SCORE = np.arange(4.0)
TRIALS = np.array([30.0, 40.0, 20.0, 25.0])
SUCCESSES = np.array([6.0, 9.0, 9.0, 14.0])
KINK = np.array([0.0, 0.0, 0.5, 1.0])
STEP = np.array([0.0, 0.0, 1.0, 1.0])


def part(beta=(1.0, 1.0)):
    return BinaryPart(
        score=SCORE, x=np.empty((4, 0)), successes=SUCCESSES, trials=TRIALS, beta=beta
    )


def likelihood(low, high, heights):
    p = special.expit(special.logit(low) * (1 - heights) + special.logit(high) * heights)
    return float(
        np.exp(special.xlogy(SUCCESSES, p) + special.xlog1py(TRIALS - SUCCESSES, -p)).prod()
    )


def rows_of(seed, n=400):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 4, n).astype(float)
    x = rng.normal(size=(n, 2))
    eta = -1 + 0.8 * (score >= 2) + 0.5 * x[:, 0]
    return score, x, (rng.random(n) < special.expit(eta)).astype(float)


@pytest.mark.parametrize("beta", [(1.0, 1.0), (2.0, 3.0)])
@pytest.mark.parametrize("heights", [KINK, STEP, SCORE / 3])
def test_evidence_is_the_integral_over_both_rates(heights, beta):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    at, mass = (nodes + 1) / 2, weights / 2 * stats.beta(*beta).pdf((nodes + 1) / 2)
    exact = mass @ np.array([[likelihood(a, b, heights) for b in at] for a in at]) @ mass
    found = part(beta).log_evidence(heights)
    assert found == pytest.approx(np.log(exact), abs=1e-6)


def test_without_a_shape_there_is_one_rate():
    k, n = SUCCESSES.sum(), TRIALS.sum()
    assert part().log_evidence(None) == pytest.approx(special.betaln(1 + k, 1 + n - k))


def test_a_side_without_rows_keeps_its_prior():
    assert part().log_evidence(np.ones(4)) == pytest.approx(part().log_evidence(None))
    drawn = part().draw(np.ones(4), 20_000, np.random.default_rng(1))
    assert special.expit(drawn[:, 0]).mean() == pytest.approx(0.5, abs=0.01)


def test_draws_of_a_step_are_beta():
    drawn = special.expit(part().draw(STEP, 40_000, np.random.default_rng(1)))
    low, high = stats.beta(1 + 15, 1 + 55), stats.beta(1 + 23, 1 + 22)
    assert drawn.mean(axis=0) == pytest.approx([low.mean(), high.mean()], abs=0.002)
    assert drawn.std(axis=0) == pytest.approx([low.std(), high.std()], rel=0.03)


def test_draws_of_a_kink_have_the_moments_of_the_posterior():
    drawn = special.expit(part().draw(KINK, 40_000, np.random.default_rng(1)))
    grid = (np.arange(300) + 0.5) / 300
    mass = np.array([[likelihood(a, b, KINK) for b in grid] for a in grid])
    mass /= mass.sum()
    low, high = mass.sum(axis=1), mass.sum(axis=0)
    assert drawn.mean(axis=0) == pytest.approx([grid @ low, grid @ high], abs=0.003)
    sd = [np.sqrt(grid**2 @ m - (grid @ m) ** 2) for m in (low, high)]
    assert drawn.std(axis=0) == pytest.approx(sd, rel=0.04)


def test_equal_rows_are_counted_and_change_nothing():
    score, x, y = rows_of(1)
    rough = np.round(x)
    one = BinaryPart.from_rows(score, rough, y, (1.0, 1.0))
    each = BinaryPart(score=score, x=rough, successes=y, trials=np.ones(y.size), beta=(1.0, 1.0))
    assert one.trials.sum() == y.size
    assert one.trials.size < y.size
    step = (one.score >= 2).astype(float), (score >= 2).astype(float)
    assert one.log_evidence(step[0]) == pytest.approx(each.log_evidence(step[1]))


def test_laplace_is_near_importance_sampling():
    score, x, y = rows_of(2)
    part_ = BinaryPart.from_rows(score, x, y, (1.0, 1.0))
    rng = np.random.default_rng(3)
    gaps = []
    for heights in ((part_.score >= 2).astype(float), part_.score / 3):
        drawn = part_.draw(heights, 20_000, rng)
        center, cov = drawn.mean(axis=0), np.cov(drawn.T)
        z = stats.multivariate_t(center, 1.3 * cov, df=5, seed=4)
        values = z.rvs(20_000)
        eta = values[:, :1] * (1 - heights) + values[:, 1:2] * heights + values[:, 2:] @ part_.x.T
        fit = eta @ part_.successes - np.logaddexp(0, eta) @ part_.trials
        prior = stats.logistic.logpdf(values[:, :2]).sum(axis=1)
        prior += stats.norm.logpdf(values[:, 2:]).sum(axis=1)
        weight = fit + prior - z.logpdf(values)
        exact = special.logsumexp(weight) - np.log(weight.size)
        gaps.append(abs(part_.log_evidence(heights) - exact))
    assert max(gaps) < 0.05


def test_coefficients_recover_the_truth():
    score, x, y = rows_of(5, n=20_000)
    part_ = BinaryPart.from_rows(score, x, y, (1.0, 1.0))
    drawn = part_.draw((part_.score >= 2).astype(float), 2000, np.random.default_rng(1))
    gap = (drawn.mean(axis=0) - [-1, -0.2, 0.5, 0]) / drawn.std(axis=0)
    assert np.abs(gap).max() < 3
    assert part_.draw(None, 10, np.random.default_rng(1)).shape == (10, 4)


def test_rows_that_part_perfectly_still_give_an_answer():
    score, y = np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)
    part_ = BinaryPart.from_rows(score, np.empty((100, 0)), y, (1.0, 1.0))
    drawn = part_.draw(part_.score, 100, np.random.default_rng(1))
    assert np.isfinite(drawn).all()
    x = np.column_stack([y - 0.5])
    adjusted = BinaryPart.from_rows(score, x, y, (1.0, 1.0))
    assert np.isfinite(adjusted.log_evidence(adjusted.score))
