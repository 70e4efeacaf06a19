"""Odd frames: nothing but our own errors and warnings, and the frame is left alone."""

import copy
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import CxImpactError
from cximpact.core.scale import ScoreScale
from cximpact.data import Panel, RepeatedCrossSection, SurveyWave, cells, moments
from tests.support.engines import ENGINES

NPS = ScoreScale(name="NPS", low=0, high=10, higher_is_better=True)
NAMES = ("a", "b", "c", "d", "e")
odd = settings(max_examples=60, deadline=None)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 12),
    st.sampled_from([99, -1, 999, 2**53, 2**53 + 1, 2**63 - 1]),
    st.floats(),
    st.sampled_from(["7", "7,5", "", "a", "ü", "\x00"]),
    st.just([1, 2]),
    st.just({"x": 1}),
    st.just(1j),
    st.just(pd.NA),
    st.just(pd.Timestamp("2020-01-01")),
    st.just(dt.date(2020, 1, 1)),
    st.just(b"bytes"),
)
COLUMNS = (
    st.integers(-1, 11),
    st.integers(0, 3),
    st.sampled_from([0, 1]),
    st.sampled_from([0.0, 2.0, 3.0, np.nan, np.inf, -np.inf]),
    st.floats(0, 10),
    st.sampled_from(["x", "y", None]),
    st.booleans(),
    scalars,
)


@st.composite
def odd_frames(draw: st.DrawFn) -> pd.DataFrame:
    """Return a frame with columns of all sorts, sometimes two of a name."""
    n = draw(st.integers(0, 8))
    columns = []
    for _ in NAMES:
        values = draw(st.lists(draw(st.sampled_from(COLUMNS)), min_size=n, max_size=n))
        series = pd.Series(values, dtype=None if draw(st.booleans()) else object)
        as_category = draw(st.integers(0, 6)) == 0 and all(isinstance(v, str) for v in values)
        columns.append(series.astype("category") if as_category else series)
    frame = pd.concat(columns, axis=1)
    doubled = draw(st.integers(0, 9)) == 0
    frame.columns = [*NAMES[:-1], "a"] if doubled else list(NAMES)
    return frame


names = st.sampled_from([*NAMES, *NAMES, "nope"])
maybe = st.one_of(st.none(), names)
lists = st.lists(names, max_size=2)


def check_all(frame: pd.DataFrame, engine: str, build: Any, use: Any) -> None:
    """Build from the frame in an engine; whatever is refused is refused by us."""
    before = copy.deepcopy(frame)
    try:
        given_frame = ENGINES[engine](frame)
    except (ValueError, TypeError, OverflowError, NotImplementedError):
        return  # the engine itself cannot hold such a column
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("pyarrow", "polars", "duckdb"):
            raise
        return
    try:
        use(build(given_frame))
    except CxImpactError as error:
        assert str(error)
    pd.testing.assert_frame_equal(frame, before)


engines = st.sampled_from(["pandas", "pandas", "polars", "pyarrow", "duckdb"])


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.CxImpactWarning")
@given(frame=odd_frames(), engine=engines, factors=lists, roles=st.tuples(maybe, maybe, maybe))
@odd
def test_a_wave_takes_any_frame_or_refuses_it(frame, engine, factors, roles):
    period, weight, customer = roles
    check_all(
        frame,
        engine,
        lambda f: SurveyWave(
            f, answer="a", scale=NPS, factors=factors, period=period, weight=weight,
            customer=customer,
        ),
        cells,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.CxImpactWarning")
@given(
    frame=odd_frames(),
    engine=engines,
    covariates=lists,
    roles=st.tuples(maybe, maybe, maybe, maybe),
    missing=st.sampled_from(["raise", "drop"]),
)
@odd
def test_a_design_takes_any_frame_or_refuses_it(frame, engine, covariates, roles, missing):
    first, treated, cluster, weight = roles
    rest = {
        "period": "b",
        "outcome": "a",
        "first_treated": first,
        "treated": treated,
        "cluster": cluster,
        "weight": weight,
        "covariates": covariates,
        "missing": missing,
    }
    check_all(frame, engine, lambda f: Panel(f, unit="c", **rest), lambda p: p.to_pandas())
    check_all(
        frame,
        engine,
        lambda f: RepeatedCrossSection(f, group="c", **rest),
        lambda p: p.to_pandas(),
    )


@st.composite
def near_panels(draw: st.DrawFn) -> pd.DataFrame:
    """Return a sound panel with up to two things wrong."""
    units, periods = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    i, t = (a.ravel() for a in np.meshgrid(range(units), range(1, periods + 1), indexing="ij"))
    table = pd.DataFrame({"unit": i, "t": t, "y": np.cos(3 * i + t), "g": np.where(i % 2, 2.0, 0)})
    table["d"] = ((table["g"] > 0) & (table["t"] >= table["g"])).astype(float)
    for _ in range(draw(st.integers(0, 2))):
        row, column = draw(st.integers(0, len(table) - 1)), draw(st.sampled_from(list(table)))
        table[column] = table[column].astype(float)
        table.loc[row, column] = draw(st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 0.5, 99, 1]))
    return table


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.CxImpactWarning")
@given(
    table=near_panels(),
    engine=engines,
    by_period=st.booleans(),
    missing=st.sampled_from(["raise", "drop"]),
)
@settings(max_examples=25, deadline=None)
def test_a_panel_with_a_flaw_is_refused_or_right(table, engine, by_period, missing):
    roles = {"treated": "d"} if by_period else {"first_treated": "g"}

    def use(panel: Panel) -> None:
        rows = panel.to_pandas()
        assert panel.n_rows == len(rows) == len(rows.drop_duplicates(["unit", "period"]))
        assert panel.periods == tuple(sorted(rows["period"].unique()))
        assert panel.n_units == rows["unit"].nunique()
        assert panel.balanced == (len(rows) == panel.n_units * len(panel.periods))
        if panel.balanced and not by_period:
            found = moments(panel)
            np.testing.assert_allclose(found.sums.sum(), rows["outcome"].sum(), atol=1e-9)

    build = {"unit": "unit", "period": "t", "outcome": "y", "missing": missing}
    check_all(table, engine, lambda f: Panel(f, **build, **roles), use)


@given(
    answers=st.lists(st.one_of(st.none(), st.integers(0, 10)), min_size=1, max_size=30),
    seed=st.integers(0, 99),
    engine=engines,
)
@settings(max_examples=30, deadline=None)
def test_counts_do_not_depend_on_order_or_on_splitting_weights(answers, seed, engine):
    rng = np.random.default_rng(seed)
    n = len(answers)
    table = pd.DataFrame(
        {"a": pd.array(answers, dtype="Int64"), "f": rng.choice(["x", "y"], n), "w": 2.0}
    )
    options = {"answer": "a", "scale": NPS, "factors": ["f"], "weight": "w"}
    one = cells(SurveyWave(ENGINES[engine](table), **options))
    shuffled = table.sample(frac=1, random_state=seed)
    assert cells(SurveyWave(shuffled, **options)).data_hash == one.data_hash
    split = pd.concat([table, table]).assign(w=1.0)
    halves = cells(SurveyWave(split, **options))
    np.testing.assert_allclose(halves.weight, one.weight)
    np.testing.assert_allclose(halves.weight_sq * 2, one.weight_sq)
    assert one.weight.sum() == 2 * table["a"].notna().sum()
