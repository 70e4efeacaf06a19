"""Panels in order are known at a glance, and as well as by a group-by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import DuplicateKeyError, TreatmentError
from cximpact.data import Panel
from cximpact.data.rectangle import rectangle
from tests.support.did import fixture_f1, panel
from tests.support.engines import ENGINES

EAGER = [name for name in ENGINES if not {"lazy polars", "duckdb"} & {name}]


def table(never: float = np.nan) -> pd.DataFrame:
    return fixture_f1().assign(g=lambda d: d["g"].replace(np.inf, never)).drop(columns="tau")


def facts(data: Panel) -> tuple[object, ...]:
    cohorts = tuple(data.cohorts.itertuples(index=False, name=None))
    return data.n_rows, data.n_units, data.periods, data.balanced, cohorts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("never", [np.nan, np.inf, 0.0])
def test_it_finds_what_a_group_by_finds(engine, never):
    ordered = panel(ENGINES[engine](table(never)))
    shuffled = panel(ENGINES[engine](table(never).sample(frac=1, random_state=1)))
    assert (rectangle(ordered) is not None) == (engine in EAGER)
    assert rectangle(shuffled) is None
    assert facts(ordered) == facts(shuffled)
    assert facts(ordered) == (72, 12, (1, 2, 3, 4, 5, 6), True, facts(shuffled)[-1])


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.iloc[1:],
        lambda d: d.drop(index=[7, 30]),
        lambda d: d.iloc[::-1],
        lambda d: d.sort_values(["t", "unit"]),
        lambda d: d.assign(unit="u" + d["unit"].astype(str)),
        lambda d: d.assign(t=np.where(d["unit"] == 3, d["t"] + 1, d["t"])),
    ],
    ids=["first row", "two rows", "reversed", "by period", "names", "other periods"],
)
def test_other_rows_are_left_to_the_group_by(change):
    changed = change(table())
    data = panel(changed)
    assert rectangle(data) is None
    assert data.n_rows == len(changed)
    assert data.n_units == changed["unit"].nunique()
    assert data.periods == tuple(sorted(changed["t"].unique()))


def test_what_is_wrong_is_refused_all_the_same():
    doubled = table().assign(t=lambda d: d["t"].where(d["t"] != 3, 2))
    with pytest.raises(DuplicateKeyError, match="unit"):
        panel(doubled)
    moving = table(0.0).assign(g=lambda d: d["g"].where(d.index != 40, 6.0))
    with pytest.raises(TreatmentError):
        panel(moving)


def test_one_period_is_a_rectangle():
    assert facts(panel(table().query("t == 2")))[:3] == (12, 12, (2,))
