import math

import pytest

from cximpact.effects.linkage.cases.regions import ConfidenceSet

INF = math.inf


@pytest.mark.parametrize(
    ("pieces", "kind", "said"),
    [
        (((0.1, 0.2),), "bounded", "The 90% set is 0.1 to 0.2."),
        (((-INF, 1.0), (2.0, INF)), "rays", "effects between 1 and 2 are ruled out"),
        (((-INF, INF),), "whole line", "rule out no effect at all"),
        (((-INF, 2.0),), "half line", "everything up to 2"),
        (((2.0, INF),), "half line", "everything from 2"),
        ((), "empty", "no effect fits"),
    ],
)
def test_every_kind_of_set_is_said_in_words(pieces, kind, said):
    found = ConfidenceSet(pieces=pieces, prob=0.9)
    assert found.kind == kind
    assert said in found.words()
    assert found.is_bounded == (kind == "bounded")


def test_rays_of_a_share_are_in_percentage_points():
    found = ConfidenceSet(pieces=((-INF, 0.1), (0.25, INF)), prob=0.9)
    assert "between 10 and 25 percentage points" in found.words("pp")


def test_what_a_set_contains():
    rays = ConfidenceSet(pieces=((-INF, 1.0), (2.0, INF)), prob=0.9)
    assert rays.contains(0.0)
    assert rays.contains(2.0)
    assert not rays.contains(1.5)
    assert rays.hull == (-INF, INF)
    assert all(math.isnan(end) for end in ConfidenceSet(pieces=(), prob=0.9).hull)
