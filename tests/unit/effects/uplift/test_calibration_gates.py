"""Effects by group of a score: who is in which group, errors, bands and tests."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.uplift.calibration_gates import calibration_table, gates

RNG = np.random.default_rng(1)
N = 500
SCORE = RNG.permutation(N) / N
GAMMA = SCORE + RNG.standard_normal(N)
CLUSTER = RNG.integers(0, 30, N)
WEIGHT = RNG.integers(0, 3, N).astype(float)


def test_groups_are_means_of_equal_parts():
    found = gates(SCORE, GAMMA)
    parts = np.array_split(np.argsort(-SCORE), 5)
    assert found.size.tolist() == [100] * 5
    assert found.effect == pytest.approx([GAMMA[p].mean() for p in parts])
    assert found.predicted == pytest.approx([SCORE[p].mean() for p in parts])
    assert found.std_error == pytest.approx([GAMMA[p].std(ddof=1) / 10 for p in parts])
    assert (found.covariance == np.diag(np.diag(found.covariance))).all()
    assert found.df is None


def test_ties_stay_together():
    score = np.repeat([5.0, 4, 3, 2, 1], [250, 10, 10, 10, 220])
    found = gates(score, GAMMA)
    assert found.size.sum() == N
    assert found.predicted[0] == 5
    assert found.effect[0] == pytest.approx(GAMMA[:250].mean())
    assert found.size.tolist() == [250, 30, 220]


def test_whole_weights_move_the_means_as_rows_do():
    rows = np.repeat(np.arange(N), WEIGHT.astype(int))
    assert gates(SCORE, GAMMA, weights=WEIGHT).effect == pytest.approx(
        gates(SCORE[rows], GAMMA[rows]).effect
    )


def test_clusters_tie_the_groups_to_each_other():
    found = gates(SCORE, GAMMA, 3, cluster=CLUSTER, weights=WEIGHT)
    kept = WEIGHT > 0
    members = _groups_by_weight(3)
    influence = np.zeros((N, 3))
    for g in range(3):
        w = WEIGHT * (members == g) * kept
        influence[:, g] = w * (GAMMA - found.effect[g]) / w.sum()
    sums = np.array([influence[kept & (c == CLUSTER)].sum(axis=0) for c in np.unique(CLUSTER)])
    n = len(np.unique(CLUSTER[kept]))
    assert found.covariance == pytest.approx(sums.T @ sums * n / (n - 1))
    assert found.df == n - 1


def _groups_by_weight(k):
    order = np.argsort(-SCORE)
    w = WEIGHT[order]
    middle = (w.cumsum() - w / 2) / w.sum()
    out = np.empty(N, int)
    out[order] = np.minimum((middle * k).astype(int), k - 1)
    return out


def test_intervals_and_bands():
    found = gates(SCORE, GAMMA)
    table = found.tidy(0.9)
    half = stats.norm.ppf(0.95) * found.std_error
    assert table["conf_low"].to_numpy() == pytest.approx(found.effect - half)
    assert table["conf_high"].to_numpy() == pytest.approx(found.effect + half)
    # the largest of five independent normal numbers
    critical = stats.norm.ppf((1 + 0.9 ** (1 / 5)) / 2)
    width = (table["band_high"] - table["band_low"]).to_numpy() / 2
    assert width == pytest.approx(critical * found.std_error, rel=0.03)
    for name in ("sorted_estimate", "sorted_low", "sorted_high"):
        assert (np.diff(table[name]) <= 0).all()
    assert sorted(table["sorted_low"]) == sorted(table["band_low"])
    assert sorted(table["sorted_high"]) == sorted(table["band_high"])
    assert sorted(table["sorted_estimate"]) == sorted(table["estimate"])


def test_bands_of_a_few_clusters_are_those_of_t():
    few = gates(SCORE, GAMMA, 2, cluster=np.arange(N) % 12)
    table = few.tidy(0.9)
    width = (table["band_high"] - table["band_low"]).to_numpy() / 2 / few.std_error
    # between independent normal numbers and what holds for any two numbers of t
    low, high = stats.norm.ppf((1 + 0.9**0.5) / 2), stats.t.ppf(1 - 0.05 / 2, 11)
    assert 1.03 * low < width[0] < 1.02 * high
    half = (table["conf_high"] - table["estimate"]).to_numpy() / few.std_error
    assert half == pytest.approx(stats.t.ppf(0.95, 11))


def test_the_test_of_equal_effects():
    found = gates(SCORE, GAMMA, 4)
    table = found.heterogeneity().set_index("test")
    gap = found.effect[:-1] - found.effect[1:]
    contrast = np.array([[1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1.0]])
    wald = gap @ np.linalg.inv(contrast @ found.covariance @ contrast.T) @ gap
    row = table.loc["equal_effects"]
    assert row["statistic"] == pytest.approx(wald)
    assert row["df"] == 3
    assert row["p_value"] == pytest.approx(stats.chi2.sf(wald, 3))
    ends = table.loc["first_minus_last"]
    error = np.sqrt(found.covariance[0, 0] + found.covariance[3, 3])
    assert ends["estimate"] == pytest.approx(found.effect[0] - found.effect[3])
    assert ends["std_error"] == pytest.approx(error)
    assert ends["p_value"] == pytest.approx(2 * stats.norm.sf(ends["estimate"] / error))


def test_the_test_with_clusters_is_an_f_test():
    found = gates(SCORE, GAMMA, 3, cluster=CLUSTER)
    row = found.heterogeneity().set_index("test").loc["equal_effects"]
    assert row["p_value"] == pytest.approx(stats.f.sf(row["statistic"] / 2, 2, 29))


def test_words():
    assert "not told apart from one effect for all" in gates(SCORE, GAMMA - SCORE).explain()
    text = gates(SCORE, 5 * SCORE + 0.1 * GAMMA).explain()
    assert "The effects of the groups differ (p < 0.001)." in text
    assert "highest scores" in gates(SCORE, GAMMA)._repr_html_()


def test_predicted_beside_observed():
    table = calibration_table(SCORE, GAMMA, 4, prob=0.8)
    found = gates(SCORE, GAMMA, 4)
    assert table["observed"].to_numpy() == pytest.approx(found.effect)
    assert table["predicted"].to_numpy() == pytest.approx(found.predicted)
    difference = found.effect - found.predicted
    assert table["difference"].to_numpy() == pytest.approx(difference)
    expected = 2 * stats.norm.sf(np.abs(difference / found.std_error))
    assert table["p_value"].to_numpy() == pytest.approx(expected)
    assert not [c for c in table if c.startswith(("band", "sorted"))]
    clustered = calibration_table(SCORE, GAMMA, 4, cluster=CLUSTER)
    error = clustered["std_error"].to_numpy()
    expected = 2 * stats.t.sf(np.abs(difference / error), 29)
    assert clustered["p_value"].to_numpy() == pytest.approx(expected)


def test_too_few_to_group():
    with pytest.raises(errors.InsufficientDataError, match="smallest of 1 rows"):
        gates([1, 2, 3, 4], [1, 2, 3, 4], 4)
    with pytest.raises(errors.ConfigError, match="groups"):
        gates(SCORE, GAMMA, 1)
    with pytest.raises(errors.ConfigError, match="groups is 1"):
        calibration_table(SCORE, GAMMA, 1)
