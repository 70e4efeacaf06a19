"""How often intervals of average and of single effects hold the truth; whom risk would have called.

Run with ``pytest -m slow``. Bands are those that 99 of 100 runs of an exact procedure fall into.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.linear_model import LinearRegression

import cximpact as cx

pytestmark = pytest.mark.slow
u = cx.effects.uplift
REPEATS, N = 300, 1200


def band(prob: float, repeats: int = REPEATS) -> tuple[float, float]:
    low, high = stats.binom.interval(0.99, repeats, prob)
    return low / repeats, high / repeats


def chosen(seed: int, *, overlap: float, curved: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers who chose treatment by x, with an effect of .3 + .2 x and perhaps a bent mean."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, N)
    e = expit(overlap * x)
    t = (rng.random(N) < e).astype(int)
    bent = 1.5 * x**2 if curved else 0.0
    y = x + bent + t * (0.3 + 0.2 * x) + rng.normal(0, 0.7, N)
    return pd.DataFrame({"y": y, "t": t, "x": x, "e": e}), e


def truth(target: str, overlap: float) -> float:
    x = np.linspace(-1, 1, 20_001)
    e = expit(overlap * x)
    h = {"ate": np.ones_like(x), "att": e, "overlap": e * (1 - e)}[target]
    return float(h @ (0.3 + 0.2 * x) / h.sum())


CASES = {
    "good overlap": ("ate", 1.0, "linear", False),
    "poor overlap": ("ate", 2.5, "linear", True),
    "means are wrong, propensity is known": ("ate", 1.5, LinearRegression(), True),
    "on the treated": ("att", 1.5, "linear", True),
    "overlap weights": ("overlap", 2.5, "linear", True),
}


@pytest.mark.filterwarnings("ignore:.*propensity below:cximpact.core.errors.AssumptionWarning")
@pytest.mark.parametrize("case", CASES)
def test_intervals_of_the_average_hold_it(case: str):
    target, overlap, model, curved = CASES[case]
    estimator = u.AverageEffect(target=target, outcome_model=model, draws=100)
    found = []
    for seed in range(REPEATS):
        table, _ = chosen(seed, overlap=overlap, curved=curved)
        known = "e" if "known" in case else None
        data = cx.CrossSection(table, outcome="y", treatment="t", features=["x"], propensity=known)
        result = estimator.fit(data, rng=seed)
        found.append((float(result.estimate), float(result.std_error)))
    estimate, error = np.array(found).T
    off = estimate - truth(target, overlap)
    low, high = band(0.9)
    assert low <= np.mean(np.abs(off) < 1.6449 * error) <= high
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(REPEATS)
    assert 0.9 < error.mean() / off.std() < 1.15


def test_a_wrong_propensity_and_wrong_means_together_are_biased():
    # a negative control: the harness must see an estimator that is wrong
    estimator = u.AverageEffect(outcome_model=LinearRegression(), draws=100)
    off = []
    for seed in range(100):
        table, _ = chosen(seed, overlap=2.5, curved=True)
        table["t"] = ((table["x"].abs() > 0.5) & (table["e"] > 0)).astype(int) ^ (
            np.random.default_rng(seed).random(N) < 0.2
        )
        table["y"] = table["x"] ** 2 * 1.5 + 0.3 * table["t"]
        data = cx.CrossSection(table, outcome="y", treatment="t", features=["x"], propensity=0.5)
        off.append(float(estimator.fit(data, rng=seed).estimate) - 0.3)
    assert abs(np.mean(off)) > 4 * np.std(off) / np.sqrt(100)


def held(world: str, n: int, repeats: int) -> tuple[float, float]:
    """Share of single effects that their 90 % intervals hold, and the error of the effects."""
    inside, squares = [], []
    for seed in range(repeats):
        made = cx.datasets.simulate_contacts(seed, n=n + 1000, world=world)
        seen, effect = made.customers.iloc[:n], made.truth_frame["effect"].to_numpy()[n:]
        names = ("called", "stayed") if world == "retention" else ("treated", "outcome")
        known = None if world in ("linear", "confounded") else 0.5
        data = cx.CrossSection(
            seen, outcome=names[1], treatment=names[0], features=made.features, propensity=known
        )
        table = u.RLearner().fit(data, rng=seed).predict(made.customers.iloc[n:])
        inside.append(((table["conf_low"] <= effect) & (effect <= table["conf_high"])).mean())
        squares.append(((table["estimate"] - effect) ** 2).mean())
    return float(np.mean(inside)), float(np.sqrt(np.mean(squares)))


@pytest.mark.parametrize(("world", "least"), [("linear", 0.84), ("null", 0.9)])
def test_intervals_of_single_effects_hold_them_where_the_forest_resolves_them(world, least):
    share, _ = held(world, 10_000, 10)
    assert least <= share <= 1


def test_where_effects_are_finer_than_the_leaves_they_hold_fewer():
    # twelve features and small effects: smoothing is what is left, and the documentation says so
    share, error = held("heterogeneous", 10_000, 6)
    assert 0.5 < share < 0.9
    assert error < 0.045


def test_risk_loses_money_where_uplift_gains_it():
    """Sleeping dogs: the customers likeliest to leave are harmed by a call."""
    made = cx.datasets.simulate_contacts(5, n=40_000)
    data = cx.CrossSection(
        made.customers,
        outcome="stayed",
        treatment="called",
        features=made.features,
        propensity=0.5,
        unit="customer",
    )
    train, test = data.split(0.5, rng=1)
    hidden = made.truth_frame.set_index("customer").loc[test.table()["customer"]]
    found = (
        u.RLearner()
        .fit(train, rng=1)
        .policy(test, value=600.0, cost=20.0, currency="EUR", capacity=2000, rng=1)
    )
    profit = 600 * hidden["effect"].to_numpy() - 20
    by_risk = np.argsort(hidden["untreated"].to_numpy())[:2000]
    assert profit[by_risk].sum() < 0 < profit[found.treat > 0].sum()
    table = found.tidy().set_index("policy")
    assert table.loc["risk ranking", "conf_high"] < 0 < table.loc["policy", "conf_low"]
    true = profit[found.treat > 0].sum() / test.n_rows
    assert table.loc["policy", "conf_low"] < true < table.loc["policy", "conf_high"]
    assert found.sleeping_dogs().tidy().iloc[0].notna().any()


def test_in_the_linear_world_effects_rank_and_risk_does_not():
    made = cx.datasets.simulate_contacts(3, n=40_000, world="linear")
    data = cx.CrossSection(
        made.customers, outcome="outcome", treatment="treated", features=made.features
    )
    train, test = data.split(0.5, rng=1)
    fitted = u.RLearner().fit(train, rng=1)
    row = fitted.evaluate(test, rng=1).tidy().set_index("metric").loc["autoc"]
    assert row["conf_low"] < 0.075 < row["conf_high"] + 0.01
    assert row["conf_low"] > 0.04
    _, held_out = fitted.held_out(test)
    risk = test.table()["x1"].to_numpy()
    by_risk = u.evaluate_scores(risk, held_out, rng=1).tidy().set_index("metric").loc["autoc"]
    assert by_risk["conf_low"] < 0 < by_risk["conf_high"]
