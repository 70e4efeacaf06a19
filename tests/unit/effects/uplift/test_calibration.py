"""The line from predicted to actual effects against dense regression."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.uplift.calibration import best_linear_predictor

RNG = np.random.default_rng(1)
N = 400
SCORE = RNG.normal(0.1, 0.2, N)
GAMMA = 0.05 + 0.8 * SCORE + RNG.standard_normal(N) * (1 + SCORE)
WEIGHT = RNG.integers(0, 4, N).astype(float)
CLUSTER = RNG.integers(0, 25, N)


def dense(score, gamma, weight, cluster=None):
    kept = weight > 0
    score, gamma, weight = score[kept], gamma[kept], weight[kept]
    mean = np.average(score, weights=weight)
    x = np.column_stack([np.ones(score.size), score - mean])
    w = np.diag(weight)
    bread = np.linalg.inv(x.T @ w @ x)
    beta = bread @ x.T @ w @ gamma
    rows = x * (weight * (gamma - x @ beta))[:, None]
    n = score.size
    factor, df = n / (n - 2), n - 2
    if cluster is not None:
        own = cluster[kept]
        rows = np.array([rows[own == c].sum(axis=0) for c in np.unique(own)])
        factor, df = len(rows) / (len(rows) - 1) * (n - 1) / (n - 2), len(rows) - 1
    return beta, np.sqrt(np.diag(bread @ rows.T @ rows @ bread) * factor), df


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("cluster", [None, CLUSTER])
def test_the_line_is_least_squares(weight, cluster):
    found = best_linear_predictor(SCORE, GAMMA, weight, cluster)
    w = np.ones(N) if weight is None else weight
    beta, error, df = dense(SCORE, GAMMA, w, cluster)
    assert found.estimate == pytest.approx(beta)
    assert found.std_error == pytest.approx(error)
    assert found.df == df
    assert found.n == (w > 0).sum()
    assert found.estimate[0] == pytest.approx(np.average(GAMMA, weights=w))
    assert found.predicted_mean == pytest.approx(np.average(SCORE, weights=w))


def test_the_table_tests_against_none_and_against_perfect():
    found = best_linear_predictor(SCORE, GAMMA)
    table = found.tidy(0.8).set_index("term")
    row = table.loc["slope"]
    law = stats.t(found.df)
    t = found.estimate[1] / found.std_error[1]
    assert row["statistic"] == pytest.approx(t)
    assert row["p_value"] == pytest.approx(2 * law.sf(abs(t)))
    assert row["p_value_greater"] == pytest.approx(law.sf(t))
    ideal = abs(found.estimate[1] - 1) / found.std_error[1]
    assert row["calibrated"] == 1
    assert row["p_value_calibrated"] == pytest.approx(2 * law.sf(ideal))
    half = law.ppf(0.9) * found.std_error[1]
    assert row["conf_low"] == pytest.approx(found.estimate[1] - half)
    assert row["conf_high"] == pytest.approx(found.estimate[1] + half)
    assert table.loc["average_effect", "calibrated"] == pytest.approx(SCORE.mean())


def test_exact_effects_have_slope_one():
    found = best_linear_predictor(SCORE, SCORE + 0.3)
    assert found.estimate == pytest.approx([SCORE.mean() + 0.3, 1])
    assert best_linear_predictor(2 * SCORE, SCORE).estimate[1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("slope", "words"),
    [(0.0, "not told apart from 0"), (1.0, "fits them"), (0.4, "smaller"), (2.5, "larger")],
)
def test_words(slope, words):
    noise = 0.01 * RNG.standard_normal(N)
    noise -= np.polyval(np.polyfit(SCORE, noise, 1), SCORE)
    text = best_linear_predictor(SCORE, 0.2 + slope * (SCORE - SCORE.mean()) + noise).explain()
    assert words in text
    assert "The average effect is 0.2" in text


def test_a_prediction_the_wrong_way_round_finds_no_differences():
    noise = 0.01 * RNG.standard_normal(N)
    text = best_linear_predictor(SCORE, noise - SCORE).explain()
    assert "not told apart from 0 or below" in text


def test_it_shows_itself():
    assert "slope" in best_linear_predictor(SCORE, GAMMA)._repr_html_()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"score": np.ones(N)}, errors.ZeroVarianceError, "ranks nobody"),
        ({"score": SCORE[:5]}, errors.DataError, "5 values for 400 rows"),
        ({"weights": np.r_[1, 1, np.zeros(N - 2)]}, errors.InsufficientDataError, "2 rows"),
        ({"cluster": np.zeros(N)}, errors.ClusterError, "1 cluster"),
        ({"cluster": [None] * N}, errors.MissingValueError, "cluster is missing"),
        ({"cluster": [1, 2]}, errors.DataError, "cluster has 2 values"),
    ],
)
def test_bad_input(given, error, message):
    with pytest.raises(error, match=message):
        best_linear_predictor(**({"score": SCORE, "pseudo_outcome": GAMMA} | given))
