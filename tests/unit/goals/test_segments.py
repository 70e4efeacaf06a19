"""Goals of segments that add up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import goals
from cximpact.core.errors import (
    ConfigError,
    DataError,
    DuplicateKeyError,
    MissingColumnError,
    ScaleError,
)
from cximpact.scores import CSAT5, NPS, ces_scale

TABLE = pd.DataFrame(
    {
        "segment": ["new", "regular", "loyal"],
        "share": [200, 500, 300],
        "score": [10.0, 40.0, 70.0],
        "cost_per_point": [1.0, 3.0, 9.0],
    }
)


def shared(target=46.0, table=TABLE, **options):
    return goals.segment_goals(table, target, NPS, **options)


@pytest.mark.parametrize("rule", ["equal_gain", "equal_opportunity", "least_cost"])
def test_segments_add_up_to_the_company(rule):
    found = shared(rule=rule)
    share = TABLE["share"] / 1000
    assert float(share @ found.table["target"]) == pytest.approx(46.0)
    assert found.feasible and (found.table["lift"] >= 0).all()
    assert found.table["target"].max() <= 100


def test_equal_opportunity_is_equal():
    used = shared().table["opportunity_share"]
    assert used.to_numpy() == pytest.approx([3 / 57] * 3)  # 43 now, 46 asked, 100 at most


def test_equal_gain_is_equal():
    assert shared(rule="equal_gain").table["lift"].tolist() == pytest.approx([3, 3, 3])


def test_least_cost_takes_the_cheapest_point_of_the_company_first():
    found = shared(rule="least_cost")
    # a company point costs 1/.2 = 5 by new, 3/.5 = 6 by regular and 9/.3 = 30 by loyal customers
    assert found.table["lift"].tolist() == pytest.approx([15, 0, 0])
    assert found.cost == pytest.approx(15.0)
    capped = shared(rule="least_cost", table=TABLE.assign(max_lift=[10.0, 50, 50]))
    assert capped.table["lift"].tolist() == pytest.approx([10, 2, 0])
    few = shared(rule="least_cost", table=TABLE.assign(share=[100, 500, 400]), target=52.0)
    assert few.table["lift"].tolist() == pytest.approx([0, 6, 0])  # 1/.1 = 10 by new, 6 by regular
    for rule in ("equal_gain", "equal_opportunity"):
        assert shared(rule=rule).cost > found.cost


def test_what_cannot_be_reached_is_a_result():
    found = shared(target=95.0, cap=0.3)
    assert not found.feasible
    assert found.company == pytest.approx(43 + 0.3 * 57)
    assert "Not feasible" in found.explain()


def test_where_lower_is_better_lifts_go_down():
    effort = ces_scale(7, higher_is_better=False)
    table = pd.DataFrame({"segment": ["a", "b"], "share": [0.5, 0.5], "score": [3.0, 5.0]})
    found = goals.segment_goals(table, 3.5, effort)
    assert (found.table["lift"] < 0).all()
    assert found.table["opportunity_share"].to_numpy() == pytest.approx([0.5 / 3] * 2)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(1.2, 4.8), min_size=2, max_size=6),
    st.floats(0.01, 0.95),
    st.sampled_from(["equal_gain", "equal_opportunity", "least_cost"]),
)
def test_any_share_of_the_room_is_met_exactly(scores, part, rule):
    n = len(scores)
    share = np.arange(1.0, n + 1)
    table = pd.DataFrame(
        {"segment": range(n), "share": share, "score": scores, "cost_per_point": share[::-1]}
    )
    now = float(share @ scores / share.sum())
    found = goals.segment_goals(table, now + part * (5 - now), CSAT5, rule=rule)
    assert found.feasible and found.table["target"].between(1, 5 + 1e-9).all()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"table": TABLE.drop(columns="share")}, MissingColumnError, "share"),
        ({"table": TABLE.assign(segment="a")}, DuplicateKeyError, "repeats in 2 rows"),
        ({"table": TABLE.assign(share=[-1, 1, 1])}, DataError, "negative in 1 row"),
        ({"table": TABLE.assign(share=0)}, DataError, "sums to 0"),
        ({"table": TABLE.assign(score=[101.0, 0, 0])}, ScaleError, "run from -100 to 100"),
        ({"rule": "fair"}, ConfigError, "expected one of"),
    ],
)
def test_tables_that_cannot_be(change, error, match):
    with pytest.raises(error, match=match):
        shared(**change)
