"""Event studies made of given coefficients, for tests of what is done with them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.effects.did.honest.path import EventPath


def event_study_of(
    value: np.ndarray, covariance: np.ndarray, *, before: int, df: float | None = None
) -> EventPath:
    """Lay out coefficients around a reference of -1."""
    after = len(value) - before
    return EventPath(
        before=np.arange(-before - 1.0, -1.0),
        after=np.arange(float(after)),
        reference=-1.0,
        value=value,
        covariance=covariance,
        df=df,
    )


def effect_of(path: EventPath, draws: int = 500, scale: str = "outcome") -> EffectPosterior:
    """Return the result that would hold these coefficients."""
    times = np.concatenate([path.before, path.after]).astype(int)
    labels = {"dims": ("event_time",), "coords": {"event_time": times}}
    noise = np.random.default_rng(0).standard_normal((draws, len(times)))
    root = np.linalg.cholesky(path.covariance + 1e-15 * np.eye(len(times)))
    return EffectPosterior(
        draws=dr.from_array(path.value + noise @ root.T, source="made", **labels),
        estimate=xr.DataArray(path.value, **labels),
        std_error=xr.DataArray(np.sqrt(np.diag(path.covariance)), **labels),
        df=path.df,
        estimand=Estimand(
            target="att", contrast="made", scale=scale, population="made", horizon="made"
        ),
        draw_kind="asymptotic",
        n=100,
        assumptions=(Assumption(name="parallel trends", statement="made", tested=False),),
        diagnostics={},
        provenance=Provenance(method="Made", data_hash="made", settings={}, seed=0),
        would_change_it="",
        details={"reference": path.reference, "covariance": path.covariance},
    )
