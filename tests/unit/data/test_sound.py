"""The quick look at rows: it may only pass what the row-by-row checks pass."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import CxImpactError
from cximpact.data import roles
from tests.support.did import cross_section, panel, simple_panel
from tests.support.engines import ENGINES


def table():
    out = simple_panel(np.random.default_rng(1), units=6, periods=4, start=3)
    return out.assign(d=(out["t"] >= out["g"]).astype(int), g=out["g"].replace(np.inf, np.nan))


def outcome_of(build):
    try:
        data = build()
    except CxImpactError as error:
        return type(error), str(error)
    facts = ("n_rows", "n_dropped", "periods", "outcome_range")
    return [getattr(data, fact) for fact in facts]


BAD = {"duckdb": [np.nan, -np.inf], "pandas": [np.nan, np.inf, -np.inf, 0, -1, 0.5, 99]}
ROLES = [{}, {"cluster": "c"}, {"weight": "w"}, {"covariates": ["x"]}]
NEEDS = {"c": ROLES[1], "w": ROLES[2], "x": ROLES[3], "d": {"first_treated": None, "treated": "d"}}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
@pytest.mark.parametrize("column", ["unit", "t", "y", "g", "d", "c", "w", "x"])
def test_it_says_what_the_checks_of_every_row_say(monkeypatch, engine, column):
    for value in BAD.get(engine, BAD["pandas"]):
        rows = table()
        rows[column] = rows[column].astype(float)
        rows.loc[5, column] = value
        frame = ENGINES[engine](rows)

        def build(frame=frame):
            return panel(frame, missing="drop", **NEEDS.get(column, {}))

        quick = outcome_of(build)
        monkeypatch.setattr(roles, "sound_rows", lambda *_: None)
        slow = outcome_of(build)
        monkeypatch.undo()
        assert quick == slow


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("more", ROLES)
def test_sound_rows_are_seen_at_a_glance(monkeypatch, engine, more):
    monkeypatch.setattr(roles, "_row_by_row", lambda *_: pytest.fail("every row was looked at"))
    rows = table()
    data = panel(ENGINES[engine](rows), **more)
    assert data.outcome_range == (rows["y"].min(), rows["y"].max())
    people = cross_section(ENGINES[engine](rows.rename(columns={"unit": "group"})), **more)
    assert people.outcome_range == data.outcome_range


def test_the_range_is_that_of_the_rows_used():
    rows = table()
    rows.loc[rows["y"].idxmax(), "y"] = np.nan
    assert panel(rows, missing="drop").outcome_range == (rows["y"].min(), rows["y"].max())


def test_no_numbers_but_nan_in_starts_are_never_treated():
    rows = pd.concat([table(), table().assign(unit=lambda d: d["unit"] + 6, g=np.nan)])
    assert panel(rows).cohorts["units"].sum() == 12
