"""Small builders for tests about value and return."""

import numpy as np
import xarray as xr

from cximpact import roi
from cximpact.core import draws as dr
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.units import Change

PP = Change(value=0.005, unit="pp")


def draws(values, source="a", unit="pp", dims=(), coords=None) -> xr.DataArray:
    return dr.from_array(
        np.asarray(values, dtype=float),
        source=source,
        dims=dims,
        coords=coords,
        attrs={"unit": unit},
    )


def normal(mean, sd, source="a", unit="pp", n=500) -> xr.DataArray:
    """Draws with exactly this mean and this standard deviation (ddof 1)."""
    z = np.random.default_rng(len(source) + ord(source[-1])).standard_normal(n)
    z = (z - z.mean()) / z.std(ddof=1)
    return draws(mean + sd * z, source, unit)


def effect(values=(0.01, 0.02), *, target="att", scale="pp", details=None, source="a", **kwargs):
    return EffectPosterior(
        draws=values if isinstance(values, xr.DataArray) else draws(values, source),
        estimand=Estimand(
            target=target, contrast="with against without", scale=scale, population="all"
        ),
        draw_kind=kwargs.get("draw_kind", "posterior"),
        n=100,
        assumptions=(Assumption(name="parallel trends", statement="they hold", tested=False),),
        diagnostics={},
        provenance=Provenance(method="test"),
        would_change_it="another study",
        details=details or {},
    )


def initiative(**changes) -> roi.Initiative:
    """The worked case: 10,000 customers, retention from 0.97 to 0.975 a month, 10 EUR a month."""
    settings = {
        "name": "x",
        "n": 10_000,
        "effect": PP,
        "mechanism": "retention",
        "value": 10.0,
        "currency": "EUR",
        "baseline": 0.97,
        "costs": {"one_off": 40_000, "recurring": 500},
    }
    return roi.Initiative(**(settings | changes))


def one_period(effect, n=1, value=1.0, costs=None, **changes) -> roi.Initiative:
    """One decision, no delay; NPV is n times effect times value at horizon 1 and rate 0."""
    settings = {
        "name": "x",
        "n": n,
        "effect": effect,
        "mechanism": "one_time",
        "value": value,
        "currency": "EUR",
        "costs": costs or {},
    }
    return roi.Initiative(**(settings | changes))
