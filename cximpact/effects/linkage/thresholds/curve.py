"""Behavior by score, draw by draw, at any score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.effects.linkage.thresholds.outcomes import Outcome
from cximpact.effects.linkage.thresholds.shapes import Candidates

_CUSTOMERS = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreCurve:
    """Draws of shape, threshold and coefficients, and the curve they give.

    Parameters
    ----------
    candidates : Candidates
        Shapes.
    outcomes : tuple of Outcome
        Outcomes.
    chosen : numpy.ndarray of int, shape (draw,)
        Candidate of each draw.
    coefficients : sequence of sequence of numpy.ndarray
        By outcome and part.
    x : numpy.ndarray, shape (customer, term)
        Covariates of those over whom it averages.
    """

    candidates: Candidates = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(repr=False)
    chosen: np.ndarray = field(repr=False)
    coefficients: Sequence[Sequence[np.ndarray]] = field(repr=False)
    x: np.ndarray = field(repr=False)

    @property
    def threshold(self) -> np.ndarray:
        """Threshold of each draw; NaN where its shape has none."""
        return self.candidates.threshold[self.chosen]

    @property
    def model(self) -> np.ndarray:
        """Model of each draw."""
        return np.array(self.candidates.model)[self.chosen]

    def means(self, scores: np.ndarray) -> np.ndarray:
        """Return the mean outcome at scores.

        Parameters
        ----------
        scores : numpy.ndarray, shape (score,)
            Any scores; beyond the ends the curve is flat.

        Returns
        -------
        numpy.ndarray, shape (draw, score, outcome)
            Means.
        """
        rows = np.array([self.candidates.heights(i, scores) for i in np.unique(self.chosen)])
        _, at = np.unique(self.chosen, return_inverse=True)
        return self._averaged(rows[at])

    def rise(self) -> np.ndarray:
        """Return what the shape adds from its bottom to its top.

        Returns
        -------
        numpy.ndarray, shape (draw, outcome)
            Differences; 0 where there is no shape.
        """
        ends = self._averaged(np.tile([0.0, 1.0], (self.chosen.size, 1)))
        return ends[:, 1] - ends[:, 0]

    def _averaged(self, h: np.ndarray) -> np.ndarray:
        found = [
            outcome.mean(values, h, self.x)
            for outcome, values in zip(self.outcomes, self.coefficients, strict=True)
        ]
        return np.stack(found, axis=-1)


def some_customers(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pick the customers over whom a curve averages, all where they are few.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, term)
        Covariates.
    rng : Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (customer, term)
        Some rows.
    """
    if len(x) <= _CUSTOMERS:
        return x
    return x[rng.choice(len(x), _CUSTOMERS, replace=False)]
