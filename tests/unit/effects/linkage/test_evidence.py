import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.errors import ConfigError, NotCausalError
from cximpact.effects.linkage.evidence import ASSOCIATIONAL, STATED, SUPPORTED, standing


def customers() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    treated = np.repeat([0, 1], 100)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(100), 2),
            "t": np.tile([0, 1], 100),
            "y": rng.normal(size=200),
            "g": np.where(treated, 1.0, np.nan),
            "s": rng.normal(size=200),
        }
    )


def test_without_evidence_a_link_is_an_association():
    found = standing(None, "score and visits")
    assert found.label == ASSOCIATIONAL
    assert not found.causal


def test_an_effect_supports_a_link():
    panel = cx.Panel(customers(), unit="id", period="t", outcome="y", first_treated="g")
    found = standing(cx.effects.TwoByTwo().fit(panel, rng=1), "score and visits")
    assert found.label == SUPPORTED
    assert found.causal


def test_a_sensitivity_analysis_is_stated_and_makes_no_money():
    found = standing(cx.effects.sensitivity.e_value(1.8), "score and visits")
    assert found.label == STATED
    assert not found.causal
    assert "3" in found.assumption.evidence


def test_an_association_supports_nothing():
    descriptive = cx.effects.association(customers(), score="s", outcome="y", rng=1)
    with pytest.raises(NotCausalError, match="itself descriptive"):
        standing(descriptive, "score and visits")
    with pytest.raises(ConfigError, match="is a str"):
        standing("trust me", "score and visits")
