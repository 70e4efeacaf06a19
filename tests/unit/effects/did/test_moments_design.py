"""A design known by its moments says the same as one with its rows."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ClusterError,
    DataWarning,
    NoControlError,
    NoPreperiodError,
    NoTreatedError,
    ZeroVarianceError,
)
from cximpact.data import moments
from cximpact.effects.did.design import did_table
from cximpact.effects.did.moments_design import MAX_PERIODS, moments_design
from tests.support.did import fixture_f1, panel, simple_panel
from tests.support.engines import ENGINES

FACTS = (
    "kind", "binary", "notes", "staggered", "has_never", "last_period", "periods_before",
    "n_rows", "n_clusters", "n_treated_clusters", "n_untreated_clusters",
)  # fmt: skip


def later(table):
    return table.assign(g=table["g"].mask(table["unit"] % 5 == 1, 99.0))


def always(table):
    return table.assign(g=table["g"].mask(table["unit"] % 5 == 1, 1.0))


def both(table):
    return always(table).assign(g=lambda d: d["g"].mask(d["unit"] == 2, 7.0))


def zero_one(table):
    return table.assign(y=(table["y"] > table["y"].median()).astype(int))


def one_odd(table):
    return zero_one(table).assign(y=lambda d: d["y"].mask(d.index == 7, 0.5))


CHANGES = [lambda t: t, later, always, both, zero_one, one_odd]


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.DataWarning")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [{}, {"cluster": "c"}, {"cluster": "unit"}])
@pytest.mark.parametrize("table", [fixture_f1(), simple_panel(np.random.default_rng(1))])
def test_it_says_what_the_rows_say(table, change, options):
    data = panel(change(table.assign(c=table["unit"] // 2)), **options)
    design, rows = moments_design(data), did_table(data)
    for fact in FACTS:
        assert getattr(design, fact) == getattr(rows, fact), fact
    np.testing.assert_array_equal(design.cohorts, rows.cohorts)


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.DataWarning")
@pytest.mark.parametrize("options", [{}, {"cluster": "c"}])
def test_those_who_become_alike_are_added_up(options):
    table = fixture_f1().assign(c=lambda d: d["unit"] % 4)
    design = moments_design(panel(both(table), **options))
    recoded = both(table).query("g > 1").assign(g=lambda d: d["g"].where(d["g"] <= 6))
    expected = moments(panel(recoded, **options), "cluster" if options else "cohort")
    pd.testing.assert_frame_equal(design.moments.groups, expected.groups)
    for name in ("units", "sums"):
        np.testing.assert_allclose(getattr(design.moments, name), getattr(expected, name))
    if not options:
        np.testing.assert_allclose(design.moments.products, expected.products)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_design(engine):
    table = zero_one(fixture_f1())
    design = moments_design(panel(ENGINES[engine](table)))
    expected = moments_design(panel(table))
    assert design.binary
    assert design.data_hash == expected.data_hash


def test_left_out_units_are_warned_of_with_their_number():
    with pytest.warns(DataWarning, match="3 of 12 units"):
        moments_design(panel(always(fixture_f1())))


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda t: t.iloc[1:], {}),
        (lambda t: t.assign(w=1.0 + t["unit"]), {"weight": "w"}),
        (
            lambda t: t.assign(d=(t["t"] >= t["g"]).astype(int)),
            {"first_treated": None, "treated": "d"},
        ),
        (lambda t: t.assign(c=(t["t"] + t["unit"]) % 3), {"cluster": "c"}),
    ],
)
def test_what_needs_rows_has_none(change, options):
    assert moments_design(panel(change(fixture_f1()), **options)) is None


def test_very_many_periods_stay_out_of_a_query():
    table = simple_panel(np.random.default_rng(2), units=4, periods=MAX_PERIODS + 1)
    assert moments_design(panel(ENGINES["duckdb"](table))) is None
    assert moments_design(panel(table)) is not None


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.DataWarning")
@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (lambda t: t.assign(g=t["g"].replace({3.0: 1.0, 5.0: np.inf})), {}, NoPreperiodError),
        (lambda t: t.assign(g=t["g"].replace({3.0: 9.0, 5.0: np.inf})), {}, NoTreatedError),
        (
            lambda t: t.query("unit < 8").assign(g=lambda d: d["g"].replace(3.0, 1.0)),
            {},
            NoControlError,
        ),
        (lambda t: t.assign(c=1), {"cluster": "c"}, ClusterError),
        (lambda t: t.assign(y=0.1), {}, ZeroVarianceError),
        (lambda t: t.assign(y=0.1), {"cluster": "c"}, ZeroVarianceError),
    ],
)
def test_nothing_to_compare_is_refused_as_with_rows(change, options, error):
    data = panel(change(fixture_f1().assign(c=lambda d: d["unit"] // 3)), **options)
    messages = []
    for read in (moments_design, did_table):
        with pytest.raises(error) as raised:
            read(data)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]
