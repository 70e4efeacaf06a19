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
from cximpact.core.wording import FRACTION_UNITS, number, with_unit
from cximpact.effects.did.estimates import Claim, Design, Estimates, effect_result

LINKS = ("logit", "log")
"""Units of omega that are not those of effects."""
FEW_SEGMENTS = 6
LEARNED = 0.1
"""Distance of omega from its prior below which the data said next to nothing about it."""


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
    attrs : mapping
        Marks that every array of draws must carry, as of a fit that failed the gate.
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
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def omega_learned(self) -> float:
        """Greatest distance of the distribution functions of omega and its prior, 0 to 1."""
        at = np.concatenate([self.omega, self.omega_prior])
        below = [np.searchsorted(np.sort(x), at, "right") for x in (self.omega, self.omega_prior)]
        apart = below[0] / len(self.omega) - below[1] / len(self.omega_prior)
        return float(np.abs(apart).max())


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """What a form of the hierarchy contributes to a result.

    Parameters
    ----------
    draws : PooledDraws
        The posterior.
    settings : mapping
        Its settings, as JSON.
    notes : tuple of str
        What a reader must know.
    diagnostics, details : mapping
        Findings and extras.
    assumptions : tuple of Assumption
        Conditions of this form.
    omega_unit : str, optional
        Unit of omega, where it is not that of the effects.
    causal : bool, default True
        Whether the estimates are admitted as effects of an action.
    packages : tuple of str
        Whose versions matter.
    """

    draws: PooledDraws
    settings: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    omega_unit: str | None = None
    causal: bool = True
    packages: tuple[str, ...] = ("numpy",)


def pooled_result(design: Design, form: Form, claim: Claim, *, rng: int) -> EffectPosterior:
    """Turn a posterior by segment into the one result class.

    Parameters
    ----------
    design : Design
        The data.
    form : Form
        The posterior and what belongs to it.
    claim : Claim
        What the result says; words of partial pooling are added to its notes.
    rng : int
        Seed.

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
    pooled, omega_unit, causal = form.draws, form.omega_unit, form.causal
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
    units = {name: claim.estimand.scale for name in joint}
    units["omega"] = omega_unit or claim.estimand.scale
    labelled = {
        name: dr.from_array(
            values,
            source=source,
            data_ids=ids,
            name=name,
            attrs={"unit": units[name], **pooled.attrs},
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
    marked = result.draws.assign_attrs(pooled.attrs)
    return replace(result, draws=marked, details=details)


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
    ends = f"(90% credible interval {_number(low, scale)} to {_number(high, scale)})"
    return f"{_show(float(np.mean(values)), scale)} {ends}"


def _show(value: float, scale: str) -> str:
    return f"{number(value)} {scale}" if scale in LINKS else with_unit(value, scale)


def _number(value: float, scale: str) -> str:
    return number(100 * value if scale in FRACTION_UNITS else value)


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
