"""The path to a date, and the record of a goal."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from cximpact import goals
from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.scores import CSAT5


def goal(horizon=4, **settings):
    base = goals.trend_baseline(
        range(6), [3.5, 3.5, 3.52, 3.5, 3.49, 3.5], [0.03] * 6, scale=CSAT5, horizon=horizon, rng=1
    )
    options = {"sd": 1.0, "capacity": 0.3, "n_planned": 1000} | settings
    return goals.recommend(base, **options)


def test_the_path_leads_from_the_baseline_to_the_goal():
    one = goal()
    path = goals.goal_path(one)
    assert path.table["planned"].iloc[-1] == pytest.approx(one.target)
    gain = path.table["planned"] - one.baseline.point.values
    np.testing.assert_allclose(gain, (one.target - one.baseline.base) * np.arange(1, 5) / 4)


def test_the_gain_is_due_when_initiatives_come_to_work():
    late = goals.Rollout(name="desk", gain=0.3, develop=1, practise=2)
    found = goals.capacity(late, horizon=4, rng=1)
    one = goal(capacity=found.at(4))
    path = goals.goal_path(one, capacity=found)
    gain = path.table["planned"] - one.baseline.point.values
    assert gain.to_numpy() / gain.iloc[-1] == pytest.approx([0, 0.5, 1, 1])
    short = goals.capacity(late, horizon=2, rng=1)
    with pytest.raises(ConfigError, match="covers 2 periods"):
        goals.goal_path(one, capacity=short)


def test_an_alert_is_only_what_survey_error_does_not_make():
    path = goals.goal_path(goal(), std_error=0.03)
    planned = float(path.table["planned"].iloc[1])
    period = path.table["period"].iloc[1]
    assert path.check(period, planned - 0.04).state == "on track"
    assert path.check(period, planned - 0.10).state == "behind"
    assert path.check(period, planned + 0.10).state == "ahead"
    assert "No alert" in path.check(period, planned - 0.04).explain()
    wide = path.check(period, planned - 0.10, std_error=0.06)
    assert wide.state == "on track"


def test_looking_often_makes_no_alerts_of_noise():
    path, rng = goals.goal_path(goal(), std_error=0.05), np.random.default_rng(1)
    planned = path.table["planned"].to_numpy()
    seen = planned + rng.normal(0, 0.05, (20_000, 4))
    quiet = (np.abs(seen - planned) <= path.limit * 0.05).all(axis=1).mean()
    assert quiet == pytest.approx(0.9, abs=0.01)


def test_a_path_needs_its_periods_and_errors():
    with pytest.raises(ConfigError, match="not on the path"):
        goals.goal_path(goal(), std_error=0.05).check(99, 3.5)
    base = goals.trend_baseline(range(5), [3.5, 3.4, 3.5, 3.6, 3.5], scale=CSAT5, rng=1)
    with pytest.raises(ConfigError, match="std_error is missing"):
        goals.goal_path(goals.recommend(base, sd=1.0))


KNOWN = {
    "population": "all customers",
    "segment": "all",
    "estimator": "weighted mean",
    "instrument": "2026-1",
    "owner": "head of service",
    "owner_share": 0.2,
    "starts": dt.date(2026, 1, 1),
    "effect_by": dt.date(2026, 9, 1),
    "measured_on": dt.date(2026, 12, 1),
}


def test_a_whole_record_passes_and_speaks():
    record = goals.Smart.of(goal(), **KNOWN).validate()
    assert record.missing() == [] and record.metric == "CSAT5"
    assert "head of service owns it and controls 20% of its variance" in record.explain()
    assert record.tidy()["part"].tolist()[:2] == ["goal", "specific"]


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(goals.Smart)])
def test_a_record_without_any_one_field_does_not_pass(field):
    record = dataclasses.replace(goals.Smart.of(goal(), **KNOWN), **{field: None})
    with pytest.raises(ConfigError, match=f"lacks '{field}'"):
        record.validate()
    assert field in record.explain()


def test_measuring_before_the_effect_is_refused():
    early = KNOWN | {"measured_on": dt.date(2026, 6, 1)}
    with pytest.raises(ConfigError, match="shows the baseline"):
        goals.Smart.of(goal(), **early).validate()
    with pytest.raises(ConfigError, match="has no 'ownr'"):
        goals.Smart.of(goal(), ownr="me")
    with pytest.raises(ConfigError, match="must be dates"):
        goals.Smart.of(goal(), **(KNOWN | {"starts": "2026-01-01"})).validate()


def test_a_ceiling_is_where_another_point_stops_paying():
    scores = np.arange(1.0, 6)
    worth = dr.from_array(
        np.array([[9, 7, 5, 3, 1.0], [11, 9, 7, 1, 1]]), source="a", dims=("score",)
    )
    assert goals.derived_ceiling(scores, worth, 4.0) == 4.0
    assert goals.derived_ceiling(scores, worth, 0.5) == np.inf
    with pytest.raises(AlignmentError, match=r"expected \(sample, 4\)"):
        goals.derived_ceiling(scores[:4], worth, 1.0)


def test_chances_fall_with_the_goal_and_rise_with_initiatives():
    one = goal()
    table = one.chances()
    assert (np.diff(table["status_quo"]) <= 1e-12).all()
    assert (table["with_initiatives"] >= table["status_quo"] - 1e-12).all()
    at = np.interp(one.target, table["target"], table["with_initiatives"])
    assert at == pytest.approx(one.attainment.true, abs=0.05)
