"""Lifetime value: intervals that cover, and a posterior that finds what its data were made from."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact import value
from cximpact.imputation.validation import sbc
from cximpact.value import sbg
from cximpact.value.cohorts import read_cohorts
from cximpact.value.shifted_beta_bayes import SCALE, shapes
from tests.support import buying

TIERS = (80, 150, 40, 300)


@pytest.mark.slow
def test_intervals_of_cohorts_cover():
    rng, hits = np.random.default_rng(1), []
    truth = np.array([0.7, 1.5])
    lifetime = float(sbg.discounted_lifetime(*truth, 0.1))
    for _ in range(400):
        table = buying.simulated_cohort(*truth, 1500, 6, rng)
        found = value.ShiftedBetaGeometric(draws=1000).fit(table, rng=rng)
        rows = found.tidy()
        low, high = np.quantile(found.discounted_lifetime(0.1, draws=True), [0.05, 0.95])
        inside = (rows["conf_low"] < truth) & (truth < rows["conf_high"])
        hits.append([*inside, low < lifetime < high])
    assert ((np.mean(hits, axis=0) >= 0.86) & (np.mean(hits, axis=0) <= 0.94)).all()


@pytest.mark.slow
def test_intervals_of_buyers_cover():
    rng, hits = np.random.default_rng(2), []
    theta = np.array([0.6, 6.0, 0.8, 2.5])
    for _ in range(200):
        table = buying.simulated_buyers(theta, 3000, 60, rng)
        rows = value.BetaGeoNBD(draws=2).fit(table, rng=rng).tidy()
        hits.append((rows["conf_low"] < theta) & (theta < rows["conf_high"]))
    assert ((np.mean(hits, axis=0) >= 0.84) & (np.mean(hits, axis=0) <= 0.95)).all()


def simulate(rng: np.random.Generator, scale: float = SCALE) -> tuple[dict, pd.DataFrame]:
    """Parameters from the prior, and four cohorts of small tiers."""
    common = rng.logistic(size=2)
    spread = np.abs(rng.normal(size=2)) * scale
    apart = rng.normal(size=(2, len(TIERS)))
    alpha, beta = shapes(*(common[:, None] + spread[:, None] * apart))
    parts = [
        buying.simulated_cohort(a, b, n, 4, rng).assign(tier=f"tier {k}")
        for k, (a, b, n) in enumerate(zip(alpha, beta, TIERS, strict=True))
    ]
    truth = {"mean": special.expit(common[:1]), "polarization": special.expit(common[1:])}
    truth |= {"spread": spread[None], "alpha": alpha[None], "beta": beta[None]}
    return truth, pd.concat(parts, ignore_index=True)


def fit(data: pd.DataFrame, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The posterior as plain arrays."""
    settings = {"method": "bayes", "by": "tier", "draws": 800, "allow_unconverged": True}
    found = value.ShiftedBetaGeometric(**settings).fit(data, rng=int(rng.integers(2**31)))
    return {name: found.draws[name].values for name in found.draws}


def quantities(draws: dict[str, np.ndarray], data: pd.DataFrame) -> dict[str, np.ndarray]:
    """Common parameters, a lifetime, and the log-likelihood."""
    cohorts = read_cohorts(data, by="tier", cohort=None)
    alpha, beta = draws["alpha"], draws["beta"]
    rows = [
        sbg.log_likelihood(a, b, cohorts.lost, cohorts.at_risk)[0].sum()
        for a, b in zip(alpha, beta, strict=True)
    ]
    return {
        "mean": draws["mean"],
        "spread": draws["spread"][:, 0],
        "survival": sbg.survival(alpha[:, 2], beta[:, 2], np.array(8)),
        "log_likelihood": np.array(rows),
    }


@pytest.mark.slow
def test_the_hierarchy_is_calibrated():
    found = sbc(simulate, fit, quantities, n=60, rng=1)
    assert found.calibrated, found.explain()


@pytest.mark.slow
def test_tiers_that_differ_more_than_the_prior_says_are_caught():
    found = sbc(partial(simulate, scale=6 * SCALE), fit, quantities, n=40, rng=2)
    assert found.summary().set_index("term").loc["spread", "rejected"]
