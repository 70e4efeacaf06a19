import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import cximpact as cx
from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    ConfigError,
    InsufficientDataError,
    MissingOutcomeError,
    NotCausalError,
    NoTreatedError,
)
from cximpact.effects.linkage.cases import AlertCutoff, AlertHoldout, before_after
from tests.support.recovery import regression_world

ROLES = {"before": "first", "after": "second", "cutoff": -1.5}


def world(n: int = 20_000, seed: int = 1) -> pd.DataFrame:
    return regression_world(n, np.random.default_rng(seed))


def exact_rise() -> float:
    """(1 - rho)(mu - E[S1 | S1 < -1.5]) for scores with variance 2 and reliability one half."""
    z = -1.5 / np.sqrt(2)
    return 0.5 * np.sqrt(2) * stats.norm.pdf(z) / stats.norm.cdf(z)


def test_the_exact_size_of_the_trap():
    assert exact_rise() == pytest.approx(1.1129, abs=5e-5)


def test_low_scorers_rise_with_nothing_done_and_all_of_it_is_chance():
    found = before_after(world(), **ROLES, rng=1, draws=400)
    table = found.summary().set_index("part")
    rise = table.loc["observed rise"]
    assert rise["conf_low"] > 1.0  # the naive recovery, with no treatment at all
    assert rise["conf_low"] < exact_rise() < rise["conf_high"]
    expected = table.loc["expected from chance alone"]
    assert expected["conf_low"] < exact_rise() < expected["conf_high"]
    left = table.loc["left over"]
    assert left["conf_low"] < 0 < left["conf_high"]
    assert found.diagnostics["reliability"] == pytest.approx(0.5, abs=0.03)


def test_a_holdout_and_a_cutoff_are_not_fooled():
    rng = np.random.default_rng(2)
    frame = world(40_000)
    low = frame[frame["first"] < -1.5]
    low = low.assign(alert=(rng.random(len(low)) < 0.9).astype(int))
    itt = AlertHoldout(outcome="second", assigned="alert").fit(low, rng=1)
    assert itt.confidence_set().contains(0.0)
    assert abs(float(itt.estimate)) < 0.12
    scored = frame.assign(score=np.clip(np.round(5 + 1.5 * frame["first"]), 0, 10))
    jump = AlertCutoff(outcome="second", score="score", cutoff=3, curvature=0.02).fit(scored, rng=1)
    assert jump.confidence_set().contains(0.0)
    assert jump.confidence_set().hull[1] < 0.3
    # the same low scorers, before and after
    naive = before_after(scored, **ROLES, rng=1, draws=100).estimate
    assert float(naive.sel(part="observed rise")) > 1.0


def test_a_real_effect_is_left_over():
    frame = world().assign(second=lambda t: t["second"] + 0.4 * (t["first"] <= -1.5))
    left = before_after(frame, **ROLES, rng=1, draws=300).summary().set_index("part")
    row = left.loc["left over"]
    assert row["conf_low"] < 0.4 < row["conf_high"]


def test_it_never_becomes_money():
    found = before_after(world(500), **ROLES, rng=1, draws=100)
    assert not is_causal(found)
    assert "no part of this is an effect" in found.explain()
    with pytest.raises(NotCausalError):
        value = cx.value.fixed(1, "EUR", per="point", assumption="none")
        cx.value.incremental(found, value, rng=1)


def test_a_known_reliability_needs_no_second_score_of_the_others():
    frame = world(5000)
    frame.loc[frame["first"] > -1.5, "second"] = np.nan
    found = before_after(frame, **ROLES, reliability=0.5, rng=1, draws=200)
    parts = found.estimate
    mean, low = frame["first"].mean(), frame["first"][frame["first"] <= -1.5].mean()
    assert float(parts.sel(part="expected from chance alone")) == pytest.approx(0.5 * (mean - low))
    with pytest.raises(MissingOutcomeError, match="second score is missing in"):
        before_after(frame, **ROLES, rng=1)
    with pytest.raises(InsufficientDataError, match="0 rows were not picked"):
        before_after(frame, **ROLES, missing="drop", rng=1)


@settings(max_examples=25)
@given(st.floats(0, 1), st.floats(0.1, 5), st.floats(-3, 3))
def test_it_moves_with_the_scale_of_the_score(reliability, factor, shift):
    frame = world(300)
    moved = frame * factor + shift
    one = before_after(frame, **ROLES, reliability=reliability, rng=1, draws=100).estimate
    at = ROLES | {"cutoff": -1.5 * factor + shift}
    two = before_after(moved, **at, reliability=reliability, rng=1, draws=100).estimate
    np.testing.assert_allclose(two, factor * one, rtol=1e-9, atol=1e-9)
    assert float(one[0]) == pytest.approx(float(one[1] + one[2]))


def test_a_perfectly_reliable_score_expects_no_rise():
    found = before_after(world(500), **ROLES, reliability=1.0, rng=1, draws=100)
    assert float(found.estimate.sel(part="expected from chance alone")) == 0


def test_dropped_rows_are_counted_and_clusters_kept():
    frame = world(1000).assign(store=np.arange(1000) % 20)
    frame.loc[frame.index[frame["first"] < -2][:3], "second"] = np.nan
    found = before_after(frame, **ROLES, cluster="store", missing="drop", rng=1, draws=100)
    assert "3 rows without a second score were left out" in found.explain()
    again = before_after(frame, **ROLES, cluster="store", missing="drop", rng=1, draws=100)
    np.testing.assert_array_equal(found.draws, again.draws)


@pytest.mark.parametrize(
    ("setting", "error", "said"),
    [
        ({"cutoff": -99}, NoTreatedError, "no row has a score"),
        ({"after": "first"}, ConfigError, "name two columns"),
        ({"reliability": 1.2}, ConfigError, "at most 1"),
        ({"draws": 3}, ConfigError, "draws is 3"),
    ],
)
def test_what_cannot_be_used_is_refused(setting, error, said):
    with pytest.raises(error, match=said):
        before_after(world(200), **(ROLES | {"rng": 1} | setting))


def test_others_who_all_score_alike_tell_no_reliability():
    frame = pd.DataFrame({"first": [0.0, -2, 1, 1, 1], "second": [1.0, 2, 1, 0, 2]})
    with pytest.raises(InsufficientDataError, match="same first score"):
        before_after(frame, before="first", after="second", cutoff=0, rng=1)
