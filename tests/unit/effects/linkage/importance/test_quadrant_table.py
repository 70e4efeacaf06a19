import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.linkage.importance.quadrant_table import (
    QUADRANTS,
    on_scales,
    quadrant_table,
)

NAMES = ("a", "b", "c", "d")


def test_quadrants_are_counted_draw_by_draw():
    importance = np.array([[4.0, 3, 1, 0], [0.4, 0, 0.3, 0.1]])  # compared within a draw
    performance = np.array([[1.0, 5, 1, 5], [11, 15, 15, 11]])
    estimates = (np.array([0.2, 0.3, 0.1, 0.0]), np.array([1.0, 5, 3, 3]))
    table = quadrant_table(NAMES, importance, performance, estimates, 0.05).set_index("driver")
    assert list(table.index) == ["b", "a", "c", "d"]
    assert table.loc["a", list(QUADRANTS)].tolist() == [1, 0, 0, 0]
    assert table.loc["b", list(QUADRANTS)].tolist() == [0, 0.5, 0, 0.5]
    assert table.loc["c", list(QUADRANTS)].tolist() == [0, 0.5, 0.5, 0]
    assert table.loc["d", list(QUADRANTS)].tolist() == [0, 0, 0.5, 0.5]
    assert table.loc["a", "quadrant"] == "fix first"
    assert table["probability"].tolist() == [0.5, 1, 0.5, 0.5]
    assert table.attrs["limits"] == pytest.approx((0.15, 3.0))
    assert table.loc["d", "importance_low"] == pytest.approx(0.005)
    assert table.loc["d", "importance_high"] == pytest.approx(0.095)
    assert table.loc["c", "performance_low"] == pytest.approx(1.7)


def test_a_driver_at_the_mean_counts_as_high():
    same = np.ones((3, 2))
    table = quadrant_table(("a", "b"), same, same, (same[0], same[0]), 0.05)
    assert table["keep up"].tolist() == [1, 1]


def test_scales_make_ratings_comparable():
    found = on_scales(np.array([[3.0, 5.0], [1.0, 10.0]]), ("a", "b"), {"a": (1, 5), "b": (0, 10)})
    assert found.tolist() == [[0.5, 0.5], [0.0, 1.0]]
    # effort from 5, the worst, to 1
    assert on_scales(np.array([2.0, 5.0]), ("a", "b"), (5, 1)).tolist() == [0.75, 0]


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({"a": (1, 5)}, "lacks 'b'"),
        ({"a": (1, 5), "b": (1, 5), "x": (0, 1)}, "driver 'x' is unknown"),
        ((1, 1), "worst and best"),
        ((1, 5, 7), "worst and best"),
        ("15", "worst and best"),
    ],
)
def test_bad_scales_are_named(scales, message):
    with pytest.raises(ConfigError, match=message):
        on_scales(np.ones((1, 2)), ("a", "b"), scales)
