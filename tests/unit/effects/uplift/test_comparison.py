"""Scores compared on one sample."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.uplift.comparison import compare_scores
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from tests.support.uplift_curves import randomized

RNG = np.random.default_rng(2)
WORLD = randomized(RNG, 1500)
DATA = HeldOut(outcome=WORLD["outcome"], treatment=WORLD["treatment"])
SCORES = {
    "exact": WORLD["tau"],
    "noisy": WORLD["tau"] + 0.03 * RNG.standard_normal(1500),
    "risk": WORLD["other"],
}
TABLE = compare_scores(SCORES, DATA, replicates=80, ks=(0.2,), rng=3)


def test_every_pair_and_metric_is_there():
    pairs = list(dict.fromkeys(zip(TABLE["score"], TABLE["against"], strict=True)))
    assert pairs == [("exact", "noisy"), ("exact", "risk"), ("noisy", "risk")]
    assert len(TABLE) == 3 * 6


def test_differences_are_paired():
    a, b = (
        evaluate_scores(SCORES[n], DATA, replicates=80, ks=(0.2,), rng=3)
        for n in ("exact", "noisy")
    )
    rows = TABLE.query("score == 'exact' and against == 'noisy'")
    assert rows["difference"].to_numpy() == pytest.approx((a.estimate - b.estimate).values)
    error = (a.draws - b.draws).std("sample", ddof=1).values
    assert rows["std_error"].to_numpy() == pytest.approx(error)
    assert (error < np.hypot(a.tidy()["std_error"], b.tidy()["std_error"])).all()
    half = stats.norm.ppf(0.95) * error
    assert rows["conf_low"].to_numpy() == pytest.approx(rows["difference"].to_numpy() - half)
    assert rows["conf_high"].to_numpy() == pytest.approx(rows["difference"].to_numpy() + half)
    t = np.abs(rows["difference"].to_numpy() / error)
    assert rows["p_value"].to_numpy() == pytest.approx(2 * stats.norm.sf(t))


def test_effects_rank_better_than_risk():
    row = TABLE.query("score == 'exact' and against == 'risk' and metric == 'autoc'").iloc[0]
    assert row["conf_low"] > 0


def test_the_same_ranking_is_no_different():
    found = compare_scores({"a": WORLD["tau"], "b": np.exp(WORLD["tau"])}, DATA, rng=1)
    assert (found["difference"] == 0).all()
    assert (found["p_value"] == 1).all()


def test_bad_input():
    with pytest.raises(errors.ConfigError, match="1 entries"):
        compare_scores({"a": WORLD["tau"]}, DATA)
    with pytest.raises(errors.ConfigError, match="did you mean|Did you mean"):
        compare_scores(SCORES, DATA, prob=90)
