"""Effects that were judged."""

import numpy as np
import pytest

from cximpact import roi
from cximpact.core.errors import ConfigError, UnitsError


def test_the_quantiles_are_those_that_were_judged_and_the_reason_rides_along():
    effect = roi.assumed_effect(
        {0.1: 0.0, 0.9: 0.02}, scale="pp", assumption="two pilots", rng=1, size=20_000
    )
    assert np.quantile(effect.draws, [0.1, 0.9]) == pytest.approx([0.0, 0.02], abs=5e-4)
    assert effect.estimand.target == "assumed" and "judged effect" in effect.explain()
    assert effect.assumptions[0].statement == "two pilots"


def test_reasons_and_units_are_required():
    with pytest.raises(ConfigError, match="say in a sentence"):
        roi.assumed_effect({0.1: 0.0, 0.9: 0.02}, scale="pp", assumption="", rng=1)
    with pytest.raises(UnitsError, match="three meanings"):
        roi.assumed_effect({0.1: 0.0, 0.9: 0.02}, scale="percent", assumption="x", rng=1)
