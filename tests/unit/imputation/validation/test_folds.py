"""Folds: every answer is held out once, at random within its cell."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import ConfigError, InsufficientDataError, MissingColumnError
from cximpact.data import SurveyWave, cells
from cximpact.imputation.validation.folds import (
    answer_folds,
    answers_repeatedly,
    cell_folds,
    customer_folds,
    group_folds,
)
from cximpact.scores import NPS
from tests.support.synthetic_imputed import customer_frame, wave_of


def whole(folds):
    return sum(fold.held_out for fold in folds)


@pytest.fixture(scope="module")
def counts():
    return cells(wave_of(customer_frame(n=900, seed=2)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(2, 7))
def test_each_answer_is_held_out_once_and_sizes_differ_by_one(seed, k):
    counts = cells(wave_of(customer_frame(n=200, seed=3)))
    folds = answer_folds(counts, k, np.random.default_rng(seed))
    assert np.array_equal(whole(folds), counts.dense())
    assert np.ptp([fold.n for fold in folds]) <= 1
    by_cell = np.array([fold.held_out.sum(axis=1) for fold in folds])
    assert np.ptp(by_cell, axis=0).max() <= 1
    for fold in folds:
        assert np.array_equal(fold.train.dense() + fold.held_out, counts.dense())
        assert np.array_equal(fold.train.frame_count, counts.frame_count)


def test_answers_are_drawn_as_from_an_urn():
    """A cell of 5 zeros and 7 tens: zeros in a fold of 4 are hypergeometric."""
    frame = pd.DataFrame({"nps": [0.0] * 5 + [10.0] * 7})
    counts = cells(SurveyWave(frame, answer="nps", scale=NPS))
    rng = np.random.default_rng(0)
    zeros = [answer_folds(counts, 3, rng)[1].held_out[0, 0] for _ in range(1500)]
    seen = np.bincount(zeros, minlength=5) / 1500
    expected = np.array([35, 175, 210, 70, 5]) / 495
    assert seen == pytest.approx(expected, abs=0.035)


def test_weights_leave_in_proportion():
    frame = customer_frame(n=400, seed=4).assign(w=2.0)
    counts = cells(wave_of(frame, weight="w"))
    fold = answer_folds(counts, 4, np.random.default_rng(1))[0]
    assert fold.train.weight == pytest.approx(2 * fold.train.count)
    assert fold.train.weight_sq == pytest.approx(4 * fold.train.count)


def test_customers_stay_together():
    rng = np.random.default_rng(5)
    n = 600
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, 150, n),
            "segment": rng.choice(list("ab"), n),
            "nps": np.where(rng.random(n) < 0.5, rng.integers(0, 11, n), np.nan),
        }
    )
    wave = SurveyWave(frame, answer="nps", scale=NPS, factors=["segment"], customer="customer")
    counts = cells(wave)
    assert answers_repeatedly(wave)
    folds = customer_folds(counts, wave, 5, np.random.default_rng(0))
    assert np.array_equal(whole(folds), counts.dense())
    answered = frame.dropna()
    assert np.ptp([fold.n for fold in folds]) < 0.3 * len(answered)
    one = answered.groupby("customer").head(1)
    single = SurveyWave(one, answer="nps", scale=NPS, factors=["segment"], customer="customer")
    assert not answers_repeatedly(single)


def test_a_customer_with_many_answers_lies_in_one_fold():
    """One customer gave all the zeros, so all zeros are held out together."""
    frame = pd.DataFrame({"customer": [0] * 9 + list(range(1, 21)), "nps": [0.0] * 9 + [10.0] * 20})
    wave = SurveyWave(frame, answer="nps", scale=NPS, customer="customer")
    folds = customer_folds(cells(wave), wave, 4, np.random.default_rng(3))
    assert sorted(int(fold.held_out[0, 0]) for fold in folds) == [0, 0, 0, 9]


def test_groups_and_cells_are_held_out_whole(counts):
    folds = group_folds(counts, "segment", 3, np.random.default_rng(0))
    assert np.array_equal(whole(folds), counts.dense())
    groups = [set(counts.index["segment"][fold.held_out.sum(axis=1) > 0]) for fold in folds]
    assert sorted(map(len, groups)) == [1, 1, 2]
    assert set.union(*groups) == set("abcd")
    assert len(group_folds(counts, "month", 9, np.random.default_rng(0))) == 3
    by_cell = cell_folds(counts, 5, np.random.default_rng(0))
    assert np.array_equal(whole(by_cell), counts.dense())
    assert (np.array([f.held_out.sum(axis=1) > 0 for f in by_cell]).sum(axis=0) <= 1).all()


def test_the_same_seed_gives_the_same_folds(counts):
    one, two = (answer_folds(counts, 3, np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(a.held_out, b.held_out) for a, b in zip(one, two, strict=True))


def test_what_cannot_be_split_is_refused(counts):
    rng = np.random.default_rng(0)
    with pytest.raises(MissingColumnError, match="Did you mean 'segment'"):
        group_folds(counts, "segmnt", 3, rng)
    few = cells(SurveyWave(pd.DataFrame({"nps": [1.0, 2.0]}), answer="nps", scale=NPS))
    with pytest.raises(InsufficientDataError, match="2 answers; expected at least k=3"):
        answer_folds(few, 3, rng)
    with pytest.raises(ConfigError, match="k is 1"):
        answer_folds(counts, 1, rng)
    with pytest.raises(InsufficientDataError, match="1 cells with answers"):
        cell_folds(few, 3, rng)
    nameless = wave_of(customer_frame(), customer=None)
    with pytest.raises(ConfigError, match="names no customer"):
        customer_folds(counts, nameless, 3, rng)
    with pytest.raises(ConfigError, match="not those of the cells"):
        customer_folds(counts, wave_of(customer_frame(n=900, seed=9)), 3, rng)
