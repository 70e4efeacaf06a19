import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, WeightError
from cximpact.scores import rake, raked_score, weighted_score

MARGINS = {"g": {"a": 0.5, "b": 0.5}, "h": {"p": 0.4, "q": 0.6}}


@pytest.fixture
def sample() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(7)
    g, h = rng.choice(["a", "b"], 240, p=[0.75, 0.25]), rng.choice(["p", "q"], 240)
    values = 50.0 * (g == "a") + 20 * (h == "p") + rng.normal(0, 5, 240)
    return pd.DataFrame({"g": g, "h": h}), values


def test_the_estimate_is_that_of_the_raked_weights(sample):
    frame, values = sample
    w = rake(frame, MARGINS).weights
    assert raked_score(frame, values, MARGINS, rng=1).estimate == pytest.approx(
        w @ values / w.sum()
    )


def test_the_ordinary_jackknife_of_one_margin_is_poststratification(sample):
    frame, values = sample
    found = raked_score(frame, values, {"g": MARGINS["g"]}, groups=240, rng=1)
    parts = [values[frame["g"] == level] for level in "ab"]
    expected = np.sqrt(sum(0.25 * part.var(ddof=1) / part.size for part in parts))
    assert found.std_error == pytest.approx(expected, rel=0.02)
    assert found.df == 239


def test_raking_again_knows_what_the_margins_explain(sample):
    frame, values = sample
    raked = rake(frame, MARGINS)
    fixed = weighted_score(values, raked.weights).std_error
    again = raked_score(frame, values, MARGINS, groups=60, rng=1).std_error
    assert again < 0.4 * fixed


def test_clusters_are_left_out_whole(sample):
    frame, values = sample
    clusters = np.arange(240) % 30
    found = raked_score(frame, values, MARGINS, clusters=clusters)
    assert found.df == 29
    assert found.variance == "jackknife, raked again in each of 30 replicates"
    assert found == raked_score(frame, values, MARGINS, clusters=clusters)


def test_the_seed_decides_the_groups(sample):
    frame, values = sample
    errors = [raked_score(frame, values, MARGINS, rng=seed).std_error for seed in (1, 1, 2)]
    assert errors[0] == errors[1] != errors[2]


def test_one_cluster_cannot_be_left_out(sample):
    frame, values = sample
    with pytest.raises(ClusterError, match="at least 2 groups"):
        raked_score(frame, values, MARGINS, clusters=np.zeros(240))


def test_frame_and_values_must_have_one_length(sample):
    frame, values = sample
    with pytest.raises(WeightError, match="differ in length"):
        raked_score(frame, values[:-1], MARGINS, rng=1)
