import pytest

from cximpact.core.errors import GraphError
from cximpact.effects.linkage.kpi.network import (
    causal_order,
    descendants,
    directed_paths,
    edges_of,
    local_independencies,
    recanting_witness,
)

# a -> b -> d, a -> c -> d, b -> c
GRAPH = {"d": ("b", "c"), "c": ("a", "b"), "b": ("a",), "a": ()}


def test_causes_come_first():
    assert causal_order(GRAPH) == ["a", "b", "c", "d"]


def test_a_cycle_is_spelled_out():
    with pytest.raises(GraphError, match=r"cycle: (b -> c -> d -> b|c -> d -> b -> c|d -> b)"):
        causal_order({"a": (), "b": ("a", "d"), "c": ("b",), "d": ("c",)})


def test_descendants():
    assert descendants(GRAPH, "b") == {"c", "d"}
    assert descendants(GRAPH, "d") == set()


def test_all_directed_paths():
    assert directed_paths(GRAPH, "a", "d") == [
        ("a", "b", "d"),
        ("a", "c", "d"),
        ("a", "b", "c", "d"),
    ]
    assert directed_paths(GRAPH, "d", "a") == []


def test_a_witness_that_would_have_to_recant():
    through_b = edges_of([("a", "b", "d")])
    assert recanting_witness(GRAPH, "a", "d", through_b) == "b"
    both = edges_of([("a", "b", "d"), ("a", "b", "c", "d")])
    assert recanting_witness(GRAPH, "a", "d", both) == ""
    assert recanting_witness(GRAPH, "a", "d", edges_of([("a", "c", "d")])) == ""
    # b hears of the change and passes it on to nobody
    assert recanting_witness(GRAPH, "a", "d", {("a", "b"), ("a", "c"), ("c", "d")}) == ""


def test_independencies_of_a_chain_and_of_a_collider():
    chain = {"a": (), "b": ("a",), "c": ("b",)}
    assert local_independencies(chain) == [("c", "a", ("b",))]
    collider = {"a": (), "b": (), "c": ("a", "b")}
    assert local_independencies(collider) == []
