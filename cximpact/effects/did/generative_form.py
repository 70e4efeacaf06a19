"""The generative form: a model of counts or means, compared with itself without treatment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core.errors import AssumptionWarning
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cell_blocks import CellModel, scales_of
from cximpact.effects.did.cell_data import Cells, cells_of
from cximpact.effects.did.cell_model_fit import CellFit, fit_cells
from cximpact.effects.did.design_form import PRIOR_QUANTILES
from cximpact.effects.did.group_time import GroupTime
from cximpact.effects.did.partial_pooling import omega_distribution
from cximpact.effects.did.pooled_result import Form, PooledDraws
from cximpact.effects.did.segment_estimates import SegmentEstimates, segment_estimates

_LINKS = {"binomial": "logit", "negative_binomial": "log", "normal": "identity"}
_DOUBTFUL = 0.02
"""Probability below which persistent shocks are called out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerativeForm:
    """Settings of the generative form.

    Parameters
    ----------
    by : str
        Column of the segments.
    model : CellModel
        How outcomes come about.
    omega_scale, mu_scale : float or None
        Scales of the priors, on the scale of the link.
    """

    by: str
    model: CellModel
    omega_scale: float | None
    mu_scale: float | None

    def fit(
        self,
        data: Panel | RepeatedCrossSection,
        parts: Mapping[Any, Panel | RepeatedCrossSection],
        seed: int,
    ) -> Form:
        """Reduce the data to cells, sample, and compare.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        parts : mapping
            Its segments.
        seed : int
            Randomness.

        Returns
        -------
        Form
            What the result is made of.

        Raises
        ------
        ConvergenceError
            If the sampler did not pass the gate.

        Warns
        -----
        AssumptionWarning
            If shocks of a cluster persist from period to period more than the model allows.
        """
        cells = cells_of(data, parts, self.model.family)
        plain = GroupTime(inference="normal", draws=100)
        own = segment_estimates(data, parts, self.by, plain, seed)
        scales = scales_of(cells, self.mu_scale, self.omega_scale)
        fit = fit_cells(cells, self.model, scales, source="HierarchicalDiD", seed=seed)
        warn_persistent(fit.checks, self.model)
        link = _LINKS[cells.family]
        return Form(
            draws=self._draws(cells, own, fit, scales.omega),
            settings={
                "model": self.model,
                "family": cells.family,
                "omega_scale": scales.omega,
                "mu_scale": scales.mu,
                "cells": fingerprint(
                    list(cells.labels), cells.segment, cells.stratum, cells.period, cells.total
                ),
            },
            notes=_notes(link),
            diagnostics={**fit.diagnostics, **fit.checks, "cells": len(cells.n), "link": link},
            details={"scales": {k: v.copy() for k, v in fit.scales.items()}},
            assumptions=(_independent_shocks(fit.checks),),
            omega_unit=None if link == "identity" else link,
            packages=("nutpie", "numpy", "scipy"),
        )

    def _draws(
        self, cells: Cells, own: SegmentEstimates, fit: CellFit, omega_scale: float
    ) -> PooledDraws:
        coords = {self.by: list(cells.labels)}
        links = xr.DataArray(fit.links, dims=("sample", self.by), coords=coords)
        return PooledDraws(
            by=self.by,
            labels=cells.labels,
            effects=fit.effects,
            mean=fit.effects.mean(axis=0),
            covariance=np.cov(fit.effects.T),
            population=fit.population,
            new_segment=fit.new_segment,
            omega=fit.scales["omega"],
            omega_prior=omega_distribution("half_normal", omega_scale).ppf(PRIOR_QUANTILES),
            treated=own.treated,
            own=own.table(self.by),
            more={"link_effects": links},
            attrs=fit.attrs,
        )


def _notes(link: str) -> tuple[str, ...]:
    if link == "identity":
        return ()
    return (
        f"Trends are taken to be parallel on the {link} scale; effects are differences of mean "
        "outcomes over the treated cells, with and without treatment.",
    )


def _independent_shocks(checks: Mapping[str, float]) -> Assumption:
    return Assumption(
        name="passing shocks",
        statement="what shakes a cluster in one period is gone in the next",
        tested=True,
        evidence=(
            "simulated clusters hang together from period to period as much as those seen with "
            f"probability {checks['serial_p']:.2f}"
        ),
    )


def warn_persistent(checks: Mapping[str, float], model: CellModel) -> None:
    """Warn where shocks last longer than the model allows.

    Parameters
    ----------
    checks : mapping
        ``serial_p``, the probability of a serial correlation as great as seen.
    model : CellModel
        The model that was fitted.

    Warns
    -----
    AssumptionWarning
        With a way out.
    """
    if checks["serial_p"] >= _DOUBTFUL:
        return
    fix = "use form='design'" if model.drift else "use CellModel(drift=True), or form='design'"
    warnings.warn(
        "shocks of a cluster persist from period to period more than the model allows "
        f"(probability {checks['serial_p']:.3f}), and intervals may be too narrow; {fix}.",
        AssumptionWarning,
        stacklevel=4,
    )
