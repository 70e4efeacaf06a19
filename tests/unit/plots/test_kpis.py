"""Where the nodes of a graph stand, and what its picture shows."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import MissingColumnError
from cximpact.plots import kpi_graph, style
from cximpact.plots.layers import layered

PARENTS = {"x": [], "a": ["x"], "b": ["x"], "c": ["a", "b"], "y": ["c", "x"]}
GROUPS = {"x": 0, "a": 1, "b": 1, "c": 1, "y": 2}


def test_effects_stand_to_the_right_of_causes():
    place = layered(GROUPS, PARENTS).place
    assert all(place[p][0] < place[n][0] for n, causes in PARENTS.items() for p in causes)
    assert place["a"][0] == place["b"][0]


def test_nodes_of_a_column_keep_their_distance():
    layers = layered(GROUPS, PARENTS)
    points = {point for route in layers.route.values() for point in route}
    for column in {x for x, _ in points}:
        heights = np.sort([y for x, y in points if x == column])
        assert (np.diff(heights) >= 0.55 - 1e-9).all()


def test_a_long_arrow_passes_columns_at_places_of_its_own():
    layers = layered(GROUPS, PARENTS)
    route = layers.route["x", "y"]
    assert [x for x, _ in route] == [0.0, 1.0, 2.0, 3.0]
    assert not set(route[1:-1]) & set(layers.place.values())


def arrows() -> tuple[pd.DataFrame, pd.DataFrame]:
    levels = ["context", "operational", "operational", "operational", "outcome"]
    nodes = pd.DataFrame({"node": list(GROUPS), "level": levels})
    pairs = [(p, n) for n, causes in PARENTS.items() for p in causes]
    table = pd.DataFrame(pairs, columns=["parent", "child"]).assign(
        estimate=0.2, conf_low=0.1, conf_high=0.3, standardized=0.25
    )
    table.loc[table["parent"] == "b", ["conf_low", "standardized"]] = -0.1
    return nodes, table


def test_the_picture_names_nodes_levels_and_effects():
    ax = kpi_graph(*arrows(), title="From x to y")
    texts = [t.get_text() for t in ax.texts]
    assert {"x", "a", "b", "c", "y", "context", "operational", "outcome"} <= set(texts)
    assert texts.count("+0.25") == 2 and texts.count("-0.10") == 1
    lines = {p.get_edgecolor()[:3] for p in ax.patches}
    assert len(lines) >= 3
    dashed = [p for p in ax.patches if p.get_linestyle() not in ("-", "solid")]
    assert len(dashed) == 1
    assert style.SMALL >= 9


def test_a_table_without_effects_is_refused():
    nodes, table = arrows()
    with pytest.raises(MissingColumnError, match="standardized"):
        kpi_graph(nodes, table.drop(columns="standardized"))
