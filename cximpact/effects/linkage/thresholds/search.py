"""The posterior of shape and threshold, summed over a grid and never sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy import special

from cximpact.effects.linkage.thresholds.outcomes import Outcome
from cximpact.effects.linkage.thresholds.shapes import KINK, NONE, STEP, Candidates


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """Evidence of every candidate shape.

    Parameters
    ----------
    candidates : Candidates
        Shapes.
    outcomes : tuple of Outcome
        Outcomes that share the shape.
    log_evidence : numpy.ndarray, shape (candidate, outcome)
        Log probability of each outcome's data under each shape.
    """

    candidates: Candidates = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(repr=False)
    log_evidence: np.ndarray = field(repr=False)

    @property
    def probability(self) -> np.ndarray:
        """Posterior probability of each candidate."""
        return special.softmax(self.log_evidence.sum(axis=1) + self.candidates.log_prior)

    @property
    def model_probability(self) -> xr.DataArray:
        """Posterior probability of each model."""
        names = self.candidates.names
        values = [float(self.probability[self.candidates.is_model(name)].sum()) for name in names]
        return xr.DataArray(
            values, dims="model", coords={"model": list(names)}, name="model_probability"
        )

    @property
    def threshold_probability(self) -> xr.DataArray:
        """Posterior probability of each threshold, given that there is one."""
        grid = self.candidates.grid
        return xr.DataArray(
            self._at_thresholds(self.log_evidence.sum(axis=1)),
            dims="threshold",
            coords={"threshold": grid},
            name="threshold_probability",
        )

    def by_outcome(self) -> xr.DataArray:
        """Return what each outcome alone says about the threshold.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(outcome, threshold)``.
        """
        return xr.DataArray(
            np.stack([self._at_thresholds(column) for column in self.log_evidence.T]),
            dims=("outcome", "threshold"),
            coords={
                "outcome": [o.name for o in self.outcomes],
                "threshold": self.candidates.grid,
            },
            name="threshold_probability",
        )

    @property
    def log_bayes_factor(self) -> float:
        """Log evidence of a threshold over that of none, whatever their prior probabilities."""
        has = self.candidates.is_model(STEP, KINK)
        return self._log_mean(has) - self._log_mean(~has)

    def draw(self, size: int, rng: np.random.Generator, *, shape: str) -> np.ndarray:
        """Draw candidates.

        Parameters
        ----------
        size : int
            How many.
        rng : Generator
            Randomness.
        shape : {"step", "kink", "any"}
            A step or kink takes for granted that there is one.

        Returns
        -------
        numpy.ndarray of int, shape (draw,)
            Numbers of candidates.
        """
        p = self.probability * (1 if shape == "any" else ~self.candidates.is_model(NONE))
        return rng.choice(p.size, size, p=p / p.sum())

    def coefficients(self, chosen: np.ndarray, rng: np.random.Generator) -> list[list[np.ndarray]]:
        """Draw coefficients given the candidate of each draw.

        Parameters
        ----------
        chosen : numpy.ndarray of int, shape (draw,)
            Candidates.
        rng : Generator
            Randomness.

        Returns
        -------
        list of list of numpy.ndarray, shape (draw, coefficient)
            For each outcome, for each of its parts.
        """
        out: list[list[np.ndarray]] = []
        for outcome in self.outcomes:
            parts: list[np.ndarray] = []
            for part in outcome.parts:
                blocks = {
                    i: part.draw(heights_or_none(self.candidates, i, part.score), count, rng)
                    for i, count in zip(*np.unique(chosen, return_counts=True), strict=True)
                }
                width = next(iter(blocks.values())).shape[1]
                values = np.empty((chosen.size, width))
                for i, block in blocks.items():
                    values[chosen == i] = block
                parts.append(values)
            out.append(parts)
        return out

    def _at_thresholds(self, log_evidence: np.ndarray) -> np.ndarray:
        has = self.candidates.is_model(STEP, KINK)
        p = special.softmax(log_evidence[has] + self.candidates.log_prior[has])
        at = np.searchsorted(self.candidates.grid, self.candidates.threshold[has])
        return np.bincount(at, weights=p, minlength=self.candidates.grid.size)

    def _log_mean(self, which: np.ndarray) -> float:
        """Log of the prior mean of the evidence among some candidates."""
        prior = self.candidates.log_prior[which]
        value = special.logsumexp(self.log_evidence.sum(axis=1)[which] + prior)
        return float(value - special.logsumexp(prior))


def search(candidates: Candidates, outcomes: Sequence[Outcome]) -> Search:
    """Work out the evidence of every candidate.

    Parameters
    ----------
    candidates : Candidates
        Shapes.
    outcomes : sequence of Outcome
        Outcomes that share the shape; given it they are taken as independent.

    Returns
    -------
    Search
        The posterior.
    """
    table = np.array(
        [
            [
                sum(
                    part.log_evidence(heights_or_none(candidates, i, part.score))
                    for part in outcome.parts
                )
                for outcome in outcomes
            ]
            for i in range(len(candidates.model))
        ]
    )
    return Search(candidates=candidates, outcomes=tuple(outcomes), log_evidence=table)


def heights_or_none(candidates: Candidates, i: int, scores: np.ndarray) -> np.ndarray | None:
    """Return how far up a shape scores are, or None where there is no shape.

    Parameters
    ----------
    candidates : Candidates
        Shapes.
    i : int
        Which.
    scores : numpy.ndarray
        Scores.

    Returns
    -------
    numpy.ndarray or None
        Between 0 and 1.
    """
    return None if candidates.model[i] == NONE else candidates.heights(i, scores)
