"""What pooled effects by segment say: numbers, details, and words for partial pooling."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import SmallSampleWarning
from cximpact.core.results import Assumption, EffectPosterior, Estimand
from cximpact.core.wording import FRACTION_UNITS, number
from cximpact.effects.did.estimates import Claim, Design, Estimates, effect_result

FEW_SEGMENTS = 6
LEARNED = 0.3
"""Share of the prior's spread of omega that must be gone, or the prior decides."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledDraws:
    """Draws of everything that a hierarchy of segments has an answer to.

    Parameters
    ----------
    by : str
        Name of the segments' dimension.
    labels : tuple
        The segments.
    effects : numpy.ndarray, shape (sample, segment)
        Average effect on the treated of each segment, in the outcome's unit.
    mean, covariance : numpy.ndarray, shapes (segment,) and (segment, segment)
        Their posterior moments.
    population : numpy.ndarray, shape (sample,)
        The effect in the middle of all segments that might be.
    new_segment : numpy.ndarray, shape (sample,)
        The effect in a segment that was not seen.
    omega : numpy.ndarray, shape (sample,)
        How much effects differ between segments, as a standard deviation.
    omega_prior : numpy.ndarray
        Evenly spread quantiles of its prior.
    treated : numpy.ndarray, shape (segment,)
        Weights of the segments in the average over those treated.
    own : pandas.DataFrame
        Estimates of the segments, each by itself.
    more : mapping
        Further details, one array of draws each, ``sample`` first.
    """

    by: str
    labels: tuple[Any, ...]
    effects: np.ndarray = field(repr=False)
    mean: np.ndarray
    covariance: np.ndarray = field(repr=False)
    population: np.ndarray = field(repr=False)
    new_segment: np.ndarray = field(repr=False)
    omega: np.ndarray = field(repr=False)
    omega_prior: np.ndarray = field(repr=False)
    treated: np.ndarray
    own: pd.DataFrame = field(repr=False)
    more: Mapping[str, xr.DataArray] = field(default_factory=dict)

    @property
    def omega_learned(self) -> float:
        """How much of the spread of omega's prior the data took away: 1 all, 0 none."""
        spread = [
            np.subtract(*np.quantile(x, [0.75, 0.25])) for x in (self.omega, self.omega_prior)
        ]
        return float(1 - spread[0] / spread[1])


def pooled_result(
    design: Design,
    pooled: PooledDraws,
    claim: Claim,
    *,
    rng: int,
    omega_unit: str | None = None,
    causal: bool = True,
) -> EffectPosterior:
    """Turn a posterior by segment into the one result class.

    Parameters
    ----------
    design : Design
        The data.
    pooled : PooledDraws
        The posterior.
    claim : Claim
        What the result says; words of partial pooling are added to its notes.
    rng : int
        Seed.
    omega_unit : str, optional
        Unit of omega, where it is not that of the effects.
    causal : bool, default True
        Whether the estimates are admitted as effects of an action.

    Returns
    -------
    EffectPosterior
        Dimension ``by``. ``details`` holds joint draws ``population_mean``, ``new_segment``,
        ``population_average`` and ``omega``; the table ``own`` of each segment by itself; the
        matrix ``probability_greater``; and the posterior ``covariance``.

    Warns
    -----
    SmallSampleWarning
        If there are so few segments that the prior of omega decides.
    """
    _warn_prior_driven(pooled)
    numbers = Estimates(
        value=pooled.mean,
        covariance=pooled.covariance,
        df=None,
        dims=(pooled.by,),
        coords={pooled.by: list(pooled.labels)},
        draws=pooled.effects,
    )
    claim = replace(
        claim,
        draw_kind="posterior",
        notes=(*claim.notes, *words(pooled, claim.estimand.scale, omega_unit)),
        diagnostics={**claim.diagnostics, **_diagnostics(pooled)},
    )
    result = effect_result(design, numbers, claim, draws=len(pooled.effects), rng=rng)
    source, ids = result.provenance.source, [design.data_hash, design.outcome_id]
    weight = pooled.treated / pooled.treated.sum()
    joint = {
        "population_mean": pooled.population,
        "new_segment": pooled.new_segment,
        "population_average": pooled.effects @ weight,
        "omega": pooled.omega,
    }
    unit = {"unit": claim.estimand.scale}
    labelled = {
        name: dr.from_array(
            values,
            source=source,
            data_ids=ids,
            name=name,
            attrs={"unit": omega_unit or claim.estimand.scale} if name == "omega" else unit,
        )
        for name, values in joint.items()
    }
    details = {
        **claim.details,
        **labelled,
        **pooled.more,
        "own": pooled.own,
        "covariance": pooled.covariance.copy(),
        "omega_prior": pooled.omega_prior,
        "probability_greater": probability_greater(pooled.effects, pooled.by, pooled.labels),
        **({} if causal else {CAUSAL: False}),
    }
    return replace(result, details=details)


def segment_estimand(named: Estimand, by: str) -> Estimand:
    """Name the average effect on the treated of every segment.

    Parameters
    ----------
    named : Estimand
        Of the whole design.
    by : str
        Column of the segments.

    Returns
    -------
    Estimand
        For each segment.
    """
    return replace(named, population=f"{named.population}, by {by}")


def exchangeable(covariates: Sequence[str] = ()) -> Assumption:
    """State what partial pooling supposes.

    Parameters
    ----------
    covariates : sequence of str
        Columns that tell segments apart.

    Returns
    -------
    Assumption
        It is not tested.
    """
    given = f", given {', '.join(covariates)}," if covariates else ""
    return Assumption(
        name="exchangeable segments",
        statement=(
            f"before the data, nothing{given} says which segment has the greater effect, and "
            "effects scatter around their mean like a normal distribution"
        ),
        tested=False,
    )


def probability_greater(effects: np.ndarray, by: str, labels: Sequence[Any]) -> xr.DataArray:
    """Return the probability that the effect in one segment exceeds that in another.

    Parameters
    ----------
    effects : numpy.ndarray, shape (sample, segment)
        Joint draws.
    by : str
        Name of the dimension.
    labels : sequence
        Segments.

    Returns
    -------
    xarray.DataArray
        Dimensions ``by`` and ``than``; 0.5 on the diagonal.
    """
    share = np.array([(effects[:, [i]] > effects).mean(axis=0) for i in range(effects.shape[1])])
    np.fill_diagonal(share, 0.5)
    return xr.DataArray(share, dims=(by, "than"), coords={by: list(labels), "than": list(labels)})


def words(pooled: PooledDraws, scale: str, omega_unit: str | None = None) -> tuple[str, ...]:
    """Say in words what partial pooling did, and what it does not say.

    Parameters
    ----------
    pooled : PooledDraws
        The posterior.
    scale : str
        Unit of the effects.
    omega_unit : str, optional
        Unit of omega, where it is another.

    Returns
    -------
    tuple of str
        Sentences.
    """
    mean, new = (_interval(x, scale) for x in (pooled.population, pooled.new_segment))
    omega = _interval(pooled.omega, omega_unit or scale)
    own = pooled.own["estimate"].to_numpy()
    moved = np.abs(pooled.mean - own)
    most = int(np.argmax(moved))
    prior = np.quantile(pooled.omega_prior, 0.5)
    return (
        "Partial pooling: every segment keeps its own estimate as far as that is precise and takes "
        "the rest from what the segments have in common, so that noise is not read as a "
        f"difference. {pooled.labels[most]} moves the most, from {_show(own[most], scale)} by "
        f"itself to {_show(pooled.mean[most], scale)}.",
        f"The mean over segments is {mean}; effects differ between segments by {omega} "
        f"(standard deviation; prior median {_show(prior, omega_unit or scale)}); a segment not "
        f"seen would have {new}.",
        "An interval without zero in one segment and with zero in another does not say that the "
        "two differ; details['probability_greater'] does.",
    )


def _interval(values: np.ndarray, scale: str) -> str:
    low, high = np.quantile(values, [0.05, 0.95])
    shown = f"{_show(float(np.mean(values)), scale)} "
    return f"{shown}(90% credible interval {_show(low, scale)} to {_show(high, scale)})"


def _show(value: float, scale: str) -> str:
    if scale in FRACTION_UNITS:
        return f"{number(100 * value)} {FRACTION_UNITS[scale]}"
    return number(value)


def _diagnostics(pooled: PooledDraws) -> dict[str, float]:
    return {
        "segments": len(pooled.labels),
        "omega_median": float(np.median(pooled.omega)),
        "omega_prior_median": float(np.median(pooled.omega_prior)),
        "omega_learned": pooled.omega_learned,
    }


def _warn_prior_driven(pooled: PooledDraws) -> None:
    n, learned = len(pooled.labels), pooled.omega_learned
    if n >= FEW_SEGMENTS and learned >= LEARNED:
        return
    before, after = np.median(pooled.omega_prior), np.median(pooled.omega)
    warnings.warn(
        f"there are {n} segments, and how much their effects differ rests on its prior: median of "
        f"omega {before:.3g} before the data, {after:.3g} after. Try other values of omega_scale "
        "and see whether the answer holds.",
        SmallSampleWarning,
        stacklevel=5,
    )
