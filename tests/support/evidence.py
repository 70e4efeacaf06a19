"""Worlds with a known truth, and how often imputed scores hold it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from cximpact.core.summaries import interval
from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.scores import CSAT5, NPS
from tests.support.sfo import survey

CUTS = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])
LEVELS = {"segment": 8, "channel": 4, "month": 12}


def hierarchy_world(seed: int, n: int = 12_000) -> tuple[SurveyWave, np.ndarray]:
    """World W1: segments, channels and months move both the score and the response.

    Returns the wave and what everybody would have answered.
    """
    rng = np.random.default_rng(seed)
    codes = {name: rng.integers(0, k, n) for name, k in LEVELS.items()}
    walk = np.cumsum(rng.normal(0, 0.1, LEVELS["month"]))
    effects = {
        "segment": rng.normal(0, 0.5, LEVELS["segment"]),
        "channel": rng.normal(0, 0.3, LEVELS["channel"]),
        "month": walk - walk.mean(),
    }
    eta = sum(effects[name][codes[name]] for name in LEVELS)
    answers = ((eta + rng.logistic(size=n))[:, None] > CUTS).sum(axis=1).astype(float)
    responds = rng.random(n) < special.expit(-2 + 1.2 * eta)
    frame = pd.DataFrame(codes).assign(nps=np.where(responds, answers, np.nan))
    wave = SurveyWave(
        frame, answer="nps", scale=NPS, factors=["segment", "channel"], period="month"
    )
    return wave, answers


def hierarchy_record(seed: int, method: str = "nuts") -> dict[str, float]:
    """Whether the 90 % interval of everybody's NPS holds it, and how far off the raw score is."""
    wave, answers = hierarchy_world(seed)
    truth = float(100 * ((answers >= 9).mean() - (answers <= 6).mean()))
    fit = OrdinalImputer(method=method, allow_unconverged=True).fit(wave, rng=seed)
    score = fit.score()
    low, high = (float(v) for v in interval(score, 0.9))
    raw = fit.compare().iloc[0]
    return {
        "covered": float(low <= truth <= high),
        "error": float(score.mean()) - truth,
        "sd": float(score.std()),
        "raw_error": float(raw["estimate"]) - truth,
        "raw_se": float(raw["std_error"]),
        "converged": float(not fit.diagnostics["gate_failures"]),
    }


def airport_frame() -> pd.DataFrame:
    """Everybody who rated the airport and said in which language and whether with a problem."""
    frame = survey()
    frame = frame[frame["overall"].notna() & frame["problem"].notna() & frame["lang"].notna()]
    columns = {
        "overall": frame["overall"].to_numpy(dtype=float),
        "language": frame["lang"].to_numpy(dtype=int),
        "problem": frame["problem"].to_numpy(dtype=int),
        "year": frame["year"].to_numpy(dtype=int),
    }
    return pd.DataFrame(columns)


def hidden(frame: pd.DataFrame, rng: np.random.Generator, *, by_score: float = 0.0) -> SurveyWave:
    """Hide about 60 % of the answers, by language and problem, and perhaps by the score itself.

    With ``by_score`` the odds of being hidden fall by that factor's exponential per point:
    the satisfied answer more often.
    """
    stratum = 0.3 * (frame["language"] - 1) + 0.8 * frame["problem"]
    logit = np.log(0.6 / 0.4) + stratum - stratum.mean()
    logit = logit - by_score * (frame["overall"] - frame["overall"].mean())
    silent = rng.random(len(frame)) < special.expit(logit)
    return SurveyWave(
        frame.assign(overall=frame["overall"].mask(silent)),
        answer="overall",
        scale=CSAT5,
        factors=["language", "problem"],
        period="year",
    )


def airport_record(seed: int, *, by_score: float = 0.0) -> dict[str, float]:
    """Whether the hidden truth is held, and which delta would recover it."""
    frame = airport_frame()
    truth = float(frame["overall"].mean())
    wave = hidden(frame, np.random.default_rng(seed), by_score=by_score)
    fit = OrdinalImputer(method="laplace", interactions=["language:problem"]).fit(wave, rng=seed)
    score = fit.score(statistic="mean")
    low, high = (float(v) for v in interval(score, 0.9))
    raw = fit.compare(statistic="mean").iloc[0]
    return {
        "covered": float(low <= truth <= high),
        "error": float(score.mean()) - truth,
        "sd": float(score.std()),
        "raw_error": float(raw["estimate"]) - truth,
        "delta": fit.tipping_point(truth, statistic="mean"),
    }
