from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import AssumptionWarning, ConfigError, DtypeError, InsufficientDataError
from cximpact.data import SurveyWave
from cximpact.imputation.occasions import OccasionDrift, paths
from cximpact.imputation.patterns import patterns
from cximpact.scores import CSAT5


def wave_of(rows, **roles):
    frame = pd.DataFrame(rows, columns=["customer", "kind", "day", "answer"])
    return SurveyWave(frame, answer="answer", scale=CSAT5, customer="customer", **roles)


def paths_of(rows, unit=None):
    data = patterns(wave_of(rows), ["kind", "day"])
    return data, paths(data, OccasionDrift(column="day", unit=unit).times(data.index))


ROWS = [
    (1, "b", 0, 2.0),
    (1, "a", 7, 5.0),
    (1, "a", 3, 1.0),
    (2, "b", 0, 2.0),
    (2, "a", 3, 1.0),
    (3, "b", 0, 2.0),
    (3, "a", 7, 5.0),
    (4, "a", 7, 5.0),
]


def test_answers_are_sorted_in_time_and_share_their_beginnings():
    data, found = paths_of(ROWS)
    assert found.n_beginnings == 2 + 2 + 1
    by_customer = found.beginnings[data.customers["pattern"]]
    shared = by_customer[0, 0]
    assert by_customer[:3, 0].tolist() == [shared] * 3
    assert by_customer[0, 1] == by_customer[1, 1] != by_customer[2, 1]
    assert by_customer[3].tolist() == [1 - shared, 5, 5]
    codes = np.concatenate([step.code for step in found.steps])
    index = data.index.iloc[codes[by_customer[0]] // 5]
    assert index["day"].tolist() == [0, 3, 7]
    assert (
        found.last[data.customers["pattern"]].tolist()
        == by_customer.max(axis=1, where=by_customer < 5, initial=-1).tolist()
    )


def test_distances_are_steps_or_differences():
    _, steps = paths_of(ROWS)
    assert steps.gaps.tolist() == [0, 1, 2]
    _, found = paths_of(ROWS, unit=2)
    assert found.gaps.tolist() == [0, 1.5, 2, 3.5]
    assert found.lags.tolist() == [1.5, 2, 3.5]
    last = found.steps[-1]
    assert found.gaps[last.gap].tolist() == [2]


def test_answers_at_one_time_are_no_distance_apart():
    _, found = paths_of([(1, "a", 4, 2.0), (1, "b", 4, 3.0)])
    assert found.lags.tolist() == [0]
    with pytest.raises(InsufficientDataError, match="two levels of 'day'"):
        found.check("day")


def test_one_distance_is_too_little_to_tell_drift():
    _, found = paths_of([(1, "a", 4, 2.0), (1, "a", 5, 3.0)])
    with pytest.warns(AssumptionWarning, match="1 apart"):
        found.check("day")
    _, found = paths_of(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.check("day")


def test_learning_needs_two_distances_and_a_narrow_posterior():
    drift, rng = OccasionDrift(), np.random.default_rng(1)
    wide, narrow = rng.beta(2, 2, 4000), rng.beta(20, 20, 4000)
    assert drift.learning(narrow, np.array([1.0, 2.0]))["learned"]
    assert not drift.learning(narrow, np.array([1.0]))["learned"]
    found = drift.learning(wide, np.array([1.0, 2.0]))
    assert not found["learned"]
    assert found["prior_sd"] == pytest.approx(np.sqrt(0.05))
    assert found["sd"] == pytest.approx(np.sqrt(0.05), rel=0.05)


def test_the_column_is_the_period_unless_named():
    assert OccasionDrift().resolve(wave_of(ROWS, period="day")).column == "day"
    named = OccasionDrift(column="kind").resolve(wave_of(ROWS, period="day"))
    assert named.column == "kind"
    with pytest.raises(ConfigError, match="names no period"):
        OccasionDrift().resolve(wave_of(ROWS))


def test_settings_that_make_no_sense():
    with pytest.raises(ConfigError, match=r"drift\.unit"):
        OccasionDrift(unit=0)
    with pytest.raises(ConfigError, match=r"drift\.prior"):
        OccasionDrift(prior=(2.0, -1.0))
    with pytest.raises(ConfigError, match="two numbers"):
        OccasionDrift(prior=(2.0,))  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match="expected numbers"):
        OccasionDrift(column="kind", unit=1.0).times(pd.DataFrame({"kind": ["a", "b"]}))
