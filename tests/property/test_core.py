"""Properties of the draws that hold whatever is done to them in whatever order."""

from collections import Counter

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, CxImpactError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.rng import spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.summaries import interval
from cximpact.core.units import Change
from cximpact.core.validate import check_prob, check_vector, check_weights

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
N = 512
SEEDS = st.integers(0, 2**31)


def correlated(rho=0.8, n=N):
    """Two draws whose sample moments are exact: variances 1, correlation rho."""
    raw = np.random.default_rng(11).normal(size=(n, 2))
    raw -= raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / n)).T
    mixed = white @ np.linalg.cholesky(np.array([[1, rho], [rho, 1]])).T
    return [dr.from_array(mixed[:, i], source="parent") for i in (0, 1)]


# Each step takes the two draws and something random, and may treat them one after the other.


def paired_together(a, b, seed):
    return dr.pair(a, other(seed), b, rng=seed)[::2]


def paired_apart(a, b, seed):
    return dr.pair(a, other(seed), rng=seed)[0], dr.pair(b, other(seed), rng=seed)[0]


def paired_behind(a, b, seed):
    return dr.pair(other(seed), a, rng=seed)[1], dr.pair(other(seed), b, rng=seed)[1]


def paired_with_longer(a, b, seed):
    long = other(seed, 2 * a.sizes["sample"])
    return dr.pair(long, a, rng=seed)[1], dr.pair(long, b, rng=seed)[1]


def resampled(a, b, seed):
    size = a.sizes["sample"] * (1 + seed % 2)
    return dr.resample(a, size, rng=seed), dr.resample(b, size, rng=seed)


def in_one_dataset(a, b, seed):
    moved = dr.resample(xr.Dataset({"a": a, "b": b}), a.sizes["sample"], rng=seed)
    return moved["a"], moved["b"]


def stacked(a, b, seed):
    wide = dr.concat([a, b], dim="kpi", labels=["a", "b"])
    (wide,) = dr.pair(wide, rng=seed)
    return wide.sel(kpi="a", drop=True), wide.sel(kpi="b", drop=True)


def mapped(a, b, seed):
    return dr.map(lambda x: x + seed, a), dr.map(lambda x: 0 - (0 - x), b)


def raw_arithmetic(a, b, seed):
    return (a * 2 - a) + seed % 7, b - 3


STEPS = [
    paired_together, paired_apart, paired_behind, paired_with_longer, resampled, in_one_dataset,
    stacked, mapped, raw_arithmetic,
]  # fmt: skip


def other(seed, n=N):
    return dr.from_array(np.arange(float(n)), source=f"other {seed} {n}")


@FEW
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), SEEDS), max_size=4, unique_by=lambda step: step[1])
)
def test_the_variance_of_a_sum_stays_three_point_six(steps):
    a, b = correlated()
    for step, seed in steps:
        if a.sizes["sample"] <= 4 * N:
            a, b = step(a, b, seed)
    total = dr.map(lambda x, y: x + y, a, b)
    assert float(total.var("sample")) == pytest.approx(3.6, abs=1e-6)


@FEW
@given(st.sampled_from(STEPS), st.sampled_from(STEPS), SEEDS, SEEDS)
def test_results_treated_differently_join_correctly_or_not_at_all(one, two, seed, seed_two):
    a, b = correlated()
    a, b = one(a, b, seed)[0], two(a, b, seed_two)[1]
    try:
        a, b = dr.pair(a, b, rng=1)
    except AlignmentError:
        return
    total = dr.map(lambda x, y: x + y, a, b)
    assert float(total.var("sample")) == pytest.approx(3.6, abs=1e-6)


@FEW
@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), SEEDS)
def test_lengths_only_grow_and_every_draw_is_used_evenly(lengths, seed):
    blocks = [dr.from_array(np.arange(n), source=f"s{i}") for i, n in enumerate(lengths)]
    paired = dr.pair(*blocks, rng=seed)
    longest = max(lengths)
    for n, block in zip(lengths, paired, strict=True):
        used = Counter(block.values.tolist())
        assert block.sizes["sample"] == longest and len(used) == n
        assert set(used.values()) <= {longest // n, -(-longest // n)}
    dr.check_joint(*paired)


@FEW
@given(st.integers(1, 100), st.integers(1, 300), SEEDS)
def test_resampling_uses_every_draw_evenly(n, size, seed):
    used = Counter(dr.resample(dr.from_array(np.arange(n), source="s"), size, rng=seed).values)
    assert sum(used.values()) == size
    assert set(used.values()) <= {size // n, -(-size // n)}


@FEW
@given(st.permutations(["a", "b", "c", "d"]), SEEDS)
def test_sorted_sources_are_independent_in_any_order_of_arguments(names, seed):
    blocks = [dr.from_array(np.arange(4096.0), source=name) for name in names]
    table = np.corrcoef(np.array(dr.pair(*blocks, rng=seed)))
    assert np.abs(table[np.triu_indices(4, 1)]).max() < 5 / np.sqrt(4096)


@FEW
@given(st.permutations(range(4)), SEEDS)
def test_pairing_keeps_blocks_together_wherever_they_stand(places, seed):
    a, b = correlated()
    blocks = [a, b, other(1), dr.from_array(np.arange(100.0), source="short")]
    paired = dr.pair(*(blocks[i] for i in places), rng=seed)
    first, second = paired[places.index(0)], paired[places.index(1)]
    assert float((first + second).var("sample")) == pytest.approx(3.6, abs=1e-9)


@FEW
@given(SEEDS, st.integers(2, 30), st.integers(2, 30))
def test_pairing_changes_no_input_and_repeats_itself(seed, n, m):
    a, b = (dr.from_array(np.arange(k), source=f"s{k}{i}") for i, k in enumerate((n, m)))
    before = a.copy(deep=True), b.copy(deep=True)
    one, two = dr.pair(a, b, rng=seed), dr.pair(a, b, rng=seed)
    for x, y in zip(one, two, strict=True):
        xr.testing.assert_identical(x, y)
    xr.testing.assert_identical(a, before[0])
    xr.testing.assert_identical(b, before[1])


@FEW
@given(st.permutations(range(12)))
def test_any_rearrangement_by_hand_is_noticed(order):
    draws = dr.from_array(np.arange(12.0), source="s")
    moved = draws.isel(sample=order)
    if order == list(range(12)):
        assert dr.order_of(moved) == {"s": "fit"}
        return
    for wrong in (moved, moved + draws, np.maximum(moved, draws)):
        with pytest.raises(AlignmentError):
            dr.order_of(wrong)


@FEW
@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True), SEEDS)
def test_streams_depend_on_their_names_only(names, seed):
    one = {n: s.random() for n, s in zip(names, spawn(seed, *names), strict=True)}
    two = {n: s.random() for n, s in zip(names[::-1], spawn(seed, *names[::-1]), strict=True)}
    assert one == two and len(set(one.values())) == len(names)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.complex_numbers(),
    st.binary(max_size=4), st.lists(st.one_of(st.floats(), st.text(max_size=3), st.none())),
    st.lists(st.lists(st.integers(), max_size=3), max_size=3),
    st.dictionaries(st.text(), st.floats()),
    npst.arrays(npst.scalar_dtypes(), npst.array_shapes(max_dims=3, max_side=4)),
)  # fmt: skip
SCALE = ScoreScale(name="t", low=0, high=10, higher_is_better=True)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_bad_values_meet_our_own_errors_only(thing):
    for check in (
        lambda x: check_vector(x, "x"),
        lambda x: check_weights(x, 3),
        check_prob,
        SCALE.codes,
        lambda x: dr.from_array(x, source="s"),
        lambda x: dr.from_array([1.0], source=x),
        lambda x: dr.order_of(x),
        lambda x: Change(value=x, unit="pp"),
        lambda x: Change(value=0.1, unit="rel").apply(x),
        lambda x: spawn(x, "a") if not isinstance(x, type(None)) else None,
    ):
        try:
            check(thing)
        except CxImpactError:
            continue


@FEW
@given(
    npst.arrays(float, st.integers(2, 80), elements=st.floats(-1e6, 1e6)),
    st.floats(0.01, 0.99),
)
def test_the_shortest_interval_is_never_longer_and_holds_its_mass(values, prob):
    draws = dr.from_array(values, source="s")
    low, high = (float(end) for end in interval(draws, prob, "hdi"))
    inside = np.mean((values >= low) & (values <= high))
    assert low <= high and inside >= prob - 1e-9
    ranked = np.sort(values)
    k = int(np.ceil(prob * values.size - 1e-9))
    widths = [ranked[i + k - 1] - ranked[i] for i in range(values.size - k + 1)]
    assert high - low <= min(widths) + 1e-9


@FEW
@given(npst.arrays(float, st.integers(1, 20)), st.data())
def test_fingerprints_tell_different_arrays_apart(values, data):
    i = data.draw(st.integers(0, values.size - 1))
    changed = values.copy()
    changed[i] = 1.5 if changed[i] != 1.5 else 2.5
    assert fingerprint(values) == fingerprint(values.copy())
    assert fingerprint(values) != fingerprint(changed)
