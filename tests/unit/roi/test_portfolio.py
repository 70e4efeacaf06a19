"""Choosing initiatives: by hand, with limits, with risk, and beyond what can be enumerated."""

import itertools

import numpy as np
import pandas as pd
import pytest

from cximpact import roi
from cximpact.core.errors import ConfigError
from cximpact.core.units import Change
from cximpact.roi import choice, hindsight
from cximpact.roi.metrics import cvar
from tests.support import money, projects


def by_hand(result, budget, weight=0.0, allowed=lambda s: True):
    npv = result.npv(by_initiative=True).values
    cost = result.pv_cost(by_initiative=True).values.mean(axis=0)
    best = (0.0, ())
    for k in range(1, npv.shape[1] + 1):
        for s in map(list, itertools.combinations(range(npv.shape[1]), k)):
            if cost[s].sum() <= budget and allowed(set(s)):
                total = npv[:, s].sum(axis=1)
                worth = total.mean() + (weight * cvar(total, 0.05)[0] if weight else 0)
                best = max(best, (worth, tuple(s)))
    return best


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_is_found_whether_enumerated_or_by_program(weight, seed, monkeypatch):
    result = projects.projects(7, seed=seed)
    objective, chosen = by_hand(result, 50_000, weight)
    found = roi.portfolio(result, budget=50_000, risk_weight=weight)
    assert found.objective == pytest.approx(objective, rel=1e-12)
    assert found.chosen == tuple(f"p{i:02d}" for i in chosen) and found.method == "exact"
    monkeypatch.setattr(choice, "ENUMERATE", 3)
    program = roi.portfolio(result, budget=50_000, risk_weight=weight)
    assert program.method == "milp" and program.objective == pytest.approx(objective, rel=1e-12)


def test_the_tail_of_a_choice_is_its_worst_share():
    choices = choice.Choices(
        projects.projects(4), choice.Limits(matrix=np.zeros((0, 4)), bounds=np.zeros(0))
    )
    for alpha in (0.05, 0.0333, 0.9999):
        weights = choice._tail(choices, 0b1011, alpha)
        npv = choices.npv(np.array([0b1011]))[0]
        assert weights.sum() == pytest.approx(1) and weights.min() >= 0
        assert weights @ npv == pytest.approx(cvar(npv, alpha)[0])


def test_prerequisites_exclusions_and_capacity_are_kept():
    result = projects.projects(7)
    uses = pd.DataFrame(
        {"q1": [3, 1, 1, 1, 1, 1, 1], "q2": [0, 2, 1, 1, 1, 1, 1]}, index=result.names
    )

    def allowed(s):
        days = uses.iloc[list(s)].sum()
        return not (2 in s and 3 not in s) and not {0, 1} <= s and (days <= [5, 4]).all()

    objective, chosen = by_hand(result, np.inf, 0.0, allowed)
    found = roi.portfolio(
        result,
        uses=uses,
        available={"q1": 5, "q2": 4},
        requires={"p02": ["p03"]},
        excludes=[["p00", "p01"]],
    )
    assert found.objective == pytest.approx(objective)
    assert found.chosen == tuple(f"p{i:02d}" for i in chosen)


def test_greed_is_a_bound():
    items = [
        money.one_period(
            Change(value=0.1, unit="pp"), name=name, value=1.0, n=n, costs={"one_off": cost}
        )
        for name, n, cost in (("small", 300, 10), ("large", 2500, 100))
    ]
    result = roi.simulate(items, horizon=1, discount_rate=0.0)
    found = roi.portfolio(result, budget=100)
    assert found.greedy == ("small",) and found.chosen == ("large",)
    assert "would have chosen 'small'" in found.explain()


def test_hindsight_is_the_value_of_perfect_information():
    result = projects.projects(4)
    found = roi.portfolio(result)
    assert found.regret == pytest.approx(float(roi.evpi(result)), rel=1e-9)
    npv = result.npv(by_initiative=True).values
    own = npv[:, [result.names.index(n) for n in found.chosen]].sum(axis=1)
    best = np.maximum(npv, 0).sum(axis=1)
    assert found.probability_optimal == pytest.approx(float((own >= best - 1e-6).mean()))


def test_the_errors_are_those_of_fresh_draws():
    parts = [slice(start, None, 40) for start in range(40)]
    results = [projects.projects(5, 40_000, seed=1, part=part) for part in parts]
    found = [roi.portfolio(result, budget=50_000) for result in results]
    assert len({one.chosen for one in found}) == 1
    for term in ("expected_npv", "cvar", "regret", "probability_of_profit", "probability_optimal"):
        spread = np.std([getattr(one, term) for one in found], ddof=1)
        error = np.mean([one.mcse[term] for one in found])
        assert 0.6 < spread / error < 1.5, term


def test_fewer_draws_judge_many_combinations_and_the_error_says_so(monkeypatch):
    result = projects.projects(6)
    whole = roi.portfolio(result, budget=50_000)
    monkeypatch.setattr(hindsight, "_PRODUCTS", 2**6 * 6 * 200)
    part = roi.portfolio(result, budget=50_000)
    assert part.hindsight_draws < whole.hindsight_draws == whole.draws
    assert part.mcse["regret"] > 1.5 * whole.mcse["regret"]
    assert part.tidy().set_index("term")["mcse"].to_dict() == part.mcse


def test_the_frontier_rises_and_holds_the_choice():
    result = projects.projects(6)
    found = roi.portfolio(result, budget=40_000)
    table = roi.portfolio(result).frontier
    assert table["cost"].is_monotonic_increasing and table["npv"].is_monotonic_increasing
    within = table[table["cost"] <= 40_000].iloc[-1]
    assert within["npv"] == pytest.approx(found.expected_npv)


def test_more_money_is_never_worse_and_the_order_does_not_matter():
    result = projects.projects(6)
    values = [roi.portfolio(result, budget=b).objective for b in (0, 20_000, 40_000, 80_000)]
    assert values[0] == 0 and values == sorted(values)
    turned = roi.simulate([i.initiative for i in result.inputs[::-1]], horizon=12, rng=1)
    assert set(roi.portfolio(turned, budget=40_000).chosen) == set(
        roi.portfolio(result, budget=40_000).chosen
    )


def test_risk_costs_money():
    result = projects.projects(8, seed=3)
    calm = roi.portfolio(result, risk_weight=5.0)
    bold = roi.portfolio(result)
    assert calm.cvar >= bold.cvar and calm.expected_npv <= bold.expected_npv


def test_choosing_the_best_of_nothing_gains_nothing():
    """Ten initiatives without any effect: the best in sample seems to pay, on fresh draws not."""
    seems, true = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        estimate = rng.normal(0, 0.01, 10)  # one noisy study each, of nothing
        shrunk = estimate * 0.0  # what a hierarchy makes of ten such studies
        seems.append(estimate.max())
        items = [
            money.one_period(
                money.draws(shrunk[k] + rng.normal(0, 0.001, 400), f"s{k}"),
                name=f"s{k}",
                n=10_000,
                value=100.0,
                costs={"one_off": 2_000},
            )
            for k in range(10)
        ]
        result = roi.simulate(items, horizon=1, discount_rate=0.0)
        true.append(roi.portfolio(result).expected_npv)
    assert np.mean(seems) > 0.01  # an in-sample ROI of 5: 10,000 x 100 x .015 / 2,000 less 1
    assert max(true) == 0.0


def test_beyond_twenty_a_program_is_solved():
    result = projects.projects(24, n=500)
    found = roi.portfolio(result, budget=120_000, risk_weight=1.0)
    assert found.method == "milp" and found.expected_cost <= 120_000
    assert found.objective >= roi.portfolio(result, budget=100_000, risk_weight=1.0).objective
    assert 0 <= found.probability_optimal <= 1


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"budget": -1}, "at least 0"),
        ({"requires": {"p00": ["p1"]}}, "Did you mean"),
        ({"excludes": [["zz", "p00"]]}, "excludes: initiative 'zz' is unknown"),
        ({"uses": pd.DataFrame({"q": [1.0]}, index=["p00"])}, "belong together"),
        (
            {"uses": pd.DataFrame({"q": [-1.0]}, index=["p00"]), "available": {"q": 1}},
            "negative or infinite",
        ),
        (
            {"uses": pd.DataFrame({"q": [1.0]}, index=["zz"]), "available": {}},
            "'zz' that are no initiatives, and available lacks 'q'",
        ),
        ({"risk_weight": -1}, "at least 0"),
    ],
)
def test_limits_that_cannot_be(settings, match):
    with pytest.raises(ConfigError, match=match):
        roi.portfolio(projects.projects(2), **settings)
