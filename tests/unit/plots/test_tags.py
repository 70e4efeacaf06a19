import numpy as np

from cximpact.plots.canvas import prepare
from cximpact.plots.tags import write_tags


def drawn(x, y, names):
    ax = prepare(None, title=None)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    write_tags(ax, np.array(x), np.array(y), names)
    ax.get_figure().draw_without_rendering()
    return ax, [t.get_window_extent() for t in ax.texts]


def test_names_do_not_cover_each_other():
    x, y = [0.5, 0.52, 0.5, 0.54], [0.5, 0.5, 0.53, 0.47]
    _, boxes = drawn(x, y, ["check-in", "boarding", "security", "staff"])
    crossings = [(i, j) for i in range(4) for j in range(i) if boxes[i].overlaps(boxes[j])]
    assert crossings == []


def test_names_at_the_edge_stay_inside():
    ax, boxes = drawn([0.99, 0.01], [0.5, 0.5], ["a long name at the right", "left"])
    frame = ax.get_window_extent()
    assert all(frame.x0 - 2 <= box.x0 and box.x1 <= frame.x1 + 2 for box in boxes)


def test_names_are_literal_and_short():
    ax, _ = drawn([0.5], [0.5], ["$x$ " + "very " * 20])
    assert ax.texts[0].get_text().startswith(r"\$x\$")
    assert len(ax.texts[0].get_text()) < 30
