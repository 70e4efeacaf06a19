"""Scenarios, overlap and what of a joint gain is due to each."""

import numpy as np
import pandas as pd
import pytest

from cximpact import roi
from cximpact.core.errors import ConfigError
from cximpact.core.units import Change
from cximpact.roi.overlap import shapley
from tests.support import money, projects


def run(items, overlaps=(), **changes):
    world = roi.Scenario(overlaps=overlaps, **changes.pop("scenario", {}))
    settings = {"horizon": 1, "discount_rate": 0.0, "scenario": world} | changes
    return roi.simulate(items, **settings)


def overlap(rule="non_response", names=("a", "b"), **settings):
    return [roi.Overlap(initiatives=names, rule=rule, **settings)]


def benefit(result):
    return float(result.pv_benefit().mean())


def test_a_customer_is_moved_once():
    result = run(projects.pair(), overlap())
    assert benefit(result) == pytest.approx(1000 * 0.28)
    each = result.pv_benefit(by_initiative=True).mean("sample").values
    np.testing.assert_allclose(each, [90, 190])  # Shapley: each loses half of what is shared
    assert benefit(run(projects.pair())) == pytest.approx(300)


def test_effects_may_add_on_the_logit():
    result = run(projects.pair(baseline=0.3), overlap("logit"))
    odds = (0.4 / 0.6) * (0.5 / 0.5) / (0.3 / 0.7)
    assert benefit(result) == pytest.approx(1000 * (odds / (1 + odds) - 0.3))


def test_an_interaction_may_be_stated():
    matrix = pd.DataFrame([[0, -1.0], [-1, 0]], index=["a", "b"], columns=["a", "b"])
    assert benefit(run(projects.pair(), overlap("interaction", matrix=matrix))) == pytest.approx(
        280
    )
    helps = run(projects.pair(), overlap("interaction", matrix=-matrix))
    assert benefit(helps) == pytest.approx(320)


def test_overlapping_retention_compounds_on_one_base():
    items = projects.pair(0.01, 0.02, mechanism="retention", baseline=0.9, value=10.0)
    result = run(items, overlap(), horizon=24)
    joint = 1 - 0.99 * 0.98
    by_hand = sum(10 * 1000 * ((0.9 + joint) ** t - 0.9**t) for t in range(1, 25))
    assert benefit(result) == pytest.approx(by_hand)


def test_a_combination_of_one_is_that_one_alone():
    items = projects.pair(0.01, 0.02, mechanism="retention", baseline=0.9, value=10.0)
    joint = run(items, overlap(), horizon=12, discount_rate=0.1).overlaps[0]
    for bit, item in enumerate(items):
        alone = run([item], horizon=12, discount_rate=0.1)
        np.testing.assert_allclose(joint.present[1 << bit], alone.pv_benefit(), rtol=1e-12)
    assert (joint.present[0] == 0).all()


def test_shares_sum_to_the_joint_benefit_in_every_draw_and_period():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(8, 3, 50)).cumsum(axis=0)
    table[0] = 0
    shares = shapley(table)
    np.testing.assert_allclose(shares.sum(axis=0), table[7], atol=1e-12)
    same = np.array([0.0, 1, 1, 1.5])[:, None]
    np.testing.assert_allclose(shapley(same), [[0.75], [0.75]])


def test_a_part_of_what_overlaps_is_simulated_on_its_own():
    items = [*projects.pair(), money.one_period(money.PP, name="c", n=10, value=1.0, costs={})]
    result = run(items, overlap())
    with pytest.raises(ConfigError, match="'a', 'b' overlap"):
        result.select("a", "c")
    assert benefit(result.select("a", "b")) == pytest.approx(280)


def test_a_portfolio_knows_what_overlap_takes_away():
    items = projects.pair(0.1, 0.12, costs={"one_off": 85.0})
    apart = roi.portfolio(run(items))
    assert apart.chosen == ("a", "b")
    together = roi.portfolio(run(items, overlap("non_response")))
    assert together.expected_npv == pytest.approx(1000 * (1 - 0.9 * 0.88) - 170)
    dear = roi.portfolio(run(projects.pair(0.1, 0.12, costs={"one_off": 92.0}), overlap()))
    assert dear.chosen == ("b",) and dear.expected_npv == pytest.approx(28)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"n": 900}, "name different customers"),
        ({"value": 2.0}, "another value"),
        ({"mechanism": "one_time"}, "work in different ways"),
        ({"coverage": 0.0}, "reaches nobody"),
    ],
)
def test_only_what_is_alike_can_overlap(changes, match):
    first, _ = projects.pair()
    _, second = projects.pair(**changes)
    with pytest.raises(ConfigError, match=match):
        run([first, second], overlap())


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: roi.Overlap(initiatives=["a"]), "two or more"),
        (lambda: roi.Overlap(initiatives=["a", "b"], rule="sum"), "expected one of"),
        (lambda: roi.Overlap(initiatives=["a", "b"], rule="interaction"), "goes with"),
        (lambda: roi.Scenario(effect=-1), "scenario.effect"),
        (lambda: roi.Scenario(shared={"market": -0.1}), "scenario.shared.market"),
        (lambda: roi.Scenario(name=" "), "expected a name"),
        (lambda: roi.Scenario(overlaps=[*overlap(), *overlap()]), "in two groups"),
        (lambda: run(projects.pair(), overlap(names=("a", "z"))), "overlap names 'z'"),
    ],
)
def test_scenarios_that_cannot_be(make, match):
    with pytest.raises(ConfigError, match=match):
        make()


def test_doing_nothing_has_a_trend_too():
    item = money.initiative()
    falling = roi.simulate(item, horizon=24, scenario=roi.Scenario(retention_drift=-0.002))
    s0 = np.cumprod([0.97 - 0.002 * t for t in range(1, 25)])
    s1 = np.cumprod([0.975 - 0.002 * t for t in range(1, 25)])
    factors = 1.1 ** (-np.arange(1, 25) / 12)
    assert benefit(falling) == pytest.approx(float(10 * 10_000 * factors @ (s1 - s0)))
    growing = roi.simulate(item, horizon=24, scenario=roi.Scenario(growth=0.01))
    assert benefit(growing) > benefit(roi.simulate(item, horizon=24))


def test_what_initiatives_share_makes_them_fail_together():
    items = [
        money.one_period(
            Change(value=0.01, unit="pp"), name=name, n=1000, value=10.0, costs={"one_off": 30.0}
        )
        for name in ("a", "b")
    ]
    shared = run(items, scenario={"shared": {"market": 0.5}}, draws=4000)
    a, b = shared.npv(by_initiative=True).values.T
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(1.0)
    assert benefit(shared) == pytest.approx(benefit(run(items)), rel=0.03)


def test_what_is_not_as_planned_is_said():
    world = {"effect": 0.8, "retention_drift": -0.001, "shared": {"market": 0.2}, "name": "gloom"}
    result = roi.simulate(money.initiative(), horizon=6, scenario=roi.Scenario(**world))
    assert "Scenario 'gloom': effect 0.8 times as planned" in result.explain()
    assert "market moves all values alike" in result.explain()
    assert "Scenario" not in roi.simulate(money.initiative(), horizon=6).explain()
    both = run(projects.pair(costs={"one_off": 20.0}), overlap())
    assert "Done alone, 'a' breaks even" in both.explain()
    assert np.isnan(roi.with_haircuts(both).set_index("version").loc["at expected inputs", "npv"])


def test_scenarios_share_their_random_numbers():
    tau = money.normal(0.005, 0.003)
    worlds = [roi.Scenario(), roi.Scenario(name="half", effect=0.5)]
    found = roi.compare_scenarios(money.initiative(effect=tau), worlds, horizon=24)
    first, second = (found.results[k] for k in ("as planned", "half"))
    assert np.corrcoef(first.npv(), second.npv())[0, 1] > 0.99
    table = found.tidy()
    assert table["difference"].iloc[0] == 0 and table["difference"].iloc[1] < 0
    assert "not noise" in found.explain()
    with pytest.raises(ConfigError, match="each with its own name"):
        roi.compare_scenarios(money.initiative(), [roi.Scenario(), roi.Scenario()])


def test_haircuts_stand_beside_the_distribution():
    result = roi.simulate(money.initiative(effect=money.normal(0.005, 0.004)), horizon=36)
    table = roi.with_haircuts(result, realization=0.8, risk_premium=0.05).set_index("version")
    honest, plug_in = table["npv"]["as simulated"], table["npv"]["at expected inputs"]
    assert honest > plug_in  # Jensen: gains compound
    cost = float(result.pv_cost().mean())
    assert table["npv"]["80% realized"] == pytest.approx(0.8 * (honest + cost) - cost)
    dear = roi.simulate(
        money.initiative(effect=money.normal(0.005, 0.004)), horizon=36, discount_rate=0.15
    )
    assert table["npv"]["discount rate + 5%"] == pytest.approx(float(dear.npv().mean()))
    assert table["probability_of_profit"].isna().tolist() == [False, True, True, True, True]


def test_an_initiative_may_stop():
    base = {"mechanism": "per_period", "baseline": None, "costs": {"recurring": 5.0}, "n": 100}
    stop = roi.simulate(money.initiative(**base, stops=3), horizon=6, discount_rate=0.0)
    goes_on = roi.simulate(
        money.initiative(**base, stops=3, persists=True), horizon=6, discount_rate=0.0
    )
    assert float(stop.pv_cost().mean()) == float(goes_on.pv_cost().mean()) == 15.0
    assert benefit(stop) == pytest.approx(3 * 100 * 0.005 * 10)
    assert benefit(goes_on) == pytest.approx(6 * 100 * 0.005 * 10)
