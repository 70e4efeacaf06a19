import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ClusterError,
    ColumnError,
    ConfigError,
    CxImpactError,
    DtypeError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    ZeroVarianceError,
)
from cximpact.effects.linkage.importance.rating_columns import RatingColumns, open_ratings

NAN = np.nan


def frame(**changes) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    base = {name: rng.integers(1, 6, 40).astype(float) for name in ("food", "wifi", "staff")}
    base["csat"] = rng.integers(1, 6, 40).astype(float)
    base["wifi_na"] = np.zeros(40)
    base["kind"] = np.where(np.arange(40) % 2, "a", "b")
    base["store"] = np.arange(40) % 8
    return pd.DataFrame(base | changes)


def opened(data, **changes) -> RatingColumns:
    settings = {
        "outcome": "csat", "ratings": ["food", "wifi", "staff"], "covariates": [],
        "weight": None, "cluster": None, "missing": "raise", "never_used": None,
    } | changes  # fmt: skip
    return open_ratings(data, settings.pop("outcome"), settings.pop("ratings"),
                        settings.pop("covariates"), **settings)  # fmt: skip


def gaps() -> pd.DataFrame:
    """Wifi is blank in rows 0 to 9, of which 0 to 5 never used it."""
    data = frame()
    data.loc[:9, "wifi"] = NAN
    data.loc[:5, "wifi_na"] = 1
    return data


def test_ratings_without_gaps_arrive_as_they_are():
    data = frame()
    found = opened(data, covariates=["kind"])
    assert found.column("wifi").tolist() == data["wifi"].tolist()
    assert found.marks == {"food": (), "wifi": (), "staff": ()}
    assert found.rows.terms == ("kind[b]",)


def test_unused_ratings_become_the_mean_and_a_mark():
    data = gaps()
    data.loc[6:9, "wifi"] = 2.0
    found = opened(data, never_used={"wifi": "wifi_na"})
    assert found.marks["wifi"] == ("wifi (never used)",)
    assert found.column("wifi (never used)").tolist() == [1] * 6 + [0] * 34
    mean = data["wifi"].mean()
    assert found.column("wifi")[:6].tolist() == [mean] * 6
    assert found.fills["wifi"] == mean
    assert found.column("wifi")[6:].tolist() == data["wifi"][6:].tolist()


def test_a_blank_that_was_not_marked_as_unused_follows_missing():
    with pytest.raises(MissingValueError, match=r"'wifi' is missing in 4 rows.* 6, 7, 8, 9"):
        opened(gaps(), never_used={"wifi": "wifi_na"})
    dropped = opened(gaps(), never_used={"wifi": "wifi_na"}, missing="drop")
    assert dropped.rows.kept.tolist() == [*range(6), *range(10, 40)]
    assert "4 of 40 rows" in dropped.rows.notes[0]
    marked = opened(gaps(), never_used={"wifi": "wifi_na"}, missing="indicator")
    assert marked.marks["wifi"] == ("wifi (never used)", "wifi (blank)")
    assert marked.column("wifi (blank)").sum() == 4
    assert marked.rows.n == 40


@pytest.mark.parametrize("settings", [{"missing": "indicator"}, {"never_used": "indicator"}])
def test_every_blank_is_marked_where_that_was_asked(settings):
    found = opened(gaps(), **settings)
    assert found.marks["wifi"] == ("wifi (blank)",)
    assert found.column("wifi (blank)").sum() == 10


def test_a_lacking_outcome_is_no_lacking_rating():
    data = gaps().assign(csat=lambda d: d["csat"].where(d.index > 1))
    with pytest.raises(MissingValueError, match="'csat'"):
        opened(data, missing="indicator")
    found = opened(data, missing="drop", never_used="indicator")
    assert found.rows.n == 38
    assert found.column("wifi (blank)").sum() == 8


def test_nullable_integers_are_numbers_and_the_frame_is_left_alone():
    data = gaps().astype({"wifi": "Int64", "wifi_na": "Int64", "food": "Int64"})
    before = data.copy()
    assert opened(data, missing="indicator").rows.n == 40
    pd.testing.assert_frame_equal(data, before)


def test_a_mark_that_no_row_left_needs_is_left_out():
    data = frame()
    data.loc[0, ["wifi", "csat"]] = NAN
    found = opened(data, missing="drop", never_used="indicator")
    assert found.marks["wifi"] == ()


BAD = [
    ({"wifi": [NAN] * 40}, {"missing": "indicator"}, ColumnError, "'wifi' is blank in all 40"),
    ({"food": 3.0}, {}, ZeroVarianceError, "'food'.* is 3 in all"),
    ({"csat": 3.0}, {}, ZeroVarianceError, "'csat'.* is 3 in all"),
    ({"food": "good"}, {}, DtypeError, "food"),
    ({"food": [np.inf] + [1.0] * 39}, {}, NonFiniteError, "food"),
    ({"wifi_na": 1.0}, {"never_used": {"wifi": "wifi_na"}}, ColumnError, "has a rating in 40"),
    ({"wifi_na": 6.0}, {"never_used": {"wifi": "wifi_na"}}, DtypeError, "not 0 or 1 in 40"),
    ({}, {"never_used": {"wlan": "wifi_na"}}, ConfigError, "'wlan', not among the ratings"),
    ({}, {"never_used": {"wifi": "food"}}, ConfigError, "'food', which is itself a rating"),
    ({}, {"never_used": ["wifi"]}, ConfigError, "mapping"),
    ({}, {"ratings": ["food"]}, ConfigError, "1 rating; expected at least 2"),
    ({}, {"ratings": ["food", "csat"]}, ConfigError, "'csat' is among the ratings"),
    ({}, {"covariates": ["food"]}, ConfigError, "'food' is rating and covariate"),
    ({}, {"ratings": ["food", "wify"]}, MissingColumnError, "Did you mean 'wifi'"),
    ({}, {"missing": "mean"}, ConfigError, "missing is 'mean'"),
    ({"store": np.arange(40) % 3}, {"cluster": "store"}, ClusterError, "3 clusters"),
    ({"wifi (blank)": 0.0}, {"missing": "drop"}, None, ""),
]


@pytest.mark.parametrize(("changes", "settings", "error", "message"), BAD)
def test_bad_input_is_named(changes, settings, error, message):
    if error is None:
        assert opened(frame(**changes), **settings).rows.n == 40
        return
    with pytest.raises(error, match=message) as caught:
        opened(frame(**changes), **settings)
    assert isinstance(caught.value, CxImpactError)


def test_too_few_rows_are_refused():
    with pytest.raises(InsufficientDataError, match="5 rows for 4 coefficients"):
        opened(frame().iloc[:5])
    assert opened(frame().iloc[:6]).rows.n == 6
    # rows without a weight are none
    light = frame().assign(w=lambda d: (d.index < 5).astype(float))
    with pytest.raises(InsufficientDataError, match="5 rows for 4 coefficients"):
        opened(light, weight="w")


def test_a_covariate_with_the_name_of_a_mark_is_refused():
    data = gaps().assign(**{"wifi (blank)": np.arange(40)})
    with pytest.raises(ConfigError, match="rename"):
        opened(data, missing="indicator", covariates=["wifi (blank)"])
