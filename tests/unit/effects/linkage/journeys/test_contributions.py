import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.effects.linkage.journeys.contributions import (
    WaveShares,
    resampled_sums,
    wave_shares,
)

NUMBERS = st.floats(0.0, 10.0, allow_nan=False)


def shares(weights, scores) -> WaveShares:
    weight = np.array(weights, dtype=float)
    added = weight * np.array(scores, dtype=float)
    return wave_shares(weight[:, None], added[:, None], np.ones(1))


def test_mix_and_within_of_two_touchpoints_by_hand():
    found = shares([[0.5, 0.5], [0.25, 0.75]], [[40, 20], [50, 25]])
    np.testing.assert_allclose(found.total, [30, 31.25])
    np.testing.assert_allclose(found.parts(), [[-3.59375, 3.75], [-2.03125, 3.125]], rtol=1e-12)


def test_a_touchpoint_above_average_that_grows_counts_as_a_gain():
    found = shares([[0.5, 0.5], [0.7, 0.3]], [[40, 20], [40, 20]])
    assert (found.parts()[:, 0] > 0).all()
    np.testing.assert_array_equal(found.parts()[:, 1], 0)


def test_scores_all_rise_while_the_total_falls_through_mix():
    found = shares([[0.9, 0.1], [0.1, 0.9]], [[40, 20], [45, 25]])
    assert found.total[1] - found.total[0] == pytest.approx(-11)
    assert (found.parts()[:, 1] > 0).all()
    assert found.parts()[:, 1].sum() == pytest.approx(5)
    assert found.parts()[:, 0].sum() == pytest.approx(-16)


def test_a_new_touchpoint_is_all_mix():
    found = shares([[1.0, 0.0], [0.8, 0.2]], [[30, 0], [30, 5]])
    assert np.isnan(found.score[0, 1])
    parts = found.parts()
    assert parts[1, 1] == 0
    assert parts.sum() == pytest.approx(-5)
    assert parts[1, 0] == pytest.approx(0.2 * (5 - 27.5))


def test_a_touchpoint_of_neither_wave_adds_nothing():
    found = shares([[1, 1, 0], [2, 1, 0]], [[3, 4, 5], [3, 5, 6]])
    np.testing.assert_array_equal(found.parts()[2], 0)


@given(
    weights=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=6),
    scores=st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=6, max_size=6),
)
def test_parts_sum_to_the_change_and_up_the_tree(weights, scores):
    weight = np.array(weights).T + np.array([[1e-3], [1e-3]]) * (np.arange(len(weights)) == 0)
    score = np.array(scores[: len(weights)]).T
    found = shares(weight, score)
    naive = [np.average(s, weights=w) for s, w in zip(score, weight, strict=True)]
    assert found.parts().sum() == pytest.approx(naive[1] - naive[0], abs=1e-11)
    group = np.arange(len(weights)) % 2
    larger = found.grouped(group, 2)
    np.testing.assert_allclose(larger.total, found.total, atol=1e-10)
    for g in range(2):
        assert larger.parts()[g].sum() == pytest.approx(found.parts()[group == g].sum(), abs=1e-10)


def test_the_order_of_the_waves_only_changes_the_sign():
    found = shares([[1, 2, 3], [3, 2, 2]], [[10, 20, 30], [12, 5, 40]])
    back = shares([[3, 2, 2], [1, 2, 3]], [[12, 5, 40], [10, 20, 30]])
    np.testing.assert_allclose(found.parts(), -back.parts(), atol=1e-12)


def test_groups_are_given_their_target_in_both_waves():
    weight = np.array([[[1.0, 3.0], [4.0, 4.0]], [[2.0, 2.0], [1.0, 0.0]]])
    found = wave_shares(weight, 10 * weight, np.array([0.25, 0.75]))
    np.testing.assert_allclose(found.total, [10, 10])
    np.testing.assert_allclose(found.share[0], [0.25 / 4 + 0.75 / 2, 0.75 / 4 + 0.75 / 2])
    np.testing.assert_allclose(found.share[1], [0.125 + 0.75, 0.125])


def test_the_first_sums_are_plain_and_clusters_move_together():
    cell, value = np.array([0, 1, 1, 0]), np.array([1.0, 2.0, 4.0, 8.0])
    sums = resampled_sums(
        cell,
        [np.ones(4), value],
        n_cells=2,
        weight=np.array([1.0, 1.0, 0.5, 2.0]),
        cluster=np.array([0, 0, 1, 1]),
        draws=5,
        rng=3,
    )
    np.testing.assert_allclose(sums[0], [[3.0, 1.5], [17.0, 4.0]])
    first, second = sums[1:, 0, 0] - 0, sums[1:, 0, 1]
    # two random factors a draw explain all four sums
    factors = np.linalg.solve([[1.0, 2.0], [1.0, 0.5]], np.stack([first, second]))
    np.testing.assert_allclose(sums[1:, 1, 0], factors[0] * 1 + factors[1] * 16)
    np.testing.assert_allclose(sums[1:, 1, 1], factors[0] * 2 + factors[1] * 2)
