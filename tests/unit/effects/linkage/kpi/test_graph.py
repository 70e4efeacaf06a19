"""Graphs that cannot be: refused before they meet data, and by what the data say."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import check_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DataError,
    GraphError,
    MissingColumnError,
    MissingValueError,
    NotCausalError,
    OverlapError,
    RankError,
    TimeOrderError,
)
from cximpact.effects.linkage.kpi import KpiGraph, KpiNode, set_to, shift_by

HOLD = KpiNode("hold", level="operational")
EFFORT = KpiNode("effort", level="perceptive", parents=["hold"], family="normal")
STAYS = KpiNode("stays", level="strategic", parents=["effort"], family="binary")


def frame(n: int = 400, *, shortcut: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    hold = rng.uniform(1, 5, n)
    effort = 4 - 0.5 * hold + rng.normal(size=n)
    stays = rng.random(n) < 1 / (1 + np.exp(-effort + shortcut * (hold - 3)))
    return pd.DataFrame({"hold": hold, "effort": effort, "stays": stays.astype(int)})


@pytest.mark.parametrize(
    ("nodes", "error", "match"),
    [
        ([HOLD, HOLD], GraphError, "'hold' occurs more than once"),
        ([EFFORT], GraphError, r"'effort' has the parent 'hold', which is no node"),
        ([], ConfigError, "at least one"),
        (["hold"], ConfigError, "something else than KpiNode"),
        (
            [
                KpiNode("a", level="technical", parents=["b"], family="normal"),
                KpiNode("b", level="technical", parents=["a"], family="normal"),
            ],
            GraphError,
            "cycle: a -> b -> a|cycle: b -> a -> b",
        ),
        (
            [EFFORT, KpiNode("hold", level="strategic")],
            GraphError,
            "hold -> effort leads from the level 'strategic' back to 'perceptive'",
        ),
    ],
)
def test_impossible_graphs(nodes, error, match):
    with pytest.raises(error, match=match):
        KpiGraph(nodes)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"parents": ["hold"]}, GraphError, "has parents but no model"),
        ({"family": "normal"}, GraphError, "has a model but no parents"),
        ({"parents": ["hold"], "family": "nromal"}, ConfigError, "'normal'"),
        ({"level": "operationl"}, ConfigError, "'operational'"),
        ({"rule": {"hold": 1.0}, "family": "normal"}, GraphError, "has a rule"),
        ({"rule": {"hold": "much"}}, ConfigError, "number"),
        ({"parents": {"hold": "cubic"}, "family": "normal"}, ConfigError, "shape of 'hold'"),
        (
            {"parents": ["hold"], "family": "normal", "interactions": [("hold", "x")]},
            GraphError,
            "no pair of its parents",
        ),
    ],
)
def test_impossible_nodes(options, error, match):
    with pytest.raises(error, match=match):
        KpiNode("effort", **({"level": "perceptive"} | options))


def test_bad_columns_are_refused():
    graph = KpiGraph([HOLD, EFFORT])
    with pytest.raises(MissingColumnError, match="'effort'"):
        graph.fit(frame().drop(columns="effort"))
    gaps = frame().assign(hold=lambda d: d["hold"].where(d.index > 2))
    with pytest.raises(MissingValueError, match="'hold' is missing in 3 rows"):
        graph.fit(gaps)
    dropped = KpiGraph([HOLD, EFFORT], missing="drop", draws=10).fit(gaps, rng=1)
    assert dropped.n == 397
    assert "3 of 400 rows" in dropped.explain()


def test_values_that_a_model_does_not_have():
    with pytest.raises(DataError, match="'effort' is neither 0 nor 1"):
        KpiGraph(
            [HOLD, KpiNode("effort", level="perceptive", parents=["hold"], family="binary")]
        ).fit(frame())
    logs = KpiNode("effort", level="perceptive", parents={"hold": "log"}, family="normal")
    with pytest.raises(DataError, match="'hold' enters .* logarithm"):
        KpiGraph([HOLD, logs]).fit(frame().assign(hold=lambda d: d["hold"] - 2))


def test_parents_that_say_the_same():
    twin = KpiNode("wait", level="operational")
    node = KpiNode("effort", level="perceptive", parents=["hold", "wait"], family="normal")
    with pytest.raises(RankError, match="model of 'effort'"):
        KpiGraph([HOLD, twin, node]).fit(frame().assign(wait=lambda d: 2 * d["hold"]))


def test_an_effect_measured_before_its_cause_is_refused_with_the_dates():
    nodes = [
        KpiNode("hold", level="operational", time="called"),
        KpiNode("effort", level="perceptive", parents=["hold"], family="normal", time="asked"),
    ]
    dates = frame().assign(called=pd.Timestamp("2024-03-01"), asked=pd.Timestamp("2024-02-01"))
    with pytest.raises(TimeOrderError, match=r"'effort', caused by 'hold',.*2024-02-01"):
        KpiGraph(nodes).fit(dates)


def test_changes_that_the_data_know_nothing_about():
    model = KpiGraph([HOLD, EFFORT, STAYS], draws=10).fit(frame(), rng=1)
    with pytest.raises(OverlapError, match=r"'hold' \(set to 60\) outside its range .* 1.* to 5"):
        model.do("stays", {"hold": 60})
    with pytest.raises(OverlapError, match=r"for 2\d.*% of customers"):
        model.do("stays", {"hold": shift_by(-1)})
    model.using(most_outside=None).do("stays", {"hold": 60})
    with pytest.raises(ConfigError, match="'hold'"):
        model.do("stays", {"hodl": 2})
    with pytest.raises(GraphError, match="no path from 'stays' to 'hold'"):
        model.do("hold", {"stays": 1})
    with pytest.raises(GraphError, match="goes by way of 'hold'"):
        model.path_effect("stays", {"hold": set_to(2)}, via="hold")


def test_data_that_contradict_the_graph_make_its_effects_descriptive():
    graph = KpiGraph([HOLD, EFFORT, STAYS], draws=50)
    with pytest.warns(AssumptionWarning, match="stays and hold given effort"):
        model = graph.fit(frame(1500, shortcut=0.8), rng=1)
    assert model.independencies["rejected"].tolist() == [True]
    effect = model.do("stays", {"hold": shift_by(-0.1)})
    with pytest.raises(NotCausalError):
        check_causal(effect)
    anyway = graph.fit(frame(1500, shortcut=0.8), rng=1, despite="the shortcut is small")
    assert check_causal(anyway.do("stays", {"hold": shift_by(-0.1)}))
    assert "the shortcut is small" in anyway.explain()


def test_the_frame_is_left_alone_and_the_seed_decides():
    given = frame()
    before = given.copy()
    graph = KpiGraph([HOLD, EFFORT, STAYS], draws=20)
    first, again = graph.fit(given, rng=4), graph.fit(given, rng=4)
    pd.testing.assert_frame_equal(given, before)
    a, b = (m.do("stays", {"hold": shift_by(-0.1)}).draws for m in (first, again))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(
        a, graph.fit(given, rng=5).do("stays", {"hold": shift_by(-0.1)}).draws
    )
