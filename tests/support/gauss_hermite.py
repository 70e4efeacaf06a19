"""Worlds in which people differ by a normal effect that nobody sees."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from cximpact.data import SurveyWave
from cximpact.scores import CSAT5

CUTS = np.array([-2.0, -0.8, 0.5, 2.0])
BY_SEGMENT = np.array([-0.5, 0.0, 0.5])


def answers_at(eta, rng):
    """Ordinal answers from 1 to 5."""
    return 1.0 + ((eta + rng.logistic(size=len(eta)))[:, None] > CUTS).sum(axis=1)


def selective_world(seed, n, *, lam, push):
    """Happier people answer more often; a randomized reminder moves the response only."""
    rng = np.random.default_rng(seed)
    segment, reminder = rng.integers(0, 3, n), rng.integers(0, 2, n)
    u = rng.normal(size=n)
    answer = answers_at(BY_SEGMENT[segment] + u, rng)
    responds = rng.random(n) < special.expit(-0.7 + push * (reminder - 0.5) + lam * u)
    frame = pd.DataFrame(
        {
            "segment": np.array(list("abc"))[segment],
            "reminder": reminder,
            "answer": np.where(responds, answer, np.nan),
        }
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    return wave, float(answer.mean())
