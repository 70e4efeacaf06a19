"""Numbers of a difference-in-differences estimator, and the one way they become a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.results import Assumption, DrawKind, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.versions import versions
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.asymptotic import t_draws


class Design(Protocol):
    """What a result says about the data behind it."""

    @property
    def kind(self) -> str:
        """``"panel"`` or ``"repeated cross-section"``."""
        ...

    @property
    def binary(self) -> bool:
        """Whether every outcome is 0 or 1."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        ...

    @property
    def cohorts(self) -> np.ndarray:
        """First treated periods, without never."""
        ...

    @property
    def staggered(self) -> bool:
        """Whether treatment begins at several times."""
        ...

    @property
    def has_never(self) -> bool:
        """Whether somebody is never treated."""
        ...

    @property
    def last_period(self) -> float:
        """Last period that is seen."""
        ...

    @property
    def periods_before(self) -> int:
        """How many periods the earliest treated cohort is seen before treatment."""
        ...

    @property
    def n_rows(self) -> int:
        """Rows of the data that are used."""
        ...

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        ...

    @property
    def n_treated_clusters(self) -> int:
        """How many clusters hold somebody who is ever treated."""
        ...

    @property
    def n_untreated_clusters(self) -> int:
        """How many clusters hold somebody who is never treated."""
        ...

    @property
    def data_hash(self) -> str:
        """Fingerprint of the data."""
        ...

    @property
    def outcome_id(self) -> str:
        """Which outcomes these are, the same for rows and moments of one panel."""
        ...


class Estimator(Protocol):
    """What estimates an effect from a design."""

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness.

        Returns
        -------
        EffectPosterior
            One number, or effects by cohort and period.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimates:
    """Point estimates with their joint uncertainty.

    Parameters
    ----------
    value : numpy.ndarray, shape (term,)
        Estimates.
    covariance : numpy.ndarray, shape (term, term)
        Their covariance.
    df : float or None
        Degrees of freedom of the t reference; None is normal.
    dims : tuple of str
        Name of the terms' dimension, such as ``("event_time",)``; empty for a single number.
    coords : mapping
        Coordinates of that dimension.
    draws : numpy.ndarray, shape (sample, term), optional
        Draws of another kind, such as of a bootstrap; by default draws of the t distribution.
    """

    value: np.ndarray
    covariance: np.ndarray
    df: float | None
    dims: tuple[str, ...] = ()
    coords: Mapping[str, Any] = field(default_factory=dict)
    draws: np.ndarray | None = field(default=None, repr=False)

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors, shape (term,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """What a result says besides its numbers.

    Parameters
    ----------
    method : str
        Name of the estimator.
    settings : mapping
        Its settings, as JSON.
    estimand : Estimand
        What the numbers mean.
    assumptions : tuple of Assumption
        Conditions.
    would_change_it : str
        What would overturn it.
    diagnostics, details : mapping
        Findings and extras.
    packages : sequence of str
        Whose versions matter.
    notes : tuple of str
        What a reader must know, beyond the notes of the design.
    draw_kind : str, default "asymptotic"
        How the draws arose, as in `EffectPosterior`.
    """

    method: str
    settings: Mapping[str, Any]
    estimand: Estimand
    assumptions: tuple[Assumption, ...]
    would_change_it: str
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    packages: Sequence[str] = ("numpy",)
    notes: tuple[str, ...] = ()
    draw_kind: DrawKind = "asymptotic"


def effect_result(
    design: Design, numbers: Estimates, claim: Claim, *, draws: int, rng: RngLike
) -> EffectPosterior:
    """Turn estimates into the one result class.

    Parameters
    ----------
    design : Design
        The data behind them.
    numbers : Estimates
        The estimates.
    claim : Claim
        What the result says besides.
    draws : int
        How many draws, where none are given.
    rng : int or Generator
        Randomness of the draws.

    Returns
    -------
    EffectPosterior
        Draws around the estimates; the interval is that of ``df``.
    """
    seed = seed_of(rng)
    provenance = Provenance(
        method=claim.method,
        data_hash=design.data_hash,
        settings=claim.settings,
        seed=seed,
        versions=versions(*claim.packages),
        notes=(*design.notes, *claim.notes),
    )
    labels: dict[str, Any] = {"dims": numbers.dims, "coords": numbers.coords}
    identity: dict[str, Any] = {
        "source": provenance.source,
        "data_ids": [design.data_hash, design.outcome_id],
    }
    if numbers.draws is None:
        sampled = t_draws(
            numbers.value,
            numbers.covariance,
            numbers.df,
            size=draws,
            rng=seed,
            **labels,
            **identity,
        )
    else:
        values = numbers.draws if numbers.dims else numbers.draws[:, 0]
        sampled = dr.from_array(values, **labels, **identity)
    shape = numbers.value.shape if numbers.dims else ()
    return EffectPosterior(
        draws=sampled,
        estimate=xr.DataArray(numbers.value.reshape(shape), **labels),
        std_error=xr.DataArray(numbers.std_error.reshape(shape), **labels),
        df=numbers.df,
        estimand=claim.estimand,
        draw_kind=claim.draw_kind,
        n=design.n_rows,
        assumptions=claim.assumptions,
        diagnostics={
            "clusters": design.n_clusters,
            "treated_clusters": design.n_treated_clusters,
            **claim.diagnostics,
        },
        provenance=provenance,
        would_change_it=claim.would_change_it,
        details=claim.details,
    )
