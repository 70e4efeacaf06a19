"""What a fitted graph says: known effects, paths, elasticities, and money made of them."""

import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core import draws as dr
from cximpact.data.simulate_kpis import simulate_kpis
from cximpact.effects.linkage.kpi import KpiGraph, KpiNode, scale_by, set_to, shift_by
from tests.support.kpi_world import contact_center


@pytest.fixture(scope="module")
def center():
    world = simulate_kpis(8, n=4000)
    model = contact_center(draws=200, permutations=99).fit(world.customers, rng=1)
    return world, model.using(simulated=800)


def linear(n: int = 5000):
    """Two steps and a direct arrow, all linear: y = .7 m - .4 x, m = .5 x."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=n)
    m = 0.5 * x + rng.normal(size=n)
    frame = pd.DataFrame({"x": x, "m": m, "y": 0.7 * m - 0.4 * x + rng.normal(size=n)})
    graph = KpiGraph(
        [
            KpiNode("x", level="operational"),
            KpiNode("m", level="perceptive", parents=["x"], family="normal"),
            KpiNode("y", level="outcome", parents=["m", "x"], family="normal"),
        ],
        draws=400,
    )
    return graph.fit(frame, rng=1), frame


def test_in_a_linear_graph_effects_are_products_and_sums_of_coefficients():
    model, frame = linear()
    x, m, y = frame["x"], frame["m"], frame["y"]
    a = np.polyfit(x, m, 1)[0]
    b, c = np.linalg.lstsq(np.column_stack([m, x, np.ones(len(x))]), y, rcond=None)[0][:2]
    step = {"x": shift_by(0.5)}
    model = model.using(most_outside=None)
    total, through = model.do("y", step), model.path_effect("y", step, via="m")
    direct = model.path_effect("y", step, via=[("x", "y")])
    for effect, wanted in ((total, a * b + c), (through, a * b), (direct, c)):
        assert abs(effect.draws.mean() - 0.5 * wanted) < 0.004
    np.testing.assert_allclose(through.draws + direct.draws, total.draws, atol=1e-12)
    table = model.arrows().set_index(["parent", "child"])["estimate"]
    np.testing.assert_allclose(table["x", "m"], a * x.std(), rtol=0.02)
    slope = model.elasticities("y", ["x"])
    np.testing.assert_allclose(slope.draws[:, 0] / 2, total.draws, atol=1e-10)


def test_errors_of_a_linear_effect_are_those_of_least_squares():
    model, frame = linear()
    y = np.linalg.lstsq(np.column_stack([frame["x"], np.ones(len(frame))]), frame["y"], rcond=None)[
        0
    ]
    residual = frame["y"] - y[0] * frame["x"] - y[1]
    error = np.sqrt((residual**2 * frame["x"] ** 2).sum()) / (frame["x"] ** 2).sum()
    drawn = model.elasticities("y", ["x"]).draws.std("sample")
    np.testing.assert_allclose(drawn.item(), error, rtol=0.1)


def test_elasticities_of_the_contact_center_are_near_the_truth(center):
    world, model = center
    table = model.elasticities("value").summary(0.99).merge(world.truth, on="kpi")
    assert len(table) == 5
    assert ((table["conf_low"] < table["value"]) & (table["value"] < table["conf_high"])).all()


def test_relative_elasticities_are_shares(center):
    world, model = center
    own = model.elasticities("value", ["hold"])
    share = model.elasticities("value", ["hold"], relative=True)
    ratio = float((share.draws / own.draws).mean())
    data = world.customers
    np.testing.assert_allclose(ratio, data["hold"].mean() / data["value"].mean(), rtol=0.02)
    assert share.estimand.scale == "relative"
    assert own.draws.attrs["unit"] == "EUR"


def test_effects_of_one_fit_are_joint(center):
    _, model = center
    first = model.do("retained", {"hold": scale_by(0.8)})
    second = model.do("retained", {"hold": scale_by(0.9)})
    assert dr.check_joint(first.draws, second.draws)
    assert np.corrcoef(first.draws, second.draws)[0, 1] > 0.8


def test_what_it_is_compared_with(center):
    _, model = center
    low, high = {"resolved": set_to(0)}, {"resolved": set_to(1)}
    against = model.do("retained", high, low).draws
    parts = model.do("retained", high).draws - model.do("retained", low).draws
    np.testing.assert_allclose(against, parts, atol=2e-3)
    slope = model.elasticities("retained", ["resolved"]).draws[:, 0]
    np.testing.assert_allclose(slope, against, atol=1e-12)
    mean = model.expected("retained")
    np.testing.assert_allclose(mean.mean(), model.values["retained"].mean(), atol=0.01)


def test_a_part_of_the_customers_scatters_as_all_of_them():
    rng = np.random.default_rng(2)
    x = rng.normal(size=4000)
    frame = pd.DataFrame({"x": x, "y": 3 * x + 0.1 * rng.normal(size=4000)})
    nodes = [
        KpiNode("x", level="operational"),
        KpiNode("y", level="outcome", parents=["x"], family="normal"),
    ]
    model = KpiGraph(nodes, draws=1000).fit(frame, rng=1)
    for size in (400, 4000):
        spread = float(model.using(simulated=size).expected("y").std())
        np.testing.assert_allclose(spread, 3 / np.sqrt(4000), rtol=0.15)
    these = float(model.using(population="customers").expected("y").std())
    np.testing.assert_allclose(these, 0.1 / np.sqrt(4000), rtol=0.15)


def test_arrows_are_direct_effects(center):
    _, model = center
    table = model.arrows().set_index(["parent", "child"])
    assert len(table) == 14
    spread = model.values["hold"].std()
    np.testing.assert_allclose(table.loc[("hold", "value"), "estimate"], -0.5 * spread)
    assert table.loc[("hold", "effort"), "conf_high"] < 0


def test_a_path_cannot_be_told_where_a_node_would_have_to_recant(center):
    _, model = center
    assert len(model.paths("hold", "retained")) == 3
    with pytest.raises(cx.core.errors.GraphError, match="'resolved' would have to react"):
        model.path_effect(
            "retained",
            {"hold": scale_by(0.9)},
            via=[("hold", "resolved"), ("resolved", "retained")],
        )


def test_an_effect_becomes_money(center):
    _, model = center
    effect = model.do("retained", {"hold": scale_by(0.8)})
    initiative = cx.roi.Initiative(
        name="shorter queues",
        n=10_000,
        effect=effect,
        mechanism="one_time",
        value=180.0,
        currency="EUR",
        baseline=0.6,
        costs={"one_off": 2_000.0},
    )
    result = cx.roi.simulate([initiative], horizon=1, discount_rate=0.0, rng=1)
    gain = 10_000 * 180 * float(effect.draws.mean())
    assert gain > 0
    np.testing.assert_allclose(result.npv().mean() + 2_000, gain, rtol=0.05)


def test_an_effect_on_value_is_money_already(center):
    _, model = center
    effect = model.do("value", {"hold": scale_by(0.8)})
    initiative = cx.roi.Initiative(
        name="shorter queues", n=1000, effect=effect, mechanism="one_time", costs={"one_off": 100.0}
    )
    result = cx.roi.simulate([initiative], horizon=1, discount_rate=0.0, rng=1)
    np.testing.assert_allclose(result.npv().mean() + 100, 1000 * effect.draws.mean())


def test_words_and_pictures(center):
    _, model = center
    assert "8 KPIs and 14 arrows" in model.explain()
    assert "0 rejected" in model.explain()
    assert "effect of do" in model._repr_html_() or "Graph of KPIs" in model._repr_html_()
    effect = model.do("retained", {"hold": scale_by(0.8)})
    assert "hold times 0.8 against things as they are" in effect.explain()
    assert cx.plots.to_png(model.plot())[:4] == b"\x89PNG"


def test_the_noise_of_the_simulation_is_taken_out():
    world = simulate_kpis(8, n=4000)
    model = contact_center(draws=300, permutations=99).fit(world.customers, rng=1)
    found = {
        size: model.using(simulated=size).do("retained", {"hold": scale_by(0.8)})
        for size in (400, 4000)
    }
    few, all_ = found[400], found[4000]
    assert few.diagnostics["simulation_noise"] > all_.diagnostics["simulation_noise"] > 0
    np.testing.assert_allclose(few.draws.std(), all_.draws.std(), rtol=0.3)
    np.testing.assert_allclose(few.draws.mean(), all_.draws.mean(), rtol=0.05)
