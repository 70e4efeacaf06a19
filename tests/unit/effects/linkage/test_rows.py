import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ClusterError,
    ColumnError,
    ConfigError,
    MissingValueError,
    ZeroVarianceError,
)
from cximpact.effects.linkage.rows import link_rows

ROLES = {"score": "s", "outcome": "y"}


def frame(**changes) -> pd.DataFrame:
    base = {
        "s": [1.0, 2, 3, 4],
        "y": [0, 1, 1, 0],
        "x": [3.0, 1, 2, 6],
        "kind": ["b", "a", "b", "a"],
        "w": [1.0, 1, 2, 0],
        "store": ["n", "n", "m", "m"],
    }
    return pd.DataFrame(base | changes)


def test_columns_arrive_by_role():
    rows = link_rows(frame(), ROLES, ["x", "kind"], weight="w", cluster="store")
    assert rows.numbers["score"].tolist() == [1, 2, 3, 4]
    assert rows.terms == ("x", "kind[b]")
    assert rows.cluster.tolist() == [0, 0, 1, 1]
    assert rows.is_clustered
    np.testing.assert_allclose(rows.weight @ rows.design, 0, atol=1e-12)
    np.testing.assert_allclose(rows.weight @ rows.design**2 / rows.weight.sum(), 1)


def test_without_covariates_the_design_is_empty():
    rows = link_rows(frame(), ROLES)
    assert rows.design.shape == (4, 0)
    assert not rows.is_clustered


def test_rows_are_dropped_only_when_asked_and_counted():
    gaps = frame(y=[0, np.nan, 1, 0], x=[np.nan, 1, 2, 6])
    with pytest.raises(MissingValueError, match=r"Column 'y' is missing in 1 row .*: \[1\]|'y'"):
        link_rows(gaps, ROLES, ["x"])
    rows = link_rows(gaps, ROLES, ["x"], missing="drop")
    assert rows.kept.tolist() == [2, 3]
    assert rows.n_dropped == 2
    assert "2 of 4 rows" in rows.notes[0]


def test_the_frame_is_left_alone():
    given = frame(y=[0, np.nan, 1, 0])
    before = given.copy()
    link_rows(given, ROLES, ["x"], missing="drop")
    pd.testing.assert_frame_equal(given, before)


@pytest.mark.parametrize(
    ("data", "options", "error", "match"),
    [
        (frame(s=[1, 1, 1, 1]), {}, ZeroVarianceError, "'s' .*score.* is 1 in all 4 rows"),
        (frame(x=[2, 2, 2, 2]), {"covariates": ["x"]}, ZeroVarianceError, "covariate 'x'"),
        (frame(), {"covariates": ["y"]}, ConfigError, "'y' has two roles"),
        (frame(y=[np.nan] * 4), {"missing": "drop"}, ColumnError, r"all 4 rows .* 'y' \(4\)"),
        (frame(store=["n"] * 4), {"cluster": "store"}, ClusterError, "one cluster"),
        (frame(), {"missing": "forget"}, ConfigError, "missing"),
    ],
)
def test_bad_rows_are_refused(data, options, error, match):
    with pytest.raises(error, match=match):
        link_rows(data, ROLES, **options)


def test_a_column_may_be_constant_where_that_is_allowed():
    rows = link_rows(frame(y=[1, 1, 1, 1]), ROLES, varying=["score"])
    assert rows.numbers["outcome"].sum() == 4


def test_the_hash_tells_data_apart():
    assert link_rows(frame(), ROLES).data_hash != link_rows(frame(y=[1, 1, 1, 0]), ROLES).data_hash
