"""A threshold of scores that were imputed: the mixture over completed sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import InsufficientDataError
from cximpact.core.results import Assumption
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count
from cximpact.effects.linkage.thresholds.fit import threshold
from cximpact.effects.linkage.thresholds.result import ThresholdPosterior
from cximpact.effects.linkage.thresholds.search import Search
from cximpact.imputation.complete import CompletedScores, complete
from cximpact.imputation.congeniality import check_congenial
from cximpact.imputation.result import ImputedScores

_ANSWER = "answer"


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedSearch(Search):
    """The mean of the posteriors of several completed sets.

    Parameters
    ----------
    candidates, outcomes, log_evidence
        Of the first set.
    parts : tuple of Search
        The search of every set, over the same candidates.
    """

    parts: tuple[Search, ...] = field(repr=False)

    @property
    def probability(self) -> np.ndarray:
        """Posterior probability of each candidate."""
        return np.mean([part.probability for part in self.parts], axis=0)

    @property
    def threshold_probability(self) -> xr.DataArray:
        """Posterior probability of each threshold, given that there is one."""
        first = self.parts[0].threshold_probability
        return first.copy(
            data=np.mean([part.threshold_probability.values for part in self.parts], axis=0)
        )

    def by_outcome(self) -> xr.DataArray:
        """Return what each outcome alone says about the threshold.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(outcome, threshold)``.
        """
        first = self.parts[0].by_outcome()
        return first.copy(data=np.mean([part.by_outcome().values for part in self.parts], axis=0))

    @property
    def log_bayes_factor(self) -> float:
        """Log of the mean odds over the sets."""
        each = [part.log_bayes_factor for part in self.parts]
        return float(special.logsumexp(each) - np.log(len(each)))


def threshold_imputed(
    scores: ImputedScores | CompletedScores,
    *,
    outcome: str | Sequence[str],
    needed: Sequence[str] = (),
    columns: Sequence[str] = (),
    m: int = 20,
    rng: RngLike = None,
    **options: Any,
) -> ThresholdPosterior:
    """Find a threshold of scores of which some were imputed.

    Parameters
    ----------
    scores : ImputedScores or CompletedScores
        Imputed scores; they are completed ``m`` times here unless that was done before.
    outcome : str or sequence of str
        Column of the later behavior. The imputation model must have known it.
    needed : sequence of str
        Further terms that the imputation model must have known.
    columns : sequence of str
        Columns of the wave that are needed besides those of the imputation model.
    m : int, default 20
        Completed sets, where ``scores`` are not completed yet.
    rng : int or Generator, optional
        Randomness; the seed of the scores by default.
    **options
        ``covariates``, ``shape``, ``levels``, ``evidence`` and the options of `threshold`.

    Returns
    -------
    ThresholdPosterior
        The mean of the posteriors of the completed sets, with draws of all of them.

    Raises
    ------
    CongenialityError
        If the imputation model did not know the outcome or a covariate.
    InsufficientDataError
        If the sets differ in which scores occur.

    Notes
    -----
    With draws of the missing scores from their posterior given the outcome, the posterior given
    the answers is the mean of those given the completed scores. Scores imputed without the
    outcome would hide the link: with a share of answers ``rho`` about that share of it is left.

    References
    ----------
    .. [1] Gelman, A. and others (2013). Bayesian Data Analysis, third edition, section 18.2.
    """
    sets = (
        scores
        if isinstance(scores, CompletedScores)
        else complete(scores, check_count(m, "m", low=2), rng=rng)
    )
    seed = seed_of(sets.seed if rng is None else rng)
    names = [outcome] if isinstance(outcome, str) else list(outcome)
    wanted = [*needed, *options.get("covariates", ()), *names]
    found: list[ThresholdPosterior] = []
    for i, table in enumerate(sets.sets(columns)):
        if not found:
            check_congenial(sets, wanted, frame=table)
        (stream,) = spawn(seed, f"set {i}")
        found.append(threshold(table, score=_ANSWER, outcome=names, rng=stream, **options))
    return _mixed(found, sets, seed)


def _mixed(
    found: Sequence[ThresholdPosterior], sets: CompletedScores, seed: int
) -> ThresholdPosterior:
    first = found[0]
    for other in found[1:]:
        check_alike(first, other)
    kept = _rows_of_sets(first.draws.sizes[dr.SAMPLE], len(found), seed)
    provenance = replace(
        first.provenance,
        method=f"{first.provenance.method} on imputed scores",
        data_hash=sets.cells.data_hash,
        settings={**first.provenance.settings, "scores": sets.provenance.source},
        seed=seed,
        notes=(*first.provenance.notes, f"The posterior is the mean over {len(found)} sets."),
    )
    dims = tuple(str(d) for d in first.draws.dims[1:])
    curves = [f.curve for f in found]
    coefficients = [
        [
            _mix([c.coefficients[o][p] for c in curves], kept)
            for p in range(len(first.curve.coefficients[o]))
        ]
        for o in range(len(first.curve.outcomes))
    ]
    return replace(
        first,
        draws=dr.from_array(
            _mix([f.draws.values for f in found], kept),
            source=provenance.source,
            dims=dims,
            coords={d: first.draws.coords[d].values for d in dims},
            data_ids=[f"data:{provenance.data_hash}"],
        ),
        assumptions=(
            *(a for a in first.assumptions if not a.tested),
            Assumption(
                name="missing at random",
                statement="given what the imputation model knew, those who did not answer would "
                "have answered like those who did",
                tested=False,
                evidence="the answers cannot show it",
            ),
        ),
        diagnostics={"m": len(found)},
        provenance=provenance,
        found=MixedSearch(
            candidates=first.found.candidates,
            outcomes=first.found.outcomes,
            log_evidence=first.found.log_evidence,
            parts=tuple(f.found for f in found),
        ),
        curve=replace(
            first.curve,
            chosen=_mix([c.chosen for c in curves], kept),
            coefficients=coefficients,
        ),
        score_mean=float(np.mean([f.score_mean for f in found])),
        score_spread=float(np.mean([f.score_spread for f in found])),
    )


def check_alike(first: ThresholdPosterior, other: ThresholdPosterior) -> None:
    """Check that two completed sets have the same scores.

    Parameters
    ----------
    first, other : ThresholdPosterior
        Their posteriors.

    Raises
    ------
    InsufficientDataError
        If a score occurs in one of them alone.
    """
    one, two = first.curve.candidates, other.curve.candidates
    same = (one.low, one.high) == (two.low, two.high) and np.array_equal(one.grid, two.grid)
    if not same:
        raise InsufficientDataError(
            f"completed sets differ in which scores occur: from {one.low:g} to {one.high:g} with "
            f"{one.grid.size} thresholds, and from {two.low:g} to {two.high:g} with "
            f"{two.grid.size}. Some scores are too rare; name common thresholds as levels=."
        )


def _rows_of_sets(size: int, m: int, seed: int) -> list[np.ndarray]:
    """Share out as many draws as one set has, in random order."""
    (stream,) = spawn(seed, "order of mixed draws")
    owner = stream.permutation(np.arange(size) % m)
    return [np.flatnonzero(owner == i) for i in range(m)]


def _mix(parts: Sequence[np.ndarray], kept: Sequence[np.ndarray]) -> np.ndarray:
    """Take each draw from the set that owns it."""
    out = np.empty_like(parts[0])
    for part, rows in zip(parts, kept, strict=True):
        out[rows] = part[rows]
    return out
