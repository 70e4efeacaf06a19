"""Parallel trends in differences, odds and ratios against worked numbers and plain regressions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from cximpact.core.errors import AssumptionWarning, ConfigError, SeparationError
from cximpact.effects import NonlinearDiD, TwoByTwo
from tests.support.did import FEW, cross_section, fixture_f1, panel

WORKED = {
    "difference": (-0.05, -0.05),
    "odds": (-0.0375, -0.154151),
    "ratio": (-0.016667, np.log(0.4 / 0.416667)),
}


def shares(p: dict[tuple[str, int], float], n: int = 500) -> pd.DataFrame:
    """People of two groups in two periods, of whom a share says yes; group b is treated in 2."""
    rows = []
    for (group, t), share in p.items():
        y = np.arange(n) < round(share * n)
        rows.append(pd.DataFrame({"group": group, "t": t, "y": y.astype(float)}))
    return pd.concat(rows, ignore_index=True).assign(g=lambda d: np.where(d["group"] == "b", 2, 0))


def stores(seed: int, trend: str, *, n: int = 24, size: int = 40) -> pd.DataFrame:
    """Stores that adopt in period 3, 4 or never, with parallel trends on one scale."""
    rng = np.random.default_rng(seed)
    rows = []
    for store in range(n):
        first = (3, 4, 0)[store % 3]
        for t in range(1, 6):
            eta = {"odds": -1.0, "ratio": 0.2, "difference": 0.4}[trend]
            eta = eta + (store % 3) * 0.5 - 0.15 * t + 0.1 * rng.standard_normal()
            eta = eta + 0.4 * (first > 0 and t >= first)
            count = int(rng.integers(size // 2, size))
            y = {
                "odds": lambda e, k: rng.binomial(1, special.expit(e), k),
                "ratio": lambda e, k: rng.poisson(np.exp(e), k),
                "difference": lambda e, k: e + rng.standard_normal(k),
            }[trend](eta, count)
            rows.append(pd.DataFrame({"group": store, "t": t, "y": y, "g": first}))
    return pd.concat(rows, ignore_index=True).astype({"y": float})


def likelihood(name: str, eta: np.ndarray, y: np.ndarray) -> np.ndarray:
    return {
        "odds": lambda: y * eta - np.logaddexp(0, eta),
        "ratio": lambda: y * eta - np.exp(eta),
        "difference": lambda: -0.5 * (y - eta) ** 2,
    }[name]()


def by_rows(table: pd.DataFrame, name: str) -> float:
    """Average effect by maximizing the likelihood of the untreated rows, one by one."""
    first = table["g"].replace(0, np.inf)
    x = pd.get_dummies(table[["t"]].assign(g=first).astype(str)).to_numpy(float)[:, 1:]
    x = np.column_stack([np.ones(len(x)), x])
    free, y = (table["t"] < first).to_numpy(), table["y"].to_numpy()

    def loss(b: np.ndarray) -> float:
        return -likelihood(name, x[free] @ b, y[free]).mean()

    found = optimize.minimize(loss, np.zeros(x.shape[1]), method="BFGS", options={"gtol": 1e-9})
    mean = {"odds": special.expit, "ratio": np.exp, "difference": np.asarray}[name]
    return float((y - mean(x @ found.x))[~free].mean())


@pytest.mark.parametrize("trend", WORKED)
def test_three_scales_are_three_assumptions(trend):
    table = shares({("a", 1): 0.3, ("a", 2): 0.25, ("b", 1): 0.5, ("b", 2): 0.4})
    result = NonlinearDiD(trend=trend, inference="independent").fit(cross_section(table), rng=1)
    effect, on_scale = WORKED[trend]
    assert float(result.estimate) == pytest.approx(effect, abs=1e-6)
    cell = result.details["counterfactuals"].iloc[0]
    assert cell["link_effect"] == pytest.approx(on_scale, abs=1e-6)
    scales = result.details["scales"].set_index("trend")
    assert scales.loc["difference", "std_error"] == pytest.approx(0.0421307, abs=1e-7)
    assert {name: row[0] for name, row in WORKED.items()} == pytest.approx(
        scales["estimate"].to_dict(), abs=1e-6
    )
    assert float(result.std_error) == pytest.approx(scales.loc[trend, "std_error"], rel=1e-12)
    assert result.estimand.scale == "pp"
    assert "odds -3.75 percentage points" in result.explain()
    assert result.assumptions[0].name.startswith("parallel trends in ")


@pytest.mark.parametrize("trend", WORKED)
def test_cells_are_as_good_as_rows(trend):
    table = stores(1, trend)
    result = NonlinearDiD(trend=trend).fit(cross_section(table), rng=1)
    assert float(result.estimate) == pytest.approx(by_rows(table, trend), abs=1e-6)


@pytest.mark.parametrize("trend", WORKED)
def test_errors_are_those_of_moving_the_weight_of_each_cluster(trend):
    table = stores(2, trend, n=12, size=20)
    estimator = NonlinearDiD(trend=trend)
    result = estimator.fit(cross_section(table.assign(w=1.0), weight="w"), rng=1)
    by = ("simple", "event", "group", "calendar")
    slopes, step = [], 1e-4
    for store in range(12):
        moved = []
        for sign in (-1, 1):
            weight = np.where(table["group"] == store, 1 + sign * step, 1.0)
            fit = estimator.fit(cross_section(table.assign(w=weight), weight="w"), rng=1)
            moved.append(np.concatenate([fit.aggregate(b).estimate.values.ravel() for b in by]))
        slopes.append((moved[1] - moved[0]) / (2 * step))
    expected = np.sqrt((np.array(slopes) ** 2).sum(axis=0) * 12 / 11)
    found = np.concatenate([result.aggregate(b).std_error.values.ravel() for b in by])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert result.df == 11


@pytest.mark.filterwarnings(FEW)
def test_differences_of_two_groups_are_the_means():
    table = fixture_f1().query("g != 5").assign(g=lambda d: d["g"].replace(np.inf, 0))
    after = table["t"] >= 3
    changes = table.groupby([table["g"], after])["y"].mean()
    expected = changes[3, True] - changes[3, False] - changes[0, True] + changes[0, False]
    result = NonlinearDiD(trend="difference").fit(panel(table), rng=1)
    assert float(result.estimate) == pytest.approx(expected, abs=1e-10)
    assert float(result.estimate) == pytest.approx(float(TwoByTwo().fit(panel(table)).estimate))


def test_trends_ahead_of_treatment_are_tested_on_the_scale():
    flat, steep = stores(3, "odds", size=400), stores(3, "odds", size=400)
    rng = np.random.default_rng(4)
    drift = (steep["group"] % 3 == 1) & (rng.random(len(steep)) < 0.12 * steep["t"])
    steep["y"] = steep["y"].mask(drift, 1.0)
    p = {}
    for name, table in (("flat", flat), ("steep", steep)):
        result = NonlinearDiD().fit(cross_section(table), rng=1)
        p[name] = result.diagnostics["pretrend"]["p"]
        assert result.diagnostics["pretrend"]["terms"] == 2
    assert p["flat"] > 0.1
    assert p["steep"] < 0.001


@pytest.mark.filterwarnings(FEW)
def test_a_share_outside_zero_to_one_is_warned_of():
    table = shares({("a", 1): 0.6, ("a", 2): 0.2, ("b", 1): 0.3, ("b", 2): 0.25})
    data = cross_section(table)
    with pytest.warns(AssumptionWarning, match="outside 0 to 1 in 1 treated"):
        NonlinearDiD(trend="difference", inference="independent").fit(data)
    inside = NonlinearDiD(inference="independent").fit(data, rng=1)
    assert 0 < inside.details["counterfactuals"]["untreated"].iloc[0] < 1


def test_what_does_not_lie_on_a_scale_is_refused():
    never = shares({("a", 1): 0.0, ("a", 2): 0.0, ("b", 1): 0.3, ("b", 2): 0.25})
    estimator = NonlinearDiD(inference="independent")
    with pytest.raises(SeparationError, match="cohort inf is 0"):
        estimator.fit(cross_section(never))
    found = NonlinearDiD(trend="difference", inference="independent").fit(cross_section(never))
    assert found.details["scales"]["trend"].tolist() == ["difference"]
    below = stores(1, "difference")
    with pytest.raises(ConfigError, match="needs outcomes from 0 to 1"):
        NonlinearDiD().fit(cross_section(below.assign(y=below["y"] - 9)))
    with pytest.raises(ConfigError, match="covariates"):
        NonlinearDiD().fit(panel(fixture_f1(), covariates=["tau"]))
    with pytest.raises(ConfigError, match="repeated cross-sections without weights"):
        estimator.fit(panel(fixture_f1()))
