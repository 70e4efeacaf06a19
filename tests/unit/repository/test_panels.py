"""A panel knows when each customer was first reached."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import times

MONTHS = times("2024-01-01", "2024-02-01", "2024-03-01")


def behavior(period=MONTHS, **changes) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product([[1, 2, 3], period], names=["customer", "period"])
    return grid.to_frame(index=False).assign(retained=1, spend=range(9)).assign(**changes)


def exposures(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["initiative", "customer", "time"])


@pytest.fixture
def watched(repo: Repository) -> Repository:
    repo.add("behavior", behavior())
    t = times("2024-02-29T23:59", "2024-03-05", "2024-01-01", "2024-02-01")
    repo.add(
        "exposures",
        exposures(("calls", 1, t[0]), ("calls", 1, t[1]), ("calls", 2, t[1]), ("mail", 3, t[3])),
    )
    return repo


def test_the_first_exposure_counts(watched: Repository):
    panel = watched.panel("spend", "calls", period="month", cluster="segment")
    first = panel.frame.groupby("customer")["first_treated"].first()
    np.testing.assert_array_equal(first, [24289, 24290, np.nan])
    assert panel.periods == (24288.0, 24289.0, 24290.0)
    assert panel.frame["period_start"].tolist() == list(MONTHS) * 3
    assert panel.frame["spend"].tolist() == list(range(9))
    assert (panel.unit, panel.cluster, panel.n_units) == ("customer", "segment", 3)
    assert panel.cohorts["units"].tolist() == [1, 1, 1]


def test_a_flag_becomes_a_number(watched: Repository):
    panel = watched.panel(outcome="retained", initiative="mail", period="month")
    assert panel.frame["retained"].tolist() == [1.0] * 9


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"outcome": "spent"}, errors.ConfigError, "Did you mean 'spend'"),
        ({"initiative": "call"}, errors.ConfigError, "Did you mean 'calls'"),
        ({"period": "number"}, errors.ConfigError, "has dates"),
        ({"period": "year"}, errors.DuplicateKeyError, "several rows of a customer in one year"),
        ({"cluster": "segmnt"}, errors.MissingColumnError, "Did you mean 'segment'"),
        ({"covariates": ["age"]}, errors.MissingColumnError, "'age'"),
        ({"covariates": "segment"}, errors.DtypeError, "list of columns"),
        ({"covariates": 3}, errors.DtypeError, "list of columns"),
        ({"cluster": 3}, errors.MissingColumnError, "'3'"),
        ({"outcome": "margin"}, errors.MissingOutcomeError, "margin"),
    ],
)
def test_a_panel_that_is_not_there_is_refused(watched: Repository, options, error, match: str):
    given = {"outcome": "spend", "initiative": "calls", "period": "month"} | options
    with pytest.raises(error, match=match):
        watched.panel(**given)


def test_exposed_customers_without_behavior_are_counted(watched: Repository):
    watched.add("exposures", exposures(("calls", 4, MONTHS[0])))
    with pytest.warns(errors.DataWarning, match="1 customers were exposed to 'calls'"):
        panel = watched.panel("spend", "calls", period="month")
    assert panel.n_units == 3


def test_numbered_periods_stay_as_they_are(repo: Repository):
    repo.add("behavior", behavior(period=[1, 2, 3]))
    repo.add("exposures", exposures(("calls", 1, 2)))
    panel = repo.panel("spend", "calls")
    assert panel.periods == (1.0, 2.0, 3.0)
    assert panel.frame["first_treated"].dropna().unique().tolist() == [2.0]


def test_an_exposure_in_period_0_is_refused(repo: Repository):
    repo.add("behavior", behavior(period=[0, 1, 2]))
    repo.add("exposures", exposures(("calls", 1, 0)))
    with pytest.raises(errors.TreatmentError, match="number from 1"):
        repo.panel("spend", "calls")


def test_years_go_with_dates(repo: Repository):
    repo.add("behavior", behavior(period=[2022, 2023, 2024]))
    repo.add("exposures", exposures(("calls", 1, times("2023-12-31T23:00")[0])))
    panel = repo.panel("spend", "calls", period="year")
    assert panel.frame["first_treated"].dropna().unique().tolist() == [2023.0]
    with pytest.raises(errors.DtypeError, match="one is numbered"):
        repo.panel("spend", "calls", period="month")


def test_the_period_is_that_of_the_zone(repo: Repository):
    repo.add("behavior", behavior())
    late = times("2024-01-31T23:30")[0].tz_localize("UTC").tz_convert("Europe/Berlin")
    repo.add("exposures", exposures(("calls", 1, late)))
    panel = repo.panel("spend", "calls", period="month")
    assert panel.frame["first_treated"].dropna().unique().tolist() == [24289.0]


def test_a_covariate_is_not_the_outcome():
    with Repository() as repo:
        repo.add("customers", pd.DataFrame({"customer": [1, 2, 3], "spend": [1, 2, 3]}))
        repo.add("behavior", behavior())
        repo.add("exposures", exposures(("calls", 1, MONTHS[1])))
        with pytest.raises(errors.ColumnError, match="rename the latter"):
            repo.panel("spend", "calls", period="month", covariates=["spend"])
        assert repo.panel("retained", "calls", period="month", covariates=["spend"]).n_rows == 9


def test_a_panel_needs_behavior_and_exposures(repo: Repository):
    with pytest.raises(errors.DataError, match="no rows in behavior"):
        repo.panel("spend", "calls")
    repo.add("behavior", behavior())
    with pytest.raises(errors.DataError, match="no rows in exposures"):
        repo.panel("spend", "calls")
