"""Four phases from an idea to the score."""

import numpy as np
import pytest

from cximpact import goals
from cximpact.core import draws as dr
from cximpact.core.errors import AssumptionWarning, ConfigError, UnitsError
from cximpact.scores import CSAT5


def rollout(**changes):
    return goals.Rollout(**({"name": "call-back", "gain": 2.0} | changes))


def capacity(items, horizon=12, **settings):
    return goals.capacity(items, horizon=horizon, rng=1, **settings)


def mean(found):
    return found.draws.mean("sample").values


def test_nothing_before_it_is_there_then_all_of_it():
    found = capacity(rollout(develop=2, implement=3))
    np.testing.assert_allclose(mean(found), [0] * 5 + [2.0] * 7)
    assert found.working.loc[0, "start"] == 6


def test_practise_grows_linearly_and_the_score_follows():
    found = capacity(rollout(implement=2, practise=4, response=3.0))
    since = np.maximum(np.arange(1, 13) - 2, 0)
    np.testing.assert_allclose(
        mean(found), 2.0 * np.minimum(since / 4, 1) * (1 - np.exp(-since / 3)), rtol=1e-12
    )


def test_uncertain_phases_have_their_quantiles():
    found = capacity(rollout(develop={0.1: 2.0, 0.9: 6.0}, gain={0.1: 1.0, 0.9: 3.0}), size=20_000)
    works = (found.draws.values > 1e-12) | (found.draws.values < -1e-12)
    assert works[:, 1].mean() == pytest.approx(0.1, abs=0.01)
    assert works[:, 5].mean() == pytest.approx(0.9, abs=0.01)
    assert np.quantile(found.draws.values[:, 11], 0.9) == pytest.approx(3.0, abs=0.1)


def test_too_late_is_said_and_not_counted():
    with pytest.warns(AssumptionWarning, match="no effect by period 4.*measure it from period 9"):
        found = capacity(rollout(develop=3, implement=2, practise=4), horizon=4)
    assert (mean(found) == 0).all() and found.working.loc[0, "works_by_horizon"] == 0
    assert "measure it from period 9" in found.explain()


def test_without_initiatives_there_is_only_the_trend():
    assert (capacity([]).draws.values == 0).all()


def test_gains_add_or_close_the_room():
    items = [rollout(name="a", gain=2.0), rollout(name="b", gain=3.0)]
    assert mean(capacity(items))[0] == pytest.approx(5.0)
    shared = capacity(items, overlap="room", room=10.0)
    assert mean(shared)[0] == pytest.approx(10 * (1 - 0.8 * 0.7))
    with pytest.raises(ConfigError, match="room goes with"):
        capacity(items, overlap="room")


def test_estimated_gains_stay_joint():
    rng = np.random.default_rng(1)
    z = rng.normal(size=500)
    gains = [dr.from_array(v, source="did", attrs={"unit": "points"}) for v in (2 + z, 2 - z)]
    found = capacity([rollout(name=n, gain=g) for n, g in zip("ab", gains, strict=True)])
    assert found.draws.values[:, 0].std() < 1e-9 and found.draws.sizes["sample"] == 500
    assert "did" in dr.order_of(found.draws)


def test_the_capacity_of_a_period_makes_a_goal():
    base = goals.trend_baseline(
        range(5), [3.4, 3.4, 3.45, 3.4, 3.4], [0.03] * 5, scale=CSAT5, horizon=6, rng=1
    )
    found = capacity(rollout(gain={0.1: 0.1, 0.9: 0.3}, develop=2, practise=2), horizon=6)
    goal = goals.recommend(base, sd=1.0, capacity=found.at(6))
    assert goal.rule == "capacity"
    early = goals.recommend(base, sd=1.0, capacity=found.at(2))
    assert early.target < goal.target
    with pytest.raises(ConfigError, match="computed up to 6"):
        found.at(7)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: rollout(name=""), ConfigError, "expected a name"),
        (lambda: rollout(develop=-1), ConfigError, "develop"),
        (lambda: rollout(develop={0.1: 5, 0.9: 2}), ConfigError, "do not increase"),
        (
            lambda: rollout(gain=dr.from_array([1.0, 2.0], source="a", attrs={"unit": "pp"})),
            UnitsError,
            "in score points",
        ),
        (lambda: capacity([rollout(), rollout()]), ConfigError, "each needs its own name"),
    ],
)
def test_rollouts_that_cannot_be(make, error, match):
    with pytest.raises(error, match=match):
        make()
