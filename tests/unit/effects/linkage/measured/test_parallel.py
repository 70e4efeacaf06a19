import numpy as np
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AlignmentError,
    InsufficientDataError,
    MissingValueError,
    ZeroVarianceError,
)
from cximpact.effects.linkage import reliability_of


def codings(n=800, rho=0.7, seed=1):
    rng = np.random.default_rng(seed)
    truth, noise = rng.normal(size=n), np.sqrt(1 / rho - 1)
    return truth + noise * rng.normal(size=n), truth + noise * rng.normal(size=n)


def test_two_codings_give_the_reliability_of_one_and_of_their_mean():
    a, b = codings()
    found = reliability_of(a, b, rng=1)
    r = np.corrcoef(a, b)[0, 1]
    assert float(found.estimate) == pytest.approx(r)
    assert found.details["of_the_mean"] == pytest.approx(2 * r / (1 + r))
    row = found.summary().iloc[0]
    assert row["conf_low"] < 0.7 < row["conf_high"]
    assert row["std_error"] == pytest.approx((1 - r**2) / np.sqrt(800), rel=0.1)
    assert not is_causal(found)
    assert found.diagnostics["variance_ratio"] == pytest.approx(np.var(b) / np.var(a))
    np.testing.assert_array_equal(found.draws, reliability_of(a, b, rng=1).draws)


def test_pairs_of_a_customer_count_as_one():
    a, b = codings(200)
    five = [np.repeat(v, 5) for v in (a, b)]
    plain = reliability_of(*five, rng=1).summary()["std_error"].iloc[0]
    clustered = reliability_of(*five, cluster=np.repeat(np.arange(200), 5), rng=1)
    error = clustered.summary()["std_error"].iloc[0]
    assert error == pytest.approx(plain * np.sqrt(5), rel=0.15)
    assert error == pytest.approx(
        reliability_of(a, b, rng=1).summary()["std_error"].iloc[0], rel=0.1
    )


@pytest.mark.parametrize(
    ("first", "second", "cluster", "error", "match"),
    [
        (np.arange(12.0), np.arange(11.0), None, AlignmentError, "12 values and second 11"),
        (np.arange(9.0), np.arange(9.0), None, InsufficientDataError, "9 pairs"),
        (np.ones(12), np.arange(12.0), None, ZeroVarianceError, "first is 1"),
        (np.r_[np.nan, np.arange(11.0)], np.arange(12.0), None, MissingValueError, "first"),
        (np.arange(12.0), np.arange(12.0), ["x"] * 12, InsufficientDataError, "one cluster"),
    ],
)
def test_bad_pairs_are_refused(first, second, cluster, error, match):
    with pytest.raises(error, match=match):
        reliability_of(first, second, cluster=cluster)
