"""Drivers: intervals of shares that cover, and few falsely stable drivers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.effects.linkage.importance import drivers, lmg

pytestmark = pytest.mark.slow
WORLDS = 300
B = np.array([0.5, 0.35, 0.25, 0.15])
LOAD = 0.7


def truth() -> np.ndarray:
    """Shares in the population: ratings with a common factor, weights B, noise of variance 1."""
    x = LOAD**2 * np.ones((4, 4)) + np.eye(4)
    xy = x @ B
    joint = np.block([[x, xy[:, None]], [xy[None], np.array([[B @ xy + 1.0]])]])
    return lmg(joint)


def world(rng: np.random.Generator, n: int, stores: int = 0) -> pd.DataFrame:
    f = rng.standard_normal((n, 1))
    own = rng.standard_normal((n, 4))
    noise = rng.standard_normal(n)
    store = np.arange(n)
    if stores:
        # half of all variation of what is particular to a rating or the outcome lies between stores
        store = np.arange(n) % stores
        own = np.sqrt(0.5) * (own + rng.standard_normal((stores, 4))[store])
        noise = np.sqrt(0.5) * (noise + rng.standard_normal(stores)[store])
    x = LOAD * f + own
    frame = pd.DataFrame(x, columns=list("abcd"))
    return frame.assign(y=x @ B + noise, store=store)


def covered(n: int, stores: int, cluster: str | None) -> np.ndarray:
    hits = []
    for seed in range(WORLDS):
        frame = world(np.random.default_rng([7, seed]), n, stores)
        found = drivers(
            frame, outcome="y", ratings=list("abcd"), cluster=cluster, draws=300, pairs=1, rng=seed
        )
        table = found.summary(0.9)
        hits.append((table["conf_low"] <= truth()) & (truth() <= table["conf_high"]))
    return np.array(hits).mean(axis=0)


def band(level: float, worlds: int) -> tuple[float, float]:
    low, high = stats.binom.interval(0.99, worlds, level)
    return low / worlds, high / worlds


def test_intervals_cover():
    low, high = band(0.9, WORLDS)
    found = covered(600, 0, None)
    assert ((low <= found) & (found <= high)).all(), found


def test_intervals_need_the_clusters():
    low, _ = band(0.9, WORLDS)
    naive, clustered = covered(1200, 60, None), covered(1200, 60, "store")
    assert (naive < low).any()
    assert (clustered >= low - 0.03).all(), clustered  # 60 clusters are few for a bootstrap


def test_few_are_falsely_stable():
    false, missed = [], []
    for seed in range(150):
        rng = np.random.default_rng([8, seed])
        x = 0.8 * rng.standard_normal((400, 1)) + rng.standard_normal((400, 10))
        frame = pd.DataFrame(x, columns=list("abcdefghij"))
        frame["y"] = 0.3 * x[:, :3].sum(axis=1) + rng.standard_normal(400)
        found = drivers(
            frame, outcome="y", ratings=list("abcdefghij"), draws=2, max_drivers=10, per_half=5,
            rng=seed,
        )  # fmt: skip
        false.append(len(set(found.selected) - set("abc")))
        missed.append(len(set("abc") - set(found.selected)))
        assert found.diagnostics["false_bound"] == pytest.approx(25 / 8)
    assert np.mean(false) < 0.3
    assert np.mean(missed) < 0.1
