"""Inputs meet once, and constants need no partner."""

import numpy as np
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError
from cximpact.value.joint import is_constant, join
from tests.support import money


def test_constants_lose_their_sample_dimension_and_cost_nothing():
    joint = join({"a": money.normal(0, 1), "b": money.draws([2, 2], "b")}, rng=1)
    assert joint.blocks["b"].dims == () and float(joint.blocks["b"]) == 2
    assert set(joint.order) == {"a"} and joint.size == 500 and joint.is_random


def test_nothing_random_gives_two_equal_draws():
    joint = join({"b": money.draws([2, 2], "b")}, rng=1)
    out = joint.label(joint.blocks["b"] * 3)
    assert out.values.tolist() == [6, 6] and not joint.is_random


def test_names_and_not_their_order_decide_the_numbers():
    a, b = money.normal(0, 1, "a"), money.normal(0, 1, "b")
    one = join({"a": a, "b": b}, rng=1).blocks
    two = join({"b": b, "a": a}, rng=1).blocks
    assert np.array_equal(one["a"], two["a"]) and np.array_equal(one["b"], two["b"])


def test_effective_draws_are_those_of_the_weakest_input():
    short, long = money.normal(0, 1, "s", n=100), money.normal(0, 1, "l", n=400)
    joint = join({"s": short, "l": long}, rng=1)
    out = joint.label(joint.blocks["s"] + joint.blocks["l"])
    assert out.sizes["sample"] == 400 and out.attrs[dr.ESS] == 100


def test_segments_that_differ_are_refused():
    parts = {"dims": ("segment",)}
    a = money.draws(np.eye(2), "a", coords={"segment": ["x", "y"]}, **parts)
    b = money.draws(np.eye(2), "b", coords={"segment": ["y", "x"]}, **parts)
    with pytest.raises(AlignmentError, match="same labels in the same order"):
        join({"a": a, "b": b}, rng=1)


def test_a_constant_is_seen_in_every_coordinate():
    assert is_constant(money.draws([[1, 2], [1, 2]], dims=("k",)))
    assert not is_constant(money.draws([[1, 2], [1, 3]], dims=("k",)))
