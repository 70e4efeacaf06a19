"""Customers who were treated once: roles, arms, propensities, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import cximpact as cx
from cximpact.core.errors import (
    ColumnError,
    ConfigError,
    DesignError,
    DtypeError,
    EmptyDataError,
    IdTypeError,
    InsufficientDataError,
    MissingColumnError,
    MissingOutcomeError,
    MissingValueError,
    NoControlError,
    NonFiniteError,
    NoTreatedError,
    OverlapError,
    TreatmentError,
    WeightError,
)

N = 12


def frame(**columns) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "who": [f"c{i}" for i in range(N)],
            "bought": np.tile([0, 1], N // 2),
            "arm": np.repeat(["none", "mail", "call"], N // 3),
            "treated": np.repeat([0, 1, 1], N // 3),
            "x": np.linspace(-1, 1, N),
            "region": np.tile(["n", "s", "w"], N // 3),
            "store": np.tile([1, 2, 3, 4], N // 4),
            "p": np.linspace(0.2, 0.8, N),
        }
    )
    return table.assign(**columns)


def arms(table=None, **roles) -> cx.CrossSection:
    given = {"outcome": "bought", "treatment": "arm", "control": "none", "features": ["x"]}
    return cx.CrossSection(frame() if table is None else table, **(given | roles))


def pair(table=None, **roles) -> cx.CrossSection:
    given = {"outcome": "bought", "treatment": "treated", "features": ["x"]}
    return cx.CrossSection(frame() if table is None else table, **(given | roles))


def test_arms_are_found_and_counted():
    data = arms()
    assert data.arms == ("call", "mail")
    assert data.counts.to_dict() == {"none": 4, "call": 4, "mail": 4}
    assert (data.n_rows, data.outcome_range) == (12, (0.0, 1.0))
    assert pair().control == 0


def test_the_order_of_declared_arms_is_kept():
    rows = arms(arms=["mail", "call"]).to_arrays()
    assert rows.arm.tolist() == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas, lambda f: pl.from_pandas(f).lazy()])
def test_engines_agree(make):
    rows = arms(make(frame()), features=["x", "region"]).to_arrays()
    assert rows.data_hash == arms(features=["x", "region"]).to_arrays().data_hash


def test_the_frame_is_left_alone():
    table = frame()
    before = table.copy(deep=True)
    arms(table, unit="who").split(rng=1)
    pd.testing.assert_frame_equal(table, before)


def test_a_known_propensity_is_laid_out_by_arm():
    rows = arms(propensity={"mail": "p", "call": 0.1}).to_arrays()
    np.testing.assert_allclose(rows.propensity[:, 1], 0.1)
    np.testing.assert_allclose(rows.propensity[:, 2], frame()["p"])
    np.testing.assert_allclose(rows.propensity.sum(axis=1), 1)


def test_picking_an_arm_conditions_the_propensity():
    chosen = arms(propensity={"mail": 0.2, "call": 0.3}).pick("mail")
    assert chosen.arms == ("mail",) and chosen.n_rows == 8
    assert chosen.propensity == pytest.approx(0.2 / 0.7)
    varying = arms(propensity={"mail": "p", "call": 0.1}).pick("mail").to_arrays()
    kept = frame()["p"].to_numpy()[:8]
    np.testing.assert_allclose(varying.propensity[:, 1], kept / (1 - 0.1))


def test_an_unknown_arm_is_not_picked():
    with pytest.raises(ConfigError, match="Did you mean 'mail'"):
        arms().pick("mial")


def test_a_split_keeps_stores_whole():
    first, second = pair(unit="who", cluster="store").split(0.5, rng=3)
    assert first.n_rows + second.n_rows == N
    assert not set(first.table()["store"]) & set(second.table()["store"])


def test_the_same_seed_splits_alike():
    a, b = (pair().split(0.5, rng=7)[0].table() for _ in range(2))
    pd.testing.assert_frame_equal(a, b)


def test_a_split_needs_something_on_both_sides():
    with pytest.raises(InsufficientDataError, match="cannot be split"):
        pair(cluster="store").split(0.01, rng=1)


def test_rows_of_one_customer_are_one_group():
    table = frame(who=np.repeat(np.arange(6), 2))
    rows = pair(table, unit="who").to_arrays()
    assert len(np.unique(rows.group)) == 6
    assert len(np.unique(rows.keys)) == 6


def test_a_customer_in_two_stores_is_refused():
    table = frame(who=np.tile(np.arange(6), 2))
    with pytest.raises(DesignError, match="several clusters"):
        pair(table, unit="who", cluster="store").to_arrays()


def test_missing_outcomes_are_left_out_only_when_asked():
    table = frame(bought=[None, 1.0] + [0.0, 1.0] * 5)
    with pytest.raises(MissingOutcomeError, match="1 row, at position 0"):
        pair(table)
    data = pair(table, missing="drop", propensity="p")
    assert (data.n_rows, data.n_dropped) == (11, 1)
    assert data.to_arrays().propensity.shape == (11, 2)


def test_missing_features_may_be_marked():
    table = frame(x=[np.nan, *np.linspace(0, 1, N - 1)])
    with pytest.raises(MissingValueError, match="missing_features='indicator'"):
        pair(table)
    assert pair(table, missing_features="indicator").n_rows == N


REFUSED = [
    ({"features": ["xx"]}, {}, MissingColumnError, "Did you mean 'x'"),
    ({"features": ["bought"]}, {}, ConfigError, "would tell the answer"),
    ({"features": ["treated"]}, {}, ConfigError, "would tell the answer"),
    ({"treatment": "arm"}, {}, ConfigError, "which one is the control"),
    ({"treatment": "arm", "control": "non"}, {}, NoControlError, "no row has the control 'non'"),
    (
        {"treatment": "arm", "control": "none", "arms": ["mail"]},
        {},
        TreatmentError,
        "'call' in 4 rows, at positions 8",
    ),
    (
        {"treatment": "arm", "control": "none", "arms": ["mail", "call", "text"]},
        {},
        NoTreatedError,
        "'text'",
    ),
    ({}, {"treated": 0}, NoTreatedError, "nobody is in the treated arm"),
    ({}, {"treated": 1}, NoControlError, "control 0"),
    ({}, {"treated": [None] + [0, 1] * 5 + [1]}, MissingValueError, "'treated'"),
    ({"treatment": "x", "control": 0, "features": []}, {}, NoControlError, "has the control"),
    ({}, {"bought": ["1"] * N}, DtypeError, "'bought'"),
    ({}, {"bought": [np.inf] + [0.0] * (N - 1)}, NonFiniteError, "1 row, at position 0"),
    ({}, {"x": [np.inf] + [0.0] * (N - 1)}, NonFiniteError, "'x'"),
    ({}, {"x": [np.nan] * N}, MissingValueError, "'x'"),
    ({"missing_features": "indicator"}, {"x": [None] * N}, ColumnError, "no values at all"),
    ({"unit": "who"}, {"who": [None, *range(N - 1)]}, IdTypeError, "identifier"),
    ({"weight": "w"}, {"w": [-1.0] + [1.0] * (N - 1)}, WeightError, "negative"),
    ({"propensity": 1.0}, {}, OverlapError, "nobody to be compared"),
    ({"propensity": 1.2}, {}, ConfigError, "at most 1"),
    ({"propensity": "p"}, {"p": [0.0] + [0.5] * (N - 1)}, OverlapError, "0 or 1 in 1 rows"),
    ({"propensity": "p"}, {"p": [np.nan] + [0.5] * (N - 1)}, NonFiniteError, "outside 0 to 1"),
    ({"propensity": {2: 0.5}}, {}, ConfigError, "one entry a treated arm"),
    ({"missing": "ignore"}, {}, ConfigError, "missing"),
]


@pytest.mark.parametrize(("roles", "columns", "error", "message"), REFUSED)
def test_what_cannot_be_used_is_refused(roles, columns, error, message):
    with pytest.raises(error, match=message):
        pair(frame(**columns), **roles)


def test_no_rows_are_refused():
    with pytest.raises(EmptyDataError):
        pair(frame().head(0))


def test_a_dose_is_no_arm():
    table = pd.DataFrame({"y": 0, "dose": np.arange(30), "x": 1.0})
    with pytest.raises(TreatmentError, match="30 different values"):
        cx.CrossSection(table, outcome="y", treatment="dose", control=0, features=["x"])


def test_several_arms_need_several_propensities():
    with pytest.raises(ConfigError, match="2 treated arms"):
        arms(propensity=0.5)
    with pytest.raises(OverlapError, match="sum to 1"):
        arms(propensity={"mail": 0.5, "call": 0.5})


def test_categories_are_read_as_their_labels():
    data = arms(frame(arm=frame()["arm"].astype("category")))
    assert data.arms == ("call", "mail")
    assert data.to_arrays().arm.tolist() == arms().to_arrays().arm.tolist()
