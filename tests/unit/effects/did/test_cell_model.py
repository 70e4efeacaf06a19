"""The generative form: its density against PyMC, its gradient, its scale, and its cells by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DesignError,
    InsufficientDataError,
    NoPreperiodError,
    ScaleError,
)
from cximpact.effects.did.cell_blocks import CellModel, posterior_of, scales_of
from cximpact.effects.did.cell_data import FAMILIES, Cells, cells_of
from cximpact.effects.did.cell_model import CellPosterior, inverse_link
from cximpact.effects.did.cell_whitening import mode_for, whitened
from cximpact.effects.did.generative_form import warn_persistent
from cximpact.effects.did.hierarchical import HierarchicalDiD
from cximpact.effects.did.segment_estimates import split
from tests.support.did import cross_section, panel, segment_world

MODELS = {
    "flat": CellModel(),
    "ramp and drift": CellModel(profile="ramp", ramp=2, drift=True),
    "walk": CellModel(profile="walk"),
}


def table(across=False, family="normal", seed=2):
    rng = np.random.default_rng(seed)
    out = segment_world(
        rng, np.array([0.5, 1.0, 1.5]), clusters=4, per_cluster=3, periods=5, start=3, across=across
    )
    if family == "binomial":
        out["y"] = (out["y"] > 1).astype(float)
    if family == "negative_binomial":
        out["y"] = rng.poisson(np.exp(0.3 * out["y"]))
    return out


def cells(family="normal", across=False) -> Cells:
    data = cross_section(table(across, family).rename(columns={"cluster": "group"}))
    return cells_of(data, split(data, "segment"), family)


def posterior(family="normal", model=None, across=False) -> CellPosterior:
    found = cells(family, across)
    return posterior_of(found, model or CellModel(), scales_of(found, None, None))


def pymc_twin(p: CellPosterior) -> pm.Model:
    """Write the same model down in PyMC, with the shocks of counts in its own distributions."""
    c = p.cells
    with pm.Model() as model:
        logs = pm.Flat("logs", shape=len(p.scales))
        scales = p.prior_scales * pm.math.exp(logs)
        half = pm.logp(pm.HalfNormal.dist(p.prior_scales, shape=len(p.scales)), scales)
        pm.Potential("scales", (half + logs + np.log(p.prior_scales)).sum())
        eta = np.zeros(len(c.n))
        for b in p.blocks:
            z = pm.Normal(b.name, shape=b.size)
            if b.walk:
                steps = pm.math.concatenate(
                    [np.zeros((b.shape[0], 1)), z.reshape(b.shape).cumsum(axis=1)], axis=1
                )
                z = steps.flatten()
            scale = scales[p.scales.index(b.free)] if b.free else b.scale
            eta = eta + b.weight * (b.center + scale * z)[b.index]
        shock, n = scales[-1], c.n.astype(int)
        if c.family == "normal":
            pm.Normal("y", eta, pm.math.sqrt(c.known**2 + shock**2), observed=c.mean)
        elif c.family == "binomial":
            mean, m = pm.math.invlogit(eta), shock**-2
            pm.BetaBinomial("y", n=n, alpha=m * mean, beta=m * (1 - mean), observed=c.total)
        else:
            pm.NegativeBinomial("y", mu=n * pm.math.exp(eta), alpha=shock**-2, observed=c.total)
    return model


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_density_is_that_of_pymc(family, across):
    p = posterior(family, MODELS["walk" if across else "ramp and drift"], across)
    logp = pymc_twin(p).compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(5)
    ours, theirs = [], []
    for _ in range(4):
        free = 0.5 * rng.standard_normal(p.n_free)
        ours.append(p.log_density(free)[0])
        theirs.append(logp(p.split(free)[0] | {"logs": free[p.n_linear :]}))
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-8)


def test_levels_periods_trends_and_growing_effects_add_up():
    p = posterior("normal", MODELS["walk"], across=True)
    c = p.cells
    free = np.random.default_rng(8).standard_normal(p.n_free)
    z, scales = p.split(free)
    at = dict(zip(p.scales, scales, strict=True))
    block = {b.name: b for b in p.blocks}
    trend = at["trend_step"] * np.cumsum(z["trend"].reshape(3, 4), axis=1)
    growth = at["growth_step"] * np.cumsum(z["growth"])
    by_hand, shared = [], c.shared
    assert shared is not None
    for i, t in enumerate(c.period):
        s, since = c.segment[i], c.since[i]
        eta = block["level"].center + block["level"].scale * z["level"][c.stratum[i]]
        eta += at["shared_shock"] * z["shared"][shared[i]]
        if t > 0:
            eta += block["period"].scale * z["period"][t - 1] + trend[s, t - 1]
        if np.isfinite(since):
            eta += block["mean"].scale * z["mean"][0] + at["omega"] * z["effect"][s]
            eta += growth[int(since) - 1] if since > 0 else 0.0
        by_hand.append(eta)
    found = p.constant + p.design @ (p.number_scales(scales) * free[: p.n_linear])
    np.testing.assert_allclose(found, by_hand, atol=1e-10)


def slopes(function, x, step=1e-5):
    eye = step * np.eye(len(x))
    return np.array([(function(x + e)[0] - function(x - e)[0]) / (2 * step) for e in eye])


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_finite_differences(family, name):
    p = posterior(family, MODELS[name])
    x = np.random.default_rng(3).standard_normal(p.n_free)
    for density in (p.log_density, whitened(p).log_density):
        gradient = density(x)[1]
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(gradient / scale, slopes(density, x) / scale, atol=1e-6)


@pytest.mark.parametrize("name", list(MODELS))
def test_whitening_is_a_change_of_variables(name):
    p = posterior("binomial", MODELS[name])
    whitening = whitened(p)
    rng = np.random.default_rng(4)
    heights = []
    for _ in range(3):
        x = rng.standard_normal(p.n_free)
        step = 1e-5 * np.eye(p.n_free)
        jacobian = (whitening.numbers(x + step) - whitening.numbers(x - step)) / 2e-5
        plain = p.log_density(whitening.numbers(x))[0] + np.linalg.slogdet(jacobian)[1]
        heights.append(whitening.log_density(x)[0] - plain)
    np.testing.assert_allclose(np.diff(heights), 0, atol=1e-6)


def test_whitened_numbers_are_nearly_standard_normal():
    p = posterior("normal")
    whitening = whitened(p)
    rng = np.random.default_rng(6)
    points = rng.standard_normal((20, p.n_linear))
    at_mode = np.zeros(len(p.scales))
    heights = [whitening.log_density(np.append(z, at_mode))[0] + z @ z / 2 for z in points]
    assert np.std(heights) < 1e-6


def test_laplace_is_exact_for_means():
    p = posterior("normal", MODELS["walk"])
    heights, exact = [], []
    for share in (0.3, 1.0):
        scales = share * p.prior_scales
        _, height, _ = mode_for(p, scales)
        design = p.design * p.number_scales(scales)
        covariance = design @ design.T + np.diag(p.cells.known**2 + scales[-1] ** 2)
        heights.append(height)
        exact.append(stats.multivariate_normal(p.constant, covariance).logpdf(p.cells.mean))
    assert np.diff(heights) == pytest.approx(np.diff(exact), rel=1e-8)


@pytest.mark.parametrize("across", [False, True])
def test_cells_are_counts_by_segment_cohort_cluster_and_period(across):
    rows = table(across)
    found = cells(across=across)
    keys = ["segment", "g", "cluster", "t"]
    by_hand = rows.groupby(keys)["y"].agg(["size", "sum", "var"]).reset_index()
    np.testing.assert_array_equal(found.n, by_hand["size"])
    np.testing.assert_allclose(found.total, by_hand["sum"])
    np.testing.assert_array_equal(found.treated, by_hand["t"] >= by_hand["g"])
    np.testing.assert_array_equal(found.times[found.period], by_hand["t"])
    pooled = np.average(by_hand["var"], weights=by_hand["size"] - 1)
    np.testing.assert_allclose(found.known, np.sqrt(pooled / by_hand["size"]))
    assert found.spread == pytest.approx(rows["y"].std(ddof=0))
    assert (found.shared is not None) == across


def test_what_stays_with_a_unit_does_not_count_as_noise_in_a_panel():
    rows = table()
    shifted = rows.assign(y=rows["y"] + 100 * (rows["unit"] % 7))
    one, other = (
        cells_of(data, split(data, "segment"), None)
        for data in (panel(rows, cluster="cluster"), panel(shifted, cluster="cluster"))
    )
    np.testing.assert_allclose(other.known, one.known)
    expected = np.sqrt(1 / 3)  # noise of standard deviation 1, three units a cell
    assert one.known.mean() == pytest.approx(expected, rel=0.25)


def test_units_that_are_their_own_cluster_have_no_known_error():
    data = panel(table())
    found = cells_of(data, split(data, "segment"), None)
    np.testing.assert_array_equal(found.known, 0.0)
    np.testing.assert_array_equal(found.n, 1.0)


def test_links_go_back():
    eta = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(inverse_link("binomial", eta), 1 / (1 + np.exp(-eta)))
    np.testing.assert_allclose(inverse_link("negative_binomial", eta), np.exp(eta))
    np.testing.assert_array_equal(inverse_link("normal", eta), eta)


def test_without_a_choice_the_family_follows_the_outcome():
    for family, expected in (("binomial", "binomial"), ("negative_binomial", "normal")):
        data = panel(table(family=family), cluster="cluster")
        assert cells_of(data, split(data, "segment"), None).family == expected


def refused(rows: pd.DataFrame, family=None, **roles):
    data = panel(rows, **({"cluster": "cluster"} | roles))
    return cells_of(data, split(data, "segment"), family)


def test_data_that_do_not_suit_the_generative_form_are_refused():
    rows = table()
    with pytest.raises(DesignError, match="weights"):
        refused(rows.assign(w=1.0), weight="w")
    with pytest.raises(ScaleError, match="0 and 1"):
        refused(rows, "binomial")
    with pytest.raises(ScaleError, match="whole numbers"):
        refused(rows, "negative_binomial")
    with pytest.raises(InsufficientDataError, match="nothing shows how clusters vary"):
        refused(rows[rows["cluster"] % 4 < 2])
    with pytest.raises(NoPreperiodError, match="segment 's01'"):
        refused(rows[(rows["segment"] != "s01") | (rows["t"] >= 3)])
    with pytest.raises(ConfigError, match="two times"):
        found = refused(rows[rows["t"] <= 3])
        posterior_of(found, CellModel(profile="walk"), scales_of(found, None, None))


@pytest.mark.parametrize(
    "settings", [{"family": "poisson"}, {"profile": "step"}, {"ramp": 1}, {"draws": 5}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        CellModel(**settings)
    assert replace(CellModel(), drift=True).drift


def test_persistent_shocks_are_called_out_with_a_way_out():
    with pytest.warns(AssumptionWarning, match=r"CellModel\(drift=True\)"):
        warn_persistent({"serial_p": 0.001}, CellModel())
    with pytest.warns(AssumptionWarning, match="use form='design'"):
        warn_persistent({"serial_p": 0.001}, CellModel(drift=True))


@pytest.mark.parametrize("more", [{"covariates": ["x"]}, {"omega_prior": "uniform"}])
def test_what_only_the_design_form_can_do_is_refused(more):
    with pytest.raises(ConfigError, match="form='design'"):
        HierarchicalDiD(by="segment", form="generative", **more)
