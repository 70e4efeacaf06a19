"""What must not matter for group-time effects."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.effects import GroupTime
from tests.support.did import FEW, panel, staggered_world

pytestmark = pytest.mark.filterwarnings(FEW)


def fitted(table: pd.DataFrame, **settings: object):
    return GroupTime(covariates=(), draws=100, **settings).fit(panel(table), rng=1)


seeds = st.integers(0, 10_000)


def world(seed: int) -> pd.DataFrame:
    return staggered_world(np.random.default_rng(seed), units=60)


@settings(max_examples=15)
@given(seed=seeds, scale=st.floats(0.1, 50))
def test_shifts_of_units_and_periods_and_the_scale(seed, scale):
    table, rng = world(seed), np.random.default_rng(seed + 1)
    base = fitted(table)
    moved = table.assign(
        y=scale * table["y"] + rng.normal(0, 5, 60)[table["unit"]] + rng.normal(0, 5, 7)[table["t"]]
    )
    other = fitted(moved)
    np.testing.assert_allclose(other.estimate, scale * base.estimate, atol=1e-9 * scale)
    np.testing.assert_allclose(other.std_error, scale * base.std_error, atol=1e-9 * scale)


@settings(max_examples=10)
@given(seed=seeds)
def test_names_and_order_of_rows(seed):
    table, rng = world(seed), np.random.default_rng(seed + 2)
    names = np.array([f"u{i:03}" for i in rng.permutation(60)])
    other = table.assign(unit=names[table["unit"]]).sample(frac=1, random_state=seed)
    base, renamed = fitted(table), fitted(other)
    np.testing.assert_allclose(renamed.estimate, base.estimate, atol=1e-12)
    np.testing.assert_allclose(renamed.std_error, base.std_error, atol=1e-12)
    by_row = GroupTime(covariates=()).fit(panel(table, weight="w"), rng=1)
    assert np.abs(by_row.details["cells"].fit.influence.sum(axis=0)).max() < 1e-10


@settings(max_examples=10)
@given(seed=seeds, control=st.sampled_from(["never", "not_yet"]))
def test_every_unit_twice_divides_the_variance_by_two(seed, control):
    table = world(seed)
    twice = pd.concat([table, table.assign(unit=table["unit"] + 60)])
    base = fitted(table, control=control, small_sample=False)
    double = fitted(twice, control=control, small_sample=False)
    np.testing.assert_allclose(double.estimate, base.estimate, atol=1e-12)
    np.testing.assert_allclose(double.std_error * np.sqrt(2), base.std_error, atol=1e-12)
