"""What uplift by segment says: numbers, details, and words for partial pooling."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import SmallSampleWarning
from cximpact.core.fingerprint import fingerprint
from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption, EffectPosterior, Estimand
from cximpact.core.rng import spawn
from cximpact.core.versions import versions
from cximpact.core.wording import number, with_unit
from cximpact.data import CrossSection
from cximpact.effects.did.pooled_result import exchangeable, probability_greater
from cximpact.effects.uplift.segment_cells import BINOMIAL, SegmentCells
from cximpact.effects.uplift.segment_model import SegmentPosterior
from cximpact.effects.uplift.segment_own import own_effects

FEW_SEGMENTS = 6
LEARNED = 0.1
"""Distance of the spread of effects from its prior below which the data said next to nothing."""
_FEW_ROWS = 30
_THIN = 200
ARM, TERM, OTHER = "arm", "of", "than"
BASELINE = "baseline"


def segment_result(
    data: CrossSection,
    posterior: SegmentPosterior,
    flat: xr.Dataset,
    *,
    diagnostics: Mapping[str, Any],
    settings: Mapping[str, Any],
    seed: int,
) -> EffectPosterior:
    """Turn a posterior by segment into the one result class.

    Parameters
    ----------
    data : CrossSection
        Customers.
    posterior : SegmentPosterior
        The model.
    flat : xarray.Dataset
        Its draws.
    diagnostics : mapping
        Verdict of the gate.
    settings : mapping
        Settings of the estimator.
    seed : int
        Seed.

    Returns
    -------
    EffectPosterior
        Dimension of the segments, after ``arm`` if there are several. ``details`` holds joint draws
        ``baseline`` (expected outcome without treatment, by segment), ``population`` (the average
        effect over all customers), ``new_segment`` (the effect in a segment that was not seen), and
        on the scale of the model ``mean``, ``spread`` and ``correlation``; the table ``own`` of
        each segment by itself; the share ``own_weight`` that a segment keeps of its own effect;
        ``customers`` by segment; ``pooled_only``, the segments that lack an arm; and for one arm
        the matrix ``probability_greater``.

    Warns
    -----
    SmallSampleWarning
        If there are so few segments that the prior decides how much effects differ.
    """
    cells = posterior.cells
    learned = [_learned(flat, posterior, k) for k in range(1, cells.n_arms + 1)]
    _warn_prior_driven(cells, flat, posterior, min(learned))
    provenance = Provenance(
        method="HierarchicalUplift",
        data_hash=cells.hash,
        settings=settings,
        seed=seed,
        versions=versions("nutpie", "numpy", "scipy"),
        notes=_notes(data, cells),
    )
    label = _Labels(cells, flat, provenance, [cells.hash, experiment_id(data)])
    effect = np.moveaxis(flat["effect"].values, 1, 2)
    population = effect @ cells.share
    new = _new_segment(posterior, flat, seed)
    scale = "pp" if cells.family == BINOMIAL else "outcome"
    link = "logit" if cells.family == BINOMIAL else scale
    own = own_effects(cells)
    draws = label.effects(effect, scale)
    details: dict[str, Any] = {
        "own": own,
        "baseline": label.array(flat["control"].values, scale, cells.by),
        "population": label.by_arm(population, scale),
        "new_segment": label.by_arm(new, scale),
        "mean": label.array(flat["mean"].values, link, TERM),
        "spread": label.array(flat["spread"].values, link, TERM),
        "correlation": label.array(flat["correlation"].values, "", TERM, OTHER),
        "own_weight": label.plain(_own_weight(posterior, flat)),
        "customers": dict(zip(cells.labels, cells.total.tolist(), strict=True)),
        "pooled_only": [cells.labels[s] for s in np.flatnonzero(cells.empty.any(axis=1))],
    }
    if cells.n_arms == 1:
        details["probability_greater"] = probability_greater(effect[:, 0], cells.by, cells.labels)
    return EffectPosterior(
        draws=draws,
        estimand=_estimand(data, cells, scale),
        draw_kind="posterior",
        n=data.n_rows,
        assumptions=_assumptions(data),
        diagnostics={
            **diagnostics,
            "segments": len(cells.labels),
            "family": cells.family,
            "spread_learned": min(learned),
            "fewest_customers": int(cells.rows.min()),
        },
        provenance=replace(
            provenance, notes=(*provenance.notes, *_words(cells, details, draws, link))
        ),
        would_change_it=(
            "treatment that went to customers of a segment who would have done otherwise anyway, "
            "or segments that are not of one kind, so that learning from each other misleads."
        ),
        details=details,
    )


def experiment_id(data: CrossSection) -> str:
    """Return a fingerprint of the experiment that needs no look at the rows.

    Parameters
    ----------
    data : CrossSection
        Customers.

    Returns
    -------
    str
        From outcome, arms, counts and range of the outcome.
    """
    counts = {str(arm): int(n) for arm, n in data.counts.items()}
    return fingerprint([data.outcome, data.treatment], counts, list(data.outcome_range))


class _Labels:
    """Labels arrays of draws of one fit."""

    def __init__(
        self, cells: SegmentCells, flat: xr.Dataset, provenance: Provenance, ids: list[str]
    ) -> None:
        self.cells, self.source, self.ids = cells, provenance.source, ids
        kept = flat["effect"].attrs
        self.marks = {k: kept[k] for k in (dr.UNRELIABLE, dr.ESS) if k in kept}
        terms = [BASELINE, *([str(a) for a in cells.arms] if cells.n_arms > 1 else ["effect"])]
        self.coords: dict[str, list[Any]] = {
            cells.by: list(cells.labels),
            ARM: list(cells.arms),
            TERM: terms,
            OTHER: terms,
        }

    def array(self, values: np.ndarray, unit: str, *dims: str) -> xr.DataArray:
        return dr.from_array(
            values,
            source=self.source,
            dims=dims,
            coords={d: self.coords[d] for d in dims},
            attrs={**({"unit": unit} if unit else {}), **self.marks},
            data_ids=self.ids,
        )

    def by_arm(self, values: np.ndarray, unit: str) -> xr.DataArray:
        if self.cells.n_arms == 1:
            return self.array(values[:, 0], unit)
        return self.array(values, unit, ARM)

    def effects(self, values: np.ndarray, unit: str) -> xr.DataArray:
        if self.cells.n_arms == 1:
            return self.array(values[:, 0], unit, self.cells.by)
        return self.array(values, unit, ARM, self.cells.by)

    def plain(self, values: np.ndarray) -> xr.DataArray:
        dims = (self.cells.by, ARM)
        out = xr.DataArray(values, dims=dims, coords={d: self.coords[d] for d in dims})
        return out.isel({ARM: 0}, drop=True) if self.cells.n_arms == 1 else out


def _new_segment(posterior: SegmentPosterior, flat: xr.Dataset, seed: int) -> np.ndarray:
    """Draw the effects in a segment that was not seen, shape (draw, arm)."""
    (rng,) = spawn(seed, "new segment")
    mean, spread = flat["mean"].values, flat["spread"].values
    z = rng.standard_normal(mean.shape)
    terms = mean + spread * np.einsum("nij,nj->ni", flat["factor"].values, z)
    outcome = posterior.outcome(terms @ posterior.arms.T)
    return outcome[:, 1:] - outcome[:, :1]


def _own_weight(posterior: SegmentPosterior, flat: xr.Dataset) -> np.ndarray:
    some = np.linspace(0, flat.sizes[dr.SAMPLE] - 1, _THIN).astype(int)
    root = flat["spread"].values[some][:, :, None] * flat["factor"].values[some]
    return posterior.own_weight(root)


def _learned(flat: xr.Dataset, posterior: SegmentPosterior, term: int) -> float:
    """Return how far the spread of effects moved from its prior, from 0 to 1."""
    prior = stats.halfnorm(scale=posterior.priors.effect_spread)
    return float(stats.kstest(flat["spread"].values[:, term], prior.cdf).statistic)


def _warn_prior_driven(
    cells: SegmentCells, flat: xr.Dataset, posterior: SegmentPosterior, learned: float
) -> None:
    if len(cells.labels) >= FEW_SEGMENTS and learned >= LEARNED:
        return
    before = stats.halfnorm.median(scale=posterior.priors.effect_spread)
    after = float(np.median(flat["spread"].values[:, 1:]))
    warnings.warn(
        f"there are {len(cells.labels)} segments, and how much their effects differ rests on its "
        f"prior: median of the spread {before:.3g} before the data, {after:.3g} after. Try other "
        "values of effect_spread and see whether the answer holds.",
        SmallSampleWarning,
        stacklevel=4,
    )


def _estimand(data: CrossSection, cells: SegmentCells, scale: str) -> Estimand:
    treated = f"{cells.arms[0]!s}" if cells.n_arms == 1 else "each arm"
    return Estimand(
        target="cate",
        contrast=f"{data.outcome} with treatment ({treated}) against control ({cells.control!s})",
        scale=scale,
        population=f"customers of each segment, by {cells.by}",
    )


def _assumptions(data: CrossSection) -> tuple[Assumption, ...]:
    known = data.propensity is not None
    return (
        Assumption(
            name="assignment as good as random within segments",
            statement="customers of one segment differ in nothing that matters but the treatment",
            tested=False,
            evidence="the propensity is known" if known else "it is so in a randomized experiment",
        ),
        Assumption(
            name="no spill-over",
            statement="treatment of one customer does not change the others",
            tested=False,
        ),
        exchangeable(),
    )


def _notes(data: CrossSection, cells: SegmentCells) -> tuple[str, ...]:
    notes = []
    if data.n_dropped:
        notes.append(f"{data.n_dropped:,} rows without an outcome were left out.")
    if "weight" in cells.weighted:
        notes.append("Counts are weighted, and worth (sum w)^2 / sum w^2 customers.")
    if "propensity" in cells.weighted:
        notes.append("Customers are weighted by the inverse of their known propensity.")
    if cells.empty.any():
        n = int(cells.empty.any(axis=1).sum())
        notes.append(f"{n} segments lack an arm; their effects come from the other segments.")
    few = int((cells.rows.min(axis=1) < _FEW_ROWS).sum())
    if few and cells.family != BINOMIAL:
        notes.append(
            f"{few} segments have fewer than {_FEW_ROWS} customers in an arm, whose mean is hardly "
            "normal if the outcome has a long tail."
        )
    return tuple(notes)


def _words(
    cells: SegmentCells, details: Mapping[str, Any], draws: xr.DataArray, link: str
) -> tuple[str, ...]:
    """Say in words what partial pooling did, and what it does not say."""
    unit = str(draws.attrs["unit"])
    if cells.n_arms > 1:
        return ()
    own, pooled = details["own"]["estimate"].to_numpy(), draws.mean(dr.SAMPLE).values
    most = int(np.argmax(np.nan_to_num(np.abs(pooled - own))))
    spread, correlation = details["spread"].values[:, 1], details["correlation"].values[:, 0, 1]
    low, high = np.quantile(correlation, [0.05, 0.95])
    return (
        "Partial pooling: every segment keeps its own effect as far as that is precise and takes "
        "the rest from what the segments have in common, so that noise is not read as a "
        f"difference. {cells.labels[most]} moves the most, from {with_unit(own[most], unit)} by "
        f"itself to {with_unit(pooled[most], unit)}.",
        f"Over all customers the effect is {_interval(details['population'].values, unit)}; a "
        f"segment not seen would have {_interval(details['new_segment'].values, unit)}. Effects "
        f"differ between segments by {number(float(spread.mean()))}"
        f"{' logits' if link == 'logit' else ''} (standard deviation), and go with the baseline by "
        f"a correlation of {number(float(correlation.mean()), digits=2)} "
        f"({number(low, digits=2)} to {number(high, digits=2)}).",
        "An interval without zero in one segment and with zero in another does not say that the "
        "two differ; details['probability_greater'] does.",
    )


def _interval(values: np.ndarray, unit: str) -> str:
    factor = 100 if unit == "pp" else 1
    low, high = factor * np.quantile(values, [0.05, 0.95])
    ends = f"(90% credible interval {number(low)} to {number(high)})"
    return f"{with_unit(float(values.mean()), unit)} {ends}"
