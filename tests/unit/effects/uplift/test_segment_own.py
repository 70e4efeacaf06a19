"""Segments by themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cximpact.effects.uplift.segment_own import own_effects
from tests.support.golden import close, load
from tests.support.segments import NORMAL, counted


def cells(value, size, family="binomial"):
    found = counted(np.random.default_rng(1), np.zeros((len(value), 2)), 80, family)
    return replace(found, value=np.array(value, float), size=np.array(size, float))


def test_intervals_of_shares_are_those_of_another_implementation():
    golden = load("uplift_segments")["newcombe"]
    value = [[g["control"][0], g["treated"][0]] for g in golden]
    size = [[g["control"][1], g["treated"][1]] for g in golden]
    rows = own_effects(cells(value, size), 0.95)
    for row, g in zip(rows.to_dict("records"), golden, strict=True):
        assert close(row["conf_low"], g["low"])
        assert close(row["conf_high"], g["high"])
    assert rows["estimate"][0] == pytest.approx(0.2)
    assert rows["std_error"][0] == pytest.approx(np.sqrt(0.8 * 0.2 / 70 + 0.6 * 0.4 / 80))


def test_intervals_of_means_are_normal():
    rows = own_effects(cells([[48, 56]] * 2, [[80, 70]] * 2, NORMAL), 0.9)
    error = np.sqrt(1 / 70 + 1 / 80)
    assert rows["estimate"][0] == 8.0
    assert rows["std_error"][0] == pytest.approx(error)
    assert rows["conf_high"][0] == pytest.approx(8 + 1.6448536 * error)


def test_several_arms_and_nobody():
    found = counted(np.random.default_rng(1), np.zeros((2, 3)), [[80, 80, 80], [80, 0, 80]])
    rows = own_effects(found).set_index(["arm", "segment"])
    assert list(rows.index) == [(1, "s0"), (1, "s1"), (2, "s0"), (2, "s1")]
    assert rows.loc[(1, "s1")].drop(["treated", "control"]).isna().all()
    assert rows["treated"].tolist() == [80, 0, 80, 80]
