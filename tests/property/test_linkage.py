"""Laws of mediation and of graphs of KPIs, whatever the numbers."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.effects.linkage import KpiGraph, KpiNode, mediation, set_to
from cximpact.effects.linkage.kpi.network import (
    causal_order,
    descendants,
    directed_paths,
    local_independencies,
)

coefficients = st.floats(-1.5, 1.5)


def rows(a: float, b: float, c: float, seed: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    m = a * x + rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-(b * m + c * x)))).astype(int)
    return pd.DataFrame({"x": x, "m": m, "y": y})


@settings(max_examples=20)
@given(coefficients, coefficients, coefficients, st.integers(0, 1000))
def test_direct_and_indirect_are_the_total_both_ways_round(a, b, c, seed):
    found = mediation(
        rows(a, b, c, seed), exposure="x", mediator="m", outcome="y", draws=5, rng=seed
    )
    total, direct, indirect = found.estimate.values
    np.testing.assert_allclose(direct + indirect, total, atol=1e-12)
    means = found.means
    low, high = (means.isel(outcome_at=k, mediator_at=k) for k in (0, 1))
    np.testing.assert_allclose(high - low, found.draws.sel(effect="total"), atol=1e-12)
    assert (means.values > 0).all() and (means.values < 1).all()


@settings(max_examples=10)
@given(coefficients, st.integers(0, 1000))
def test_exposures_the_other_way_round_change_the_sign_of_the_total(b, seed):
    data = rows(0.5, b, 0.3, seed)
    roles = {"exposure": "x", "mediator": "m", "outcome": "y", "draws": 5, "rng": 1}
    forward = mediation(data, contrast=(0, 1), **roles).estimate.sel(effect="total")
    back = mediation(data, contrast=(1, 0), **roles).estimate.sel(effect="total")
    np.testing.assert_allclose(forward, -back, atol=1e-12)


@settings(max_examples=10)
@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_the_unit_of_a_kpi_changes_its_elasticity_and_nothing_else(unit, seed):
    rng = np.random.default_rng(seed)
    hold = rng.lognormal(0.5, 0.4, 200)
    effort = 5 - hold + rng.normal(size=200)
    graph = KpiGraph(
        [
            KpiNode("hold", level="operational"),
            KpiNode("effort", level="perceptive", parents={"hold": "log"}, family="normal"),
        ],
        draws=5,
        permutations=99,
    )
    plain = graph.fit(pd.DataFrame({"hold": hold, "effort": effort}), rng=1)
    other = graph.fit(pd.DataFrame({"hold": unit * hold, "effort": effort}), rng=1)
    a, b = (model.elasticities("effort").draws.values for model in (plain, other))
    np.testing.assert_allclose(a, unit * b, rtol=1e-6)
    middle = float(np.median(hold))
    a = plain.do("effort", {"hold": set_to(middle)}).draws.values
    b = other.do("effort", {"hold": set_to(unit * middle)}).draws.values
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@st.composite
def graphs(draw) -> dict[str, tuple[str, ...]]:
    n = draw(st.integers(1, 6))
    names = [f"n{k}" for k in range(n)]
    out = {}
    for k, name in enumerate(names):
        out[name] = tuple(p for p in names[:k] if draw(st.booleans()))
    order = draw(st.permutations(names))
    return {name: out[name] for name in order}


@given(graphs())
def test_order_paths_and_descendants_agree(parents):
    order = causal_order(parents)
    place = {name: k for k, name in enumerate(order)}
    assert sorted(order) == sorted(parents)
    assert all(place[p] < place[n] for n, causes in parents.items() for p in causes)
    for start in parents:
        reached = {n for n in parents if n != start and directed_paths(parents, start, n)}
        assert descendants(parents, start) == reached
    for node, other, given_ in local_independencies(parents):
        assert other not in given_
        assert node not in descendants(parents, other) or given_
