"""Imputed scores made from arrays instead of a fit: cheap, with known draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.provenance import Provenance
from cximpact.core.sample_order import fitted_order, frozen
from cximpact.data import SurveyWave, cells
from cximpact.imputation import ImputedScores
from cximpact.imputation.design import build_design
from cximpact.imputation.spec import Spec
from cximpact.scores import NPS

CUTS = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])


def customer_frame(n: int = 600, seed: int = 0, rate: float = 0.3) -> pd.DataFrame:
    """Build a frame of customers of whom some answered."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer": [f"c{i:05d}" for i in range(n)],
            "segment": rng.choice(list("abcd"), n),
            "channel": rng.choice(["phone", "web"], n),
            "month": rng.integers(1, 4, n),
            "secret": "name and address",
        }
    )
    eta = frame["segment"].map({"a": -0.6, "b": 0.0, "c": 0.3, "d": 0.8}).to_numpy(dtype=float)
    answers = ((eta + rng.logistic(size=n))[:, None] > CUTS).sum(axis=1)
    answered = rng.random(n) < rate
    return frame.assign(
        nps=np.where(answered, answers, np.nan), days=rng.integers(0, 120, n).astype(float)
    )


def wave_of(frame: object, **options: object) -> SurveyWave:
    """Name the roles of a frame."""
    roles = {"factors": ["segment", "channel"], "period": "month", "customer": "customer"}
    return SurveyWave(frame, answer="nps", scale=NPS, **(roles | options))


def synthetic(
    wave: SurveyWave,
    *,
    n_draws: int = 200,
    sd: float = 0.2,
    seed: int = 1,
    open_factors: tuple[str, ...] = (),
) -> ImputedScores:
    """Build imputed scores whose draws scatter around known effects."""
    counts = cells(wave)
    factors = tuple(wave.factors)
    spec = Spec(factors=factors, open=open_factors, period=wave.period, period_model="exchangeable")
    design = build_design(counts, spec, "logit")
    rng = np.random.default_rng(seed)
    k = wave.scale.n_categories
    even = special.logit(np.arange(1, k) / k)
    location = rng.normal(0, sd / 3, (n_draws, 1))
    variables = {"cuts": (("sample", "cut"), (CUTS if k == 11 else even) + location)}
    for term in design.effects:
        middle = np.linspace(-0.5, 0.5, term.n_levels)
        values = middle + rng.normal(0, sd, (n_draws, term.n_levels))
        values -= values.mean(axis=1, keepdims=True)
        variables[term.effect] = (("sample", term.name), values)
        variables[term.scale] = (("sample",), np.full(n_draws, 0.8))
    coords = {t.name: list(t.labels) for t in design.effects}
    draws = dr.with_order(
        frozen(xr.Dataset(variables, coords=coords)), fitted_order("synthetic", [])
    )
    return ImputedScores(
        draws=draws,
        cells=counts,
        design=design,
        fit=xr.DataTree(),
        diagnostics={},
        provenance=Provenance(method="synthetic", data_hash=counts.data_hash, seed=seed),
        wave=wave,
    )
