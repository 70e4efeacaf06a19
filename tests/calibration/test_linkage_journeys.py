"""Intervals of traces, league tables, corrected slopes and risks hold as often as they say."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from cximpact.effects.linkage import (
    at_risk,
    error_corrected,
    league_table,
    reliability_of,
    score_trace,
)
from cximpact.effects.linkage.journeys.contributions import wave_shares

pytestmark = pytest.mark.slow
WORLDS = 300


def check_coverage(hits, prob=0.9):
    """Accept what a binomial with the said probability gives in 99 of 100 runs."""
    n = len(hits)
    low, high = stats.binom.ppf([0.005, 0.995], n, prob)
    assert low <= np.sum(hits) <= high, f"{np.mean(hits):.3f} of {n}"


def holds(rows, truth):
    return (rows["conf_low"] <= truth) & (truth <= rows["conf_high"])


SHARES = np.array([[0.5, 0.3, 0.2], [0.3, 0.2, 0.5]])
MEANS = np.array([[8.0, 6.0, 4.0], [8.3, 5.5, 4.0]])


def trace_world(rng, customers):
    """Customers of both waves, with a level of their own that they bring along."""
    level = rng.normal(0, 1.0, customers)
    waves = []
    for w in (0, 1):
        who = rng.integers(0, customers, 400)
        place = rng.choice(3, 400, p=SHARES[w])
        score = MEANS[w][place] + level[who] + rng.normal(0, 1.0, 400)
        waves.append(pd.DataFrame({"t": np.array(list("abc"))[place], "s": score, "id": who}))
    return waves


def test_traces():
    truth = wave_shares(SHARES[:, None], (SHARES * MEANS)[:, None], np.ones(1))
    parts, change = truth.parts(), truth.total[1] - truth.total[0]
    hits = []
    for seed in range(WORLDS):
        before, after = trace_world(np.random.default_rng(seed), 300)
        found = score_trace(before, after, score="s", by=["t"], cluster="id", draws=400, rng=seed)
        rows = found.summary(0.9)
        total = holds(found.change().iloc[2], change)
        hits.append([total, *holds(rows, parts.ravel())])
    for column in np.array(hits).T:
        check_coverage(column)


def test_league_tables():
    hits, ranks = [], []
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        size = rng.integers(3, 40, 15)
        truth = rng.normal(size=15)
        unit = np.repeat(np.arange(15), size)
        x = rng.normal(size=unit.size) + truth[unit]
        y = truth[unit] + x + 2 * rng.normal(size=unit.size)
        frame = pd.DataFrame({"u": np.array([f"{i:02}" for i in unit]), "y": y, "x": x})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = league_table(frame, unit="u", score="y", covariates=["x"], draws=400, rng=seed)
        one = int(rng.integers(0, 15))
        row = found.table().set_index("unit").loc[f"{one:02}"]
        hits.append(row["conf_low"] <= truth[one] + x.mean() <= row["conf_high"])
        rank = 1 + (truth > truth[one]).sum()
        ranks.append(row["rank_low"] <= rank <= row["rank_high"])
    check_coverage(hits)
    # whole ranks: the interval holds at least its mass
    assert np.mean(ranks) > 0.86


def test_corrected_slopes_and_estimated_reliability():
    hits, naive, rho_hits = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=200)
        truth = 0.5 * z + rng.normal(size=200)
        first = truth + np.sqrt(1.25 / 1.5) * rng.normal(size=200)
        frame = pd.DataFrame({"y": truth - z + rng.normal(size=200), "s": first, "z": z})
        other = rng.normal(scale=np.sqrt(1.25), size=150)
        codings = [other + np.sqrt(1.25 / 1.5) * rng.normal(size=150) for _ in range(2)]
        rho = reliability_of(*codings, draws=300, rng=seed)
        rho_hits.append(holds(rho.summary().iloc[0], 0.6))
        options = {"outcome": "y", "covariates": ["z"], "draws": 10, "rng": seed}
        fixed = error_corrected(frame, measured={"s": 0.6}, **options)
        both = error_corrected(frame, measured={"s": rho}, **options)
        hits.append([*holds(fixed.summary(), np.array([1, -1])), holds(both.summary().iloc[0], 1)])
        row = fixed.details["naive"].iloc[0]
        naive.append(abs(row["estimate"] - 1) < 1.645 * row["std_error"])
    for column in np.array(hits).T:
        check_coverage(column)
    check_coverage(rho_hits)
    assert np.mean(naive) < 0.1


class Newton:
    """A plain logistic regression, quick to fit."""

    def fit(self, x, y):
        full = np.column_stack([np.ones(len(x)), x])
        self.beta = np.zeros(full.shape[1])
        for _ in range(8):
            p = special.expit(full @ self.beta)
            gram = (full * (p * (1 - p))[:, None]).T @ full + 1e-6 * np.eye(full.shape[1])
            self.beta = self.beta + np.linalg.solve(gram, full.T @ (y - p))
        return self

    def predict_proba(self, x):
        p = special.expit(np.column_stack([np.ones(len(x)), x]) @ self.beta)
        return np.column_stack([1 - p, p])

    def __repr__(self):
        return "Newton()"


def test_probabilities_of_single_customers():
    hits, slopes = [], []
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(601, 2))
        p = special.expit(-1 + x @ np.array([0.8, -0.5]))
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": (rng.random(601) < p).astype(int)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = at_risk(
                frame[1:],
                frame[:1],
                outcome="y",
                features=["a", "b"],
                model=Newton(),
                recalibrate="never",
                replicates=40,
                draws=10,
                rng=seed,
            )
        row = found.table().iloc[0]
        hits.append(row["prob_low"] <= p[0] <= row["prob_high"])
        slopes.append(found.quality.slope)
    check_coverage(hits)
    assert np.mean(slopes) == pytest.approx(1, abs=0.06)
