"""The compiled simulation gives the numbers of the plain one."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from cximpact.effects.linkage.kpi import KpiGraph, KpiNode, scale_by, set_to, shift_by
from cximpact.effects.linkage.kpi.contrasts import mean_draws
from cximpact.effects.linkage.kpi.kernels import normal_quantile, poisson_quantile
from cximpact.effects.linkage.kpi.program import World
from tests.support.kpi_reference import Reference


@pytest.fixture(scope="module")
def model():
    """A graph with every family, shape, rule and a category."""
    rng = np.random.default_rng(3)
    n = 300
    region = rng.choice(["north", "south", "west"], n)
    load = rng.normal(2, 0.7, n)
    hold = np.exp(0.3 * load + rng.normal(0, 0.4, n))
    calls = rng.poisson(np.exp(0.2 * np.log(hold) + 0.2 * (region == "west")))
    fixed = (rng.random(n) < special.expit(1 - 0.4 * calls)).astype(int)
    ease = np.searchsorted([-1, 0, 1], fixed - 0.3 * hold + rng.logistic(size=n))
    score = np.array([1, 2, 4, 7])[ease]
    warmth = 0.5 * score + 0.1 * (hold - 2) ** 2 + rng.normal(size=n)
    spend = np.where(rng.random(n) < special.expit(warmth - 1), np.exp(rng.normal(0, 0.4, n)), 0)
    frame = pd.DataFrame(
        {
            "region": region,
            "load": load,
            "hold": hold,
            "calls": calls,
            "fixed": fixed,
            "score": score,
            "warmth": warmth,
            "spend": spend,
            "w": rng.random(n) + 0.5,
        }
    )
    graph = KpiGraph(
        [
            KpiNode("region", level="context"),
            KpiNode("load", level="technical"),
            KpiNode("hold", level="operational", parents=["load"], family="lognormal"),
            KpiNode(
                "calls",
                level="operational",
                parents={"hold": "log", "region": "linear"},
                family="count",
            ),
            KpiNode("fixed", level="operational", parents=["calls"], family="binary"),
            KpiNode(
                "score",
                level="perceptive",
                parents={"fixed": "linear", "hold": "curved"},
                family="ordinal",
                interactions=[("fixed", "hold")],
            ),
            KpiNode(
                "warmth",
                level="perceptive",
                parents={"score": "linear", "hold": "curved"},
                family="normal",
            ),
            KpiNode("spend", level="outcome", parents=["warmth"], family="hurdle"),
            KpiNode("profit", level="outcome", rule={"spend": 0.3, "calls": -0.1}),
        ],
        draws=4,
    )
    return graph.fit(frame, weight="w", despite="it is a test", rng=1)


WORLDS = [
    World(),
    World(do={"hold": scale_by(0.8)}),
    World(do={"calls": set_to(1), "load": shift_by(-0.2)}),
    World(do={"hold": set_to(2.0)}, base=2),
    World(do={"hold": set_to(3.0)}, base=1, edges={("hold", "score"), ("score", "warmth")}),
    World(
        do={"hold": shift_by(0.5)},
        edges={("hold", "warmth"), ("warmth", "spend"), ("spend", "profit")},
    ),
]


@pytest.mark.parametrize("target", ["profit", "spend", "warmth", "score", "fixed", "hold"])
def test_the_kernel_agrees_with_plain_numpy(model, target):
    found = mean_draws(model, target, WORLDS).means
    for draw in range(4):
        wanted = Reference(model, draw).means(target, WORLDS)
        np.testing.assert_allclose(found[draw], wanted, rtol=1e-9, err_msg=f"draw {draw}")


def test_the_number_of_threads_does_not_matter(model):
    np.testing.assert_array_equal(
        mean_draws(model, "profit", WORLDS).means,
        mean_draws(model.using(workers=3), "profit", WORLDS).means,
    )


def test_normal_quantiles():
    p = np.concatenate([np.logspace(-15, -1, 60), np.linspace(0.05, 0.95, 181)])
    found = [normal_quantile(x) for x in np.concatenate([p, 1 - p])]
    np.testing.assert_allclose(found, special.ndtri(np.concatenate([p, 1 - p])), rtol=1e-12)


@pytest.mark.parametrize("mean", [1e-9, 0.3, 4.0, 60.0, 399.0])
def test_poisson_quantiles(mean):
    u = np.linspace(0.001, 0.999, 333)
    found = [poisson_quantile(x, mean) for x in u]
    np.testing.assert_array_equal(found, stats.poisson.ppf(u, mean))


@pytest.mark.parametrize("mean", [401.0, 5e4])
def test_poisson_quantiles_of_many_are_near(mean):
    u = np.linspace(0.001, 0.999, 333)
    found = np.array([poisson_quantile(x, mean) for x in u])
    assert np.abs(found - stats.poisson.ppf(u, mean)).max() <= 1
