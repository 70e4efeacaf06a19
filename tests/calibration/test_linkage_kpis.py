"""The contact center from end to end: elasticities of value cover their known truth."""

import numpy as np
import pytest

from cximpact.data.simulate_kpis import simulate_kpis
from tests.support.kpi_world import contact_center

pytestmark = pytest.mark.slow
WORLDS = 200


@pytest.fixture(scope="module")
def fits():
    """Elasticities in many worlds, and how many worlds were called contradictory."""
    tables, rejected = [], 0
    graph = contact_center(draws=200, permutations=99)
    for world in range(WORLDS):
        data = simulate_kpis(world, n=2000)
        model = graph.fit(data.customers, rng=world, despite="coverage").using(simulated=1000)
        rejected += bool(model.independencies["rejected"].any())
        table = model.elasticities("value").summary(0.9).merge(data.truth, on="kpi")
        tables.append(table.assign(world=world))
    return tables, rejected


@pytest.mark.parametrize("kpi", ["outage", "hold", "transfers", "resolved", "effort"])
def test_elasticities_of_value_cover(fits, kpi):
    rows = [table.set_index("kpi").loc[kpi] for table in fits[0]]
    inside = np.mean([r["conf_low"] < r["value"] < r["conf_high"] for r in rows])
    estimates = np.array([r["estimate"] for r in rows])
    errors = np.array([r["std_error"] for r in rows])
    assert 0.84 <= inside <= 0.95, inside
    assert abs(estimates.mean() - rows[0]["value"]) < 4 * estimates.std() / np.sqrt(WORLDS)
    assert 0.88 <= errors.mean() / estimates.std(ddof=1) <= 1.15


def test_a_right_graph_is_seldom_rejected(fits):
    assert fits[1] / WORLDS < 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)
