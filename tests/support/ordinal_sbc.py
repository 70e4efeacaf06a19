"""World W8: data simulated from the priors of the ordinal model, and what to rank of its fits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation import OrdinalImputer, Priors
from cximpact.imputation.poststratify import expected_scores, probabilities
from cximpact.imputation.prior_predictive import draw_prior
from cximpact.scores import CSAT5

PEOPLE, ANSWERED = 140, 0.6


def frame_of_people() -> Cells:
    """Five groups, three months and a covariate; nobody has answered yet."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "group": rng.integers(0, 5, PEOPLE),
            "month": rng.integers(0, 3, PEOPLE),
            "tenure": rng.integers(0, 2, PEOPLE).astype(float),
            "y": np.nan,
        }
    )
    wave = SurveyWave(frame, answer="y", scale=CSAT5)
    return cells(wave, by=["group", "month", "tenure"])


def imputer(**settings: Any) -> OrdinalImputer:
    """The model under test."""
    options = {"draws": 300, "tune": 200, "nodes": 512, "allow_unconverged": True} | settings
    return OrdinalImputer(
        factors=["group"], period_column="month", covariates=["tenure"], **options
    )


PEOPLE_CELLS = frame_of_people()
DESIGN = imputer().posterior(PEOPLE_CELLS).design


def simulate(rng: np.random.Generator) -> tuple[xr.Dataset, Cells]:
    """Draw parameters from the priors, and answers of six people in ten."""
    truth = draw_prior(imputer().posterior(PEOPLE_CELLS), n_draws=1, rng=rng)
    p = next(probabilities(truth, DESIGN))[0]
    answered = rng.binomial(PEOPLE_CELLS.frame_count.astype(int), ANSWERED)
    counts = rng.multinomial(answered, p / p.sum(axis=1, keepdims=True)).astype(float)
    cell, category = np.nonzero(counts)
    given = counts[cell, category]
    data = replace(
        PEOPLE_CELLS, cell=cell, category=category, count=given, weight=given, weight_sq=given
    )
    return truth, data


def fit(data: Cells, rng: np.random.Generator, **settings: Any) -> xr.Dataset:
    """Fit the imputer."""
    return imputer(**settings).fit_cells(data, rng=int(rng.integers(2**31))).draws


def ignore(data: Cells, rng: np.random.Generator) -> xr.Dataset:
    """Pretend that the posterior is the prior."""
    return draw_prior(imputer().posterior(data), n_draws=300, rng=rng)


def too_narrow(data: Cells, rng: np.random.Generator) -> xr.Dataset:
    """Fit with priors that hold groups closer together than they are."""
    return fit(data, rng, method="laplace", priors=Priors(factor_scale=0.15))


def quantities(draws: xr.Dataset, data: Cells) -> dict[str, np.ndarray]:
    """What is ranked: parameters, the score of everybody and the log-likelihood."""
    values = CSAT5.score_weights
    score = np.concatenate(list(expected_scores(draws, DESIGN, values)))
    logp = np.concatenate([np.log(np.maximum(p, 1e-300)) for p in probabilities(draws, DESIGN)])
    return {
        "sigma_group": draws["sigma_group"].values,
        "walk_sd": draws["walk_sd"].values,
        "slope": draws["slope"].values[:, 0],
        "cut_2": draws["cuts"].values[:, 1],
        "effect_group_0": draws["effect_group"].values[:, 0],
        "score": score @ (data.frame_count / data.n_frame),
        "log_likelihood": np.einsum("sjk,jk->s", logp, data.dense()),
    }
