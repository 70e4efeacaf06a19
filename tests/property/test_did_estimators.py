"""What must not matter to a difference-in-differences, whichever estimator it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import CxImpactWarning
from cximpact.core.results import EffectPosterior
from cximpact.data import Panel
from cximpact.effects import (
    GroupTime,
    ImputationDiD,
    NonlinearDiD,
    SunAbraham,
    SyntheticDiD,
    TwoByTwo,
    bacon_decomposition,
    wild_cluster_test,
)
from tests.support.did import panel, staggered_world

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{CxImpactWarning.__module__}.{CxImpactWarning.__name__}"
)
SEEDS = st.integers(0, 10_000)
few = settings(max_examples=5)
Fit = Callable[[Panel], EffectPosterior]


def simple(estimator) -> Fit:
    return lambda data: estimator.fit(data, rng=1).aggregate("simple")


FITS: dict[str, Fit] = {
    "TwoByTwo": lambda data: TwoByTwo(draws=100).fit(data, rng=1),
    "GroupTime": simple(GroupTime(inference="normal", draws=100)),
    "SunAbraham": simple(SunAbraham(draws=100)),
    "ImputationDiD": simple(ImputationDiD(draws=100)),
    "conservative": simple(ImputationDiD(inference="conservative", draws=100)),
    "NonlinearDiD": simple(NonlinearDiD(trend="difference", draws=100)),
    "SyntheticDiD": lambda data: SyntheticDiD(inference="jackknife", draws=100).fit(data, rng=1),
}
each_fit = pytest.mark.parametrize("name", FITS)


def world(seed: int, units: int = 48) -> pd.DataFrame:
    """Nearly as many units in each of three cohorts as never treated."""
    rng = np.random.default_rng(seed)
    table = staggered_world(rng, units=units).drop(columns=["x1", "x2", "w"])
    return table.assign(g=np.array([3, 4, 6, 0])[table["unit"] % 4])


def numbers(name: str, table: pd.DataFrame) -> tuple[float, float]:
    found = FITS[name](panel(table))
    assert found.estimate is not None and found.std_error is not None
    return float(found.estimate), float(found.std_error)


@each_fit
@few
@given(seed=SEEDS)
def test_levels_of_units_and_a_common_trend_do_not_matter(name, seed):
    table, rng = world(seed), np.random.default_rng(seed)
    level = 3 * rng.standard_normal(48)[table["unit"]]
    moved = table.assign(y=table["y"] + level + 0.5 * table["t"])
    assert numbers(name, moved) == pytest.approx(numbers(name, table), abs=1e-7)


@pytest.mark.parametrize("name", [n for n in FITS if n != "SyntheticDiD"])
@few
@given(seed=SEEDS)
def test_shocks_to_all_units_do_not_matter(name, seed):
    """Those of synthetic controls change their ridge, as published."""
    table, rng = world(seed), np.random.default_rng(seed)
    moved = table.assign(y=table["y"] + 3 * rng.standard_normal(7)[table["t"]])
    assert numbers(name, moved) == pytest.approx(numbers(name, table), abs=1e-8)


@each_fit
@few
@given(seed=SEEDS, factor=st.floats(0.1, 50))
def test_units_of_measurement_carry_over(name, seed, factor):
    table = world(seed)
    estimate, error = numbers(name, table)
    found = numbers(name, table.assign(y=factor * table["y"]))
    assert found == pytest.approx((factor * estimate, factor * error), rel=1e-6, abs=1e-9)


@each_fit
@few
@given(seed=SEEDS)
def test_names_and_order_do_not_matter(name, seed):
    table = world(seed)
    names = table.assign(unit="u" + table["unit"].astype(str)).sample(frac=1, random_state=seed)
    assert numbers(name, names) == pytest.approx(numbers(name, table), abs=1e-8)


@each_fit
@few
@given(seed=SEEDS)
def test_an_effect_that_is_added_is_found(name, seed):
    table = world(seed)
    on = (table["g"] > 0) & (table["t"] >= table["g"])
    estimate, error = numbers(name, table)
    found = numbers(name, table.assign(y=table["y"] + 2.5 * on))
    assert found[0] == pytest.approx(estimate + 2.5, abs=1e-7)
    assert found[1] == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("name", [n for n in FITS if n != "SyntheticDiD"])
@few
@given(seed=SEEDS)
def test_in_two_periods_all_are_the_difference_of_mean_changes(name, seed):
    table = world(seed).query("t in (2, 3)")
    table = table[table["g"].isin([0, 3])]
    change = (
        table[table["t"] == 3].set_index("unit")["y"]
        - table[table["t"] == 2].set_index("unit")["y"]
    )
    treated = table.groupby("unit")["g"].first() == 3
    expected = change[treated].mean() - change[~treated].mean()
    assert numbers(name, table)[0] == pytest.approx(expected, abs=1e-9)


@few
@given(seed=SEEDS)
def test_every_cluster_twice_halves_the_variance(seed):
    """Up to the factors for few clusters, which the raw variance does not have."""
    table = world(seed)
    twice = pd.concat([table, table.assign(unit=table["unit"] + 1000)], ignore_index=True)
    raw = []
    for data in (table, twice):
        test = wild_cluster_test(panel(data), replications=99, weights="rademacher", rng=1)
        g, n, k = data["unit"].nunique(), len(data), 1 + 6
        raw.append((test.estimate / test.statistic) ** 2 * (g - 1) / g * (n - k) / (n - 1))
    assert raw[0] / raw[1] == pytest.approx(2, rel=1e-6)


@few
@given(seed=SEEDS)
def test_the_decomposition_adds_up_to_the_coefficient(seed):
    table = world(seed)
    found = bacon_decomposition(panel(table))
    assert found.estimate == pytest.approx(numbers("TwoByTwo", table)[0], abs=1e-9)
    assert (found.table["weight"] >= 0).all()
