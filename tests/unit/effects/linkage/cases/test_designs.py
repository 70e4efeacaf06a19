import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DesignError
from cximpact.effects.linkage.cases import (
    AlertCutoff,
    AlertHoldout,
    CaseLedger,
    StaggeredClosing,
    recovery,
)
from tests.support.recovery import holdout_world, score_world
from tests.unit.effects.linkage.cases.test_staggered import ROLES, panel

RNG = np.random.default_rng(1)
HOLDOUT, SCORES = holdout_world(500, RNG), score_world(2000, RNG)


@pytest.mark.parametrize(
    ("design", "kind", "data", "settings"),
    [
        ("holdout", AlertHoldout, HOLDOUT, {"outcome": "spend", "assigned": "alert"}),
        (
            "cutoff",
            AlertCutoff,
            SCORES,
            {"outcome": "spend", "score": "score", "cutoff": 6, "curvature": 0.1},
        ),
        ("timing", StaggeredClosing, panel(), ROLES),
    ],
)
def test_each_design_is_its_class(design, kind, data, settings):
    found = recovery(data, design=design, rng=1, **settings)
    pd.testing.assert_frame_equal(found.summary(), kind(**settings).fit(data, rng=1).summary())


def test_without_a_design_the_effect_is_refused_with_what_is_needed():
    with pytest.raises(DesignError, match="recovery effect refused") as caught:
        recovery(HOLDOUT, outcome="spend", treated="recovered")
    for needed in ("holdout", "cutoff", "timing", "assigned=", "before_after"):
        assert needed in str(caught.value)


def test_settings_are_checked_by_name():
    with pytest.raises(ConfigError, match="Did you mean 'assigned'"):
        recovery(HOLDOUT, design="holdout", outcome="spend", asigned="alert")
    with pytest.raises(ConfigError, match="needs assigned="):
        recovery(HOLDOUT, design="holdout", outcome="spend")
    with pytest.raises(ConfigError, match="Did you mean 'holdout'"):
        recovery(HOLDOUT, design="hold out", outcome="spend")


def test_a_ledger_brings_its_own_rows():
    frame = HOLDOUT.assign(case=np.arange(500), opened=0.0, closed=1.0)
    ledger = CaseLedger(frame, case="case", opened="opened", closed="closed", at=2.0)
    settings = {"design": "holdout", "outcome": "spend", "assigned": "alert", "rng": 1}
    one, two = recovery(ledger, **settings), recovery(HOLDOUT, **settings)
    assert float(one.estimate) == float(two.estimate)
