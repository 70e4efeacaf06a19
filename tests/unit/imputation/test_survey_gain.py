"""What further answers would teach, against exact conditioning on every person."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from cximpact.core.errors import MemoryBudgetError
from cximpact.imputation.survey_gain import Knowledge, efficient_scores, factors, kept_draws
from cximpact.imputation.targeting import allocate

SILENT = np.array([4.0, 6.0, 3.0, 5.0, 7.0])


def gaussian(seed: int = 0, groups: int = 1) -> tuple[Knowledge, np.ndarray]:
    """Five cells whose means are jointly normal; each answer is its own score and signal."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(5, 5))
    known = Knowledge(
        score=root,
        signal=root,
        noise=np.array([1.0, 2.0, 0.5, 3.0, 1.0]),
        scatter=np.array([1.0, 2.0, 0.5, 3.0, 1.0]),
        weight=SILENT,
        weight_sq=SILENT,
        each=np.ones(5),
        group=np.arange(5) % groups,
        total=np.array([30.0, 40.0])[:groups],
    )
    return known, root @ root.T


def exact_variance(known: Knowledge, cov: np.ndarray, answers: np.ndarray) -> float:
    """Condition the normal distribution of every single person on those who answered."""
    person = np.repeat(np.arange(5), SILENT.astype(int))
    joint = cov[np.ix_(person, person)] + np.diag(known.scatter[person])
    order = np.concatenate([np.arange(n) for n in SILENT.astype(int)])
    seen = order < answers[person]
    weights = np.ones(seen.size) / known.total[0]
    gain = np.linalg.solve(joint[np.ix_(seen, seen)], joint[seen])
    after = joint - joint[:, seen] @ gain
    return float(weights @ after @ weights)


@pytest.mark.parametrize("answers", [(0, 0, 0, 0, 0), (2, 0, 0, 0, 0), (1, 3, 0, 2, 7)])
def test_variance_is_that_of_conditioning_on_every_person(answers):
    known, cov = gaussian()
    answers = np.array(answers, dtype=float)
    assert known.after(answers).variance()[0] == pytest.approx(exact_variance(known, cov, answers))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("each", [np.ones(5), np.array([1.0, 2.0, 0.5, 3.0, 0.0])])
def test_gain_of_a_cell_is_the_fall_of_the_variances(groups, each):
    known = dataclasses.replace(
        gaussian(groups=groups)[0], weight=SILENT * each, weight_sq=SILENT * each**2, each=each
    )
    answers = np.array([1.0, 2.5, 0.0, 4.0, 6.0])
    gains = known.gains(answers)
    for j in range(5):
        alone = np.where(np.arange(5) == j, answers, 0.0)
        fall = known.variance().sum() - known.after(alone).variance().sum()
        assert gains[j] == pytest.approx(fall, abs=1e-12)


def test_the_formula_for_one_cell_is_the_textbook_one():
    known, cov = gaussian()
    many = dataclasses.replace(
        known, weight=SILENT * 1e6, weight_sq=SILENT * 1e6, total=known.total * 1e6
    )
    w = SILENT / 30.0
    expected = (w @ cov[:, 1]) ** 2 / (cov[1, 1] + known.noise[1] / 2)
    assert many.gains(np.array([0, 2.0, 0, 0, 0]))[1] == pytest.approx(expected, rel=1e-4)


def test_a_cell_at_a_time_teaches_what_all_together_do():
    known, _ = gaussian(groups=2)
    answers = np.array([1.0, 2.5, 0.0, 4.0, 6.0])
    one_by_one = known
    for j in range(5):
        one_by_one = one_by_one.after(np.where(np.arange(5) == j, answers, 0.0))
    assert one_by_one.variance() == pytest.approx(known.after(answers).variance())


@given(st.lists(st.floats(0, 1.5), min_size=10, max_size=10))
def test_what_is_known_does_not_depend_on_the_order_of_the_answers(shares):
    known, _ = gaussian()
    first, second = np.array(shares[:5]), np.array(shares[5:])
    together = known.after(first + second).variance()
    assert known.after(first).after(second).variance() == pytest.approx(together)
    assert known.after(second).after(first).variance() == pytest.approx(together)
    assert together[0] <= known.variance()[0] + 1e-12


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_efficient_scores_are_the_derivative_of_the_log_probabilities(link):
    cdf = special.expit if link == "logit" else stats.norm.cdf
    cuts = np.array([-1.2, 0.1, 0.9])

    def pmf(eta):
        return np.diff(np.concatenate([[0.0], cdf(cuts - eta), [1.0]]))

    step = 1e-5
    slope = (np.log(pmf(0.3 + step)) - np.log(pmf(0.3 - step))) / (2 * step)
    found = efficient_scores(pmf(0.3), link)
    assert found == pytest.approx(slope, abs=1e-8)
    assert pmf(0.3) @ found == pytest.approx(0.0, abs=1e-12)


def test_few_factors_hold_the_covariances_of_the_draws():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(400, 3))
    score, signal = latent @ rng.normal(size=(3, 30)) * 50, latent @ rng.normal(size=(3, 30))
    rows = factors(score, signal)
    assert rows[0].shape[1] == 3
    both = np.concatenate([score, signal], axis=1)
    stacked = np.concatenate(rows)
    assert stacked @ stacked.T == pytest.approx(np.cov(both, rowvar=False), abs=1e-6)


def test_allocation_is_about_the_best_there_is():
    known, _ = gaussian(seed=4)
    eligible, response = SILENT.copy(), np.array([0.5, 0.3, 0.6, 0.4, 0.2])
    asked = allocate(known, eligible, response, budget=8.0, floor=0.05)
    rng = np.random.default_rng(0)
    tried = 0.05 * eligible + rng.dirichlet(np.full(5, 0.5), 20_000) * (8.0 - 0.05 * eligible.sum())
    tried = tried[(tried <= eligible).all(axis=1)][:4000]
    best = min(known.after(row * response).variance()[0] for row in tried)
    assert asked.sum() == pytest.approx(8.0)
    assert known.after(asked * response).variance()[0] <= best * 1.002


def test_allocation_keeps_floor_and_people():
    known, _ = gaussian(seed=4)
    eligible = np.array([4.0, 6.0, 0.0, 5.0, 7.0])
    asked = allocate(known, eligible, np.full(5, 0.5), budget=15.0, floor=0.1)
    assert (asked >= 0.1 * eligible - 1e-12).all() and (asked <= eligible + 1e-9).all()
    assert asked[2] == 0 and asked.sum() == pytest.approx(15.0)
    assert (allocate(known, eligible, np.full(5, 0.5), 100.0, 0.1) == eligible).all()


def test_too_many_cells_for_their_covariances_are_refused():
    assert len(kept_draws(4000, 400)) == 1000
    with pytest.raises(MemoryBudgetError, match="fewer factors"):
        kept_draws(4000, 1_000_000)
