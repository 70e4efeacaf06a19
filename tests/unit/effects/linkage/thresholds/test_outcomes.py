import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataError,
    InsufficientDataError,
    ZeroVarianceError,
)
from cximpact.effects.linkage.rows import link_rows
from cximpact.effects.linkage.thresholds.outcomes import build_outcome, family_of

SPEND = np.array([0.0, 0.0, 3.0, 9.0, 0.0, 4.0])


def build(y, family):
    frame = pd.DataFrame({"s": np.arange(len(y)), "y": y})
    rows = link_rows(frame, {"score": "s", "outcome[0]": "y"})
    return build_outcome(rows, "outcome[0]", "y", family, (1.0, 1.0))


def test_family_is_told_or_seen():
    assert family_of(np.array([0.0, 1.0]), "y", "auto") == "binary"
    assert family_of(SPEND, "y", "auto") == "normal"
    assert family_of(SPEND, "y", {"y": "hurdle"}) == "hurdle"
    assert family_of(SPEND, "y", {"z": "hurdle"}) == "normal"


def test_a_hurdle_has_two_parts():
    found = build(SPEND, "hurdle")
    whether, amount = found.parts
    assert whether.successes.sum() == 3
    assert amount.n.sum() == 3
    assert amount.center == pytest.approx(np.log([3, 9, 4]).mean())


def test_mean_of_a_hurdle_is_share_times_lognormal_mean():
    found = build(SPEND, "hurdle")
    values = [np.array([[-1.0, 1.0]]), np.array([[2.0, 2.5, 0.4]])]
    mean = found.mean(values, np.array([[0.0, 1.0]]), np.empty((6, 0)))
    share = 1 / (1 + np.exp([1.0, -1.0]))
    assert mean[0] == pytest.approx(share * np.exp(np.array([2.0, 2.5]) + 0.2))


def test_mean_averages_over_customers_not_at_their_mean():
    found = build(np.array([0.0, 1.0, 0.0, 1.0]), "binary")
    x = np.array([[-2.0], [2.0]])
    mean = found.mean([np.array([[1.0, 1.0, 1.5]])], np.zeros((1, 1)), x)
    expected = np.mean(1 / (1 + np.exp([-(1 - 3.0), -(1 + 3.0)])))
    assert mean[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("y", "family", "error", "words"),
    [
        (SPEND, "binary", DataError, "other values than 0 and 1 in 3 rows"),
        (SPEND - 1, "hurdle", DataError, "below 0 in 3 rows"),
        (SPEND, "poisson", ConfigError, "family of 'y'"),
    ],
)
def test_a_family_that_does_not_fit_is_refused(y, family, error, words):
    with pytest.raises(error, match=words):
        family_of(y, "y", family)


def test_a_hurdle_needs_zeros_and_amounts():
    with pytest.raises(ZeroVarianceError, match="nobody is before the hurdle"):
        build(SPEND + 1, "hurdle")
    with pytest.raises(InsufficientDataError, match="2 amounts"):
        build(np.array([0.0, 0.0, 1.0, 2.0]), "hurdle")
    with pytest.raises(InsufficientDataError, match="that differ"):
        build(np.array([0.0, 2.0, 2.0, 2.0]), "hurdle")
