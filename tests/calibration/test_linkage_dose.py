"""Over many worlds: thresholds, jumps and curves are covered; a kink is no certain step."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from cximpact.effects.linkage import dose_response, threshold
from cximpact.effects.linkage.dose.monotone_fit import fit_monotone
from tests.support.thresholds import chosen_world, kink_world

pytestmark = pytest.mark.slow
WORLDS, PROB = 200, 0.9
SCORES = np.arange(11)


def band(worlds=WORLDS, prob=PROB):
    """Shares that 99 of 100 runs of an exact procedure fall between."""
    low, high = stats.binom.interval(0.99, worlds, prob)
    return low / worlds, high / worlds


def from_the_prior(seed, n=330):
    """A threshold and two rates as the model takes them, and data."""
    rng = np.random.default_rng([81, seed])
    c, low, high = rng.integers(1, 11), rng.random(), rng.random()
    s = np.repeat(SCORES, n // 11)
    y = (rng.random(s.size) < np.where(s >= c, high, low)).astype(float)
    return pd.DataFrame({"s": s, "y": y}), c, high - low


def test_jumps_are_covered_and_thresholds_have_their_probabilities():
    """Ranks of the truth among draws are uniform; stated probabilities come true."""
    hits, said, came = 0, [], []
    for seed in range(WORLDS):
        frame, c, jump = from_the_prior(seed)
        if frame["y"].nunique() < 2:
            continue
        found = threshold(frame, score="s", outcome="y", rng=seed, draws=1000)
        low, high = np.quantile(found.draws.values, [(1 - PROB) / 2, (1 + PROB) / 2])
        hits += low <= jump <= high
        said.append(found.threshold_probability.values)
        came.append(SCORES[1:] == c)
    worlds = len(said)
    low, high = band(worlds)
    assert worlds > 0.9 * WORLDS
    assert low <= hits / worlds <= high
    said, came = np.concatenate(said), np.concatenate(came)
    for start, stop in ((0, 0.02), (0.02, 0.2), (0.2, 0.6), (0.6, 0.95), (0.95, 1.01)):
        inside = (said >= start) & (said < stop)
        error = np.sqrt((said[inside] * (1 - said[inside])).sum()) / inside.sum()
        assert abs(came[inside].mean() - said[inside].mean()) < 3 * error + 1e-9


def test_the_smallest_sets_cover_the_threshold():
    hits = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng([82, seed])
        s = np.repeat(SCORES, 60)
        y = (rng.random(s.size) < np.where(s >= 7, 0.34, 0.2)).astype(float)
        found = threshold(pd.DataFrame({"s": s, "y": y}), score="s", outcome="y", rng=1, draws=10)
        p = found.threshold_probability.values
        order = np.argsort(-p)
        kept = order[: np.searchsorted(np.cumsum(p[order]), PROB) + 1]
        hits += 6 in kept
    assert hits / WORLDS >= band()[0]


def test_a_kink_is_seldom_a_certain_step():
    certain, wrong = 0, 0
    for seed in range(WORLDS):
        p = threshold(
            kink_world(seed), score="s", outcome="y", shape="any", rng=1, draws=10
        ).model_probability
        certain += float(p.sel(model="step")) > 0.95
        wrong += float(p.sel(model="step")) > 0.5
    assert certain == 0
    assert wrong / WORLDS < 0.05


def test_where_nothing_is_linked_a_threshold_is_seldom_strong():
    strong = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng([83, seed])
        frame = pd.DataFrame({"s": np.repeat(SCORES, 60), "y": (rng.random(660) < 0.3) * 1.0})
        strong += threshold(frame, score="s", outcome="y", rng=1, draws=10).log_bayes_factor > 3
    assert strong / WORLDS < 0.03


@pytest.mark.parametrize("family", ["normal", "hurdle"])
def test_jumps_of_amounts_are_covered(family):
    hits = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng([84, seed])
        s = rng.integers(0, 11, 800)
        x = 0.3 * (s - 5) + rng.normal(size=800)
        up = s >= 6
        if family == "normal":
            y, truth, covariates = 5 + 0.8 * up + x + 2 * rng.normal(size=800), 0.8, ["x"]
        else:
            some = rng.random(800) < np.where(up, 0.6, 0.4)
            y = some * np.exp(1 + 0.4 * up + 0.8 * rng.normal(size=800))
            truth, covariates = np.exp(1.32) * (0.6 * np.exp(0.4) - 0.4), []
        found = threshold(
            pd.DataFrame({"s": s, "x": x, "y": y}),
            score="s",
            outcome="y",
            covariates=covariates,
            family=family,
            rng=seed,
            draws=1000,
        )
        low, high = np.quantile(found.draws.values, [(1 - PROB) / 2, (1 + PROB) / 2])
        hits += low <= truth <= high
    low, high = band()
    assert low <= hits / WORLDS <= high


@pytest.mark.parametrize("truth", ["flat", "step", "line"])
def test_isotonic_intervals_cover_at_every_level_whatever_the_curve(truth):
    rates = {
        "flat": np.full(11, 0.3),
        "step": np.where(SCORES >= 7, 0.45, 0.2),
        "line": 0.15 + 0.05 * SCORES,
    }[truth]
    hits, ends = np.zeros(11), 0
    for seed in range(WORLDS):
        rng = np.random.default_rng([85, seed])
        s = np.repeat(SCORES, 120)
        frame = pd.DataFrame({"s": s, "y": (rng.random(s.size) < rates[s]).astype(float)})
        found = dose_response(frame, score="s", outcome="y", rng=seed, draws=1000)
        table = found.tidy()
        hits += ((table["conf_low"] <= rates) & (rates <= table["conf_high"])).to_numpy()
        last = found.contrasts().tidy().iloc[-1]
        ends += last["conf_low"] <= rates[-1] - rates[0] <= last["conf_high"]
    low = stats.binom.ppf(0.001, WORLDS, PROB) / WORLDS
    assert (hits / WORLDS).min() >= low
    assert ends / WORLDS >= low


def adjusted(seed: int, n: int, draws: int) -> pd.Series:
    effect = dose_response(
        chosen_world(seed, n=n),
        score="t",
        outcome="y",
        covariates=["liking"],
        method="aipw",
        folds=2,
        monotone=False,
        rng=seed,
        draws=draws,
    ).contrasts()
    return effect.tidy().iloc[0]


def test_adjusted_contrasts_are_covered():
    """With 600 rows some are nearly alone at their level; a small bias is left there."""
    worlds = 200
    rows = pd.DataFrame([adjusted(seed, 600, 500) for seed in range(worlds)])
    low, high = band(worlds)
    assert low <= rows["conf_low"].le(0.2).mul(rows["conf_high"].ge(0.2)).mean() <= high
    assert 0.85 < rows["std_error"].mean() / rows["estimate"].std() < 1.15
    assert abs(rows["estimate"].mean() - 0.2) < 0.1 * (0.76419 - 0.2)


def test_adjusted_contrasts_have_no_bias_with_many_rows():
    found = np.array([adjusted(seed, 4000, 20)["estimate"] for seed in range(120)])
    assert abs(found.mean() - 0.2) < 3 * found.std() / np.sqrt(found.size)


def test_the_bayesian_curve_has_uniform_ranks_in_worlds_of_its_prior():
    """Simulation-based calibration of every level and of the log likelihood."""
    worlds, levels, ranks = 40, 4, []
    for seed in range(worlds):
        rng = np.random.default_rng([86, seed])
        total, parts = abs(2 * rng.normal()), np.cumsum(rng.dirichlet(np.ones(levels - 1)))
        theta = 1.5 * rng.normal() + total * np.append(0, parts)
        level = np.repeat(np.arange(levels), 20)
        y = (rng.random(level.size) < special.expit(theta[level])).astype(float)
        y[:2] = y[:2] if np.ptp(y) else [0, 1]
        fit = fit_monotone(
            level,
            np.empty((level.size, 0)),
            y,
            increasing=True,
            draws=400,
            rng=seed,
            allow_unconverged=True,
        )
        thinned = special.logit(np.clip(fit.values[::8], 1e-12, 1 - 1e-12))
        k = np.bincount(level, weights=y)
        drawn, true = (t @ k - np.logaddexp(0, t).sum(axis=-1) * 20 for t in (thinned, theta))
        ranks.append([*(thinned < theta).mean(axis=0), (drawn < true).mean()])
    for column in np.array(ranks).T:
        assert stats.kstest(column, "uniform").pvalue > 0.001
