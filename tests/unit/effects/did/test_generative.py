"""Effects by segment from a model of counts or means: one fit, looked at from all sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import ConvergenceError
from cximpact.effects.did.cell_blocks import CellModel
from cximpact.effects.did.hierarchical import HierarchicalDiD
from cximpact.value.inputs import effect_input
from tests.support.did import FEW, cross_section, panel, segment_world

EFFECTS = np.array([0.2, 0.6, 1.0, 1.4])
pytestmark = pytest.mark.slow
MODEL = CellModel()


def world(seed=4):
    rng = np.random.default_rng(seed)
    return segment_world(rng, EFFECTS, clusters=6, per_cluster=20, periods=5, start=3, shock=0.1)


@pytest.fixture(scope="module")
def of_means():
    data = panel(world(), cluster="cluster")
    with pytest.warns(match="4 segments"):
        return HierarchicalDiD(by="segment", form="generative", model=MODEL).fit(data, rng=3)


@pytest.fixture(scope="module")
def of_shares():
    rows = world()
    rows["y"] = (rows["y"] > 1.0).astype(float)
    data = cross_section(rows.drop(columns="unit").rename(columns={"cluster": "group"}))
    with pytest.warns(match="4 segments"):
        found = HierarchicalDiD(by="segment", form="generative", model=MODEL).fit(data, rng=3)
    return rows, found


def test_effects_are_near_the_truth_and_the_estimates_of_the_design(of_means):
    table = of_means.summary()
    assert (np.abs(table["estimate"] - EFFECTS) < 3 * table["std_error"]).all()
    assert table["std_error"].max() < 0.3
    own = of_means.details["own"]
    assert np.abs(own["estimate"] - table["estimate"]).max() < 3 * own["std_error"].max()


def test_on_the_identity_scale_effects_are_those_of_the_link(of_means):
    np.testing.assert_allclose(of_means.draws, of_means.details["link_effects"], atol=1e-12)
    weight = of_means.details["own"]["treated"].to_numpy()
    averaged = of_means.draws.values @ (weight / weight.sum())
    np.testing.assert_allclose(of_means.details["population_average"], averaged)
    assert of_means.details["omega"].attrs["unit"] == of_means.estimand.scale


def test_a_share_changes_by_less_than_its_logit(of_shares):
    rows, found = of_shares
    assert found.estimand.scale == "pp"
    links = found.details["link_effects"]
    p = rows.loc[rows["t"] < 3, "y"].mean()
    ratio = (found.draws / links.values).mean("sample")
    assert ((ratio > 0.5 * p * (1 - p)) & (ratio < 0.25 + 1e-9)).all()
    assert found.details["omega"].attrs["unit"] == "logit"
    assert found.diagnostics["link"] == "logit"


def test_the_result_is_a_joint_posterior_that_value_accepts(of_shares):
    _, found = of_shares
    assert found.draw_kind == "posterior"
    assert effect_input(found).draw_kind == "posterior"
    names = ("population_mean", "new_segment", "population_average", "omega")
    dr.check_joint(found.draws, *[found.details[name] for name in names])
    assert found.draws.attrs[dr.ESS] == found.diagnostics["min_ess"] > 400
    assert found.diagnostics["gate_failures"] == ""


def test_the_words_name_the_scale_of_the_trends_and_the_shocks(of_shares):
    _, found = of_shares
    text = found.explain()
    assert "parallel on the logit scale" in text
    assert "passing shocks (tested" in text
    assert 0.02 < found.diagnostics["spread_p"] < 0.98


@pytest.mark.filterwarnings(FEW)
def test_a_fit_that_did_not_converge_is_refused_or_marked():
    data = panel(world(), cluster="cluster")
    hasty = CellModel(draws=100, tune=100)
    settings = HierarchicalDiD(by="segment", form="generative", model=hasty)
    with pytest.raises(ConvergenceError, match="cannot be used"):
        settings.fit(data, rng=1)
    kept = replace(settings, model=replace(hasty, allow_unconverged=True)).fit(data, rng=1)
    assert "ESS" in kept.draws.attrs[dr.UNRELIABLE]
    assert "UNRELIABLE" in kept.explain()
    assert "ESS" in kept.details["population_mean"].attrs[dr.UNRELIABLE]
