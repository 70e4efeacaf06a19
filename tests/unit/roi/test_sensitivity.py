"""What an answer hangs on: closed forms for dependent and independent inputs, and the tornado."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cximpact import roi, value
from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.roi.regression import Explained
from tests.support import money, projects


def linear(rho=0.5, n=20_000, further=0):
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    blocks = {"x1": x[:, 0], "x2": x[:, 1]}
    blocks |= {f"n{k}": rng.normal(size=n) for k in range(further)}
    inputs = {k: dr.from_array(v, source="a", name=k) for k, v in blocks.items()}
    y = dr.map(lambda a, b: a + 2 * b, inputs["x1"], inputs["x2"])
    return y, dr.with_order(xr.Dataset(inputs), dr.order_of(y))


def test_dependent_inputs_have_shapley_effects_while_sobol_shares_mislead():
    y, inputs = linear()
    assert float(y.var()) == pytest.approx(7, rel=0.03)
    table = roi.shapley_effects(y, inputs).set_index("input")
    assert table.loc["x1", "shapley"] == pytest.approx(0.3392857, abs=0.01)
    assert table.loc["x2", "shapley"] == pytest.approx(0.6607143, abs=0.01)
    assert table.loc["x1", "first_order"] == pytest.approx(0.571429, abs=0.01)
    assert table.loc["x2", "first_order"] == pytest.approx(0.892857, abs=0.01)
    assert table["shapley"].sum() == pytest.approx(1, abs=1e-7)  # the ridge is 1e-8
    assert table["first_order"].sum() > 1.4


def test_noise_explains_nothing_on_average_also_of_few_draws():
    rng = np.random.default_rng(1)
    shares = [
        Explained(rng.normal(size=(60, 2)), y).by([0, 1]) / y.var(ddof=1)
        for y in rng.normal(size=(200, 60))
    ]
    assert np.mean(shares) < 0.09  # clipped at 0; without counting terms it is 0.16


def test_many_inputs_are_sampled_and_noise_gets_nothing():
    y, inputs = linear(further=8)
    table = roi.shapley_effects(y, inputs, rng=1).set_index("input")["shapley"]
    assert table["x2"] == pytest.approx(0.66, abs=0.04)
    assert table.drop(["x1", "x2"]).abs().max() < 0.01


def test_the_ishigami_function():
    wide = stats.uniform(-np.pi, 2 * np.pi)
    table = roi.sobol_indices(
        lambda a, b, c: np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a),
        {"a": wide, "b": wide, "c": wide},
        rng=1,
        n=2**14,
    ).set_index("input")
    np.testing.assert_allclose(
        table.loc[list("abc"), "first_order"], [0.3139, 0.4424, 0], atol=6e-3
    )
    np.testing.assert_allclose(table.loc[list("abc"), "total"], [0.5576, 0.4424, 0.2437], atol=6e-3)
    with pytest.raises(ConfigError, match="expected a power of 2, such as 128"):
        roi.sobol_indices(lambda a: a, {"a": wide}, rng=1, n=100)


def test_the_tornado_holds_one_input_and_leaves_the_others():
    tau, worth = money.normal(0.005, 0.002), money.normal(10.0, 2.0, "value", "EUR")
    margin = value.ValuePosterior(
        draws=worth, currency="EUR", per="x", provenance=money.effect().provenance
    )
    result = roi.simulate(
        money.initiative(effect=tau, value=margin, currency=None), horizon=24, rng=1
    )
    table = roi.tornado(result, prob=0.8)
    assert list(table["input"]) == ["x: effect", "x: value"] and table["unit"].tolist() == [
        "pp",
        "",
    ]
    low = float(np.quantile(tau.values, 0.1))
    held = roi.simulate(
        money.initiative(effect=money.draws([low, low], "held"), value=margin, currency=None),
        horizon=24,
        rng=1,
    )
    assert table["npv_low"][0] == pytest.approx(float(held.npv().mean()), rel=1e-9)


def test_nothing_uncertain_has_no_tornado():
    with pytest.raises(ConfigError, match="every input is a fixed number"):
        roi.tornado(roi.simulate(money.initiative(), horizon=12))


def test_inputs_must_be_joint_with_the_outcome():
    y, _ = linear()
    strange = dr.from_array(np.zeros(20_000), source="b", name="x")
    with pytest.raises(AlignmentError):
        roi.shapley_effects(y, dr.with_order(xr.Dataset({"x": strange}), dr.order_of(strange)))


def test_inputs_of_a_simulation_explain_its_npv():
    table = roi.shapley_effects(projects.projects(3))
    assert table["shapley"].sum() == pytest.approx(1, abs=0.02)
    assert set(table["input"]) == {"p00: effect", "p01: effect", "p02: effect"}
