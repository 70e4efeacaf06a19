"""Power of the test of trends, against published numbers and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, RankError
from cximpact.effects import pretrend_power
from cximpact.plots import to_png
from tests.support.event_paths import effect_of, event_study_of

SMALL = event_study_of(np.zeros(4), 0.02**2 * np.eye(4), before=2)


def test_worked_powers():
    """Two coefficients before treatment, one and two periods away, standard errors of .02."""
    table = pretrend_power(effect_of(SMALL), slopes=[0.01, 0.02, 0.03]).table
    np.testing.assert_allclose(table["power"], [0.155, 0.504, 0.861], atol=5e-4)
    np.testing.assert_allclose(table["bias"], [0.015, 0.03, 0.045], atol=1e-12)


@pytest.mark.parametrize("df", [None, 11.0])
def test_the_test_rejects_as_often_as_said(df):
    rng = np.random.default_rng(1)
    root = rng.standard_normal((5, 5))
    covariance = root @ root.T / 5 + 0.1 * np.eye(5)
    path = event_study_of(np.zeros(5), covariance, before=3, df=df)
    found = pretrend_power(effect_of(path), level=0.1).table
    inner, reps = covariance[:3, :3], 40_000
    for row in found.to_dict("records"):
        noise = rng.multivariate_normal(np.zeros(3), inner, reps)
        value = noise + row["slope"] * (path.before + 1)
        wald = np.einsum("ri,ij,rj->r", value, np.linalg.inv(inner), value)
        if df is None:
            rejected = wald > stats.chi2.isf(0.1, 3)
        else:
            wald = wald / 3 / (rng.chisquare(df, reps) / df)
            rejected = wald > stats.f.isf(0.1, 3, df)
        assert rejected.mean() == pytest.approx(row["power"], abs=0.01)
    assert found["power"].tolist() == pytest.approx([0.5, 0.8])


def test_it_says_and_shows_what_would_be_missed():
    result = pretrend_power(effect_of(SMALL))
    assert "with probability 80%" in result.explain()
    ax = result.plot(title="Missed")
    assert any("drift found with 80%" in text.get_text() for text in ax.texts)
    assert to_png(ax).startswith(b"\x89PNG")
    assert "Power of the test" in result._repr_html_()
    assert result.tidy() is not result.table


def test_what_cannot_be_tested_is_refused():
    flat = event_study_of(np.zeros(3), np.ones((3, 3)) + np.diag([0, 0, 1.0]), before=2)
    with pytest.raises(RankError, match="too few clusters"):
        pretrend_power(effect_of(flat))
    with pytest.raises(ConfigError, match="slopes"):
        pretrend_power(effect_of(SMALL), slopes=float("nan"))
    with pytest.raises(ConfigError, match="powers"):
        pretrend_power(effect_of(SMALL), powers=[1.2])
