"""The example on members who leave runs where its data are, and finds what it says."""

import re

import matplotlib as mpl
import pytest

from tests.architecture import source

PAGE = source.ROOT / "examples" / "medicare_leaving" / "notebook.md"


@pytest.fixture(scope="module")
def names(real_data):
    mpl.use("agg")
    pattern = r"^```\{code-cell\}[^\n]*\n(.*?)^```"
    code = "\n".join(re.findall(pattern, PAGE.read_text(), re.DOTALL | re.MULTILINE))
    found: dict = {}
    exec(compile(code, "notebook.md", "exec"), found)
    return found


def test_the_link_within_contracts_is_gone_once_leaving_comes_after(names):
    table = names["table"].set_index(["lag", "contracts"])
    assert table.loc[(0, "within"), "conf_high"] < -0.8
    assert table.loc[(2, "within"), "conf_low"] < 0 < table.loc[(2, "within"), "conf_high"]
    assert abs(table.loc[(2, "within"), "estimate"]) < 0.05


def test_between_contracts_it_stays(names):
    pooled = names["table"].set_index(["contracts", "lag"]).loc["pooled"]
    assert (pooled["conf_high"] < -0.6).all()


def test_the_graph_is_fitted_in_the_order_of_time(names):
    chain = names["chain"]
    assert (chain["called"] < chain["rated"]).all() and (chain["rated"] < chain["gone"]).all()
    table = names["model"].elasticities("leaving").tidy().set_index("kpi")
    pooled = names["slope"](chain.rename(columns={"rating": "cahps_rating_plan"}), "year")
    assert abs(table.loc["rating", "estimate"] - pooled["estimate"]) < 0.1
    assert not names["model"].independencies["rejected"].any()
