"""Contractual retention: published fits, curves, hierarchy, and tables that cannot be."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact import value
from cximpact.core import draws as dr
from cximpact.core.errors import (
    ConfigError,
    ConvergenceError,
    DataError,
    DuplicateKeyError,
    InsufficientPeriodsError,
    MissingColumnError,
    MissingValueError,
)
from cximpact.value import sbg
from cximpact.value.cohorts import read_cohorts
from cximpact.value.shifted_beta_bayes import RetentionPosterior
from tests.support import buying
from tests.support.golden import close, load

GOLDEN = load("lifetime_value")["cohorts"]


def fit(table=None, **settings):
    return value.ShiftedBetaGeometric(**settings).fit(
        buying.cohort() if table is None else table, rng=1
    )


@pytest.mark.parametrize("name", ["high", "regular"])
def test_published_cohorts(name):
    case = GOLDEN[name]
    found = fit(buying.cohort(case["surviving"]))
    table = found.tidy().set_index("term")["estimate"]
    printed = [float(case[name]) for name in ("alpha", "beta")]
    assert table[["alpha", "beta"]].to_numpy() == pytest.approx(printed, abs=2e-6)
    assert close(found.diagnostics["log_likelihood"], case["log_likelihood"])
    early = fit(buying.cohort(case["surviving"][:5])).tidy()["estimate"]
    assert early.to_numpy() == pytest.approx([float(p) for p in case["first_four_years"]], rel=3e-5)
    for s, printed in zip(found.survival([1, 2, 3]).values, case["survival"], strict=False):
        assert close(s, printed)


@pytest.mark.parametrize("name", ["high", "regular"])
def test_published_lifetimes(name):
    case = GOLDEN[name]
    a, b = map(np.array, case["rounded"])
    whole = sbg.discounted_lifetime(a, b, 0.1)
    rest = sbg.discounted_residual_lifetime(a, b, 0.1, np.array([1, 2, 5]))
    assert close(whole, case["del"])
    assert all(close(x, p) for x, p in zip(rest, case["derl"], strict=True))
    assert whole == pytest.approx(1 + rest[0] / 1.1, rel=1e-13)
    first = sbg.retention(a, b, 1)
    assert 1.1 / (1.1 - first) == pytest.approx(case["constant"], abs=6e-4)
    assert whole > 1.3 * case["constant"]


def test_lifetimes_are_the_sums_over_the_curve():
    a, b, t = np.array(0.668), np.array(3.806), np.arange(400_000.0)
    total = (sbg.survival(a, b, t) * 1.01**-t).sum()
    assert sbg.discounted_lifetime(a, b, 0.01) == pytest.approx(total, rel=1e-10)
    total = sbg.survival(np.array(2.5), b, t).sum()
    assert sbg.discounted_lifetime(np.array(2.5), b, 0.0) == pytest.approx(total, rel=1e-4)


def test_without_discounting_a_heavy_tail_is_infinite():
    with pytest.raises(ConfigError, match=r"infinite: alpha is 0\.668"):
        fit().discounted_lifetime(0.0)
    with pytest.raises(ConfigError, match="finite horizon"):
        fit().derl(-0.02)


def test_the_likelihood_is_that_of_the_lifetimes():
    """Renewal by renewal, against the beta functions of P(T = t) and S(t)."""
    cohorts = read_cohorts(buying.cohort([90, 70, 60, 55]), by=None, cohort=None)
    a, b, t = 0.7, 2.3, np.arange(1, 4)
    found = sbg.log_likelihood(np.array([a]), np.array([b]), cohorts.lost, cohorts.at_risk)
    start = special.betaln(a, b)
    leaves = special.betaln(a + 1, b + t - 1) - start
    by_hand = np.array([20, 10, 5]) @ leaves + 55 * (special.betaln(a, b + 3) - start)
    assert found[0][0] == pytest.approx(by_hand, rel=1e-13)


def test_curves_agree_with_each_other_and_with_their_draws():
    found = fit()
    renewals = np.arange(1, 9)
    survival, kept = found.survival(renewals), found.retention(renewals)
    np.testing.assert_allclose(np.cumprod(kept), survival, rtol=1e-12)
    assert (np.diff(kept) > 0).all() and (np.diff(survival) < 0).all()
    drawn = found.survival(renewals, draws=True)
    assert drawn.dims == ("sample", "renewal") and dr.order_of(drawn) == dr.order_of(found.draws)
    np.testing.assert_allclose(drawn.mean("sample"), survival, atol=0.004)
    assert found.derl(0.1).ndim == 0 and found.derl(0.1, [1, 2]).dims == ("renewal",)


def test_months_are_discounted_by_the_power():
    found = fit()
    monthly = found.discounted_lifetime(0.1, period="month")
    assert float(monthly) == pytest.approx(
        float(sbg.discounted_lifetime(*found.estimate.to_array().values, 1.1 ** (1 / 12) - 1)),
        rel=1e-12,
    )


def test_the_value_of_a_lifetime_is_margin_times_periods():
    found = fit()
    worth = found.lifetime_value(100, 0.1, currency="EUR")
    np.testing.assert_allclose(
        worth.draws.values, 100 * found.discounted_lifetime(0.1, draws=True).values
    )
    assert worth.horizon == "lifetime" and worth.payment == "start" and worth.n == 1000
    late = found.lifetime_value(100, 0.1, currency="EUR", renewal=5)
    assert float(late.draws.mean()) > float(worth.draws.mean())


def test_segments_are_fitted_apart_and_cohorts_together():
    both = fit(buying.two_cohorts(), by="tier")
    assert list(both.tidy()["term"][:2]) == ["alpha[high]", "alpha[regular]"]
    assert both.survival([1, 2]).dims == ("segment", "renewal")
    alone = fit(buying.cohort(buying.REGULAR)).tidy()["estimate"]
    found = both.tidy().set_index("term")["estimate"]
    assert found["alpha[regular]"] == pytest.approx(alone[0], rel=1e-6)
    young = buying.cohort([500, 430, 370, 330], start="2021")
    old = buying.cohort(buying.HIGH, start="2020")
    pooled = fit(pd.concat([old, young]), cohort="start").cohorts
    assert pooled.lost[0, :3].tolist() == [131 + 70, 126 + 60, 90 + 40]
    assert pooled.left[0].tolist() == [0, 0, 330, 0, 0, 0, 491] and pooled.n == 1500


def test_cohorts_of_one_age_are_added_up():
    parts = [buying.cohort(buying.HIGH, start=s) for s in ("2020", "2021")]
    once, twice = fit(), fit(pd.concat(parts), cohort="start")
    assert twice.cohorts.left[0, -1] == 2 * 491
    np.testing.assert_allclose(twice.tidy()["estimate"], once.tidy()["estimate"], rtol=1e-6)
    ratio = once.tidy()["std_error"] / twice.tidy()["std_error"]
    np.testing.assert_allclose(ratio, np.sqrt(2), rtol=1e-5)


def test_retention_seen_counts_those_who_could_renew():
    seen = read_cohorts(buying.cohort(), by=None, cohort=None).observed()
    np.testing.assert_allclose(seen["surviving"], np.array(buying.HIGH[1:]) / 1000)
    assert seen["at_risk"].tolist() == buying.HIGH[:-1]


def test_rising_retention_is_sorting_not_improvement():
    rng = np.random.default_rng(5)
    found = fit(buying.simulated_cohort(0.7, 1.2, 5000, 7, rng))
    seen = found.cohorts.observed()["retention"]
    assert seen.iloc[-1] - seen.iloc[0] > 0.2
    assert "sorting, not improvement" in found.explain()
    kept = found.retention(seen.index + 1)
    np.testing.assert_allclose(seen, kept, atol=0.03)


def test_customers_who_do_not_differ_have_no_maximum():
    constant = np.round(100_000 * 0.8 ** np.arange(8)).astype(int).tolist()
    with pytest.raises(ConvergenceError, match="no maximum inside"):
        fit(buying.cohort(constant))


def test_the_gradient_of_the_posterior_is_its_slope():
    rng = np.random.default_rng(0)
    parts = [
        buying.simulated_cohort(1, 3, n, 5, rng).assign(tier=str(k), size=float(k * k))
        for k, n in enumerate([1000, 50, 400, 30])
    ]
    cohorts = read_cohorts(pd.concat(parts), by="tier", cohort=None, covariates=["size"])
    posterior = RetentionPosterior(cohorts)
    assert posterior.own[0].tolist() == [True, False, True, False]
    for _ in range(3):
        z = rng.normal(size=posterior.n_free) / 2
        slope = [
            (posterior.log_density(z + h)[0] - posterior.log_density(z - h)[0]) / 2e-6
            for h in 1e-6 * np.eye(posterior.n_free)
        ]
        np.testing.assert_allclose(posterior.log_density(z)[1], slope, rtol=1e-5, atol=1e-4)


def test_the_posterior_is_near_the_maximum_and_says_so():
    found = fit(method="bayes", draws=2000)
    table = found.tidy().set_index("term")
    assert table.loc["alpha", "estimate"] == pytest.approx(0.668, abs=0.06)
    assert table.loc["alpha", "std_error"] == pytest.approx(0.104, abs=0.03)
    assert found.draw_kind == "posterior" and "credible" in found.explain()
    assert found.diagnostics["gate_failures"] == ""


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (buying.cohort([100, 90, 95]), DataError, "rises after period 1"),
        (buying.cohort([1.0, 0.8, 0.7]), DataError, "from 0.7 to 1, which look like shares"),
        (buying.cohort([100, 90]), InsufficientPeriodsError, "1 renewals; expected at least 2"),
        (buying.cohort([100, -1, -2]), DataError, "no count in 2 rows"),
        (buying.cohort().assign(period=0), DuplicateKeyError, r"by=.*cohort="),
        (buying.cohort().drop(index=3), DataError, "skips 1 periods, the first after 2"),
        (buying.cohort().assign(period=lambda t: t["period"] / 2), DataError, "no whole number"),
        (buying.cohort([100.0, np.nan, 80, 70]), MissingValueError, "'surviving' is missing"),
        (buying.cohort().rename(columns={"surviving": "survivng"}), MissingColumnError, "Did you"),
    ],
)
def test_tables_that_cannot_be(table, error, match):
    before = table.copy()
    with pytest.raises(error, match=match):
        fit(table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"method": "map"}, "expected one of"),
        ({"covariates": ["size"]}, "method='bayes' with by="),
    ],
)
def test_settings_that_cannot_be(settings, match):
    with pytest.raises(ConfigError, match=match):
        value.ShiftedBetaGeometric(**settings)


def test_renewals_count_from_one():
    with pytest.raises(ConfigError, match="count from 1"):
        fit().retention([0, 1])
