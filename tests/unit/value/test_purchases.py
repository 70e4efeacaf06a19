"""Repeat buying: published parameters and forecasts, formulas by other routes, recovery."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from cximpact import datasets, value
from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, CLVInputError, ConfigError, InsufficientDataError
from cximpact.value import beta_geo, pareto
from cximpact.value.likelihood import numeric_gradient
from cximpact.value.purchase_fit import distinct
from tests.support import buying
from tests.support.golden import close, load

GOLDEN = load("lifetime_value")
THETA = np.array(GOLDEN["bg_nbd"]["theta"])
PARETO = np.array([0.553, 10.578, 0.606, 11.669])
TWICE, NEVER = (2.0, 30.43, 38.86), (0.0, 0.0, 38.86)


def likelihood(kernel, *customers):
    return kernel.Likelihood(*np.array(customers).T, np.ones(len(customers)))


def test_published_expectations():
    for t, printed in GOLDEN["bg_nbd"]["expected"].items():
        assert close(beta_geo.expected(np.array(float(t)), THETA), printed)
    for who, name in ((TWICE, "bought_twice"), (NEVER, "never_again")):
        case, one = GOLDEN["bg_nbd"][name], likelihood(beta_geo, who)
        assert close(beta_geo.conditional(39.0, THETA, *map(np.array, who)), case["purchases"])
        assert close(one.alive(THETA)[0], case["alive"])
        assert close(one.rows(THETA)[0], case["log_likelihood"])


SINGULAR = [(a, 2.426) for a in (0.793, 0.9992, 1 - 1e-6, 1.0, 1 + 1e-6, 1.0008, 2.4)]
SINGULAR += [(0.5, 0.5), (0.5, 0.5 + 1e-7), (0.4, 0.6005), (0.3, 0.5), (0.9995, 0.2)]


@pytest.mark.parametrize(("a", "b"), SINGULAR)
def test_expected_purchases_are_an_integral_also_where_the_formula_is_singular(a, b):
    r, alpha, *_ = THETA
    by_leaving, _ = integrate.quad(
        lambda p: (1 - (alpha / (alpha + 39 * p)) ** r) / p * stats.beta.pdf(p, a, b),
        0,
        1,
        limit=200,
    )
    found = beta_geo.expected(np.array(39.0), np.array([r, alpha, a, b]))
    assert found == pytest.approx(by_leaving, rel=1e-8)


def test_expectations_are_continuous_over_the_switch_of_formulas():
    values = [
        float(beta_geo.expected(np.array(500.0), np.array([0.243, 4.414, 1 + e, 2.426])))
        for e in (0.00099, 0.001, 0.00101)
    ]
    assert values[0] - values[1] == pytest.approx(values[1] - values[2], rel=1e-3)


@pytest.mark.parametrize("theta", [PARETO, [0.5, 20.0, 1.3, 8.0], [2.0, 5.0, 0.4, 30.0]])
def test_the_pareto_likelihood_is_an_integral_over_when_customers_leave(theta):
    r, alpha, s, beta = theta

    def by_hand(x, t_x, age):
        start = np.exp(stats.gamma.logpdf(1, 1) + 1) * alpha**r * beta**s
        rising = np.prod(r + np.arange(x))
        left, _ = integrate.quad(
            lambda y: s * (beta + y) ** (-s - 1) * (alpha + y) ** (-r - x), t_x, age
        )
        stays = (alpha + age) ** (-r - x) * (beta + age) ** -s
        return np.log(start * rising * (stays + left)), stays / (stays + left)

    customers = [TWICE, NEVER, (7.0, 12.0, 30.0)]
    one = likelihood(pareto, *customers)
    expected = np.array([by_hand(*who) for who in customers])
    np.testing.assert_allclose(one.rows(np.array(theta)), expected[:, 0], rtol=1e-9)
    np.testing.assert_allclose(one.alive(np.array(theta)), expected[:, 1], rtol=1e-8)


def test_pareto_expectations_are_smooth_at_one():
    values = [
        float(pareto.expected(np.array(39.0), np.array([0.5, 10.0, s, 12.0])))
        for s in (1 - 1e-7, 1.0, 1 + 1e-7)
    ]
    assert values[1] == pytest.approx(0.5 * 12 / 10 * np.log1p(39 / 12), rel=1e-12)
    assert max(values) - min(values) < 1e-6


def test_the_gradient_is_the_slope():
    table = buying.simulated_buyers(THETA, 300, 40, np.random.default_rng(1))
    one = beta_geo.Likelihood(*table.to_numpy().T, np.ones(300))
    slope = numeric_gradient(lambda th: one(th)[0], THETA)
    np.testing.assert_allclose(one(THETA)[1], slope, rtol=1e-6, atol=1e-5)
    assert one(THETA)[0] == pytest.approx(one.rows(THETA).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("model", "name"), [(value.BetaGeoNBD, "bg_nbd"), (value.ParetoNBD, "pareto_nbd")]
)
def test_cdnow_has_the_published_parameters(model, name):
    found = model().fit(datasets.load_cdnow("summary"), rng=1)
    table = found.tidy().set_index("term")["estimate"]
    printed = GOLDEN["cdnow"][name]
    if name == "bg_nbd":
        assert all(close(table[term], text) for term, text in printed.items())
        assert close(found.log_likelihood, GOLDEN["cdnow"]["log_likelihood"])
    else:  # the likelihood is flat in beta: the published maximum is not quite one
        theta = np.array([float(printed[term]) for term in found.kernel.NAMES])
        assert found.maximum.theta == pytest.approx(theta, abs=1.2e-3)
        rows = distinct(found.history)
        there = pareto.Likelihood(*rows.to_numpy(float).T)(theta)[0]
        assert there <= found.log_likelihood < there + 1e-4


@pytest.mark.filterwarnings("ignore:Column 'dollar_value' is 0")
def test_cdnow_from_transactions_to_the_holdout():
    before, whole = buying.cdnow(), buying.cdnow(until=None)
    bought = whole.table["frequency"] - before.table["frequency"]
    assert before.n == 2357 and before.table["frequency"].sum() == 2457
    for model in (value.BetaGeoNBD, value.ParetoNBD):
        fit = model().fit(before, rng=1)
        ahead = fit.predict(39)["purchases"]
        printed = GOLDEN["cdnow"]["holdout_correlation"][fit.name]
        assert close(np.corrcoef(ahead, bought)[0, 1], printed)
        total = fit.tracking([78])["cumulative"].iloc[0]
        if fit.name == "BG/NBD":
            short = 1 - total / whole.table["frequency"].sum()
            assert round(short, 2) == float(GOLDEN["cdnow"]["week_78_short_by"]["BG/NBD"])
        assert 0 < 1 - total / whole.table["frequency"].sum() < 0.05


@pytest.mark.filterwarnings("ignore:Column 'dollar_value' is 0")
def test_the_sample_is_like_all_customers():
    everyone = value.BetaGeoNBD().fit(buying.cdnow(table="transactions"), rng=1)
    assert everyone.history.n == 23_570
    table = everyone.tidy(0.99).set_index("term")
    sample = value.BetaGeoNBD().fit(datasets.load_cdnow("summary"), rng=1).tidy(0.99)
    for row in sample.to_dict("records"):
        assert row["conf_low"] < table.loc[row["term"], "estimate"] < row["conf_high"]
    whole = buying.cdnow(until=None, table="transactions")
    total = float(everyone.tracking([78])["cumulative"].iloc[0])
    assert 1 - total / whole.table["frequency"].sum() == pytest.approx(0.061, abs=0.002)


@pytest.mark.parametrize("theta", [[0.6, 6.0, 0.8, 2.5], [1.5, 10.0, 1.2, 4.0]])
def test_known_parameters_are_found_again(theta):
    table = buying.simulated_buyers(theta, 20_000, 60, np.random.default_rng(3))
    rows = value.BetaGeoNBD().fit(table, rng=1).tidy(0.999)
    assert ((rows["conf_low"] < theta) & (theta < rows["conf_high"])).all()
    assert (rows["std_error"] < 0.2 * rows["estimate"]).all()


def test_expectations_hold_in_simulated_customers():
    rng = np.random.default_rng(4)
    table = buying.simulated_buyers(THETA, 400_000, 39, rng)
    fit = value.BetaGeoNBD().fit(table, rng=1)
    mean = beta_geo.expected(table["T"].to_numpy(), THETA).mean()
    error = table["frequency"].std() / np.sqrt(len(table))
    assert abs(table["frequency"].mean() - mean) < 4 * error
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(THETA, rel=0.1)


def test_counting_customers_who_are_alike_changes_nothing():
    table = buying.simulated_buyers(THETA, 500, 40, np.random.default_rng(2)).round(0)
    table["recency"] = table[["recency", "T"]].min(axis=1).where(table["frequency"] > 0, 0.0)
    table.loc[table["frequency"] > 0, "recency"] = table["recency"].clip(lower=1)
    once = value.BetaGeoNBD().fit(table, rng=1)
    twice = value.BetaGeoNBD().fit(pd.concat([table, table.sample(frac=1, random_state=1)]), rng=1)
    np.testing.assert_allclose(twice.tidy()["estimate"], once.tidy()["estimate"], rtol=1e-6)
    ratio = once.tidy()["std_error"] / twice.tidy()["std_error"]
    np.testing.assert_allclose(ratio, np.sqrt(2), rtol=1e-4)


def test_standard_errors_are_the_spread_of_the_draws():
    fit = value.BetaGeoNBD(draws=20_000).fit(datasets.load_cdnow("summary"), rng=1)
    rows = fit.tidy().set_index("term")
    for name in ("r", "alpha"):  # nearly normal, so the delta method is nearly exact
        spread = float(fit.draws[name].std())
        assert rows.loc[name, "std_error"] == pytest.approx(spread, rel=0.05)
    assert fit.maximum.std_error == pytest.approx(rows["std_error"].to_numpy())
    half = np.log(rows["conf_high"] / rows["estimate"])
    np.testing.assert_allclose(half, 1.6448536 * rows["std_error"] / rows["estimate"], rtol=1e-6)


def test_two_fits_of_the_same_customers_are_not_independent():
    table = datasets.load_cdnow("summary")
    a, b = (m(draws=200).fit(table, rng=1) for m in (value.BetaGeoNBD, value.ParetoNBD))
    with pytest.raises(AlignmentError, match="same data"):
        dr.pair(a.draws["r"], b.draws["r"], rng=1)
    with pytest.raises(AlignmentError, match="same data"):
        dr.pair(a.future_purchases([9.0], size=100), b.future_purchases([9.0], size=100), rng=1)


def test_forecasts_come_as_draws_and_as_numbers():
    fit = value.BetaGeoNBD(draws=500).fit(datasets.load_cdnow("summary"), rng=1)
    drawn = fit.expected_purchases([0, 39], draws=True)
    assert drawn.dims == ("sample", "time") and dr.order_of(drawn) == dr.order_of(fit.draws)
    assert drawn.sel(time=0).values.tolist() == [0.0] * 500
    ahead = fit.future_purchases([39.0], size=300)
    assert float(ahead.mean()) == pytest.approx(fit.predict(39)["purchases"].mean(), rel=0.02)
    again = fit.future_purchases([39.0], size=300)
    assert (ahead.values == again.values).all()


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (
            {"frequency": [0.0] * 9, "recency": [0.0] * 9, "T": [9.0] * 9},
            InsufficientDataError,
            "0 of 9",
        ),
        (
            {"frequency": [1.0], "recency": [9.0], "T": [5.0]},
            CLVInputError,
            "recency lies beyond T",
        ),
    ],
)
def test_customers_that_cannot_be_fitted(table, error, match):
    with pytest.raises(error, match=match):
        value.BetaGeoNBD().fit(pd.DataFrame(table))


def test_time_ahead_is_not_negative():
    fit = value.BetaGeoNBD().fit(datasets.load_cdnow("summary"), rng=1)
    with pytest.raises(ConfigError, match="counts from 0"):
        fit.expected_purchases([-1.0])
