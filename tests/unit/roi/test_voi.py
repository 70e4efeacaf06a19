"""The value of information: closed forms, ordering, useless information, the size of a study."""

import numpy as np
import pytest
from scipy import stats

from cximpact import roi, value
from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.units import Change
from tests.support import money, projects

N = 100_000


def normal_decision(mu=100.0, sd=200.0, known=120.0):
    """Net benefit of which a part with sd ``known`` could be learned."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2, N))
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    net = mu + known * z[0] + np.sqrt(sd**2 - known**2) * z[1]
    return (
        dr.from_array(net, source="a", attrs={"unit": "EUR"}),
        dr.from_array(z[0], source="a", name="share"),
        dr.from_array((net - mu) / sd, source="a", name="everything"),
    )


def unit_loss(mu, sd):
    return sd * stats.norm.pdf(mu / sd) - abs(mu) * stats.norm.cdf(-abs(mu) / sd)


def test_closed_forms_of_a_decision_between_two():
    net, share, everything = normal_decision()
    assert unit_loss(100, 200) == pytest.approx(39.559311, abs=1e-6)
    for found, expected in (
        (roi.evpi(net), 39.559311),
        (roi.evppi(net, share), 13.596587),
        (roi.evsi(net, everything, n=7, noise_sd=np.sqrt(7)), 19.964123),
    ):
        assert abs(found.value - expected) < 4 * found.mcse
        assert found.mcse < 0.02 * expected and found.unit == "EUR"


def test_information_is_ordered():
    net, share, _ = normal_decision()
    sample = [float(roi.evsi(net, share, n=n, noise_sd=3.0)) for n in (1, 10, 100, 10_000)]
    partial, perfect = float(roi.evppi(net, share)), float(roi.evpi(net))
    assert 0 <= sample[0] < sample[1] < sample[2] < sample[3] <= partial < perfect
    assert float(roi.evsi(net, share, n=0, noise_sd=3.0)) == 0.0


def test_useless_information_is_worth_nothing():
    net, *_ = normal_decision(mu=5.0)
    noise = dr.from_array(np.random.default_rng(9).normal(size=N), source="a", name="noise")
    found = roi.evppi(net, noise)
    assert found.value < 0.5 and found.bias > 0
    assert float(roi.evpi(net)) > 70


def test_what_a_regression_finds_in_noise_is_taken_off():
    rng, worth, found_in_noise = np.random.default_rng(3), [], []
    for seed in range(12):
        net = dr.from_array(rng.normal(3.0, 200.0, 400), source="a")
        noise = dr.from_array(rng.normal(size=(400, 2)), source="a", dims=("k",), name="noise")
        found = roi.evppi(net, noise, rng=seed)
        worth.append(found.value)
        found_in_noise.append(found.bias)
    assert np.mean(found_in_noise) > 5 and np.mean(worth) < 0.5 * np.mean(found_in_noise)


def test_an_action_that_is_always_best_leaves_nothing_to_learn():
    rng = np.random.default_rng(1)
    net = dr.from_array(
        rng.normal([0, 100], 5, (500, 2)),
        source="a",
        dims=("action",),
        coords={"action": ["x", "y"]},
    )
    found = roi.evpi(net)
    assert found.value == 0.0 and found.best == "y"


def test_inputs_of_a_simulation_are_ranked():
    result = projects.projects(3)
    found = roi.evppi(result)
    assert found.table["input"].iloc[0] == found.about[0]
    assert (np.diff(found.table["evppi"]) <= 0).all()
    alone = roi.evppi(result, found.about[0])
    assert alone.value == pytest.approx(found.value, abs=3 * found.mcse)
    both = roi.evppi(result, list(found.table["input"]))
    assert found.value <= both.value <= float(roi.evpi(result)) + 3 * both.mcse
    assert found.about[0] in found.explain() or "exactly" in found.explain()


def test_what_initiatives_share_is_one_input():
    margin = dr.from_array(np.random.default_rng(1).normal(10, 2, 500), source="margin")
    worth = value.ValuePosterior(
        draws=margin, currency="EUR", per="x", provenance=money.effect().provenance
    )
    items = [
        money.initiative(name=name, value=worth, currency=None, effect=Change(value=tau, unit="pp"))
        for name, tau in (("a", 0.004), ("b", 0.005))
    ]
    result = roi.simulate(items, horizon=12)
    assert list(roi.uncertain_inputs(result)) == ["a + b: value"]


def test_the_best_size_of_a_study():
    net, *_, everything = normal_decision()
    found = roi.study_size(
        net,
        everything,
        noise_sd=10.0,
        sizes=[0, 10, 50, 200, 1000, 5000],
        cost_per_n=0.02,
        fixed_cost=1.0,
    )
    table = found.table
    assert found.best_n == table.loc[table["net_gain"].idxmax(), "n"]
    by_hand = [unit_loss(100, 200 * np.sqrt(n / (n + 100))) if n else 0 for n in table["n"]]
    np.testing.assert_allclose(table["evsi"], by_hand, atol=0.5)
    assert (abs(table["evsi"] - by_hand) <= 4 * table["mcse"]).all()
    assert table["mcse"][0] == 0 and (table["mcse"][1:] > 0).all()
    assert 0 < found.best_n < 5000 and f"n = {found.best_n:,.0f}" in found.explain()
    settings = {"noise_sd": 10.0, "sizes": [10], "cost_per_n": 1.0}
    one, many = (roi.study_size(net, everything, **settings, population=k) for k in (1, 1000))
    np.testing.assert_allclose(many.table[["evsi", "mcse"]], 1000 * one.table[["evsi", "mcse"]])
    dear = roi.study_size(net, everything, noise_sd=10.0, sizes=[10, 100], cost_per_n=50)
    assert dear.best_n == 0 and dear.net_gain == 0 and "No study" in dear.explain()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda net, x: roi.evpi(5.0), ConfigError, "expected a RoiResult"),
        (lambda net, x: roi.evppi(net, "effect"), ConfigError, "give draws instead"),
        (lambda net, x: roi.evsi(net, x, n=-1, noise_sd=1), ConfigError, "at least 0"),
        (lambda net, x: roi.evsi(net, x, n=1, noise_sd=0), ConfigError, "above 0"),
        (
            lambda net, x: roi.evppi(net, dr.from_array(np.ones(N), source="b")),
            AlignmentError,
            "joint|order",
        ),
    ],
)
def test_calls_that_cannot_be(call, error, match):
    net, share, _ = normal_decision()
    with pytest.raises(error, match=match):
        call(net, share)


def test_names_are_helped_along():
    result = projects.projects(2)
    with pytest.raises(ConfigError, match="Did you mean 'p00: effect'"):
        roi.evppi(result, "p00:effect")
    with pytest.raises(ConfigError, match="nothing to learn"):
        roi.evppi(roi.simulate(money.initiative(), horizon=12))
