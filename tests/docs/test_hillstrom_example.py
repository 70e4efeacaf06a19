"""The example on the e-mail experiment runs where its data are, and finds what it says."""

import re

import matplotlib as mpl
import pytest

from tests.architecture import source

PAGE = source.ROOT / "examples" / "hillstrom_uplift" / "notebook.md"


@pytest.mark.slow
def test_the_example_runs_and_says_what_was_found(real_data):
    mpl.use("agg")
    pattern = r"^```\{code-cell\}[^\n]*\n(.*?)^```"
    code = "\n".join(re.findall(pattern, PAGE.read_text(), re.DOTALL | re.MULTILINE))
    names: dict = {}
    exec(compile(code, "notebook.md", "exec"), names)
    low = {o: e.tidy().set_index("metric").loc["autoc"] for o, (_, _, e) in names["judged"].items()}
    assert low["visit"]["conf_low"] > 0
    for outcome in ("conversion", "spend"):
        assert low[outcome]["conf_low"] < 0 < low[outcome]["conf_high"]
    first = names["seen"].groupby(names["fifth"], observed=True)["womens"].mean()
    assert first.iloc[0] > 0.9 and first.iloc[-1] < 0.1
