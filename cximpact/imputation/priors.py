"""Priors of the ordinal model: named data that can be printed, plotted and changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.results import plotting
from cximpact.core.validate import check_number

FACTOR_SCALE = MappingProxyType({"logit": 1.0, "probit": 0.6})
_SCALES = (
    "concentration",
    "walk_scale",
    "slope_scale",
    "trend_scale",
    "drift_scale",
    "style_scale",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Priors:
    """Priors of the ordinal model, on the latent scale.

    Parameters
    ----------
    concentration : float, default 1
        Dirichlet concentration of the baseline answer probabilities; 1 is uniform.
    factor_scale : float, optional
        Scale of the half-normal of the standard deviation of a factor's effects; by default 1
        under the logit and 0.6 under the probit link.
    factor_scales : mapping of str to float
        Scales of single terms, such as ``{"agent": 0.3, "segment:month": 0.2}``.
    walk_scale : float, default 0.2
        Scale of the half-normal of the step of the random walk over periods.
    slope_scale : float, default 1
        Standard deviation of the slope of a standardized covariate.
    trend_scale : float, default 0.1
        Standard deviation of the change a period of a local trend, at its start.
    drift_scale : float, default 0.05
        Scale of the half-normal of the step by which a local trend changes.
    style_scale : float, default 0.3
        Scale of the half-normals of the channels' response style: shifts of the cutpoints, and
        logarithms of their spread.
    """

    concentration: float = 1.0
    factor_scale: float | None = None
    factor_scales: Mapping[str, float] = field(default_factory=dict)
    walk_scale: float = 0.2
    slope_scale: float = 1.0
    trend_scale: float = 0.1
    drift_scale: float = 0.05
    style_scale: float = 0.3

    def __post_init__(self) -> None:
        for name in _SCALES:
            check_number(getattr(self, name), f"priors.{name}", low=0, open_low=True)
        if self.factor_scale is not None:
            check_number(self.factor_scale, "priors.factor_scale", low=0, open_low=True)
        for name, value in self.factor_scales.items():
            check_number(value, f"priors.factor_scales[{name!r}]", low=0, open_low=True)
        object.__setattr__(self, "factor_scales", MappingProxyType(dict(self.factor_scales)))

    def scale_of(self, name: str, kind: str, link: str = "logit") -> float:
        """Look up the scale of the half-normal prior of a term's standard deviation.

        Parameters
        ----------
        name : str
            The term, such as ``"segment"`` or ``"segment:month"``.
        kind : {"exchangeable", "open", "interaction", "walk", "drift", "style", "spread"}
            What kind of term it is.
        link : {"logit", "probit"}
            Link of the model.

        Returns
        -------
        float
            On the latent scale.
        """
        if name in self.factor_scales:
            return float(self.factor_scales[name])
        own = {"walk": self.walk_scale, "drift": self.drift_scale}
        own |= {"style": self.style_scale, "spread": self.style_scale}
        general = FACTOR_SCALE[link] if self.factor_scale is None else self.factor_scale
        return float(own.get(kind, general))

    def table(self, link: str = "logit") -> pd.DataFrame:
        """List the priors.

        Parameters
        ----------
        link : {"logit", "probit"}
            Link of the model.

        Returns
        -------
        pandas.DataFrame
            ``parameter``, ``distribution``, ``scale``, and its quantiles ``q05, q50, q95``.
        """
        factor = self.scale_of("", "exchangeable", link)
        half = [("sigma_<factor>", factor)]
        half += [(f"sigma_{name}", float(value)) for name, value in self.factor_scales.items()]
        half += [("walk_sd", self.walk_scale), ("drift_sd", self.drift_scale)]
        half += [("sigma_style", self.style_scale), ("sigma_spread", self.style_scale)]
        rows = [_row("p0", f"Dirichlet({self.concentration:g})", self.concentration, None)]
        rows += [_row(name, f"HalfNormal({s:g})", s, stats.halfnorm(scale=s)) for name, s in half]
        slopes = [("slope", self.slope_scale), ("trend", self.trend_scale)]
        rows += [_row(name, f"Normal(0, {s:g})", s, stats.norm(scale=s)) for name, s in slopes]
        return pd.DataFrame(rows)

    def plot(self, link: str = "logit", **options: Any) -> Any:
        """Draw the densities of the priors of the standard deviations.

        Parameters
        ----------
        link : {"logit", "probit"}
            Link of the model.
        **options
            Passed to `cximpact.plots.densities`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        table = self.table(link)
        table = table[table["distribution"].str.startswith("HalfNormal")]
        at = np.linspace(0, 3 * table["scale"].max(), 200)
        curves = {
            row["parameter"]: (at, stats.halfnorm(scale=row["scale"]).pdf(at))
            for row in table.to_dict("records")
        }
        options.setdefault("name", "standard deviation on the latent scale")
        return plotting().densities(curves, **options)

    def __repr__(self) -> str:
        return f"Priors\n{self.table().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.table().to_html(index=False, escape=True, border=0)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values.

        Returns
        -------
        dict
            One entry a field.
        """
        return vars(self) | {"factor_scales": dict(self.factor_scales)}


def _row(name: str, words: str, scale: float, distribution: Any) -> dict[str, Any]:
    quantiles = [np.nan] * 3 if distribution is None else distribution.ppf([0.05, 0.5, 0.95])
    row = {"parameter": name, "distribution": words, "scale": scale}
    return row | dict(zip(("q05", "q50", "q95"), map(float, quantiles), strict=True))
