"""Bands that hold for all coefficients at once, and the draws of the multiplier bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.effects import GroupTime, TwoByTwo
from cximpact.effects.did import simultaneous_band
from cximpact.effects.did.multiplier import multiplier_draws
from tests.support.did import panel, simple_panel, staggered_world
from tests.support.event_paths import effect_of, event_study_of


def test_independent_coefficients_need_the_quantile_of_their_largest():
    path = event_study_of(np.zeros(6), np.diag([1.0, 4, 9, 1, 4, 9]), before=2)
    effect = effect_of(path, draws=60_000)
    table = simultaneous_band(effect, 0.9)
    expected = stats.norm.ppf((1 + 0.9 ** (1 / 6)) / 2)
    assert table["critical_value"].iloc[0] == pytest.approx(expected, rel=0.02)
    half = (table["band_high"] - table["band_low"]) / 2
    np.testing.assert_allclose(half, table["critical_value"] * table["std_error"])


def test_a_band_is_wider_than_single_intervals_and_narrower_than_bonferroni():
    data = panel(staggered_world(np.random.default_rng(1)))
    effect = GroupTime(draws=20_000).fit(data, rng=1).aggregate("event")
    table = simultaneous_band(effect, 0.95)
    t = effect.df
    one, all_of_them = (
        stats.norm.ppf(q) if t is None else stats.t.ppf(q, t)
        for q in (0.975, 1 - 0.025 / len(table))
    )
    assert one < table["critical_value"].iloc[0] < all_of_them * 1.02
    assert (table["band_low"] < table["conf_low"]).all()


def test_a_single_number_has_no_band():
    with pytest.raises(ConfigError, match="several coefficients"):
        simultaneous_band(TwoByTwo().fit(panel(simple_panel(np.random.default_rng(1))), rng=1))


@pytest.mark.parametrize(("kind", "skew"), [("rademacher", 0.0), ("mammen", 1.0)])
def test_multipliers_have_mean_0_variance_1_and_their_skewness(kind, skew):
    influence = np.eye(3)
    drawn = multiplier_draws(influence, 40_000, np.random.default_rng(1), kind)
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(3), atol=0.04)
    np.testing.assert_allclose((drawn**3).mean(axis=0), skew, atol=0.08)
