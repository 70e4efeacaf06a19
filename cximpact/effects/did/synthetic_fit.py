"""Synthetic difference-in-differences of all cohorts, and its standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cximpact.core.errors import ClusterError, InsufficientPeriodsError, NoControlError
from cximpact.effects.did.synthetic_weights import (
    Block,
    Weighted,
    block_of,
    double_difference,
    fit_block,
)

MOST_CONTROLS = 3000
"""Controls beyond which their weights take too long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """A balanced panel as a matrix.

    Parameters
    ----------
    value : numpy.ndarray, shape (unit, period)
        Outcomes.
    first : numpy.ndarray, shape (unit,)
        Column of the first treated period; the number of periods for never.
    cluster : numpy.ndarray of int, shape (unit,)
        Code of the cluster, from zero.
    """

    value: np.ndarray = field(repr=False)
    first: np.ndarray
    cluster: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Columns at which treatment begins for some, ascending."""
        return np.unique(self.first[self.first < self.value.shape[1]])

    @property
    def controls(self) -> np.ndarray:
        """Who is never treated, shape (unit,)."""
        return self.first == self.value.shape[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticFit:
    """Estimates by cohort and their average.

    Parameters
    ----------
    blocks : tuple of Block
        Cohorts with their controls, in order of their start.
    fits : tuple of Weighted
        Their estimates and weights.
    """

    blocks: tuple[Block, ...] = field(repr=False)
    fits: tuple[Weighted, ...] = field(repr=False)

    @property
    def shares(self) -> np.ndarray:
        """Share of the treated rows in each cohort."""
        rows = np.array([b.treated[:, b.before :].size for b in self.blocks], dtype=float)
        return rows / rows.sum()

    @property
    def estimate(self) -> float:
        """Average over treated rows."""
        return float(self.shares @ [fit.estimate for fit in self.fits])


def fit_synthetic(data: Outcomes, ridges: Sequence[Block] | None = None) -> SyntheticFit:
    """Estimate the effect.

    Parameters
    ----------
    data : Outcomes
        The panel.
    ridges : sequence of Block, optional
        Whose ridges are taken over, one a cohort, as replications do.

    Returns
    -------
    SyntheticFit
        One block a cohort against the never treated.

    Raises
    ------
    NoControlError
        If fewer than two units are never treated, or too many.
    InsufficientPeriodsError
        If a cohort has fewer than two periods before treatment.
    """
    controls = data.value[data.controls]
    _check(data, len(controls))
    blocks = [block_of(controls, data.value[data.first == k], int(k)) for k in data.starts]
    if ridges is not None:
        pairs = zip(blocks, ridges, strict=True)
        blocks = [replace(b, ridge=r.ridge, noise=r.noise) for b, r in pairs]
    return SyntheticFit(blocks=tuple(blocks), fits=tuple(fit_block(b) for b in blocks))


def _check(data: Outcomes, n: int) -> None:
    if n < 2:
        raise NoControlError(
            f"{n} units are never treated; synthetic difference-in-differences needs at least 2."
        )
    if n > MOST_CONTROLS:
        raise NoControlError(
            f"{n:,} units are never treated; weights of so many take too long, and mean little. "
            f"Add units up to groups, such as stores: at most {MOST_CONTROLS:,}."
        )
    if data.starts[0] < 2:
        raise InsufficientPeriodsError(
            "a cohort is seen in fewer than 2 periods before treatment, so that nothing can be "
            "learned about its trend."
        )


def placebo_errors(
    data: Outcomes, fit: SyntheticFit, replications: int, rng: np.random.Generator
) -> np.ndarray:
    """Estimate the effect on controls that are said to be treated.

    Parameters
    ----------
    data : Outcomes
        The panel.
    fit : SyntheticFit
        The estimate; its ridges are kept.
    replications : int
        How many.
    rng : Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (replication,)
        Placebo estimates.

    Raises
    ------
    ClusterError
        If there are not more controls than treated units.
    """
    pool = np.flatnonzero(data.controls)
    starts = data.first[~data.controls]
    if len(pool) <= len(starts) + 1:
        raise ClusterError(
            f"{len(pool)} untreated units cannot stand in for {len(starts)} treated ones; use "
            "inference='jackknife' or 'bootstrap'."
        )
    never = data.value.shape[1]
    out = np.empty(replications)
    for b in range(replications):
        order = rng.permutation(pool)
        first = np.concatenate([starts, np.full(len(pool) - len(starts), never)])
        part = Outcomes(value=data.value[order], first=first, cluster=data.cluster[order])
        out[b] = fit_synthetic(part, fit.blocks).estimate
    return out


def bootstrap_estimates(
    data: Outcomes, fit: SyntheticFit, replications: int, rng: np.random.Generator
) -> np.ndarray:
    """Estimate the effect on clusters that are drawn with replacement.

    Parameters
    ----------
    data : Outcomes
        The panel.
    fit : SyntheticFit
        The estimate; its ridges are kept.
    replications : int
        How many.
    rng : Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (replication,)
        Estimates; draws without a cohort or with fewer than two controls are drawn again.
    """
    members = [np.flatnonzero(data.cluster == c) for c in range(data.cluster.max() + 1)]
    out: list[float] = []
    tries = 0
    while len(out) < replications:
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[c] for c in drawn])
        part = Outcomes(value=data.value[rows], first=data.first[rows], cluster=rows)
        complete = np.array_equal(part.starts, data.starts) and part.controls.sum() >= 2
        tries += 1
        if complete:
            out.append(fit_synthetic(part, fit.blocks).estimate)
        elif tries > 50 * replications:
            raise ClusterError(
                "a cohort holds so few clusters that draws hardly ever have all of them; use "
                "inference='placebo'."
            )
    return np.array(out)


def jackknife_variance(data: Outcomes, fit: SyntheticFit) -> float:
    """Leave out one cluster at a time, with the weights as they are.

    Parameters
    ----------
    data : Outcomes
        The panel.
    fit : SyntheticFit
        The estimate.

    Returns
    -------
    float
        Variance.

    Raises
    ------
    ClusterError
        If a cohort, or all weight, is in one cluster.
    """
    estimates = [_without(data, fit, c) for c in range(data.cluster.max() + 1)]
    n, found = len(estimates), np.array(estimates)
    return float((n - 1) / n * ((found - found.mean()) ** 2).sum())


def _without(data: Outcomes, fit: SyntheticFit, cluster: int) -> float:
    left = data.cluster != cluster
    kept = left[data.controls]
    total, rows = 0.0, 0
    for start, block, found in zip(data.starts, fit.blocks, fit.fits, strict=True):
        treated = block.treated[left[data.first == start]]
        units = np.where(kept, found.units, 0.0)
        if not len(treated) or units.sum() <= 0:
            raise ClusterError(
                "a cohort, or all weight of the controls, is in one cluster, so it cannot be left "
                "out; use inference='placebo'."
            )
        part = replace(block, treated=treated)
        size = treated[:, block.before :].size
        total += size * double_difference(part, units / units.sum(), found.periods)
        rows += size
    return total / rows


Replicate = Callable[[Outcomes, SyntheticFit, int, np.random.Generator], np.ndarray]
REPLICATES: dict[str, Replicate] = {"placebo": placebo_errors, "bootstrap": bootstrap_estimates}
"""Ways that estimate many times over, by name."""
