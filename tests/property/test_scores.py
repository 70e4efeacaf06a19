"""Properties of scores that hold for any answers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cximpact.core.errors import CxImpactError
from cximpact.data import SurveyWave
from cximpact.scores import (
    CSAT5,
    NPS,
    csat,
    loss_shares,
    mean_interval,
    net_interval,
    nps,
    proportion_interval,
    rake,
    score_sd,
    standard_error,
    summarize,
    unit_scores,
    weighted_score,
)

QUICK = settings(max_examples=20, deadline=None)
CLASSES = [-100, 0, 100]
probs = st.floats(0.05, 0.999)
counts = st.lists(st.integers(0, 60), min_size=3, max_size=3).filter(any)
five = st.lists(st.integers(0, 40), min_size=5, max_size=5).filter(any)
answers = st.lists(st.integers(0, 10), min_size=1, max_size=60)
weights = st.floats(0.01, 100)


@QUICK
@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert nps(values) == pytest.approx(nps(shuffled))


@QUICK
@given(answers)
def test_nps_stays_within_its_range(values):
    assert -100 <= nps(values) <= 100


@QUICK
@given(counts, probs)
def test_swapping_promoters_and_detractors_turns_the_sign(table, prob):
    d, n, p = table
    size = d + n + p
    there, back = net_interval(p, d, size, prob=prob), net_interval(d, p, size, prob=prob)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-8)
    coded = np.repeat([0, 7, 10], [d, n, p]), np.repeat([0, 7, 10], [p, n, d])
    assert nps(coded[0]) == pytest.approx(-nps(coded[1]))


@QUICK
@given(answers, st.data(), weights)
def test_scaling_all_weights_changes_nothing(values, data, factor):
    w = np.array(data.draw(st.lists(weights, min_size=len(values), max_size=len(values))))
    assert nps(values, w) == pytest.approx(nps(values, w * factor), abs=1e-8)
    if len(values) > 1:
        first, second = weighted_score(values, w), weighted_score(values, w * factor)
        assert first.std_error == pytest.approx(second.std_error, rel=1e-6, abs=1e-9)
        assert first.n_eff == pytest.approx(second.n_eff)


@QUICK
@given(counts)
def test_doubling_all_rows_halves_the_variance(table):
    doubled = [2 * n for n in table]
    assert score_sd(doubled, CLASSES) == pytest.approx(score_sd(table, CLASSES))
    once = standard_error(table, CLASSES, ddof=0) ** 2
    assert standard_error(doubled, CLASSES, ddof=0) ** 2 == pytest.approx(once / 2)


@QUICK
@given(answers)
def test_a_row_of_weight_two_is_two_rows(values):
    double = np.r_[2.0, np.ones(len(values) - 1)]
    assert nps(values, double) == pytest.approx(nps([values[0], *values]))


@QUICK
@given(counts, probs, probs)
def test_score_intervals_hold_the_net_score_and_are_nested(table, one, other):
    d, n, p = table
    size, (low, high) = d + n + p, sorted((one, other))
    estimate = 100 * (p - d) / size
    narrow, wide = (net_interval(p, d, size, prob=q) for q in (low, high))
    assert -100 <= wide.low <= narrow.low + 1e-9 <= estimate + 2e-9
    assert estimate <= narrow.high + 1e-9 <= wide.high + 2e-9 <= 100 + 3e-9


@QUICK
@given(five, probs, probs)
def test_score_intervals_hold_the_mean_and_are_nested(table, one, other):
    low, high = sorted((one, other))
    estimate = np.dot(table, range(1, 6)) / sum(table)
    narrow, wide = (mean_interval(table, range(1, 6), prob=q) for q in (low, high))
    assert 1 - 1e-9 <= wide.low <= narrow.low + 1e-9
    assert narrow.low - 1e-9 <= estimate <= narrow.high + 1e-9
    assert narrow.high <= wide.high + 1e-9 <= 5 + 2e-9


@QUICK
@given(counts, probs, st.sampled_from(["adjusted_wald", "wald", "dirichlet"]))
def test_every_net_interval_stays_on_the_scale(table, prob, method):
    d, n, p = table
    found = net_interval(p, d, d + n + p, prob=prob, method=method, rng=1)
    assert -100 <= found.low <= found.high <= 100


@QUICK
@given(st.integers(0, 50), st.integers(1, 50), probs, st.data())
def test_every_interval_of_a_share_stays_on_the_scale(k, rest, prob, data):
    method = data.draw(st.sampled_from(["score", "jeffreys", "clopper_pearson", "wald"]))
    found = proportion_interval(k, k + rest, prob=prob, method=method)
    assert 0 <= found.low <= found.high <= 1
    exact = proportion_interval(k, k + rest, prob=prob, method="clopper_pearson")
    assert exact.low <= k / (k + rest) <= exact.high


@QUICK
@given(counts.filter(lambda t: sum(t) > 1))
def test_a_census_has_no_standard_error(table):
    assert standard_error(table, CLASSES, population=sum(table), design="srs") == 0


@QUICK
@given(five, st.floats(0.1, 10), st.floats(-50, 50))
def test_intervals_of_the_mean_move_with_the_scale(table, factor, shift):
    values = np.arange(1.0, 6)
    plain = np.array(mean_interval(table, values))
    moved = np.array(mean_interval(table, shift + factor * values))
    assert moved == pytest.approx(shift + factor * plain, abs=1e-6)


@QUICK
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6))
def test_loss_shares_add_up_to_one(rates):
    shares = loss_shares(rates)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1 if min(rates) < 1 else 0)


@QUICK
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=60), st.data())
def test_raked_weights_meet_the_margins_or_say_why_not(rows, data):
    frame = pd.DataFrame(rows, columns=["a", "b"]).astype(int)
    sizes = data.draw(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=2))
    margins = {c: {0: s, 1: 1 - s} for c, s in zip("ab", sizes, strict=True)}
    try:
        w = rake(frame, margins).weights
    except CxImpactError:
        return
    for column, margin in margins.items():
        sums = np.bincount(frame[column], weights=w, minlength=2)
        assert sums == pytest.approx([margin[0], margin[1]], rel=1e-5)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 4)), min_size=2, max_size=60))
def test_shrunken_scores_lie_between_their_own_and_the_common_mean(rows):
    values, units = np.array(rows).T
    try:
        table = unit_scores(values, units)
    except CxImpactError:
        return
    assert table["reliability"].between(0, 1).all()
    assert table["estimate"].between(values.min() - 1e-9, values.max() + 1e-9).all()


@QUICK
@given(
    hnp.arrays(float, st.integers(2, 40), elements=st.sampled_from([np.nan, *range(11)])),
    st.data(),
)
def test_groups_add_up_to_the_whole_and_the_frame_is_left_alone(values, data):
    group = data.draw(st.lists(st.sampled_from("ab"), min_size=values.size, max_size=values.size))
    frame = pd.DataFrame({"score": values, "g": group})
    before = frame.copy()
    if np.isnan(values).all():
        return
    wave = SurveyWave(frame, answer="score", scale=NPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts, whole = summarize(wave, "g"), summarize(wave)
    seen = parts[parts["n"] > 0]
    assert parts["n_invited"].sum() == values.size
    assert seen["n"] @ seen["estimate"] / seen["n"].sum() == pytest.approx(
        whole["estimate"].iloc[0]
    )
    assert seen["conf_low"].le(seen["estimate"] + 1e-9).all()
    assert seen["conf_high"].ge(seen["estimate"] - 1e-9).all()
    pd.testing.assert_frame_equal(frame, before)


anything = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.floats(),
    st.integers(-5, 999),
    st.lists(st.one_of(st.floats(), st.integers(-3, 12), st.none(), st.text(max_size=2))),
    hnp.arrays(
        st.sampled_from([float, int, bool, complex, object]),
        hnp.array_shapes(max_dims=2, max_side=4),
    ),
)


@settings(max_examples=60, deadline=None)
@given(anything, anything)
def test_nothing_but_our_own_errors_escapes(values, options):
    calls = (
        lambda: nps(values, options),
        lambda: csat(values, CSAT5, 2, options),
        lambda: net_interval(values, 1, 10, prob=options),
        lambda: mean_interval(values, options),
        lambda: weighted_score(values, options, clusters=options),
        lambda: unit_scores(values, options),
        lambda: rake(pd.DataFrame({"g": [1, 2]}), {"g": {1: values, 2: options}}),
        lambda: loss_shares(values),
    )
    for call in calls:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                found = call()
        except CxImpactError:
            continue
        assert found is not None
