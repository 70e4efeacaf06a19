import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.linkage.importance import DriverSettings


def test_defaults_keep_few():
    settings = DriverSettings()
    assert settings.max_drivers == 5
    assert settings.n_draws == 400
    assert DriverSettings(measure="deviance").n_draws == 50
    assert DriverSettings(measure="deviance", draws=7).n_draws == 7


@pytest.mark.parametrize(("players", "chosen"), [(2, 1), (3, 1), (7, 3), (10, 5), (30, 5)])
def test_halves_choose_at_most_half_of_all(players: int, chosen: int):
    assert DriverSettings().chosen_per_half(players) == chosen


def test_what_was_asked_for_is_kept():
    assert DriverSettings(per_half=4).chosen_per_half(5) == 4
    with pytest.raises(ConfigError, match="per_half is 4 of 4"):
        DriverSettings(per_half=4).chosen_per_half(4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": "R2"}, "Did you mean 'r2'"),
        ({"draws": 1}, "draws is 1"),
        ({"groups": ["a"]}, "groups is"),
        ({"collinear": 0.2}, "collinear is 0.2"),
        ({"threshold": 0.5}, "threshold is 0.5"),
        ({"threshold": 0.95}, "threshold is 0.95"),
        ({"max_drivers": 0}, "max_drivers is 0"),
        ({"pairs": 0}, "pairs is 0"),
        ({"orders": 2.5}, "orders is 2.5"),
        ({"per_half": 0}, "per_half is 0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        DriverSettings(**settings)
