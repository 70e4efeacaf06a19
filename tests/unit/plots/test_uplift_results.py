"""Results draw the pictures that fit them, and hostile names do no harm."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from cximpact import plots
from cximpact.core.errors import ConfigError
from cximpact.effects.overlap import balance, overlap_report
from cximpact.effects.sensitivity import confounding
from cximpact.effects.uplift.calibration_gates import calibration_table, gates
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.predict_and_treat_lists import predict_and_treat
from tests.support.reporting import HALF_PAIR, HOSTILE, score_table

RNG = np.random.default_rng(3)
N = 400
X = RNG.normal(size=N)
TREATED = RNG.integers(0, 2, N)
BOUGHT = (RNG.random(N) < 0.3 + 0.1 * TREATED * (X > 0)).astype(float)
HELD_OUT = HeldOut(outcome=BOUGHT, treatment=TREATED)
EVALUATION = evaluate_scores(0.1 * X, HELD_OUT, replicates=20, rng=1)


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


@pytest.mark.parametrize("kind", ["toc", "uplift", "qini"])
def test_an_evaluation_draws_its_curves(kind):
    ax = EVALUATION.plot(kind)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), EVALUATION.curve(kind)["estimate"])
    assert "(percentage points)" in ax.get_ylabel()
    amounts = HeldOut(outcome=10 * BOUGHT, treatment=TREATED)
    in_money = evaluate_scores(X, amounts, replicates=20, rng=1).plot(kind)
    assert "(" not in in_money.get_ylabel()


def test_an_evaluation_draws_its_groups():
    average = float(np.mean(HELD_OUT.pseudo_outcome))
    ax = EVALUATION.plot("deciles", prob=0.8)
    (line,) = [x for x in ax.lines if x.is_dashed()]
    assert line.get_ydata()[0] == pytest.approx(average)
    assert "Average effect in each group, with its 80% interval" in texts(ax)
    found = EVALUATION.plot("calibration")
    assert found.get_xlabel() == "Predicted effect (percentage points)"
    with pytest.raises(ConfigError, match="kind"):
        EVALUATION.plot("gain")


def test_weights_and_clusters_reach_the_groups():
    weights, stores = 1.0 + (X > 0), np.arange(N) % 40
    data = HeldOut(outcome=BOUGHT, treatment=TREATED, weights=weights, cluster=stores)
    found = evaluate_scores(0.1 * X, data, replicates=20, rng=1)
    (line,) = [x for x in found.plot("deciles").lines if x.is_dashed()]
    average = np.average(np.asarray(data.pseudo_outcome), weights=weights)
    assert line.get_ydata()[0] == pytest.approx(average)
    table = calibration_table(0.1 * X, data.pseudo_outcome, weights=weights, cluster=stores)
    lines = found.plot("calibration").collections[0].get_segments()
    np.testing.assert_allclose([s[:, 1] for s in lines], table[["conf_low", "conf_high"]])


def test_groups_draw_themselves():
    found = gates(0.1 * X, HELD_OUT.pseudo_outcome, 4)
    assert len(found.plot(unit="pp").get_xticklabels()) == 4
    ax = found.plot("calibration")
    np.testing.assert_allclose(ax.collections[-1].get_offsets(), np.c_[found.predicted,
                                                                       found.effect])  # fmt: skip
    with pytest.raises(ConfigError, match="kind"):
        found.plot("curve")


def test_kinds_of_customers_are_drawn_as_they_are_counted():
    risk, uplift = RNG.random(N), RNG.normal(0.02, 0.05, N)
    found = predict_and_treat(risk, uplift, 100.0, 3.0, currency="EUR")
    assert found.break_even == pytest.approx(0.03) and found.risk_cut == np.median(risk)
    counts = found.quadrants.set_index("quadrant")["n"]
    pd.testing.assert_series_equal(
        found.customers["quadrant"].value_counts().reindex(counts.index), counts, check_names=False
    )
    ax = found.plot(unit="pp")
    shown = [t.get_text() for t in ax.get_legend().get_texts()]
    assert [f"{name}: {n} " in text for (name, n), text in zip(counts.items(), shown, strict=True)]
    assert "pays from 3" in texts(ax)
    assert ax.get_xlabel() == "Risk without a contact (%)"


def test_there_is_no_line_where_what_pays_differs_between_customers():
    value = RNG.uniform(50, 150, N)
    found = predict_and_treat(3 * X, 0.05 * X, value, 3.0, currency="EUR")
    assert found.break_even is None
    ax = found.plot()
    assert not any("pays" in t for t in texts(ax))
    assert ax.get_xlabel() == "Risk without a contact"
    worthless = predict_and_treat(3 * X, 0.05 * X, 0.0, 3.0, currency="EUR", contacts=9)
    assert worthless.break_even is None


def test_checks_draw_themselves():
    chance = 1 / (1 + np.exp(-X))
    report = overlap_report(chance, TREATED, edge=0.2)
    assert "Shaded: chances below 20% or above 80%" in texts(report.plot())
    frame = pd.DataFrame({"x": X, "y": BOUGHT, "t": TREATED, "z": RNG.normal(size=N)})
    arms = balance(frame[["x", "z"]], TREATED, propensity=chance, threshold=0.25)
    assert arms.plot().get_legend().get_texts()[-1].get_text() == "within 0.25: balanced"
    found = confounding(frame, "y", "t", ["x", "z"])
    ax = found.plot()
    assert ax.get_xlim()[1] >= found.robustness
    assert any("orange" in t for t in texts(ax))
    strong = confounding(frame.assign(y=X + 0.5 * frame["z"]), "y", "t", ["z"])
    once = strong.benchmarks.query("k == 1").iloc[0]
    assert once["r2_outcome"] > 10 * once["r2_treatment"]
    picture = strong.plot()
    assert picture.get_ylim()[1] >= once["r2_outcome"] > 2 * picture.get_xlim()[1]
    assert found.plot(largest=0.5, size=5).get_xlim()[1] == 0.5
    assert not confounding(frame, "y", "t").plot().texts[-1].get_text().startswith("1 ×")


def everything(names, title):
    """Draw every picture of uplift with names and a title in every place that takes text."""
    n = len(names)
    fractions = np.tile([0.5, 1.0], n)
    curves = score_table(list(fractions), "fraction", score=np.repeat(names, 2))
    money = score_table(list(np.tile([1.0, 2.0], n)), "budget", policy=np.repeat(names, 2))
    effects = score_table(list(range(1, n + 1)), "group")
    found = effects.rename(columns={"estimate": "observed"}).assign(predicted=1.0)
    levels = pd.DataFrame(
        {"variable": names, "level": names, "sample": "before", "difference": 0.1}
    )
    x, y = (a.ravel() for a in np.meshgrid([0.0, 0.5, 0.9], [0.0, 0.5, 0.9], indexing="ij"))
    grid = pd.DataFrame({"r2_treatment": x, "r2_outcome": y, "estimate": 0.3 - x * y})
    marks = pd.DataFrame({"benchmark": names, "k": 1, "r2_treatment": 0.2, "r2_outcome": 0.3})
    customers = pd.DataFrame({"risk": [0.1, 0.2], "uplift": [0.1, -0.1], "quadrant":
                              ["persuadables", "sleeping dogs"]})  # fmt: skip
    bars = pd.DataFrame({"arm": ["treated"], "low": [0.0], "high": [0.5], "share": [1.0]})
    name = title.replace("\ud800", "")
    return [
        plots.uplift_curve(curves.head(14), by="score", title=title, unit=name),
        plots.uplift_deciles(effects, average=1.0, title=title, unit=name),
        plots.calibration(found, what=name, title=title, unit=name),
        plots.risk_uplift_map(customers, title=title, unit=name, risk_unit=name),
        plots.policy_curve(money, currency="EUR", title=title),
        plots.love_plot(levels, title=title),
        plots.overlap_histogram(bars, title=title),
        plots.confounding_contour(grid, marks, title=title, unit=name),
    ]


def test_hostile_names_stay_text_in_every_picture():
    for ax in everything(np.array(HOSTILE), " ".join(HOSTILE[:9]) + HALF_PAIR):
        root = ET.fromstring(plots.to_svg(ax))
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"script", "foreignObject", "image", "a", "b", "img"}
        attributes = {key.lower() for element in root.iter() for key in element.attrib}
        assert not [a for a in attributes if a.startswith("on")]
