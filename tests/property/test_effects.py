"""What a difference-in-differences must not depend on, and what must follow through."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import CxImpactError
from cximpact.effects import EventStudy, TwoByTwo, association
from cximpact.effects.did.design import did_table
from cximpact.effects.did.regression import two_way_fit
from tests.support.did import cross_section, panel, people, simple_panel

seeds = st.integers(0, 10_000)
few = settings(max_examples=3, deadline=None)
INFERENCE = ("cluster", "welch", "few_treated")


def numbers(table, inference="cluster", **roles):
    result = TwoByTwo(inference=inference).fit(panel(table, **roles), rng=1)
    return np.array([float(result.estimate), float(result.std_error)])


@pytest.mark.parametrize("inference", INFERENCE)
@given(seed=seeds)
@few
def test_levels_of_units_and_of_periods_do_not_matter(inference, seed):
    rng = np.random.default_rng(seed)
    table = simple_panel(rng)
    shifts = rng.normal(0, 10, 24)[table["unit"]] + rng.normal(0, 10, 7)[table["t"]]
    moved = numbers(table.assign(y=table["y"] + shifts), inference)
    np.testing.assert_allclose(moved, numbers(table, inference), rtol=1e-8)


@pytest.mark.parametrize("inference", INFERENCE)
@given(seed=seeds, factor=st.floats(1e-3, 1e3))
@few
def test_another_unit_of_the_outcome_is_another_unit_of_the_effect(inference, seed, factor):
    table = simple_panel(np.random.default_rng(seed))
    scaled = numbers(table.assign(y=factor * table["y"]), inference)
    np.testing.assert_allclose(scaled, factor * numbers(table, inference), rtol=1e-8)
    mirrored = numbers(table.assign(y=-table["y"]), inference)
    np.testing.assert_allclose(mirrored, [-1, 1] * numbers(table, inference), rtol=1e-8)


@pytest.mark.parametrize("inference", INFERENCE)
@given(seed=seeds)
@few
def test_names_and_order_of_units_do_not_matter(inference, seed):
    rng = np.random.default_rng(seed)
    table = simple_panel(rng)
    names = np.array([f"customer {i}" for i in rng.permutation(24)])
    renamed = table.assign(unit=names[table["unit"]]).sample(frac=1, random_state=seed)
    np.testing.assert_allclose(numbers(renamed, inference), numbers(table, inference), rtol=1e-8)


@given(seed=seeds)
@few
def test_an_effect_that_is_added_is_found(seed):
    table = simple_panel(np.random.default_rng(seed))
    more = table.assign(y=table["y"] + 3.0 * (table["t"] >= table["g"]))
    np.testing.assert_allclose(numbers(more) - numbers(table), [3.0, 0.0], atol=1e-8)


@given(seed=seeds)
@few
def test_twice_the_clusters_divide_the_raw_error_by_the_root_of_two(seed):
    table = simple_panel(np.random.default_rng(seed))
    double = pd.concat([table, table.assign(unit=table["unit"] + 1000)])
    fits = []
    for data in (panel(table), panel(double)):
        did = did_table(data)
        fit = two_way_fit(did, did.treated.to_frame("treated"))
        fits.append((fit.estimate[0], np.sqrt(fit.covariance[0, 0] / fit.factor)))
    np.testing.assert_allclose(fits[1], np.array(fits[0]) / [1, np.sqrt(2)], rtol=1e-9)


@given(seed=seeds)
@few
def test_an_event_is_the_two_by_two_of_its_period_and_the_one_before(seed):
    table = simple_panel(np.random.default_rng(seed), periods=4, start=3)
    event = EventStudy().fit(panel(table), rng=1)
    for time in (-2, 0, 1):
        pair = table.query("t == 2 or t == @time + 3").assign(
            t=lambda d, e=time: np.where(d["t"] == 2, 1, 2), g=lambda d: d["g"].where(d["g"] > 9, 2)
        )
        assert float(event.estimate.sel(event_time=time)) == pytest.approx(numbers(pair)[0])


@given(seed=seeds)
@few
def test_people_repeated_by_weight_are_the_same_people(seed):
    table = people(np.random.default_rng(seed))
    repeated = table.loc[table.index.repeat(table["w"])]
    for inference in ("cluster", "few_treated"):
        fit = TwoByTwo(inference=inference).fit
        one, other = fit(cross_section(table, weight="w")), fit(cross_section(repeated))
        assert float(one.estimate) == pytest.approx(float(other.estimate), rel=1e-8)


def noisy(draw_seed, values):
    rng = np.random.default_rng(draw_seed)
    n = len(values)
    return pd.DataFrame(
        {
            "unit": rng.integers(0, 5, n),
            "t": rng.integers(0, 4, n),
            "y": values,
            "g": rng.choice([0, 1, 2, 3, np.inf, np.nan], n),
            "c": rng.integers(0, 3, n),
        }
    )


values = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=25)


@given(seed=seeds, values=values, by_group=st.booleans())
@settings(max_examples=20, deadline=None)
@pytest.mark.filterwarnings("ignore::cximpact.core.errors.CxImpactWarning")
def test_nothing_but_our_errors_escapes(seed, values, by_group):
    table = noisy(seed, values)
    if by_group:  # a design that mostly holds, so that estimation itself is reached
        table = table.drop_duplicates(["unit", "t"])
        table["g"] = table["unit"].map({0: 2.0, 1: 2.0, 2: 3.0})
    before = table.copy(deep=True)
    for estimate in (
        lambda: TwoByTwo().fit(panel(table, missing="drop", cluster="c")),
        lambda: EventStudy().fit(panel(table, missing="drop")),
        lambda: TwoByTwo(inference="few_treated").fit(
            cross_section(table.rename(columns={"unit": "group"}), missing="drop")
        ),
        lambda: TwoByTwo(inference="welch").fit(panel(table, missing="drop")),
        lambda: association(table, score="t", outcome="y", within="c", missing="drop"),
    ):
        try:
            estimate()
        except CxImpactError as error:
            assert str(error)
    pd.testing.assert_frame_equal(table, before)
