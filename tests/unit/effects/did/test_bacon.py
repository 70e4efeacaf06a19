"""The comparisons behind a two-way fixed-effects coefficient, against regressions of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cximpact.core.errors import AssumptionWarning, DesignError
from cximpact.effects import EventStudy, TwoByTwo, bacon_decomposition
from cximpact.effects.did.bacon import FORBIDDEN, KINDS
from cximpact.plots import to_png, two_way_weights
from tests.support.did import FEW, STAGGERED, dense_fit, fixture_f1, panel, staggered_world, treated

pytestmark = [pytest.mark.filterwarnings(STAGGERED), pytest.mark.filterwarnings(FEW)]


def slope(table: pd.DataFrame) -> float:
    return float(dense_fit(table, treated(table))[0][0])


def test_f1():
    found = bacon_decomposition(panel(fixture_f1()))
    assert found.estimate == pytest.approx(1.96875, abs=1e-12)
    assert found.table["weight"].sum() == pytest.approx(1, abs=1e-12)
    assert (found.table["weight"] > 0).all()
    assert "an average of 4 comparisons" in found.explain()
    assert f"{found.forbidden:.0%} of it compares with units" in found.explain()


def test_every_estimate_is_the_regression_of_its_two_cohorts():
    table = staggered_world(np.random.default_rng(3), units=90)
    table = table.assign(g=table["g"].replace(0, np.inf).astype(float))
    found = bacon_decomposition(panel(table)).table
    assert len(found) == 3 + 2 * 3
    for row in found.to_dict("records"):
        k, j = row["treated"], row["control"]
        both = table[table["g"].isin([k, j])]
        if row["kind"] == KINDS[1]:
            both = both[both["t"] < j]
        if row["kind"] == FORBIDDEN:
            both = both[both["t"] >= j]
            both = both.assign(g=both["g"].replace(j, np.inf))
        assert row["estimate"] == pytest.approx(slope(both), abs=1e-9)


def test_weights_are_shares_times_variance_of_treatment():
    """The weight of a pair is the share of its rows squared, times its variance of treatment."""
    table = staggered_world(np.random.default_rng(4), units=120)
    table = table.assign(g=table["g"].replace(0, np.inf).astype(float))
    found = bacon_decomposition(panel(table)).table
    expected = []
    for row in found.to_dict("records"):
        k, j = row["treated"], row["control"]
        both = table[table["g"].isin([k, j])]
        if row["kind"] == KINDS[1]:
            both = both[both["t"] < j]
        if row["kind"] == FORBIDDEN:
            both = both[both["t"] >= j]
            both = both.assign(g=both["g"].replace(j, np.inf))
        d = treated(both)[:, 0]
        left = d - pd.Series(d).groupby(both["unit"].to_numpy()).transform("mean")
        left = left - pd.Series(left).groupby(both["t"].to_numpy()).transform("mean")
        expected.append((left**2).mean() * len(both) ** 2)
    expected = np.array(expected) / np.sum(expected)
    np.testing.assert_allclose(found["weight"], expected, atol=1e-10)


@given(seed=st.integers(0, 10_000), units=st.integers(40, 80))
def test_the_average_is_the_coefficient(seed, units):
    table = staggered_world(np.random.default_rng(seed), units=units)
    found = bacon_decomposition(panel(table))
    assert found.estimate == pytest.approx(float(TwoByTwo().fit(panel(table)).estimate), abs=1e-9)


@pytest.mark.parametrize("estimator", [TwoByTwo(), EventStudy()])
@pytest.mark.parametrize("cluster", [None, "c"])
def test_two_way_results_carry_what_they_mix(estimator, cluster):
    table = staggered_world(np.random.default_rng(5), units=120, periods=9)
    data = panel(table, cluster=cluster)
    with pytest.warns(AssumptionWarning, match=r"already treated units \(\d+% of it\)"):
        result = estimator.fit(data, rng=1)
    expected = bacon_decomposition(data)
    pd.testing.assert_frame_equal(result.details["comparisons"].table, expected.table)
    found = result.diagnostics
    assert found["forbidden_comparisons"] == pytest.approx(expected.forbidden, abs=1e-12)
    weights = result.details["weights"]["weight"]
    assert found["negative_weights"] == pytest.approx(-weights[weights < 0].sum(), abs=1e-12)
    assert found["negative_cells"] == pytest.approx((weights < -1e-12).mean())


def test_rows_carry_their_weights():
    table = staggered_world(np.random.default_rng(5), units=60)
    with pytest.warns(AssumptionWarning, match="negative weights sum to"):
        result = TwoByTwo().fit(panel(table, weight="w"), rng=1)
    assert "comparisons" not in result.details
    assert result.details["weights"]["weight"].sum() == pytest.approx(1)


def test_one_cohort_is_one_comparison():
    table = fixture_f1().query("g != 5")
    found = bacon_decomposition(panel(table))
    assert found.table["kind"].tolist() == [KINDS[0]]
    assert found.forbidden == 0
    assert "already treated" not in found.explain()


def test_gaps_and_weights_are_refused():
    table = fixture_f1().assign(w=1.0)
    for data in (panel(table.iloc[1:]), panel(table, weight="w")):
        with pytest.raises(DesignError, match="balanced panel without weights"):
            bacon_decomposition(data)


def test_pictures_show_every_comparison_and_the_coefficient():
    data = panel(fixture_f1())
    found = bacon_decomposition(data)
    ax = found.plot(title="What the coefficient is made of")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(names) == 3
    assert names[0].startswith(KINDS[0])
    texts = [text.get_text() for text in ax.texts]
    assert any("coefficient 1.97" in text for text in texts)
    assert "comparisons" in found._repr_html_()
    weights = TwoByTwo().fit(data).details["weights"]
    ax = two_way_weights(weights, title="Weights")
    assert [text.get_text() for text in ax.texts] == ["from 3", "from 5"]
    assert to_png(ax).startswith(b"\x89PNG")
