"""Pages and tables of any text."""

import tempfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import report
from cximpact.core.errors import CxImpactError
from cximpact.report.display import display

ANY = st.text(st.characters(), max_size=60) | st.sampled_from(["<b>", "</style>", "'\"><x y=z>"])
CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 200)


class Tags(HTMLParser):
    """Collects the tags."""

    def __init__(self, html):
        super().__init__()
        self.seen = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        assert not [key for key, _ in attrs if key.startswith("on")]


def written(results, **options):
    with tempfile.TemporaryDirectory() as folder:
        return report.write(results, Path(folder) / "r.html", **options).read_text("utf-8")


PLAIN = Tags(written({"a": "b"}, title="t", answer="x", notes=["n"])).seen


@given(ANY, ANY, ANY)
@settings(max_examples=40, deadline=None)
def test_text_adds_no_element_to_a_page(title, answer, note):
    seen = Tags(written({title: "b"}, title=title, answer=f"x{answer}", notes=[note])).seen
    assert [t for t in seen if t != "p"] == [t for t in PLAIN if t != "p"]


@given(st.lists(st.tuples(CELL, st.floats(), st.floats(), COUNT), max_size=8), CELL)
@settings(max_examples=40, deadline=None)
def test_any_table_is_shown_or_refused(rows, unit):
    frame = pd.DataFrame(rows, columns=["name", "estimate", "std_error", "n"])
    try:
        shown = display(frame, unit=unit)
    except CxImpactError as error:
        assert str(error)
        return
    assert len(shown.rows) == len(frame) and all(len(row) == 4 for row in shown.rows)


@given(st.lists(st.tuples(CELL, st.floats(allow_nan=False)), min_size=1, max_size=8))
@settings(deadline=None)
def test_csv_keeps_numbers_and_disarms_text(rows):
    frame = pd.DataFrame(rows, columns=["name", "value"])
    with tempfile.TemporaryDirectory() as folder:
        path = report.write_csv(frame, Path(folder) / "t.csv")
        back = pd.read_csv(path, keep_default_na=False, dtype={"name": str}, lineterminator="\n")
    assert np.array_equal(back["value"].astype(float), frame["value"])
    assert not [c for c in back["name"] if c.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


@given(st.lists(COUNT, min_size=1, max_size=12), st.integers(1, 30))
def test_no_small_group_can_be_worked_out_from_the_total(counts, threshold):
    frame = pd.DataFrame({"group": range(len(counts)), "estimate": 1.0, "n": counts})
    out = report.suppress_small_cells(frame, threshold=threshold)
    hidden = [i for i, n in enumerate(out["n"]) if isinstance(n, str)]
    small = [i for i, n in enumerate(counts) if 0 < n < threshold]
    assert set(small) <= set(hidden)
    assert out["estimate"].isna().to_numpy().nonzero()[0].tolist() == hidden
    positive = sum(n > 0 for n in counts)
    assert len(hidden) != 1 or positive == 1
