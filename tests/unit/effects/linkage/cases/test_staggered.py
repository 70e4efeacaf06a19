import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.errors import ConfigError, NoControlError
from cximpact.effects.linkage.cases import StaggeredClosing

ROLES = {"unit": "id", "period": "month", "outcome": "spend", "closed_in": "closed"}


def panel(n: int = 120, effect: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    closed = rng.choice([4.0, 6.0, np.nan], n)
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), 8), "month": np.tile(np.arange(8), n)})
    frame["closed"] = np.repeat(closed, 8)
    level = np.repeat(rng.normal(size=n), 8)
    after = frame["month"] >= frame["closed"]
    frame["spend"] = level + 0.1 * frame["month"] + effect * after + rng.normal(size=8 * n) * 0.5
    return frame


@pytest.mark.parametrize("estimator", ["imputation", "group_time"])
def test_it_finds_the_effect_by_the_estimators_there_are(estimator):
    found = StaggeredClosing(**ROLES, estimator=estimator).fit(panel(), rng=1)
    row = found.tidy(0.99).iloc[0]
    assert row["conf_low"] < 0.5 < row["conf_high"]
    assert found.assumptions[-1].name == "closing does not answer to behavior"
    assert len(found.assumptions) > 2


def test_it_is_the_estimator_itself():
    design = cx.Panel(panel(), unit="id", period="month", outcome="spend", first_treated="closed")
    oracle = cx.effects.ImputationDiD().fit(design, rng=1)
    for data, settings in ((design, {}), (panel(), ROLES)):
        found = StaggeredClosing(**settings).fit(data, rng=1)
        pd.testing.assert_frame_equal(found.summary(), oracle.summary())
    assert "pretrend" in found.diagnostics
    events = found.aggregate("event")
    assert events.draws.dims == ("sample", "event_time")


def test_what_cannot_be_used_is_refused():
    with pytest.raises(ConfigError, match="closed_in is not named"):
        StaggeredClosing(unit="id", period="month", outcome="spend").fit(panel(), rng=1)
    with pytest.raises(ConfigError, match="estimator is 'twfe'"):
        StaggeredClosing(**ROLES, estimator="twfe")
    with pytest.raises(NoControlError):
        StaggeredClosing(**ROLES).fit(panel().assign(closed=4.0), rng=1)
