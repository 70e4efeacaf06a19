"""Robustness values: printed numbers, and a search over all weaker variables."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.effects.sensitivity import omitted_variable_bias, partial_r2, robustness_value
from tests.support.golden import close, load

DARFUR = load("sensitivity")["darfur"]


def test_printed_robustness_values():
    t = DARFUR["estimate"] / DARFUR["std_error"]
    assert close(partial_r2(t, DARFUR["df"]), DARFUR["partial_r2"])
    assert close(robustness_value(t, DARFUR["df"]), DARFUR["robustness"])
    found = robustness_value(-t, DARFUR["df"], q=1, alpha=0.05)
    assert close(found, DARFUR["robustness_test"])


@pytest.mark.parametrize("row", DARFUR["female"], ids=lambda row: f"k={row['k']}")
@pytest.mark.parametrize("sign", [1, -1])
def test_printed_adjusted_estimates(row, sign):
    found = omitted_variable_bias(
        sign * DARFUR["estimate"],
        DARFUR["std_error"],
        DARFUR["df"],
        float(row["r2_outcome"]),
        float(row["r2_treatment"]),
    )
    table = found.tidy(0.95).iloc[0]
    assert close(sign * found.adjusted_estimate, row["estimate"])
    assert close(found.adjusted_error, row["std_error"])
    assert close(sign * found.adjusted_t, row["t"])
    ends = sorted([sign * table["conf_low"], sign * table["conf_high"]])
    assert close(ends[0], row["conf_low"]) and close(ends[1], row["conf_high"])


@pytest.mark.parametrize(("q", "alpha"), [(1.0, None), (0.5, None), (1.0, 0.05), (0.7, 0.2)])
@pytest.mark.parametrize(("t", "df"), [(4.0, 100), (9.0, 12), (3.3333, 7), (30.0, 20)])
def test_it_is_the_first_square_of_strengths_that_does_it(t, df, q, alpha):
    rv = robustness_value(t, df, q, alpha)
    critical = 0.0 if alpha is None else stats.t.isf(alpha / 2, df - 1)

    def left(limit):
        """Smallest t of q times the estimate over all variables within the square."""
        y, d = np.meshgrid(np.linspace(0, limit, 400), np.linspace(0, limit, 400))
        bias = np.sqrt(df * y * d / (1 - d))
        return ((q * t - bias) / np.sqrt((1 - y) / (1 - d) * df / (df - 1))).min()

    assert 0 < rv < 1
    assert left(0.999 * rv) > critical
    assert left(rv + 0.001 * (1 - rv)) < critical


def test_the_longer_regression_has_one_degree_of_freedom_less():
    found = omitted_variable_bias(2.0, 0.5, 5, 0.0, 0.0)
    assert found.adjusted_error == pytest.approx(0.5 * np.sqrt(5 / 4))
    row = found.tidy(0.9).iloc[0]
    half = stats.t.ppf(0.95, 4) * found.adjusted_error
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((2 - half, 2 + half))


def test_a_test_that_refuses_nothing_needs_nothing():
    assert robustness_value(1.5, 50, alpha=0.05) == 0.0
    assert robustness_value(0.0, 50) == 0.0
    assert robustness_value(1e9, 2) == pytest.approx(1.0)


@pytest.mark.parametrize("flip", [1, -1])
def test_strengths_of_a_variable_at_hand_give_the_longer_regression(flip):
    rng = np.random.default_rng(1)
    n = 60
    u, x = rng.standard_normal((2, n))
    d = 0.8 * u + 0.3 * x + rng.standard_normal(n)
    y = flip * (1.5 * d + u - x + rng.standard_normal(n))

    def coefficient(target, columns):
        design = np.column_stack([np.ones(n), *columns])
        b, rss = np.linalg.lstsq(design, target)[:2]
        df = n - design.shape[1]
        error = np.sqrt(rss[0] / df * np.linalg.inv(design.T @ design)[-1, -1])
        return b[-1], error, df

    short, long = coefficient(y, [x, d]), coefficient(y, [x, u, d])
    r2_outcome = partial_r2(np.divide(*coefficient(y, [x, d, u])[:2]), long[2])
    b, error, df = coefficient(d, [x, u])
    found = omitted_variable_bias(*short, r2_outcome, partial_r2(b / error, df))
    assert found.adjusted_estimate == pytest.approx(long[0])
    assert found.adjusted_error == pytest.approx(long[1])
    assert f"from {short[0]:.3g} to {long[0]:.3g}" in found.explain()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: robustness_value(2.0, 0), "df"),
        (lambda: robustness_value(2.0, 1, alpha=0.05), "more than 1"),
        (lambda: robustness_value(2.0, 9, q=-1), "q is -1"),
        (lambda: robustness_value(2.0, 9, alpha=5), "Did you mean 0.05"),
        (lambda: partial_r2(np.nan, 9), "finite"),
        (lambda: omitted_variable_bias(1, 0, 9, 0.1, 0.1), "std_error"),
        (lambda: omitted_variable_bias(1, 1, 9, 1.1, 0.1), "r2_outcome"),
        (lambda: omitted_variable_bias(1, 1, 9, 0.1, 1), "nothing of the treatment"),
    ],
)
def test_bad_numbers_are_refused(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
