"""Areas and uplift at k against scikit-uplift and against small sums done by hand."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.effects.uplift.curve_metrics import auuc, qini_coefficient, uplift_at_k
from tests.support import golden

GOLDEN = golden.load("uplift_curves")
CASES = list(GOLDEN["cases"])
exactly = pytest.approx

Y = [1, 0, 1, 0, 1, 0]
T = [1, 0, 1, 0, 0, 1]
S = [6, 5, 4, 3, 2, 1]


def case(name):
    found = GOLDEN["cases"][name]
    data = found["data"]
    return (data["outcome"], data["treatment"], data["score"]), found["results"]


def close(value):
    return pytest.approx(value, abs=GOLDEN["tolerance"])


@pytest.mark.parametrize("name", CASES)
def test_areas_of_scikit_uplift(name):
    data, expected = case(name)
    assert qini_coefficient(*data) == close(expected["qini perfect"])
    assert auuc(*data) == close(expected["auuc perfect"])
    if "qini perfect_no_harm" in expected:
        found = qini_coefficient(*data, normalization="perfect_no_harm")
        assert found == close(expected["qini perfect_no_harm"])


@pytest.mark.parametrize("name", [n for n in CASES if "uplift at k" in case(n)[1]])
def test_uplift_at_k_of_scikit_uplift(name):
    data, expected = case(name)
    for key, value in expected["uplift at k"].items():
        strategy, k = key.split()
        found = uplift_at_k(
            *data,
            float(k) if "." in k else int(k),
            strategy={"overall": "overall", "by_group": "by_arm"}[strategy],
        )
        assert found == close(value), key


def test_areas_by_hand():
    qini, uplift = [0, 1, 1, 2, 2, 4 / 3, 1], [0, 1, 2, 3, 4, 10 / 3, 2]
    expected = [(np.trapezoid(qini) - 3) / 36, (np.trapezoid(uplift) - 6) / 36]
    found = [area(Y, T, S, normalization="none") for area in (qini_coefficient, auuc)]
    assert found == exactly(expected)


def mean_gain(y, t, s):
    """Mean over 0..n rows of the cumulative gain divided by its end, untied scores."""
    frame = pd.DataFrame({"y": y, "t": t, "s": s}).sort_values("s", ascending=False)
    n = np.arange(1, len(frame) + 1)
    treated, untreated = frame["t"].cumsum().to_numpy(), (1 - frame["t"]).cumsum().to_numpy()
    yt = (frame["y"] * frame["t"]).cumsum().to_numpy() / np.maximum(treated, 1)
    yc = (frame["y"] * (1 - frame["t"])).cumsum().to_numpy() / np.maximum(untreated, 1)
    gain = np.append(0, (yt - yc) * n)
    qini = np.append(0, treated * (yt - yc))
    line = np.arange(len(gain)) / n[-1]
    return (gain / abs(gain[-1])).mean(), ((qini - line * qini[-1]) / abs(qini[-1])).mean()


@pytest.mark.parametrize("sign", [1, -1])
def test_mean_of_the_cumulative_gain(sign):
    (y, t, s), _ = case("even")
    y = [v * sign for v in y]
    found = [area(y, t, s, normalization="cumulative_gain") for area in (auuc, qini_coefficient)]
    assert found == exactly(mean_gain(y, t, s))


def test_any_outcome_has_an_area_but_no_perfect_ranking():
    spend = [10.0, 2.0, 5.5, 0.0, 3.0, 1.0]
    for area in (qini_coefficient, auuc):
        assert area(spend, T, S, normalization="none") > 0
        with pytest.raises(errors.DesignError, match="normalization='none'"):
            area(spend, T, S)


def test_doubled_outcome_doubles_the_plain_area():
    spend = np.array([10.0, 2.0, 5.5, 0.0, 3.0, 1.0])
    for area in (qini_coefficient, auuc):
        once = area(spend, T, S, normalization="none")
        assert area(2 * spend, T, S, normalization="none") == exactly(2 * once)


def test_a_tie_at_the_boundary_counts_by_a_fraction():
    y, t, s = [1, 0, 1, 0, 0, 1], [1, 0, 1, 1, 0, 0], [3, 3, 1, 1, 1, 0]
    # 3 of 6: both of score 3, a third of the tie: 1/3 of one treated 1 and 0, of one untreated 0
    expected = (1 + 1 / 3) / (1 + 2 / 3) - 0 / (1 + 1 / 3)
    assert uplift_at_k(y, t, s, 0.5) == exactly(expected)
    # by arm: 2 of 3 treated are one and half of the tied two; untreated 0 and 0
    assert uplift_at_k(y, t, s, 2, strategy="by_arm") == exactly(1.5 / 2)


def test_all_customers_give_the_difference_of_means():
    assert [uplift_at_k(Y, T, S, k) for k in (1.0, 6)] == exactly([1 / 3, 1 / 3])
    assert uplift_at_k(Y, T, S, 1.0, strategy="by_arm") == exactly(1 / 3)


def test_fractional_weights_take_the_exact_share():
    w = np.array([1, 1, 1, 1, 1, 1]) * 0.7
    assert uplift_at_k(Y, T, S, 0.55, w) == exactly((1 + 1) / 2 - 0)
    w = np.array([0.5, 0.5, 0.5, 0.5, 2.0, 0.5])
    # 0.75 of 4.5: the first four, and 1.375 of the 2 of the fifth, who is untreated with a 1
    assert uplift_at_k(Y, T, S, 0.75, w) == exactly(1 - 1.375 / 2.375)


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "at least 1"),
        (7, "at most all"),
        (1.5, "share above 0"),
        (30.0, "Did you mean 30 customers"),
        (0.01, "at least 1"),
        (-0.1, "share above 0"),
        (True, "expected a share"),
        ("0.3", "expected a share"),
    ],
)
def test_impossible_k(k, message):
    with pytest.raises(errors.ConfigError, match=message):
        uplift_at_k(Y, T, S, k)


def test_an_arm_must_be_among_the_first():
    with pytest.raises(errors.NoControlError, match="first 1"):
        uplift_at_k(Y, T, S, 1)
    with pytest.raises(errors.NoTreatedError, match="first 1"):
        uplift_at_k(Y, [0, 1, 0, 1, 1, 0], S, 1)


def test_options_are_checked():
    with pytest.raises(errors.ConfigError, match="normalization"):
        qini_coefficient(Y, T, S, normalization="perfekt")
    with pytest.raises(errors.ConfigError, match="normalization"):
        auuc(Y, T, S, normalization="perfect_no_harm")
    with pytest.raises(errors.ConfigError, match="strategy"):
        uplift_at_k(Y, T, S, 2, strategy="by_group")


def test_nothing_to_divide_by():
    with pytest.raises(errors.DesignError, match="beyond as many untreated"):
        qini_coefficient([0, 1, 1, 0], [1, 0, 1, 0], [4, 3, 2, 1], normalization="perfect_no_harm")
    with pytest.raises(errors.ConfigError, match="ends at 0"):
        auuc([0, 1, 1, 0], [1, 0, 1, 0], [4, 3, 2, 1], normalization="cumulative_gain")
    with pytest.raises(errors.DesignError, match="nothing to rank"):
        auuc([1, 0, 1, 0], [1, 0, 1, 0], [4, 3, 2, 1])
