"""Retention of joiners, and the survivors that a rate among customers counts instead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import (
    DataError,
    DataWarning,
    EmptyDataError,
    MissingValueError,
    TimezoneError,
)
from cximpact.data import RepeatedCrossSection, retained_after
from cximpact.effects import NonlinearDiD
from tests.support.engines import ENGINES

DATES = {"joined": "joined", "left": "left"}


def customers() -> pd.DataFrame:
    joined = ["2023-01-15", "2023-01-15", "2023-03-01", "2023-03-31", "2024-02-01"]
    left = ["2024-01-14", "2024-01-15", None, "2023-09-30", None]
    return pd.DataFrame(
        {"id": range(5), "joined": pd.to_datetime(joined), "left": pd.to_datetime(left)}
    )


def test_who_stayed_a_year_counts_and_who_joined_too_late_is_left_out():
    table = customers()
    before = table.copy()
    with pytest.warns(DataWarning, match="1 of 5 customers joined less than 12 months"):
        found = retained_after(table, **DATES, until="2024-12-31")
    assert found["id"].tolist() == [0, 1, 2, 3]
    assert found["retained"].tolist() == [0, 1, 1, 0]
    assert found["joined_month"].tolist() == [1, 1, 3, 3]
    pd.testing.assert_frame_equal(table, before)


def test_half_a_year_and_whole_numbers_of_months():
    found = retained_after(customers(), **DATES, until=pd.Timestamp("2025-01-01"), months=6)
    assert found["retained"].tolist() == [1, 1, 1, 0, 1]
    table = pd.DataFrame({"joined": [1, 2, 2], "left": [13, 13, np.nan]})
    assert retained_after(table, **DATES, until=14)["retained"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine(engine):
    table = pd.DataFrame({"id": [1, 2], "joined": [1, 2], "left": [5, 15]})
    found = retained_after(ENGINES[engine](table), **DATES, until=20).sort_values("id")
    assert found["retained"].tolist() == [0, 1]


def test_bad_dates_are_named():
    table = customers()
    with pytest.raises(DataError, match="'left' is before 'joined' in 1 row, at position 2"):
        late = table.assign(joined=table["joined"].mask(table["id"] == 2, pd.Timestamp("2025-1-1")))
        late["left"] = late["left"].mask(late["id"] == 2, pd.Timestamp("2024-1-1"))
        retained_after(late, **DATES, until="2026-01-01")
    with pytest.raises(MissingValueError, match="'joined' is missing in 1 row, at position 4"):
        retained_after(
            table.assign(joined=table["joined"].where(table["id"] < 4)), **DATES, until="2026-01-01"
        )
    with pytest.raises(EmptyDataError, match="fewer months"):
        retained_after(table, **DATES, until="2023-05-01")
    with pytest.raises(TimezoneError, match="different time zones"):
        retained_after(
            table.assign(left=table["left"].dt.tz_localize("UTC")), **DATES, until="2026-01-01"
        )
    with pytest.raises(DataError, match="'left' holds what is not a date"):
        retained_after(table.assign(left="soon"), **DATES, until="2026-01-01")


def test_zones_that_agree_are_read_as_they_stand():
    table = customers().assign(**{c: customers()[c].dt.tz_localize("Europe/Berlin") for c in DATES})
    until = pd.Timestamp("2025-06-01", tz="Europe/Berlin")
    assert retained_after(table, **DATES, until=until)["retained"].tolist() == [0, 1, 1, 0, 1]


def leavers(rng: np.random.Generator, n: int, months: int) -> pd.DataFrame:
    """Joiners whose own level L keeps some of them longer; nobody changes."""
    level = rng.standard_normal(n)
    hazard = special.expit(-2.5 - level)
    lived = rng.geometric(hazard)
    joined = rng.integers(1, months + 1, n)
    return pd.DataFrame({"level": level, "joined": joined, "left": joined + lived})


def test_survivors_change_although_nobody_does_and_cohorts_of_joiners_do_not():
    level, weight = np.polynomial.hermite_e.hermegauss(60)
    lived = special.expit(2.5 + level)[:, None] ** [0, 1, 2, 11]
    means = (weight * level) @ lived / (weight @ lived)
    np.testing.assert_allclose(means, [0, 0.09534, 0.17527, 0.60899], atol=1e-5)
    cohorts = leavers(np.random.default_rng(2), 200_000, 12)
    with pytest.warns(DataWarning, match="joined less than 6 months"):
        found = retained_after(cohorts, joined="joined", left="left", until=15, months=6)
    rate = found.groupby("joined_month")["retained"].mean()
    assert len(rate) == 9
    assert rate.max() - rate.min() < 5 * np.sqrt(rate.mean() * (1 - rate.mean()) / 16_000)


def test_joiners_are_a_repeated_cross_section():
    rng = np.random.default_rng(3)
    table = leavers(rng, 40_000, 12)
    table["store"] = rng.integers(0, 30, len(table))
    table["start"] = np.where(table["store"] % 2 == 0, 7, 0)
    helped = (table["start"] > 0) & (table["joined"] >= 7)
    table["left"] += np.where(helped, rng.integers(0, 4, len(table)), 0)
    found = retained_after(table, joined="joined", left="left", until=24, months=6)
    data = RepeatedCrossSection(
        found, group="store", period="joined_month", outcome="retained", first_treated="start"
    )
    effect = NonlinearDiD().fit(data, rng=1)
    assert 0 < effect.tidy()["conf_low"].iloc[0] < effect.tidy()["conf_high"].iloc[0] < 0.2
    assert effect.estimand.scale == "pp"
