"""Nothing global is touched, and hostile names do no harm."""

import base64
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cximpact import plots
from cximpact.core.errors import ConfigError
from cximpact.plots import labels
from cximpact.plots.canvas import NotebookFigure
from cximpact.plots.positions import spread
from tests.support.reporting import HALF_PAIR, HOSTILE, score_table


def everything(names=("a", "b"), title="t"):
    """Draw every picture with names and a title in every place that takes text."""
    name = title.replace("\ud800", "")
    table = score_table(list(names))
    two = score_table([name, "other"])
    twice = pd.concat([table.assign(who=w) for w in ("respondents", "everyone")])
    events = score_table([-2, 0, 1], "event_time").assign(group=name)
    events = events[["group", "event_time", "estimate", "conf_low", "conf_high"]]
    years = pd.concat([score_table([2016, 2017], "year", store=[s] * 2) for s in names])
    rules = pd.DataFrame({"rule": list(names), "target": 5.0, "binding": True})
    money = xr.DataArray(np.random.default_rng(0).normal(0, 1, (50, 4)), dims=("sample", "month"))
    steps = pd.DataFrame(
        {"label": [name, "n"], "value": [2.0, 9.0], "kind": "step", "unit": [None, name]}
    )
    nodes = pd.DataFrame({"node": two["segment"], "level": ["context", "outcome"]})
    arrow = {"parent": [name], "child": ["other"], "estimate": [0.1], "conf_low": [0.0]}
    arrows = pd.DataFrame(arrow).assign(conf_high=0.2, standardized=0.1)
    return [
        plots.kpi_graph(nodes, arrows, title=title),
        plots.scores(table, x="segment", title=title, unit=name),
        plots.scores(years, x="year", by="store", title=title),
        plots.respondents_and_everyone(twice, x="segment", title=title),
        plots.effect(table, title=title),
        plots.effect(events, title=title),
        plots.goal_ladder(rules, baseline=1.0, target=5.0, title=title, unit=name),
        plots.cash_flow_fan(money, currency="EUR", title=title),
        plots.npv_distribution(money[:, 0], "EUR", title=title),
        plots.distribution(money, unit=name, title=title),
        plots.waterfall(steps, currency="EUR", title=title),
        plots.sensitivity_curve(
            two.assign(**{f"x{name}": [0.0, 1.0]}), x=f"x{name}", threshold=0.0, title=title
        ),
        *imputation(list(names), title, name),
    ]


def imputation(names, title, name):
    """Draw the pictures of imputed scores."""
    n = len(names)
    answered = pd.DataFrame(
        {"who": names, "frame_share": 1 / n, "respondent_share": 1 / n, "response_rate": 0.2}
    )
    tips = pd.DataFrame(
        {"who": names, "respondents": 3.0, "everyone": np.arange(n), "tipped": -1.0, "delta": -0.5}
    )
    answers = pd.DataFrame({"answer": [1, 2], "observed": [0.4, 0.6], "estimate": [0.5, 0.5]})
    answers = answers.assign(conf_low=0.4, conf_high=0.6, n=10)
    path = pd.concat(
        [score_table([1, 2], "month", who=[w] * 2) for w in ("respondents", "everyone")]
    )
    x = np.linspace(0, 1, 20)
    return [
        plots.who_answered(answered, x="who", title=title),
        plots.tipping_dumbbell(tips, x="who", threshold=0.0, title=title, unit=name),
        plots.answer_distribution(answers, title=title),
        plots.score_path(path, x="month", title=title),
        plots.densities({label: (x, 1 + x) for label in names}, name=name, title=title),
    ]


def test_no_global_setting_changes():
    def settings():  # looking at the backend would load pyplot
        return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}

    before = settings()
    for ax in everything():
        plots.to_svg(ax)
    assert settings() == before


def test_pyplot_is_never_loaded():
    code = (
        "import sys; import pandas as pd; from cximpact import plots\n"
        "table = pd.DataFrame({'x': [1], 'estimate': [1.0], 'conf_low': [0.0], 'conf_high': 2.0})\n"
        "plots.to_png(plots.scores(table, x='x'), 20)\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_picture_has_a_figure_of_its_own_and_shows_itself():
    drawn = everything()
    assert len({id(ax.get_figure()) for ax in drawn}) == len(drawn)
    assert drawn[0]._repr_png_().startswith(b"\x89PNG")


def test_hostile_names_stay_text_in_every_picture():
    for ax in everything(HOSTILE, title=" ".join(HOSTILE[:9]) + HALF_PAIR):
        root = ET.fromstring(plots.to_svg(ax))
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"script", "foreignObject", "image", "a", "b", "img"}
        attributes = {key.lower() for element in root.iter() for key in element.attrib}
        assert not [a for a in attributes if a.startswith("on")]


def test_a_hostile_title_is_shown_as_it_is_written():
    title = "<b>$5 & up to $9</b>"
    ax = plots.scores(score_table(["a"]), x="segment", title=title)
    root = ET.fromstring(plots.to_svg(ax))
    assert title in ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")]


def test_the_same_drawing_gives_the_same_bytes():
    one, other = (plots.scores(score_table(["a"]), x="segment") for _ in range(2))
    assert plots.to_svg(one) == plots.to_svg(other)
    assert "dc:date" not in plots.to_svg(one)
    assert base64.b64encode(plots.to_png(one, 20)) == base64.b64encode(plots.to_png(other, 20))


def test_only_drawings_can_be_rendered():
    with pytest.raises(ConfigError, match="is a str; expected a matplotlib Axes or Figure"):
        plots.to_svg("picture")


def test_labels_that_collide_are_moved_apart_and_stay_in_order():
    moved = spread(np.array([5.0, 0.0, 5.1, 20.0]), 2.0)
    assert np.allclose(moved, [4.05, 0.0, 6.05, 20.0])
    assert (np.diff(np.sort(spread(np.zeros(9), 1.0))) >= 1 - 1e-12).all()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0, 25_000, 50_000], ["0", "25,000", "50,000"]),
        ([-0.5, 0, 0.5], ["-0.5", "0.0", "0.5"]),
        ([0, 2.5, 5], ["0.0", "2.5", "5.0"]),
        ([0.1, 0.1 + 0.2], ["0.1", "0.3"]),
    ],
)
def test_ticks_have_the_decimals_that_their_spacing_needs(values, texts):
    assert labels.NumberFormatter().format_ticks(values) == texts


def test_a_long_name_keeps_both_ends():
    shown = labels.wrapped("Customers from " + "a very " * 30 + "long name · Chat", 20, 2)
    assert shown.startswith("Customers") and shown.endswith("Chat") and shown.count("\n") <= 1


def test_every_picture_shows_itself_in_a_notebook():
    """No module makes a plain figure that it returns: a notebook would print its name."""
    folder = Path(plots.__file__).parent
    plain = [
        path.name
        for path in folder.glob("*.py")
        if path.name != "canvas.py" and re.search(r"(?<!Notebook)Figure\(figsize", path.read_text())
    ]
    assert plain == []
    assert NotebookFigure(figsize=(1, 1))._repr_png_()[:4] == b"\x89PNG"
