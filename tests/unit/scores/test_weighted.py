import numpy as np
import pytest

from cximpact.core.errors import (
    ClusterError,
    DesignError,
    DtypeError,
    MissingValueError,
    SmallSampleWarning,
    WeightError,
)
from cximpact.scores import standard_error, weighted_score
from cximpact.scores.weighted import stratified_variance
from tests.support import golden

NUMBERS = golden.load("scores")["numbers"]
VALUES = np.repeat([-100, 0, 100, -100, 0, 100], [6, 24, 30, 24, 46, 70])
STRATA = np.repeat(["A", "B"], [60, 140])
SIZES = {"A": 600, "B": 400}


def test_the_stratified_textbook_example():
    found = weighted_score(VALUES, strata=STRATA, populations=SIZES, design="srs")
    assert golden.close(found.estimate, NUMBERS["stratified"])
    assert golden.close(found.std_error, NUMBERS["stratified_se"])
    assert found.n_eff == pytest.approx(140)
    assert found.df == 198
    assert found.variance == "linearized; answers within strata; finite-population correction"


def test_the_strata_of_the_textbook_example():
    for stratum, estimate, variance in (("A", "40", "a"), ("B", NUMBERS["stratum_b"], "b")):
        part = VALUES[stratum == STRATA]
        assert golden.close(part.mean(), estimate)
        assert golden.close(part.var(ddof=1) / 1e4, NUMBERS[f"stratum_{variance}_variance"])


def test_pooling_without_weights_is_another_number():
    assert weighted_score(VALUES).estimate == 35


def test_equal_weights_change_nothing():
    plain = standard_error([30, 70, 100], [-100, 0, 100])
    for weights in (None, np.full(200, 5.0)):
        found = weighted_score(VALUES, weights)
        assert (found.estimate, found.std_error, found.n_eff) == pytest.approx((35, plain, 200))


def test_clusters_of_one_answer_are_no_clusters():
    rng = np.random.default_rng(3)
    weights = rng.uniform(1, 3, 200)
    plain = weighted_score(VALUES, weights)
    found = weighted_score(VALUES, weights, clusters=np.arange(200))
    assert found.std_error == pytest.approx(plain.std_error)
    assert (found.df, plain.df) == (199, 199)


def test_clusters_follow_the_formula():
    rng = np.random.default_rng(4)
    clusters, w = rng.integers(0, 20, 200), rng.uniform(1, 3, 200)
    found = weighted_score(VALUES, w, clusters=clusters)
    s = w @ VALUES / w.sum()
    totals = [(w * (VALUES - s))[clusters == c].sum() for c in range(20)]
    expected = np.sqrt(20 / 19 * np.square(totals).sum()) / w.sum()
    assert found.std_error == pytest.approx(expected)
    assert found.df == 19
    assert found.variance == "linearized; clusters"


def test_copied_answers_in_clusters_do_not_add_knowledge():
    rng = np.random.default_rng(5)
    values = rng.choice([-100, 0, 100], 40)
    once = weighted_score(values)
    copied = weighted_score(np.repeat(values, 6), clusters=np.repeat(np.arange(40), 6))
    assert copied.std_error == pytest.approx(once.std_error)
    assert weighted_score(np.repeat(values, 6)).std_error < 0.5 * once.std_error


def test_strata_variances_add_up():
    first, second = np.zeros(2), np.array([8.0, 18.0])
    found = stratified_variance(first, second, np.array([2.0, 3.0]), np.array([0.5, 0.0]))
    assert found == pytest.approx(0.5 * 2 * 8 + 1.5 * 18)


def test_few_clusters_are_said():
    with pytest.warns(SmallSampleWarning, match="only 5 clusters"):
        weighted_score(VALUES, clusters=np.arange(200) % 5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"clusters": np.zeros(200)}, ClusterError, "fewer than 2 clusters"),
        ({"strata": np.arange(200) == 0}, ClusterError, "fewer than 2 answers in stratum 'True'"),
        (
            {"clusters": np.arange(200) % 20, "strata": np.arange(200) < 50},
            ClusterError,
            "more than one stratum",
        ),
        ({"strata": STRATA, "populations": SIZES}, DesignError, "choose to answer"),
        (
            {"strata": STRATA, "populations": {"A": 600}, "design": "srs"},
            WeightError,
            "lacks 'B'",
        ),
        (
            {"clusters": np.arange(200), "populations": SIZES, "design": "srs"},
            DesignError,
            "not clusters",
        ),
        ({"clusters": [1, 2]}, DtypeError, "shape \\(2,\\) for 200 values"),
        ({"strata": [None, *"A" * 199]}, MissingValueError, "1 row, at position 0"),
    ],
)
def test_designs_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        weighted_score(VALUES, **options)


def test_a_single_answer_has_no_variance():
    with pytest.raises(ClusterError, match="fewer than 2 answers; a variance needs 2"):
        weighted_score([100])
