"""Small ordinal models with every kind of term, for tests of the compiled likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation.design import build_design
from cximpact.imputation.parametrize import posterior_of
from cximpact.imputation.posterior import Posterior
from cximpact.imputation.priors import Priors
from cximpact.imputation.spec import Spec
from cximpact.scores import CSAT5

STYLES: dict[str, dict[str, Any]] = {
    "none": {},
    "shift": {"style": "channel", "style_kind": "shift"},
    "scale": {"style": "channel", "style_kind": "scale"},
}


def small_wave(n: int = 600, seed: int = 1) -> SurveyWave:
    """People with a segment, a region, a month, an agent, a tenure and a channel."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "segment": rng.integers(0, 4, n),
            "region": rng.integers(0, 3, n),
            "month": rng.integers(0, 5, n),
            "agent": rng.integers(0, 9, n),
            "tenure": rng.integers(0, 3, n).astype(float),
            "channel": rng.integers(0, 3, n),
        }
    )
    answers = 1.0 + rng.binomial(4, 0.3 + 0.1 * frame["segment"])
    answers[rng.random(n) < 0.3] = np.nan
    return SurveyWave(frame.assign(y=answers), answer="y", scale=CSAT5)


def every_term(link: str = "logit", style: str = "none") -> tuple[Posterior, Cells]:
    """A posterior with a factor, an open factor, interactions, a local trend and a slope."""
    spec = Spec(
        factors=("segment", "region", "agent"),
        open=("agent",),
        interactions=(("segment", "region"), ("segment", "month")),
        period="month",
        period_model="local_trend",
        covariates=("tenure",),
        **STYLES[style],
    )
    counts = cells(small_wave(), by=list(spec.columns))
    priors = Priors(concentration=1.3, factor_scale=0.5)
    return posterior_of(counts, build_design(counts, spec, link), priors), counts


def mixed(posterior: Posterior, seed: int = 2) -> Posterior:
    """The same posterior with coordinates centered to any degree."""
    rng = np.random.default_rng(seed)
    return posterior.parametrized(
        {b.term.name: rng.random(b.term.n_coordinates) for b in posterior.blocks}
    )
