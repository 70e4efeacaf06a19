import dataclasses

import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.linkage.cases import AlertHoldout
from cximpact.effects.linkage.cases.regions import ConfidenceSet
from tests.support.recovery import holdout_world, weak_world

LATE = AlertHoldout(outcome="spend", assigned="alert", treated="recovered")


class Nothing:
    def confidence_set(self, prob):
        return ConfidenceSet(pieces=(), prob=prob)


def test_a_strong_result_has_a_bounded_set_that_is_its_interval():
    found = LATE.fit(holdout_world(2000, np.random.default_rng(1)), rng=1)
    row = found.summary(0.8).iloc[0]
    assert found.confidence_set(0.8).hull == (row["conf_low"], row["conf_high"])
    assert found.test is None
    assert found.plot(title="Effect").get_xlabel() == "Effect"


def test_an_unbounded_result_is_drawn_without_an_interval():
    found = LATE.fit(weak_world(400, np.random.default_rng(3)), rng=1)
    assert found.plot(unit="EUR") is not None
    assert found.tidy()["term"].tolist() == ["late"]
    assert "whole line" in found._repr_html_() or "∞" in found._repr_html_()


def test_an_empty_set_is_said_and_not_drawn():
    found = LATE.fit(holdout_world(2000, np.random.default_rng(1)), rng=1)
    empty = dataclasses.replace(found, test=Nothing())
    assert "no effect fits" in empty.explain()
    with pytest.raises(ConfigError, match="is empty"):
        empty.plot()
    with pytest.raises(ConfigError, match=r"Did you mean 0\.9"):
        empty.confidence_set(90)
