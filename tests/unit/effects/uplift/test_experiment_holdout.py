"""How many to hold out: the optimum, its limits and its words."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, UnitsError
from cximpact.effects.uplift.experiment_holdout import holdout_share

WORLD = {"gain": 1.0, "gain_sd": 1.5, "sd": 90.0, "future": 1e6, "currency": "EUR"}


def test_the_share_loses_least():
    found = holdout_share(100_000, **WORLD)
    at = found.curve["loss"].idxmin()
    assert found.share == pytest.approx(found.curve["share"][at], rel=0.05)
    assert found.held_out == round(100_000 * found.share)
    assert found.forgone == pytest.approx(100_000 * found.share)
    loss = found.forgone + found.most - found.learning
    assert loss <= found.curve["loss"].min() + 1e-6


def test_learning_is_worth_what_simulated_decisions_earn_more():
    found = holdout_share(100_000, **WORLD)
    rng = np.random.default_rng(1)
    truth = rng.normal(1.0, 1.5, 400_000)
    error = found.std_error
    n = 100_000
    expected = 90 * np.sqrt(1 / (n * found.share) + 1 / (n * (1 - found.share)))
    assert error == pytest.approx(expected)
    seen = rng.normal(truth, error)
    mean = (1.0 / 1.5**2 + seen / error**2) / (1 / 1.5**2 + 1 / error**2)
    worth = 1e6 * (truth[mean > 0].sum() / truth.size - truth.mean())
    assert found.learning == pytest.approx(worth, rel=0.03)
    perfect = 1e6 * (np.maximum(truth, 0).mean() - truth.mean())
    assert found.most == pytest.approx(perfect, rel=0.02)
    assert found.most == pytest.approx(
        1e6 * (1.5 * stats.norm.pdf(1 / 1.5) - stats.norm.cdf(-1 / 1.5))
    )


def test_more_to_learn_for_holds_out_more():
    few, many = (holdout_share(100_000, **WORLD | {"future": f}) for f in (1e5, 1e7))
    assert few.share < many.share
    cheap = holdout_share(100_000, **WORLD | {"gain": 0.2})
    assert cheap.share > holdout_share(100_000, **WORLD).share
    assert holdout_share(100_000, **WORLD, most=0.1).share <= 0.1


@pytest.mark.parametrize("changes", [{"future": 0}, {"gain_sd": 0.0}, {"gain_sd": 0.05}])
def test_nobody_is_held_out_where_learning_does_not_pay(changes):
    found = holdout_share(100_000, **WORLD | changes)
    assert (found.share, found.held_out, found.learning, found.forgone) == (0, 0, 0, 0)
    assert "Hold nobody out" in found.explain()
    assert found.std_error == np.inf


def test_the_words_and_the_row():
    found = holdout_share(100_000, **WORLD)
    assert f"Hold out {found.held_out:,} of 100,000 customers" in found.explain()
    assert found.tidy()["share"].iloc[0] == found.share


@pytest.mark.parametrize(
    ("n", "changes", "error"),
    [
        (1, {}, ConfigError),
        (100, {"sd": 0.0}, ConfigError),
        (100, {"gain_sd": -1.0}, ConfigError),
        (100, {"future": -1}, ConfigError),
        (100, {"most": 1.5}, ConfigError),
        (100, {"currency": "euro"}, UnitsError),
    ],
)
def test_plans_that_make_no_sense_are_refused(n, changes, error):
    with pytest.raises(error):
        holdout_share(n, **WORLD | changes)
