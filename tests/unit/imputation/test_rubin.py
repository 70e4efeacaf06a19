from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cximpact.core.errors import ConfigError, InsufficientDataError, NonFiniteError
from cximpact.imputation.rubin import rubin, sets_needed, wald_d1

Q = np.array([10.2, 9.8, 10.5, 10.1, 9.9])
U = np.array([0.25, 0.24, 0.26, 0.25, 0.25])


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("estimate", 10.1),
        ("between", 0.075),
        ("total", 0.34),
        ("lambda_", 0.2647059),
        ("r", 0.36),
        ("nu_old", 57.08642),
        ("nu_obs", 72.10166),
        ("nu", 31.86072),
        ("fmi", 0.3068906),
    ],
)
def test_published_example(name, printed):
    pooled = rubin(Q, U, complete_df=100)
    digits = len(str(printed).partition(".")[2])
    assert float(getattr(pooled, name)) == pytest.approx(printed, abs=10.0**-digits)


def test_interval_of_the_published_example():
    low, high = rubin(Q, U, complete_df=100).interval(0.95)
    assert (float(low), float(high)) == pytest.approx((8.91207, 11.28793), abs=1e-5)


def test_identical_estimates_leave_the_variance_within():
    pooled = rubin(np.full(5, 3.0), U, complete_df=100)
    assert float(pooled.total) == float(pooled.within)
    assert float(pooled.nu) == pytest.approx(float(pooled.nu_obs))
    assert float(pooled.fmi) == 0.0
    assert np.isfinite(pooled.interval()).all()


def test_a_completed_frame_has_only_variance_between():
    pooled = rubin(Q, np.zeros(5))
    assert float(pooled.total) == pytest.approx(1.2 * 0.075)
    assert float(pooled.nu) == pytest.approx(4.0)
    assert float(pooled.fmi) == 1.0


def test_everything_known_has_no_uncertainty():
    low, high = rubin(np.full(3, 2.0), np.zeros(3)).interval()
    assert float(low) == float(high) == 2.0


@given(st.integers(2, 40), st.floats(0.1, 5), st.floats(0.0, 5))
def test_pooling_by_terms_is_pooling_each(m, scale, within):
    rng = np.random.default_rng(m)
    values, spread = rng.normal(0, scale, (m, 3)), np.full((m, 3), within)
    both = rubin(values, spread, complete_df=50)
    for j in range(3):
        one = rubin(values[:, j], spread[:, j], complete_df=50)
        assert float(both.nu[j]) == pytest.approx(float(one.nu))
        assert float(both.total[j]) == pytest.approx(float(one.total))
    assert (both.nu <= both.nu_old * (1 + 1e-9)).all()


def test_rates_are_pooled_as_logits_and_stay_rates():
    pooled = rubin(
        np.array([0.02, 0.03, 0.01]), np.array([0.0004, 0.0005, 0.0003]), transform="logit"
    )
    low, high = pooled.interval()
    assert 0 < float(low) < 0.02 < float(high) < 1
    assert pooled.tidy()["estimate"].iloc[0] == pytest.approx(0.0183, abs=1e-3)


def test_multivariate_test_of_one_term_is_its_square():
    pooled = rubin(Q, U)
    test = wald_d1(Q[:, None], U[:, None, None], null=9.0)
    assert test.statistic == pytest.approx(float((pooled.estimate - 9) ** 2 / pooled.total))
    assert test.df1 == 1.0


def test_multivariate_test_by_its_definition():
    rng = np.random.default_rng(1)
    values = rng.normal(0.4, 1, (8, 3))
    spread = np.array([np.cov(rng.normal(size=(3, 20))) for _ in range(8)])
    found = wald_d1(values, spread)
    within = sum(spread) / 8
    mean = values.mean(axis=0)
    between = sum(np.outer(v - mean, v - mean) for v in values) / 7
    r = (9 / 8) * sum(np.diag(between @ np.linalg.inv(within))) / 3
    total = (1 + r) * within
    t = 3 * 7
    w = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    d = mean @ np.linalg.inv(total) @ mean / 3
    assert found.statistic == pytest.approx(d)
    assert found.df2 == pytest.approx(w)
    assert found.p_value == pytest.approx(1 - stats.f.cdf(d, 3, w))


def test_multivariate_test_holds_its_level():
    rng = np.random.default_rng(2)
    rejected = 0
    for _ in range(1000):
        sampled = rng.normal(size=2)
        values = sampled + rng.normal(0, 0.7, (20, 2))
        rejected += wald_d1(values, np.tile(np.eye(2) * 0.51, (20, 1, 1))).p_value < 0.05
    assert 0.03 < rejected / 1000 < 0.08


def test_sets_needed():
    assert [sets_needed(f) for f in (0.0, 0.2, 0.203, 0.85)] == [20, 20, 21, 85]


def test_explanation_asks_for_more_sets_where_few_were_made():
    assert "at least 31 sets" in rubin(Q, U, complete_df=100).explain()


@pytest.mark.parametrize(
    ("values", "spread", "error", "message"),
    [
        ([1.0], [1.0], InsufficientDataError, "at least two"),
        ([1.0, 2.0], [1.0], ConfigError, "expected the same"),
        ([1.0, np.nan], [1.0, 1.0], NonFiniteError, "1 estimates or variances"),
        ([1.0, 2.0], [1.0, -1.0], ConfigError, "1 variances are negative"),
    ],
)
def test_bad_input_is_refused(values, spread, error, message):
    with pytest.raises(error, match=message):
        rubin(values, spread)


def test_estimates_outside_the_transform_are_refused():
    with pytest.raises(ConfigError, match="1 estimates are outside the range of the logit"):
        rubin([0.5, 1.0], [0.1, 0.1], transform="logit")
