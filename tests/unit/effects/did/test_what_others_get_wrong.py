"""Data on which other packages have silently gone wrong, for every estimator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import (
    CxImpactWarning,
    DataWarning,
    DtypeError,
    DuplicateKeyError,
    TreatmentReversalError,
    ZeroVarianceError,
)
from cximpact.core.results import EffectPosterior
from cximpact.data import Panel
from cximpact.effects import (
    EventStudy,
    GroupTime,
    ImputationDiD,
    NonlinearDiD,
    SunAbraham,
    SyntheticDiD,
    TwoByTwo,
)
from tests.support.did import panel, staggered_world

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{CxImpactWarning.__module__}.{CxImpactWarning.__name__}"
)
ESTIMATORS = {
    "TwoByTwo": TwoByTwo(draws=100),
    "EventStudy": EventStudy(draws=100),
    "GroupTime": GroupTime(inference="normal", draws=100),
    "GroupTime, not yet": GroupTime(control="not_yet", inference="normal", draws=100),
    "ImputationDiD": ImputationDiD(draws=100),
    "SunAbraham": SunAbraham(draws=100),
    "SyntheticDiD": SyntheticDiD(inference="jackknife", draws=100),
    "NonlinearDiD": NonlinearDiD(trend="difference", draws=100),
}
WITH_GAPS = [name for name in ESTIMATORS if name != "SyntheticDiD"]
"""Those that take panels in which some rows are missing."""
Fit = Callable[[Panel], EffectPosterior]
each = pytest.mark.parametrize("name", ESTIMATORS)


def world(units: int = 60) -> pd.DataFrame:
    """Cohorts 3, 5 and never (missing), with effects that grow."""
    rng = np.random.default_rng(1)
    table = staggered_world(rng, units=units)[["unit", "t", "y", "c"]]
    table["g"] = np.array([3.0, 5.0, np.nan, np.nan])[table["unit"] % 4]
    return table.assign(y=table["y"] + 0.4 * (table["t"] - table["g"]).clip(lower=0).fillna(0))


def numbers(result: EffectPosterior) -> np.ndarray:
    assert result.estimate is not None and result.std_error is not None
    return np.append(result.estimate.values, result.std_error.values)


NEVER: dict[str, Callable[[pd.DataFrame], object]] = {
    "infinite": lambda table: table.fillna({"g": np.inf}),
    "zero": lambda table: table.fillna({"g": 0.0}),
    "NA": lambda table: table.astype({"g": "Int64"}),
    "null": pl.from_pandas,
}


@each
@pytest.mark.parametrize("never", NEVER)
def test_never_treated_may_be_coded_in_every_usual_way(name, never):
    table = world()
    base, found = (ESTIMATORS[name].fit(panel(t), rng=1) for t in (table, NEVER[never](table)))
    np.testing.assert_allclose(numbers(found), numbers(base), rtol=1e-10)
    assert found.diagnostics["clusters"] == 60


def test_numbers_mixed_with_none_are_refused_by_name():
    mixed = world()["g"].astype(object).where(world()["g"].notna(), None)
    with pytest.raises(DtypeError, match="'g'"):
        panel(world().assign(g=mixed))


@each
def test_ids_may_be_text(name):
    table = world()
    text = table.assign(unit="store " + table["unit"].astype(str))
    base, found = (ESTIMATORS[name].fit(panel(t), rng=1) for t in (table, text))
    np.testing.assert_allclose(numbers(found), numbers(base), rtol=1e-7)


@each
def test_those_treated_after_the_data_end_are_controls(name):
    table = world()
    late = table["unit"] % 4 == 2
    other = table.assign(g=table["g"].mask(late, 9.0))
    base, found = (ESTIMATORS[name].fit(panel(t), rng=1) for t in (table, other))
    np.testing.assert_allclose(numbers(found), numbers(base), rtol=1e-12)
    assert sum("first treated after the last" in n for n in found.provenance.notes) == 1


@each
def test_those_treated_from_the_start_are_left_out_with_a_warning(name):
    table = world()
    always = table["unit"] % 8 == 0
    other = table.assign(g=table["g"].mask(always, 1.0))
    base = ESTIMATORS[name].fit(panel(table[~always]), rng=1)
    with pytest.warns(DataWarning, match="in every period they are seen"):
        found = ESTIMATORS[name].fit(panel(other), rng=1)
    np.testing.assert_allclose(numbers(found), numbers(base), rtol=1e-7)


@each
def test_a_constant_outcome_is_no_effect_without_error(name):
    with pytest.raises(ZeroVarianceError, match="constant"):
        ESTIMATORS[name].fit(panel(world().assign(y=3.0)))


def test_treatment_that_ends_and_rows_that_double_are_refused_before_any_estimate():
    table = world().assign(d=lambda d: (d["t"] >= d["g"]).astype(int))
    stops = (table["unit"] == 0) & (table["t"] == 6)
    with pytest.raises(TreatmentReversalError):
        panel(table.assign(d=table["d"].mask(stops, 0)), first_treated=None, treated="d")
    with pytest.raises(DuplicateKeyError):
        panel(pd.concat([table, table.iloc[[7]]]))


@pytest.mark.parametrize("name", WITH_GAPS)
def test_rows_lost_at_random_cost_precision_and_not_the_estimate(name):
    table = world(units=400)
    lost = np.random.default_rng(2).random(len(table)) < 0.1
    base, found = (ESTIMATORS[name].fit(panel(t), rng=1) for t in (table, table[~lost]))
    whole, part = numbers(base), numbers(found)
    half = len(whole) // 2
    assert np.abs(part[:half] - whole[:half]).max() < 2.5 * whole[half:].max()
    assert (part[half:] < 1.5 * whole[half:]).all()


@pytest.mark.parametrize("name", ["GroupTime", "ImputationDiD", "SunAbraham", "NonlinearDiD"])
def test_an_average_leaves_the_result_as_it_is(name):
    result = ESTIMATORS[name].fit(panel(world()), rng=1)
    before = result.tidy()
    for by in ("simple", "event", "group", "calendar"):
        result.aggregate(by, overall=True)
    pd.testing.assert_frame_equal(result.tidy(), before)


@each
def test_the_frame_is_left_alone(name):
    table = world()
    before = table.copy(deep=True)
    ESTIMATORS[name].fit(panel(table), rng=1)
    pd.testing.assert_frame_equal(table, before)
