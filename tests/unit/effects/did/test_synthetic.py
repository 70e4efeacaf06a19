"""Synthetic difference-in-differences against general optimizers and plain differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from cximpact.core.errors import (
    ClusterError,
    ConfigError,
    DesignError,
    InsufficientPeriodsError,
    NoControlError,
)
from cximpact.effects import SyntheticDiD, TwoByTwo
from cximpact.effects.did.synthetic_fit import Outcomes, fit_synthetic
from cximpact.effects.did.synthetic_weights import (
    block_of,
    double_difference,
    fit_block,
    simplex_weights,
)
from cximpact.plots import synthetic_control, to_png
from tests.support.did import FEW, cross_section, panel, people

pytestmark = pytest.mark.filterwarnings(FEW)


def factors(
    seed: int, *, treated: int = 3, controls: int = 25, periods: int = 14, starts: tuple = (9,)
) -> pd.DataFrame:
    """Units that load on two common factors; the treated load more on the one that rises."""
    rng = np.random.default_rng(seed)
    n = treated * len(starts) + controls
    first = np.concatenate([np.repeat(starts, treated), np.zeros(controls)]).astype(int)
    loads = rng.standard_normal((n, 2)) + np.where(first > 0, 0.7, 0.0)[:, None]
    common = np.array([0.25 * np.arange(periods), np.cumsum(rng.standard_normal(periods))])
    y = loads @ common + 0.4 * rng.standard_normal((n, periods)) + rng.standard_normal((n, 1))
    unit, t = np.repeat(np.arange(n), periods), np.tile(np.arange(1, periods + 1), n)
    g = first[unit]
    y = y.ravel() + 1.0 * ((g > 0) & (t >= g))
    return pd.DataFrame({"unit": unit, "t": t, "y": y, "g": g, "c": unit // 2})


@given(seed=st.integers(0, 10_000), n=st.integers(3, 12), m=st.integers(2, 10))
def test_weights_are_the_optimum(seed, n, m):
    rng = np.random.default_rng(seed)
    columns, target = rng.standard_normal((n, m)), rng.standard_normal(n)
    ridge = float(rng.uniform(0.1, 1))
    found = simplex_weights(columns, target, ridge)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-12)

    def loss(x: np.ndarray) -> float:
        left = columns @ x[1:] + x[0] - target
        return (left**2).mean() + ridge**2 * (x[1:] ** 2).sum()

    slsqp = optimize.minimize(
        loss,
        np.append(0, np.full(m, 1 / m)),
        bounds=[(None, None)] + [(0, 1)] * m,
        constraints={"type": "eq", "fun": lambda x: x[1:].sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    level = (target - columns @ found).mean()
    assert loss(np.append(level, found)) <= slsqp.fun + 1e-9
    left = columns - columns.mean(axis=0)
    slope = left.T @ (left @ found - target + target.mean()) / n + ridge**2 * found
    floor = slope @ found
    assert slope.min() >= floor - 1e-9
    assert np.abs((slope - floor) * found).max() < 1e-9


def test_the_estimate_is_the_double_difference_by_hand():
    table = factors(1)
    y = table.pivot(index="unit", columns="t", values="y").to_numpy()
    controls, treated = y[3:], y[:3]
    noise = np.diff(controls[:, :8], axis=1).std(ddof=1)
    ridge = (3 * 6) ** 0.25 * noise
    units = simplex_weights(controls[:, :8].T, treated[:, :8].mean(axis=0), ridge)
    periods = simplex_weights(controls[:, :8], controls[:, 8:].mean(axis=1), 1e-6 * noise)
    own = treated[:, 8:].mean() - periods @ treated[:, :8].mean(axis=0)
    other = units @ (controls[:, 8:].mean(axis=1) - controls[:, :8] @ periods)
    result = SyntheticDiD().fit(panel(table), rng=1)
    assert float(result.estimate) == pytest.approx(own - other, abs=1e-12)
    np.testing.assert_allclose(result.details["units"]["weight"], units, atol=1e-12)
    np.testing.assert_allclose(result.details["periods"]["weight"], periods, atol=1e-12)
    paths = result.details["paths"]
    gap = (paths["treated"] - paths["synthetic"])[paths["period"] >= 9]
    assert gap.mean() == pytest.approx(float(result.estimate), abs=1e-12)
    assert result.diagnostics["effective_controls"] == pytest.approx(1 / (units**2).sum())


def test_equal_weights_are_difference_in_differences():
    table = factors(2)
    y = table.pivot(index="unit", columns="t", values="y").to_numpy()
    block = block_of(y[3:], y[:3], 8)
    equal = double_difference(block, np.full(25, 1 / 25), np.full(8, 1 / 8))
    assert equal == pytest.approx(float(TwoByTwo().fit(panel(table)).estimate), abs=1e-10)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_levels_of_units_a_common_trend_and_names_do_not_matter(seed):
    """Other shocks to all units do: as published, the ridge grows with them."""
    rng = np.random.default_rng(seed)
    table = factors(seed)
    base = SyntheticDiD(inference="jackknife").fit(panel(table), rng=1)
    moved = table["y"] + 5 * rng.standard_normal(28)[table["unit"]] + 0.7 * table["t"]
    scaled = SyntheticDiD(inference="jackknife").fit(panel(table.assign(y=3 * moved + 1)), rng=1)
    assert float(scaled.estimate) == pytest.approx(3 * float(base.estimate), abs=1e-6)
    assert float(scaled.std_error) == pytest.approx(3 * float(base.std_error), rel=1e-5)
    names = table.assign(unit="s" + table["unit"].astype(str)).sample(frac=1, random_state=seed)
    other = SyntheticDiD(inference="jackknife").fit(panel(names), rng=1)
    assert float(other.estimate) == pytest.approx(float(base.estimate), abs=1e-9)


def test_several_starts_are_averaged_by_their_treated_rows():
    table = factors(3, starts=(7, 11))
    result = SyntheticDiD(inference="jackknife").fit(panel(table), rng=1)
    parts, rows = [], []
    for g, n in ((7, 8), (11, 4)):
        alone = table[table["g"].isin([0, g])]
        parts.append(float(SyntheticDiD(inference="jackknife").fit(panel(alone), rng=1).estimate))
        rows.append(3 * n)
    assert float(result.estimate) == pytest.approx(np.average(parts, weights=rows), abs=1e-9)
    assert result.details["paths"]["cohort"].unique().tolist() == [7, 11]


def test_the_jackknife_leaves_out_clusters_with_weights_as_they_are():
    table = factors(4, treated=6)
    y = table.pivot(index="unit", columns="t", values="y").to_numpy()
    outcomes = Outcomes(
        value=y, first=np.where(np.arange(31) < 6, 8, 14), cluster=np.arange(31) // 2
    )
    fit = fit_synthetic(outcomes)
    found = []
    for c in range(16):
        left = np.arange(31) // 2 != c
        units = fit.fits[0].units * left[6:]
        gap = y[:6][left[:6]].mean(axis=0) - (units / units.sum()) @ y[6:]
        found.append(gap[8:].mean() - fit.fits[0].periods @ gap[:8])
    expected = np.sqrt(15 / 16 * ((np.array(found) - np.mean(found)) ** 2).sum())
    result = SyntheticDiD(inference="jackknife").fit(panel(table, cluster="c"), rng=1)
    assert float(result.std_error) == pytest.approx(expected, rel=1e-10)


def test_placebos_and_bootstrap_repeat_with_a_seed_and_agree_roughly():
    table = factors(5, treated=12, controls=40)
    errors = {}
    for kind in ("placebo", "bootstrap", "jackknife"):
        fits = [SyntheticDiD(inference=kind).fit(panel(table), rng=4) for _ in range(2)]
        np.testing.assert_array_equal(fits[0].draws, fits[1].draws)
        errors[kind] = float(fits[0].std_error)
        assert fits[0].diagnostics["inference"] == kind
    assert max(errors.values()) < 2 * min(errors.values())


def test_the_way_to_the_error_follows_from_the_design():
    few, many = factors(6), factors(6, treated=10)
    for table, roles, kind in (
        (few, {}, "placebo"),
        (many, {}, "jackknife"),
        (few, {"cluster": "c"}, "jackknife"),
    ):
        assert SyntheticDiD().fit(panel(table, **roles), rng=1).diagnostics["inference"] == kind


def test_what_cannot_be_compared_is_refused():
    table = factors(7)
    estimator = SyntheticDiD()
    with pytest.raises(DesignError, match="balanced panel"):
        estimator.fit(panel(table.iloc[1:]))
    with pytest.raises(DesignError, match="balanced panel"):
        estimator.fit(cross_section(people(np.random.default_rng(1))))
    with pytest.raises(DesignError, match="without weights and covariates"):
        estimator.fit(panel(table.assign(x=1.0 * table["t"]), covariates=["x"]))
    with pytest.raises(NoControlError, match="1 units are never treated"):
        estimator.fit(panel(table[table["unit"] < 4]))
    with pytest.raises(InsufficientPeriodsError, match="fewer than 2 periods"):
        estimator.fit(panel(table[table["t"] >= 8]))
    with pytest.raises(ClusterError, match="cannot stand in"):
        SyntheticDiD(inference="placebo").fit(panel(table[table["unit"] < 7]))
    with pytest.raises(ConfigError, match="clusters hold several"):
        SyntheticDiD(inference="placebo").fit(panel(table, cluster="c"))
    with pytest.raises(ClusterError, match="cannot be left out"):
        SyntheticDiD(inference="jackknife").fit(panel(factors(8, treated=1)))


def test_paths_are_drawn():
    result = SyntheticDiD().fit(panel(factors(9)), rng=1)
    ax = synthetic_control(result.details["paths"], title="Paths")
    assert {"treated", "synthetic"} <= {text.get_text() for text in ax.texts}
    assert to_png(ax).startswith(b"\x89PNG")
    two = SyntheticDiD().fit(panel(factors(9, starts=(7, 11))), rng=1).details["paths"]
    with pytest.raises(ConfigError, match="name one, such as cohort=7"):
        synthetic_control(two)
    assert synthetic_control(two, cohort=11).get_xlim()[1] > 14
    with pytest.raises(ConfigError, match="no cohort 8"):
        synthetic_control(two, cohort=8)


def test_common_factors_bias_plain_differences_and_not_these():
    plain, synthetic = [], []
    for seed in range(20):
        data = panel(factors(100 + seed, controls=40, periods=24, starts=(17,)))
        plain.append(float(TwoByTwo().fit(data).estimate))
        outcomes = data.to_pandas().pivot(index="unit", columns="period", values="outcome")
        y = outcomes.to_numpy()
        synthetic.append(fit_block(block_of(y[3:], y[:3], 16)).estimate)
    assert abs(np.mean(plain) - 1) > 1
    assert abs(np.mean(synthetic) - 1) < 0.35
