import numpy as np
import pytest

from cximpact.effects.linkage.importance.driver_fit import DriverFit
from cximpact.effects.linkage.importance.driver_settings import DriverSettings
from cximpact.effects.linkage.importance.rating_columns import open_ratings
from cximpact.effects.linkage.importance.rating_players import make_players
from cximpact.effects.linkage.importance.second_moments import second_moments
from tests.support.drivers import RATINGS, world


@pytest.fixture
def fit() -> DriverFit:
    frame = world(200)
    frame.loc[:59, "wifi"] = np.nan
    frame.loc[20:39, "food"] = np.nan
    frame["used"] = (frame.index < 30).astype(int)
    data = open_ratings(
        frame, "csat", RATINGS, ["region"], weight="w", cluster="store", missing="indicator",
        never_used={"wifi": "used"},
    )  # fmt: skip
    players = make_players(data, {"place": ["wifi", "food"]}, 0.95)
    return DriverFit(data=data, players=players, options=DriverSettings(draws=7), seed=3)


def test_columns_have_one_scale(fit: DriverFit):
    w = fit.data.rows.weight
    assert fit.first == 1
    assert fit.columns.shape == (200, 1 + 6 + 3 + 1)
    np.testing.assert_allclose(np.average(fit.columns, axis=0, weights=w), 0, atol=1e-12)
    np.testing.assert_allclose(np.average(fit.columns**2, axis=0, weights=w), 1)


def test_weights_start_with_those_given_and_repeat(fit: DriverFit):
    blocks = list(fit.weights())
    assert blocks[0].tolist() == [fit.data.rows.weight.tolist()]
    drawn = np.concatenate(blocks[1:])
    assert drawn.shape == (7, 200)
    np.testing.assert_array_equal(drawn, np.concatenate(list(fit.weights())[1:]))
    # rows of a store share their factor
    factor = drawn / fit.data.rows.weight
    assert (factor[:, 0] == factor[:, 50]).all()


def test_performance_is_the_mean_of_those_who_rated_in_every_draw(fit: DriverFit):
    weights = np.concatenate(list(fit.weights()))
    found = fit.performance(second_moments(fit.columns, [weights]))
    frame = world(200)
    at = fit.players.names.index("place")
    for d in (0, 4):
        wifi = np.average(frame["wifi"][60:], weights=weights[d][60:])
        rated = np.r_[0:20, 40:200]
        food = np.average(frame["food"].iloc[rated], weights=weights[d][rated])
        assert found[d, at] == pytest.approx((wifi + food) / 2)
        staff = np.average(frame["staff"], weights=weights[d])
        assert found[d, fit.players.names.index("staff")] == pytest.approx(staff)


def test_orders_are_sampled_from_sixteen_drivers_on(fit: DriverFit):
    assert fit.orders() == 0
