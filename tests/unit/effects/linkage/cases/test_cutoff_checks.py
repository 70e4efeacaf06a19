import numpy as np
import pytest
from scipy import stats

from cximpact.effects.linkage.cases.cutoff_cells import ScoreCells
from cximpact.effects.linkage.cases.cutoff_checks import covariate_jumps, mass_at_cutoff

STEPS = np.arange(6, -5, -1)  # of the scores 0 to 10 with a cutoff at 6


def counts(rng: np.random.Generator, n: int = 4000, moved: float = 0.0) -> np.ndarray:
    share = stats.norm.pdf(np.arange(11), 6.5, 2.2)
    drawn = rng.multinomial(n, share / share.sum())
    over = int(moved * drawn[6])
    drawn[6], drawn[7] = drawn[6] - over, drawn[7] + over
    return drawn


def test_a_smooth_score_passes_as_often_as_it_should():
    rng = np.random.default_rng(1)
    p = np.array([mass_at_cutoff(STEPS, counts(rng))["p"] for _ in range(300)])
    assert np.mean(p < 0.1) < 0.16
    assert np.mean(p < 0.5) > 0.35


def test_agents_who_talk_scores_across_the_threshold_are_seen():
    found = mass_at_cutoff(STEPS, counts(np.random.default_rng(2), moved=0.25))
    assert found["p"] < 0.01
    assert found["log_ratio"] > 0.3
    backward = mass_at_cutoff(STEPS, counts(np.random.default_rng(2), moved=-0.25))
    assert backward["log_ratio"] < 0


def test_heaps_at_round_scores_are_noise_and_named():
    rng = np.random.default_rng(3)
    heaped = counts(rng)
    smooth = mass_at_cutoff(STEPS, heaped)
    assert smooth["heaps"] == []
    heaped[1] *= 40
    found = mass_at_cutoff(STEPS, heaped)
    assert found["heaps"] == [5]
    assert found["dispersion"] > 20
    assert found["p"] > 0.05
    assert found["std_error"] > 3 * smooth["std_error"]


def test_too_few_scores_are_not_tested():
    found = mass_at_cutoff(np.array([1, 0, -1, -2]), np.array([5, 6, 7, 8]))
    assert np.isnan(found["p"])
    assert found["heaps"] == []
    assert np.isnan(mass_at_cutoff(np.array([3, 2, 1, 0]), np.full(4, 9))["p"])


@pytest.mark.parametrize("factor", [2, 10])
def test_more_answers_sharpen_the_test(factor):
    drawn = np.round(counts(np.random.default_rng(4), n=100_000) / 100)
    small, large = (mass_at_cutoff(STEPS, k * drawn) for k in (1, factor))
    assert large["std_error"] < small["std_error"]
    assert large["log_ratio"] == pytest.approx(small["log_ratio"], abs=1e-8)


def test_many_covariates_are_judged_together():
    one = np.where(STEPS >= 0, 0.35, 0.0)
    cells = ScoreCells(
        score=np.arange(11.0),
        steps=np.abs(STEPS),
        treated_side=STEPS >= 0,
        count=np.full(11, 100),
        means=np.tile(one, (20, 1)),
        covariance=np.einsum("ab,jk->ajbk", np.eye(20), 0.01 * np.eye(11)),
    )
    alone = covariate_jumps(cells, ["x"], 0, 0.9)
    together = covariate_jumps(cells, [f"x{k}" for k in range(20)], 0, 0.9)
    assert alone["jumps"].all()
    assert not together["jumps"].any()
    np.testing.assert_allclose(alone["estimate"], 0.35)
