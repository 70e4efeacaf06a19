import numpy as np
import pytest

from cximpact.core.errors import ConfigError, InsufficientDataError, ZeroVarianceError
from cximpact.scores import answers_for_reliability, reliability, unit_scores


def test_reliability_is_the_share_of_variance_between_units():
    assert reliability([1, 4, 16], 25.0, 100.0).tolist() == [0.2, 0.5, 0.8]


def test_answers_for_a_reliability_reach_it_and_no_fewer_do():
    n = answers_for_reliability(0.7, 100.0, 5275.0)
    assert n == 124
    found = reliability([n - 1, n], 100.0, 5275.0)
    assert found[0] < 0.7 <= found[1]


def test_balanced_variance_components_are_those_of_the_textbook():
    values = np.array([1.0, 3, 5, 7, 2, 6])
    table = unit_scores(values, ["a", "a", "b", "b", "c", "c"])
    within = (2 + 2 + 8) / 3
    between = (2 * np.var([2, 6, 4], ddof=1) - within) / 2
    assert table["within"].iloc[0] == pytest.approx(within)
    assert table["between"].iloc[0] == pytest.approx(between)
    trust = between / (between + within / 2)
    assert table["estimate"].to_numpy() == pytest.approx(4 + trust * (np.array([2, 6, 4]) - 4))


def test_unequal_counts_enter_by_their_effective_size():
    rng = np.random.default_rng(8)
    n = np.array([2, 3, 5, 60])
    units = np.repeat(np.arange(4), n)
    values = rng.normal(0, 1, 70) + np.array([-2.0, 0, 2, 1])[units]
    table = unit_scores(values, units)
    squares = n @ (table["raw"] - values.mean()) ** 2 / 3
    effective = (70 - (4 + 9 + 25 + 3600) / 70) / 3
    expected = (squares - table["within"].iloc[0]) / effective
    assert table["between"].iloc[0] == pytest.approx(expected)


def test_few_answers_are_pulled_further():
    rng = np.random.default_rng(1)
    units = np.r_[np.repeat(np.arange(20), 50), 20, 20]
    values = rng.normal(0, 1, 1002) + np.r_[rng.normal(0, 1, 20), 3.0][units]
    table = unit_scores(values, units).set_index("unit")
    assert table.loc[20, "reliability"] < table.loc[0, "reliability"]
    assert abs(table.loc[20, "estimate"]) < abs(table.loc[20, "raw"])
    assert table.loc[20, "std_error"] > table.loc[0, "std_error"]


def one_world(seed: int) -> tuple[float, float, float]:
    """Gain over raw scores, coverage and estimated variance between units."""
    rng = np.random.default_rng(seed)
    truth, n = rng.normal(30, 10, 300), rng.integers(2, 30, 300)
    units = np.repeat(np.arange(300), n)
    values = truth[units] + rng.normal(0, 60, units.size)
    table = unit_scores(values, units).set_index("unit").loc[range(300)]
    error, raw = (np.square(table[c] - truth).mean() for c in ("estimate", "raw"))
    inside = np.abs(table["estimate"] - truth) < 1.645 * table["std_error"]
    return error / raw, inside.mean(), table["between"].iloc[0]


def test_shrunken_scores_predict_better_than_raw_ones_and_cover():
    ratio, coverage, between = np.mean([one_world(seed) for seed in range(12)], axis=0)
    assert ratio < 0.4
    assert 0.84 < coverage < 0.93
    assert between == pytest.approx(100, abs=3 * 26 / np.sqrt(12))


def test_units_that_differ_by_chance_share_the_mean():
    table = unit_scores([0.0, 10, 10, 0], ["a", "a", "b", "b"])
    assert table["reliability"].tolist() == [0, 0]
    assert table["estimate"].tolist() == [5, 5]


def test_the_order_of_the_answers_does_not_matter():
    rng = np.random.default_rng(3)
    units, values = rng.choice(list("abc"), 60), rng.normal(size=60)
    order = rng.permutation(60)
    first, second = unit_scores(values, units), unit_scores(values[order], units[order])
    assert first["unit"].tolist() == second["unit"].tolist() == ["a", "b", "c"]
    assert first["estimate"].to_numpy() == pytest.approx(second["estimate"].to_numpy())


@pytest.mark.parametrize(
    ("values", "units", "error", "message"),
    [
        ([1, 2], ["a", "a"], InsufficientDataError, "2 answers of 1 units"),
        ([1, 2], ["a", "b"], InsufficientDataError, "several answers"),
        ([1, 1, 2, 2], ["a", "a", "b", "b"], ZeroVarianceError, "do not vary within"),
    ],
)
def test_data_that_cannot_tell_units_apart_are_refused(values, units, error, message):
    with pytest.raises(error, match=message):
        unit_scores(values, units)


def test_variances_must_be_variances():
    with pytest.raises(ConfigError, match="within is 0"):
        reliability([1], 1.0, 0.0)
    with pytest.raises(ConfigError, match="n is 0"):
        reliability([0, 1], 1.0, 1.0)
    with pytest.raises(ConfigError, match="target is 1"):
        answers_for_reliability(1.0, 1.0, 1.0)
