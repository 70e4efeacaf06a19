"""The design form: estimates by segment with their joint covariance are the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import xarray as xr

from cximpact.core.errors import DesignError, RankError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.rng import spawn
from cximpact.data import Panel, RepeatedCrossSection, frames
from cximpact.data.checks import check_finite, check_no_missing
from cximpact.effects.did.estimates import Estimator
from cximpact.effects.did.partial_pooling import (
    PooledEffects,
    omega_distribution,
    partial_pooling,
)
from cximpact.effects.did.pooled_result import Form, PooledDraws
from cximpact.effects.did.segment_estimates import (
    SegmentEstimates,
    segment_estimates,
)

PRIOR_QUANTILES = (np.arange(4000) + 0.5) / 4000
"""Where the prior of omega is shown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignForm:
    """Settings of the design form.

    Parameters
    ----------
    by : str
        Column of the segments.
    estimator : Estimator
        For one segment.
    covariates : sequence of str
        Columns that tell segments apart.
    omega_prior : str
        Family of the prior of omega.
    omega_scale, mu_scale : float or None
        Scales of the priors; by the outcome's standard deviation where None.
    draws : int
        How many.
    """

    by: str
    estimator: Estimator
    covariates: Sequence[str]
    omega_prior: str
    omega_scale: float | None
    mu_scale: float | None
    draws: int

    def fit(
        self,
        data: Panel | RepeatedCrossSection,
        parts: Mapping[Any, Panel | RepeatedCrossSection],
        seed: int,
    ) -> Form:
        """Estimate every segment and pool the estimates.

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
        """
        z = _covariates(data, self.by, self.covariates)
        found = segment_estimates(data, parts, self.by, self.estimator, seed)
        spread = _outcome_sd(data)
        omega_scale, mu_scale = self.omega_scale or spread / 2, self.mu_scale or spread
        (generator,) = spawn(seed, "partial pooling")
        pooled = partial_pooling(
            found.value,
            found.widened,
            z=z,
            omega_scale=omega_scale,
            mu_scale=mu_scale,
            omega_prior=self.omega_prior,
            draws=self.draws,
            rng=generator,
        )
        return Form(
            draws=self._draws(found, pooled, omega_scale, generator),
            settings={
                "estimator": self.estimator,
                "covariates": list(self.covariates),
                "omega_prior": self.omega_prior,
                "omega_scale": omega_scale,
                "mu_scale": mu_scale,
                "draws": self.draws,
                "estimates": fingerprint(list(found.labels), found.value, found.covariance),
            },
            notes=_notes(found),
            diagnostics={
                "shared_clusters": found.shared,
                "small_sample": bool(np.isfinite(found.df).any()),
            },
            details={"own_covariance": found.covariance},
            causal=found.causal,
            packages=("numpy", "scipy"),
        )

    def _draws(
        self,
        found: SegmentEstimates,
        pooled: PooledEffects,
        omega_scale: float,
        generator: np.random.Generator,
    ) -> PooledDraws:
        """Add a segment that was not seen, and what every segment keeps of its own."""
        mu = pooled.coefficients[:, 0]
        labels = {self.by: list(found.labels)}
        more = {"own_weight": xr.DataArray(pooled.own_weight, dims=self.by, coords=labels)}
        if self.covariates:
            slopes, names = pooled.coefficients[:, 1:], {"covariate": list(self.covariates)}
            more["slopes"] = xr.DataArray(slopes, dims=("sample", "covariate"), coords=names)
        return PooledDraws(
            by=self.by,
            labels=found.labels,
            effects=pooled.effects,
            mean=pooled.mean,
            covariance=pooled.covariance,
            population=mu,
            new_segment=mu + pooled.omega * generator.standard_normal(len(mu)),
            omega=pooled.omega,
            omega_prior=omega_distribution(self.omega_prior, omega_scale).ppf(PRIOR_QUANTILES),
            treated=found.treated,
            own=found.table(self.by),
            more=more,
        )


def _notes(found: SegmentEstimates) -> tuple[str, ...]:
    """Say what was done about few and about shared clusters."""
    few, notes = np.isfinite(found.df), []
    if few.any():
        notes.append(
            f"{few.sum()} of {len(few)} segments have few clusters; their standard errors were "
            "widened so that 90% intervals of single segments are those of the t distribution."
        )
    if found.shared:
        notes.append("Some clusters lie in several segments; their shared errors are counted.")
    return tuple(notes)


def _outcome_sd(data: Panel | RepeatedCrossSection) -> float:
    """Compute the standard deviation of the outcome over all rows."""
    y = nw.col("outcome")
    center = float(np.mean(data.outcome_range))
    moved = y - center
    sums = frames.group_sums(data.open(), [], {"y": moved, "yy": moved * moved}).iloc[0]
    n = sums[frames.COUNT]
    return float(np.sqrt(max(sums["yy"] / n - (sums["y"] / n) ** 2, 0.0)))


def _covariates(
    data: Panel | RepeatedCrossSection, by: str, names: Sequence[str]
) -> np.ndarray | None:
    """Read what is known of the segments, centered and scaled over them."""
    if not names:
        return None
    opened = frames.open_frame(data.frame)
    frames.check_columns(opened, {f"covariates[{i}]": name for i, name in enumerate(names)})
    check_no_missing(opened, names, "give every segment its value")
    for name in names:
        frames.check_numeric(opened, name, "covariates")
        check_finite(opened, name)
    rows = frames.collect(opened.select(by, *names).unique()).sort_values(by)
    if rows[by].duplicated().any():
        many = rows.groupby(by).nunique().max()
        changing = [name for name in names if many[name] > 1]
        raise DesignError(
            f"covariates {', '.join(map(repr, changing))} differ within a segment of {by!r}; give "
            "one value a segment, such as its mean."
        )
    z = rows[list(names)].to_numpy(dtype=float)
    spread = z.std(axis=0)
    if flat := [n for n, s in zip(names, spread, strict=True) if s == 0]:
        raise RankError(f"covariates {', '.join(map(repr, flat))} are the same everywhere.")
    return (z - z.mean(axis=0)) / spread
