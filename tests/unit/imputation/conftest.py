"""Two fits for the whole run: compiling a model is what takes the time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.data import SurveyWave
from cximpact.imputation import ImputedScores, OrdinalImputer
from cximpact.scores import NPS, PSAT

CUTS = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])


@dataclass(frozen=True)
class World:
    """A company whose happier customers answer more often."""

    frame: pd.DataFrame
    truth: float
    true_by_segment: np.ndarray

    @property
    def wave(self) -> SurveyWave:
        return SurveyWave(
            self.frame, answer="nps", scale=NPS, factors=["segment", "channel"], period="month"
        )


def make_world(seed: int, n: int = 12_000) -> World:
    """World W1: segments, channels and months move both the score and the response."""
    rng = np.random.default_rng(seed)
    effects = [rng.normal(0, sd, k) for sd, k in ((0.5, 5), (0.3, 3))]
    effects.append(np.cumsum(rng.normal(0, 0.1, 6)))
    codes = [rng.integers(0, len(e), n) for e in effects]
    eta = sum((e - e.mean())[c] for e, c in zip(effects, codes, strict=True))
    answers = ((eta + rng.logistic(size=n))[:, None] > CUTS).sum(axis=1)
    value = 100.0 * (answers >= 9) - 100.0 * (answers <= 6)
    responds = rng.random(n) < special.expit(-1.5 + 1.2 * eta)
    frame = pd.DataFrame(
        {
            "segment": np.array(list("abcde"))[codes[0]],
            "channel": codes[1],
            "month": codes[2],
            "nps": np.where(responds, answers, np.nan),
        }
    )
    by_segment = pd.Series(value).groupby(codes[0]).mean().to_numpy()
    return World(frame=frame, truth=float(value.mean()), true_by_segment=by_segment)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(3)


@pytest.fixture(scope="session")
def imputed(world: World) -> ImputedScores:
    return OrdinalImputer().fit(world.wave, rng=1)


@pytest.fixture(scope="session")
def no_factors() -> ImputedScores:
    """30 of 50 who answered are satisfied; 50 more did not answer. No factor at all."""
    answers = [1.0] * 30 + [0.0] * 20 + [np.nan] * 50
    wave = SurveyWave(pd.DataFrame({"answer": answers}), answer="answer", scale=PSAT)
    return OrdinalImputer().fit(wave, rng=5)
