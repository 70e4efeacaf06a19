import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, MissingColumnError, MissingValueError, WeightError
from cximpact.scores import rake

MARGINS = {"sex": {"f": 520, "m": 480}, "age": {"young": 300, "old": 700}}


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    sex = rng.choice(["f", "m"], 300, p=[0.7, 0.3])
    return pd.DataFrame({"sex": sex, "age": rng.choice(["young", "old"], 300)})


def sums(frame, weights, column):
    return pd.Series(weights).groupby(frame[column]).sum().to_dict()


def test_every_margin_is_met(frame):
    raked = rake(frame, MARGINS)
    for column, margin in MARGINS.items():
        assert sums(frame, raked.weights, column) == pytest.approx(margin, rel=1e-6)
    assert raked.max_error <= 1e-6
    assert raked.n_eff == pytest.approx(300 / raked.deff)


def test_one_margin_is_poststratification(frame):
    raked = rake(frame, {"sex": {"f": 0.5, "m": 0.5}})
    n = frame["sex"].value_counts()
    assert np.allclose(raked.weights, 0.5 / frame["sex"].map(n))


def test_raking_keeps_the_odds_ratio_of_the_start(frame):
    start = np.random.default_rng(2).uniform(1, 2, 300)

    def odds(weights):
        table = pd.Series(weights).groupby([frame["sex"], frame["age"]]).sum().unstack().to_numpy()
        return table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])

    assert odds(rake(frame, MARGINS, weights=start).weights) == pytest.approx(odds(start))


def test_margins_already_met_change_nothing():
    frame = pd.DataFrame({"g": ["a", "a", "b"]})
    raked = rake(frame, {"g": {"a": 2, "b": 1}})
    assert raked.weights.tolist() == [1, 1, 1]
    assert raked.iterations == 1


def test_trimmed_weights_stay_below_the_cap_and_meet_the_margins(frame):
    frame = frame.assign(rare=np.r_[np.ones(6), np.zeros(294)].astype(int))
    margins = MARGINS | {"rare": {1: 40, 0: 960}}
    free = rake(frame, margins)
    capped = rake(frame, margins, trim=2.6)
    assert free.largest_ratio > 2.6
    assert capped.largest_ratio <= 2.6 * (1 + 1e-6)
    assert capped.n_bounded > 0
    assert sums(frame, capped.weights, "sex") == pytest.approx(MARGINS["sex"], rel=1e-5)


def test_bounds_hold_the_ratio_to_the_start(frame):
    start = np.random.default_rng(2).uniform(1, 2, 300)
    raked = rake(frame, MARGINS, weights=start, bounds=(0.3, 2.1))
    ratio = raked.weights / (start * 1000 / start.sum())
    assert 0.3 - 1e-9 <= ratio.min() <= ratio.max() <= 2.1 + 1e-9
    assert raked.n_bounded > 0
    assert sums(frame, raked.weights, "age") == pytest.approx(MARGINS["age"], rel=1e-5)


def test_a_margin_that_cannot_be_met_is_named(frame):
    with pytest.raises(WeightError, match="did not converge in 200 rounds: margin 'sex' is off"):
        rake(frame, {"sex": {"f": 100, "m": 900}}, trim=1.5)


def test_contradicting_margins_are_named():
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": ["p", "p", "q"]})
    with pytest.raises(WeightError, match=r"did not converge .* margin 'a' is off"):
        rake(frame, {"a": {"x": 2, "y": 1}, "b": {"p": 1, "q": 2}})


@pytest.mark.parametrize(
    ("margins", "error", "message"),
    [
        ({"sex": {"f": 1, "m": 1}, "age": {"young": 1, "old": 3}}, WeightError, "disagree on the"),
        ({"sex": {"f": 1}}, WeightError, "lacks 1 of the 2 levels"),
        ({"sex": {"f": 1, "m": 1, "x": 1}}, WeightError, "has 'x', but no row"),
        ({"sex": {"f": 0, "m": 0}}, WeightError, "sums to 0"),
        ({"sex": {"f": -1, "m": 2}}, ConfigError, "margins\\['sex'\\]\\['f'\\] is -1"),
        ({}, ConfigError, "margins is empty"),
        ({"sexe": {"f": 1}}, MissingColumnError, "Did you mean 'sex'"),
    ],
)
def test_margins_that_do_not_fit_are_refused(frame, margins, error, message):
    before = frame.copy()
    with pytest.raises(error, match=message):
        rake(frame, margins)
    pd.testing.assert_frame_equal(frame, before)


def test_gaps_in_a_margin_are_refused(frame):
    frame.loc[3, "sex"] = None
    with pytest.raises(MissingValueError, match="'sex' is missing in 1 row, at position 3"):
        rake(frame, MARGINS)


def test_a_level_that_starts_with_no_weight_is_refused(frame):
    with pytest.raises(WeightError, match="margin 'sex' has a level whose rows all have weight 0"):
        rake(frame, MARGINS, weights=(frame["sex"] == "f").astype(float))


@pytest.mark.parametrize("options", [{"trim": 1.0}, {"bounds": (0.5, 0.9)}, {"tolerance": 0}])
def test_limits_out_of_range_are_refused(frame, options):
    with pytest.raises(ConfigError, match="expected"):
        rake(frame, MARGINS, **options)


def test_limits_that_contradict_each_other_are_refused(frame):
    start = np.r_[10.0, np.ones(299)]
    with pytest.raises(ConfigError, match="contradict each other"):
        rake(frame, MARGINS, weights=start, trim=1.5, bounds=(0.9, 3))
