"""Independent draws meet in one function, and dependent ones stay dependent."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError

N = 4000


def normal(source, seed, n=N, **options):
    return dr.from_array(np.random.default_rng(seed).normal(size=n), source=source, **options)


def correlated(source="fit", rho=0.8, n=N, seed=3):
    """Two standard normals with exactly the correlation rho in the sample."""
    raw = np.random.default_rng(seed).normal(size=(n, 2))
    raw -= raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / n)).T
    mixed = white @ np.linalg.cholesky(np.array([[1, rho], [rho, 1]])).T
    return [dr.from_array(mixed[:, i], source=source) for i in (0, 1)]


def variance_of_sum(a, b):
    return float(dr.map(lambda x, y: x + y, a, b).var("sample"))


# --- T-ROI-7: joint stays joint ---------------------------------------------------


def test_variance_of_a_sum_of_joint_draws_is_three_point_six():
    assert variance_of_sum(*correlated()) == pytest.approx(3.6, abs=1e-9)


def test_pairing_with_another_source_keeps_the_correlation():
    a, b = correlated()
    first, _, second = dr.pair(a, normal("other", 1), b, rng=1)
    assert variance_of_sum(first, second) == pytest.approx(3.6, abs=1e-9)


def test_separate_pairings_with_one_seed_keep_the_correlation_even_when_repeated():
    a, b = correlated(n=1000)
    long = normal("other", 1, n=5000)
    first, _ = dr.pair(a, long, rng=5)
    second, _ = dr.pair(b, long, rng=5)
    assert variance_of_sum(first, second) == pytest.approx(3.6, abs=1e-9)


def test_resampling_with_one_seed_keeps_the_correlation():
    a, b = (dr.resample(x, 3 * N, rng=9) for x in correlated())
    assert variance_of_sum(a, b) == pytest.approx(3.6, abs=1e-9)


def test_resampling_with_two_seeds_is_noticed():
    a, b = correlated()
    with pytest.raises(AlignmentError, match="not in one joint order"):
        variance_of_sum(dr.resample(a, N, rng=1), dr.resample(b, N, rng=2))


def test_independent_sources_have_the_sum_of_their_variances():
    (a, _), (b, _) = correlated("one", seed=1), correlated("two", seed=2)
    total = variance_of_sum(*dr.pair(a, b, rng=4))
    assert total == pytest.approx(2.0, abs=4 * np.sqrt(4 / N))


def test_permuting_one_of_two_joint_draws_by_hand_is_noticed():
    a, b = correlated()
    shuffled = b.isel(sample=np.random.default_rng(1).permutation(N))
    for wrong in (shuffled, b.sortby(b), a + shuffled, b.isel(sample=slice(None, None, -1))):
        with pytest.raises(AlignmentError, match="out of order"):
            dr.order_of(wrong)


# --- independence ------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sorted_sources_have_no_rank_correlation_after_pairing(seed):
    a, b, c = (dr.from_array(np.arange(N) / N, source=s) for s in "abc")
    paired = dr.pair(a, b, c, rng=seed)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(stats.spearmanr(paired[i], paired[j]).statistic) < 4 / np.sqrt(N)


def test_sorted_sources_stay_independent_over_separate_calls_with_one_seed():
    a, b, c = (dr.from_array(np.arange(N) / N, source=s) for s in "abc")
    with_b, with_c = dr.pair(a, b, rng=1)[1], dr.pair(a, c, rng=1)[1]
    assert dr.check_joint(*dr.pair(with_b, with_c, rng=2))
    assert abs(stats.spearmanr(with_b, with_c).statistic) < 4 / np.sqrt(N)


@pytest.mark.parametrize("make", [lambda: 1, lambda: np.random.default_rng(1)])
def test_two_anchors_never_become_joint_through_a_third_source(make):
    a, b, c = (dr.from_array(np.arange(N) / N, source=s) for s in "abc")
    with_b, with_c = dr.pair(a, b, rng=make())[0], dr.pair(c, b, rng=make())[0]
    with pytest.raises(AlignmentError, match="different sample orders"):
        dr.pair(with_b, with_c, rng=3)


def test_a_short_sorted_source_is_spread_over_a_long_one():
    short, long = dr.from_array(np.arange(100), source="s"), dr.from_array(np.arange(N), source="l")
    a, b = dr.pair(short, long, rng=1)
    assert abs(stats.spearmanr(a, b).statistic) < 4 / np.sqrt(N)


# --- refusals ----------------------------------------------------------------------


def test_results_of_one_source_in_different_orders_are_refused():
    a, b = correlated()
    with pytest.raises(AlignmentError, match="two results of 'fit' come in different"):
        dr.pair(a, dr.resample(b, N, rng=1), rng=1)


def test_an_old_order_result_is_refused_after_its_source_moved():
    a, b = correlated()
    _, moved = dr.pair(normal("other", 1), a, rng=1)
    with pytest.raises(AlignmentError, match="two results of 'fit'"):
        dr.pair(moved, b, rng=1)
    with pytest.raises(AlignmentError, match="joint order"):
        dr.map(lambda x, y: x + y, moved, b)


def test_the_first_block_keeps_its_order_so_its_kin_can_join_later():
    a, b = correlated()
    kept, other = dr.pair(a, normal("other", 1), rng=1)
    first, second, third = dr.pair(kept, b, other, rng=2)
    np.testing.assert_array_equal(third, other)
    assert variance_of_sum(first, second) == pytest.approx(3.6, abs=1e-9)


def test_results_linked_through_a_third_must_all_agree():
    a, b, c = normal("a", 1), normal("b", 2), normal("c", 3)
    ab, ba = dr.pair(a, b, rng=1)
    bc, cb = dr.pair(ba, c, rng=2)
    out = dr.pair(ab, bc, cb, rng=3)
    assert dr.check_joint(*out).keys() == {"a", "b", "c"}
    np.testing.assert_array_equal(out[2], cb)
    with pytest.raises(AlignmentError, match="two results of 'c'"):
        dr.pair(ab, bc, c, rng=3)


def test_two_fits_of_the_same_data_are_refused_without_a_reason():
    a, b = normal("model 1", 1, data_ids=["d41d8"]), normal("model 2", 2, data_ids=["d41d8"])
    with pytest.raises(AlignmentError, match="'model 1', 'model 2' were estimated from the same"):
        dr.pair(a, b, rng=1)


def test_a_reason_lets_them_through_and_is_recorded_in_everything_after():
    a, b = normal("model 1", 1, data_ids=["d"]), normal("model 2", 2, data_ids=["d"])
    a, b = dr.pair(a, b, rng=1, assume_independent="different customers")
    total = dr.map(lambda x, y: x + y, a, b)
    (later, _) = dr.pair(total, normal("other", 5), rng=2)
    assert later.attrs["assumed_independent"] == "different customers"
    with pytest.raises(AlignmentError, match="same data"):
        dr.pair(total, normal("model 3", 3, data_ids=["d"]), rng=1)


def test_a_reason_that_was_not_needed_is_not_recorded():
    a, _ = dr.pair(normal("a", 1), normal("b", 2), rng=1, assume_independent="no doubt")
    assert "assumed_independent" not in a.attrs


def test_orders_torn_apart_may_be_assumed_independent_and_are_then_permuted():
    a, b = correlated()
    torn = dr.resample(b, N, rng=8)
    x, y = dr.pair(a, torn, rng=1, assume_independent="sensitivity check")
    assert variance_of_sum(x, y) == pytest.approx(2.0, abs=4 * np.sqrt(4 / N))
    with pytest.raises(AlignmentError):
        dr.pair(x, a, rng=1)


@pytest.mark.parametrize("reason", ["", "  ", True, 1])
def test_a_reason_must_be_words(reason):
    with pytest.raises(ConfigError, match="expected the reason"):
        dr.pair(normal("a", 1), normal("b", 2), rng=1, assume_independent=reason)


def test_one_source_with_unequal_lengths_is_refused():
    a, b = correlated()
    with pytest.raises(AlignmentError, match="unequal lengths"):
        dr.pair(a, b.isel(sample=slice(0, 100)), rng=1)


def test_pair_needs_blocks_and_a_positive_size():
    with pytest.raises(AlignmentError, match="no draws"):
        dr.pair(rng=1)
    for size in (0, -1, 2.5, True):
        with pytest.raises(ConfigError, match="size is"):
            dr.pair(normal("a", 1), rng=1, size=size)


# --- lengths, blocks, determinism ------------------------------------------------------


def test_the_longest_block_decides_and_nothing_shrinks():
    a, b = dr.pair(normal("a", 1, n=1000), normal("b", 2, n=2500), rng=1)
    assert a.sizes["sample"] == b.sizes["sample"] == 2500
    used = np.unique(a, return_counts=True)[1]
    assert used.size == 1000 and set(used.tolist()) == {2, 3}


def test_a_part_is_drawn_from_everywhere():
    part = dr.resample(dr.from_array(np.arange(N), source="s"), 400, rng=1)
    assert np.unique(part).size == 400 and 0.4 * N < float(part.mean()) < 0.6 * N


def test_a_whole_dataset_moves_together():
    a, b = correlated()
    block = xr.Dataset({"a": a, "b": b})
    _, moved = dr.pair(normal("other", 1), block, rng=1)
    assert variance_of_sum(moved["a"], moved["b"]) == pytest.approx(3.6, abs=1e-9)
    assert not np.array_equal(moved["a"], a)


def test_pairing_leaves_its_inputs_alone_and_returns_frozen_draws():
    a, b = normal("a", 1), normal("b", 2)
    before = a.copy(deep=True), b.copy(deep=True)
    for moved in dr.pair(a, b, rng=1, size=5000):
        with pytest.raises(ValueError, match="read-only"):
            moved[0] = 1.0
    xr.testing.assert_identical(a, before[0])
    xr.testing.assert_identical(b, before[1])


def test_pairing_follows_the_seed():
    a, b = normal("a", 1), normal("b", 2)
    one, same, other = (dr.pair(a, b, rng=s)[1] for s in (1, 1, 2))
    xr.testing.assert_identical(one, same)
    assert not np.array_equal(one, other)


def test_pairing_does_not_depend_on_the_process_or_the_hash_seed():
    code = (
        "import numpy as np; from cximpact.core import draws as d\n"
        "x, y = (d.from_array(np.arange(50.), source=s, data_ids=[s, s + '2']) for s in 'ab')\n"
        "p = d.pair(x, y, rng=1)[1]; print(p.values.tolist(), p.attrs['sample_order'])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": h, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for h in ("0", "77")
    }
    assert len(seen) == 1


def test_a_generator_moves_on_and_a_seed_does_not():
    a, b, rng = normal("a", 1), normal("b", 2), np.random.default_rng(1)
    first, second = dr.pair(a, b, rng=rng)[1], dr.pair(a, b, rng=rng)[1]
    assert not np.array_equal(first, second)
    again = dr.pair(a, b, rng=np.random.default_rng(1))[1]
    np.testing.assert_array_equal(first, again)


# --- Monte Carlo error -------------------------------------------------------------------


def test_repeating_draws_does_not_pretend_to_more_information():
    short, long = dr.pair(normal("a", 1, n=100), normal("b", 2), rng=1)
    assert short.attrs["ess"] == long.attrs["ess"] == 100
    assert dr.resample(normal("a", 1, n=100), 1000, rng=1).attrs["ess"] == 100


def test_a_stated_constant_adds_no_monte_carlo_error():
    fixed = dr.from_array(np.full(2, 240.0), source="stated")
    for block in dr.pair(normal("a", 1), fixed, rng=1):
        assert "ess" not in block.attrs and block.sizes["sample"] == N


def test_a_bootstrap_of_draws_halves_their_worth():
    assert dr.resample(normal("a", 1), N, rng=1, replace=True).attrs["ess"] == N / 2


def test_the_smallest_effective_number_is_carried_on():
    a = normal("a", 1, attrs={"ess": 500.0})
    b = normal("b", 2, attrs={"ess": 900.0})
    assert dr.map(lambda x, y: x * y, *dr.pair(a, b, rng=1)).attrs["ess"] == 500
