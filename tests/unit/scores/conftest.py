"""Answers that the tests of scores share."""

import numpy as np
import pandas as pd
import pytest

from cximpact.data import SurveyWave
from cximpact.scores import NPS


def repeat(*pairs: tuple[float, int]) -> np.ndarray:
    """Answers from pairs of answer and count."""
    return np.repeat([float(a) for a, _ in pairs], [n for _, n in pairs])


@pytest.fixture
def nps_answers() -> np.ndarray:
    """30 detractors, 70 passives, 100 promoters."""
    return repeat((3, 30), (7, 70), (10, 100))


@pytest.fixture
def nps_wave(nps_answers: np.ndarray) -> SurveyWave:
    """The same answers, from 1000 people who were asked."""
    answers = np.r_[nps_answers, np.full(800, np.nan)]
    frame = pd.DataFrame({"score": answers, "segment": np.arange(1000) % 4})
    return SurveyWave(frame, answer="score", scale=NPS, factors=["segment"])
