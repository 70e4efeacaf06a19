import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import (
    ConfigError,
    DuplicateKeyError,
    InsufficientDataError,
    MissingColumnError,
)
from cximpact.scores import compare_waves, difference
from cximpact.scores.segments import shrink


def table(estimates, errors, **keys) -> pd.DataFrame:
    return pd.DataFrame({**keys, "estimate": estimates, "std_error": errors})


def test_two_waves_without_groups_are_the_plain_test():
    found = compare_waves(table([35.0], [3.0]), table([43.0], [4.0]), goal=5).iloc[0]
    plain = difference((35, 3), (43, 4), goal=5).iloc[0]
    assert found["p_adjusted"] == pytest.approx(plain["p_value"])
    assert found["prob_goal"] == pytest.approx(plain["prob_goal"])
    assert (found["estimate_before"], found["estimate_after"]) == (35, 43)


def test_many_groups_get_adjusted_and_no_raw_p_values():
    before = table([0.0] * 4, [1.0] * 4, seg=list("abcd"))
    after = table([1.0, 4.0, 2.5, 0.1], [1.0] * 4, seg=list("abcd"))
    found = compare_waves(before, after)
    raw = 2 * stats.norm.sf(np.array([1, 4, 2.5, 0.1]) / np.sqrt(2))
    order = np.argsort(raw)
    by_hand = np.empty(4)
    for rank, i in enumerate(order, 1):
        by_hand[i] = min(raw[j] * 4 / r for r, j in enumerate(order, 1) if r >= rank)
    assert found["p_adjusted"].to_numpy() == pytest.approx(by_hand)
    assert "p_value" not in found


def test_a_group_in_one_wave_stays_and_is_noted():
    found = compare_waves(table([1.0, 2], [1, 1], seg=["a", "b"]), table([3.0], [1], seg=["a"]))
    assert found["seg"].tolist() == ["a", "b"]
    assert found["note"].tolist() == ["", "no answers in one wave"]
    assert np.isnan(found.loc[1, "p_adjusted"])


def test_a_group_without_variance_is_noted():
    found = compare_waves(table([1.0], [0.0]), table([3.0], [0.0])).iloc[0]
    assert found["note"] == "no standard error above 0"
    assert np.isnan(found["p_adjusted"])


def test_groups_are_matched_by_name_not_by_row():
    before = table([1.0, 2.0, 3.0], [1.0] * 3, seg=["c", "a", "b"])
    found = compare_waves(before, table([3.0, 1.0, 2.0], [1.0] * 3, seg=["b", "c", "a"]))
    assert found["estimate"].tolist() == [0, 0, 0]


def test_noise_alone_is_shrunk_to_one_common_change():
    changes, errors = np.array([-1.0, 0.5, 1.0, 0.0, -0.5]), np.ones(5)
    estimate, spread = shrink(changes, errors)
    assert np.allclose(estimate, changes.mean())
    assert np.allclose(spread, np.sqrt(1 / 5))


def test_shrinkage_follows_the_normal_model():
    changes, errors = np.array([-10.0, 0.0, 4.0, 14.0]), np.array([1.0, 2.0, 3.0, 2.0])
    estimate, spread = shrink(changes, errors)
    kept = (spread**2).clip(max=errors**2) / errors**2
    assert ((estimate - changes) * (changes.mean() - changes) >= 0).all()
    assert (kept < 1).all()
    assert np.argmax(np.abs(estimate - changes)) == 2 or np.argmax(kept) == 0


def test_paule_mandel_solves_its_equation():
    changes, errors = np.array([-10.0, 0.0, 4.0, 14.0]), np.full(4, 2.0)
    estimate, _ = shrink(changes, errors)
    # With equal errors: tau^2 = s^2 - se^2 and the weight is 1 - se^2 / s^2.
    weight = 1 - 4 / changes.var(ddof=1)
    assert estimate == pytest.approx(changes.mean() + weight * (changes - changes.mean()))


def test_shrunken_changes_beat_raw_ones_on_average():
    rng = np.random.default_rng(6)
    truth = rng.normal(2, 3, 200)
    raw = truth + rng.normal(0, 4, 200)
    zero = table(np.zeros(200), np.zeros(200), seg=range(200))
    found = compare_waves(zero, table(raw, np.full(200, 4.0), seg=range(200)), adjust="shrink")
    error = np.square(found["estimate"] - truth).mean()
    assert error < 0.6 * np.square(raw - truth).mean()
    inside = (found["conf_low"] < truth) & (truth < found["conf_high"])
    assert 0.84 < inside.mean() < 0.96
    assert found["raw_estimate"].tolist() == raw.tolist()
    assert "p_value" not in found


@pytest.mark.parametrize(
    ("before", "after", "error", "message"),
    [
        (table([1], [1]), table([1, 2], [1, 1], seg=[1, 2]), MissingColumnError, "same columns"),
        (table([1, 2], [1, 1], a=[1, 1]), table([1], [1], a=[1]), DuplicateKeyError, "before has"),
        (table([1, 2], [1, 1]), table([1], [1]), DuplicateKeyError, "before has several rows"),
        (pd.DataFrame({"estimate": [1]}), table([1], [1]), MissingColumnError, "std_error"),
        ([1], table([1], [1]), ConfigError, "expected a table of summarize"),
    ],
)
def test_tables_that_do_not_match_are_refused(before, after, error, message):
    with pytest.raises(error, match=message):
        compare_waves(before, after)


def test_two_groups_are_too_few_to_shrink():
    both = table([1.0, 2.0], [1.0, 1.0], seg=["a", "b"])
    with pytest.raises(InsufficientDataError, match="2 groups can be compared"):
        compare_waves(both, both, adjust="shrink")
