"""How often the intervals of scores hold the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.data import SurveyWave
from cximpact.scores import CSAT5, NPS, ResponseModel, raked_score, summarize
from cximpact.scores.limits import interval_limits

NET = np.array([-100.0, 0.0, 100.0])
WORLDS = {  # shares of detractors, passives, promoters
    "10 answers": (10, (0.1, 0.2, 0.7)),
    "20 answers": (20, (0.1, 0.2, 0.7)),
    "10 answers, 90 % promoters": (10, (0.02, 0.08, 0.90)),
}
PRINTED = {  # from 4000 simulated surveys each, nominal 95 %
    "10 answers": {"wald": 0.876, "adjusted_wald": 0.949, "score": 0.959},
    "20 answers": {"wald": 0.906, "adjusted_wald": 0.959, "score": 0.962},
    "10 answers, 90 % promoters": {"wald": 0.656, "adjusted_wald": 0.927, "score": 0.958},
}


def exact_coverage(n: int, p: tuple[float, ...], values: np.ndarray, method: str) -> float:
    """Sum the probabilities of all surveys whose interval holds the truth."""
    table = np.array([t for t in np.ndindex(*[n + 1] * (len(p) - 1)) if sum(t) <= n])
    table = np.column_stack([table, n - table.sum(axis=1)]).astype(float)
    size = np.full(len(table), float(n))
    low, high = interval_limits(table / n, values, size, prob=0.95, method=method)
    truth = np.dot(p, values)
    inside = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return float(stats.multinomial.pmf(table, n, p)[inside].sum())


def band(coverage: float, n: int, mass: float = 0.99) -> tuple[float, float]:
    """Binomial band around a coverage."""
    low, high = stats.binom.interval(mass, n, coverage)
    return low / n, high / n


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("method", ["wald", "adjusted_wald", "score"])
def test_exact_coverage_is_what_was_simulated(world, method):
    low, high = band(PRINTED[world][method], 4000)
    assert low <= exact_coverage(*WORLDS[world], NET, method) <= high


@pytest.mark.parametrize("world", WORLDS)
def test_wald_fails_and_the_score_interval_holds(world):
    low = band(0.95, 4000)[0]
    assert exact_coverage(*WORLDS[world], NET, "wald") < low
    assert exact_coverage(*WORLDS[world], NET, "score") >= low


def test_the_score_interval_of_a_mean_holds_where_t_fails():
    p, boxes = (0.02, 0.02, 0.06, 0.10, 0.80), np.arange(1.0, 6)
    assert exact_coverage(8, p, boxes, "t") < 0.90
    assert exact_coverage(8, p, boxes, "score") > 0.93


def simulate(world: str, replicates: int, rng: np.random.Generator) -> dict[str, float]:
    n, p = WORLDS[world]
    shares = rng.multinomial(n, p, replicates) / n
    truth, found = np.dot(p, NET), {}
    for method in ("wald", "adjusted_wald", "score"):
        low, high = interval_limits(
            shares, NET, np.full(replicates, float(n)), prob=0.95, method=method
        )
        found[method] = float(((low <= truth) & (truth <= high)).mean())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_simulated_coverage_agrees_with_the_exact_one(world):
    found = simulate(world, 20_000, np.random.default_rng(1))
    for method, coverage in found.items():
        low, high = band(exact_coverage(*WORLDS[world], NET, method), 20_000)
        assert low <= coverage <= high


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["mean", "top_box", "net"])
@pytest.mark.parametrize("n", [8, 25, 120])
def test_default_intervals_of_csat_cover(statistic, n):
    p, rng = np.array([0.05, 0.05, 0.15, 0.35, 0.40]), np.random.default_rng(n)
    many = pd.DataFrame({"world": np.repeat(np.arange(2000), n)})
    many["score"] = rng.choice(5, 2000 * n, p=p) + 1.0
    table = summarize(SurveyWave(many, answer="score", scale=CSAT5), "world", statistic=statistic)
    values = {"mean": [1, 2, 3, 4, 5], "top_box": [0, 0, 0, 1, 1], "net": [-100, -100, 0, 100, 100]}
    truth = p @ values[statistic]
    inside = table["conf_low"].le(truth) & table["conf_high"].ge(truth)
    # discreteness makes small surveys cover more than 90 %, never much less
    assert 0.875 <= inside.mean() <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
def test_clustered_intervals_cover_and_unclustered_ones_do_not(weighted):
    rng = np.random.default_rng(3)
    inside = {"cluster": 0, "plain": 0}
    big = np.clip(np.round(7 + rng.normal(0, 1, 10**6) + rng.normal(0, 3, 10**6)), 0, 10)
    truth = NPS.score_weights[big.astype(int)].mean()
    for _ in range(150):
        store = np.repeat(np.arange(25), rng.integers(8, 30, 25))
        mood = rng.normal(0, 1, 25)[store] + rng.normal(0, 3, store.size)
        frame = pd.DataFrame({"score": np.clip(np.round(7 + mood), 0, 10), "store": store})
        frame["w"] = rng.uniform(0.5, 2, store.size)
        weight = "w" if weighted else None
        for name, cluster in (("cluster", "store"), ("plain", None)):
            wave = SurveyWave(frame, answer="score", scale=NPS, weight=weight, cluster=cluster)
            row = summarize(wave).iloc[0]
            inside[name] += row["conf_low"] <= truth <= row["conf_high"]
    low, high = band(0.9, 150)
    assert low <= inside["cluster"] / 150 <= high
    assert inside["plain"] / 150 < low


@pytest.mark.slow
def test_raked_scores_cover():
    rng, inside = np.random.default_rng(4), 0
    margins = {"g": {0: 0.5, 1: 0.5}, "h": {0: 0.4, 1: 0.6}}
    for seed in range(300):
        g, h = rng.random(300) < 0.3, rng.random(300) < 0.7
        values = 30.0 * g - 20 * h + rng.normal(0, 40, 300)
        frame = pd.DataFrame({"g": g.astype(int), "h": h.astype(int)})
        found = raked_score(frame, values, margins, groups=20, rng=seed)
        half = stats.t.ppf(0.95, found.df) * found.std_error
        inside += abs(found.estimate - (15 - 12)) <= half
    low, high = band(0.9, 300)
    assert low <= inside / 300 <= high


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dr", "ipw"])
def test_scores_corrected_for_non_response_cover_and_raw_ones_do_not(method):
    rng, inside, raw = np.random.default_rng(5), 0, 0
    x = rng.normal(size=10**6)
    truth = NPS.score_weights[
        np.clip(np.round(6 + 2 * x + rng.normal(0, 3, x.size)), 0, 10).astype(int)
    ].mean()
    for _ in range(150):
        x = np.round(rng.normal(size=2000), 1)
        mood = np.clip(np.round(6 + 2 * x + rng.normal(0, 3, 2000)), 0, 10)
        answered = rng.random(2000) < 1 / (1 + np.exp(0.7 - 0.6 * x))
        frame = pd.DataFrame({"x": x, "score": np.where(answered, mood, np.nan)})
        wave = SurveyWave(frame, answer="score", scale=NPS)
        fit = ResponseModel(covariates=["x"], trim=1.0).fit(wave)
        row = fit.score(method=method).iloc[0]
        inside += row["conf_low"] <= truth <= row["conf_high"]
        plain = summarize(wave).iloc[0]
        raw += plain["conf_low"] <= truth <= plain["conf_high"]
    # propensities are taken as known, which errs on the wide side
    assert inside / 150 >= band(0.9, 150)[0]
    assert raw / 150 < 0.1
