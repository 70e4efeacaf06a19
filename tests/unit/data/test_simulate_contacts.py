"""Worlds of contacts: the same from a seed, and with the truth they state."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.data.simulate_contacts import CONTACT_WORLDS, simulate_contacts


@pytest.mark.parametrize("world", CONTACT_WORLDS)
def test_a_seed_gives_one_world_and_probabilities(world: str):
    a, b = (simulate_contacts(5, n=500, world=world) for _ in range(2))
    pd.testing.assert_frame_equal(a.customers, b.customers)
    hidden = a.truth_frame
    treated = hidden["untreated"] + hidden["effect"]
    assert hidden["untreated"].between(0, 1).all() and treated.between(0, 1).all()
    assert hidden["propensity"].between(0, 1, inclusive="neither").all()
    assert a.truth["ate"] == pytest.approx(hidden["effect"].mean())
    assert set(a.features) <= set(a.customers.columns)


def test_the_linear_world_has_a_perfect_ranking_of_known_worth():
    hidden = simulate_contacts(1, n=200_000, world="linear").truth_frame
    effect = np.sort(hidden["effect"].to_numpy())[::-1]
    q = (np.arange(len(effect)) + 1) / len(effect)
    toc = np.cumsum(effect) / np.arange(1, len(effect) + 1) - effect.mean()
    assert toc.mean() == pytest.approx(0.075, abs=5e-4)
    assert (q * toc).mean() == pytest.approx(0.025, abs=2e-4)


def test_in_the_retention_world_the_riskiest_are_harmed():
    hidden = simulate_contacts(1, n=20_000).truth_frame.sort_values("untreated")
    assert hidden["effect"].head(2000).mean() < -0.05
    assert hidden["effect"].nlargest(2000).mean() > 0.05


def test_outcomes_follow_their_probabilities():
    world = simulate_contacts(2, n=100_000)
    hidden, seen = world.truth_frame, world.customers
    expected = hidden["untreated"] + seen["called"] * hidden["effect"]
    error = np.sqrt((expected * (1 - expected)).mean() / len(seen))
    assert abs(seen["stayed"].mean() - expected.mean()) < 4 * error
    assert abs(seen["called"].mean() - 0.5) < 4 * 0.5 / np.sqrt(len(seen))


def test_a_world_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'null'"):
        simulate_contacts(1, world="nul")
    with pytest.raises(ConfigError, match="n is 10"):
        simulate_contacts(1, n=10)
