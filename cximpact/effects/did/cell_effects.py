"""Treated cells as results: one set of draws behind every average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cximpact.core.errors import ClusterError
from cximpact.core.results import CELLS, EffectPosterior
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.did.aggregate import DIMENSIONS
from cximpact.effects.did.estimates import Claim, Design, Estimates, effect_result
from cximpact.effects.did.imputed_averages import ImputedCells


@dataclass(frozen=True, kw_only=True, eq=False)
class CellEffects:
    """The treated cells of one fit, to be averaged in several ways.

    Parameters
    ----------
    design : Design
        The data.
    found : ImputedCells
        Effects and their joint error.
    df : float or None
        Degrees of freedom.
    claim : callable
        From what the effects are averaged by to what the result says besides.
    draws : int
        How many draws.
    seed : int
        Of the draws.
    """

    design: Design = field(repr=False)
    found: ImputedCells = field(repr=False)
    df: float | None
    claim: Callable[[str], Claim] = field(repr=False)
    draws: int
    seed: int

    def aggregate(self, by: str, *, overall: bool = False) -> EffectPosterior:
        """Average the effects; see `EffectPosterior.aggregate`.

        Parameters
        ----------
        by : {"cell", "simple", "event", "group", "calendar"}
            Which averages.
        overall : bool, default False
            Average the averages.

        Returns
        -------
        EffectPosterior
            A new result.
        """
        found = self.found
        rows = found.cells.rows(by, overall=overall)
        found.refuse_undefined(rows, by)
        known = np.flatnonzero(~np.isnan(np.diag(found.covariance)))
        inner = found.covariance[np.ix_(known, known)]
        errors = t_errors(inner, self.df, size=self.draws, rng=self.seed)
        value = found.stack[rows]
        dims, coords = self._labels(by, rows)
        numbers = Estimates(
            value=value,
            covariance=found.covariance[np.ix_(rows, rows)],
            df=self.df,
            dims=dims,
            coords=coords,
            draws=value + errors[:, np.searchsorted(known, rows)],
        )
        self._check_error(numbers)
        claim = self.claim(by)
        shared = {CELLS: self, "covariance": numbers.covariance.copy()}
        claim = replace(claim, details={**claim.details, **shared})
        return effect_result(self.design, numbers, claim, draws=self.draws, rng=self.seed)

    def _labels(self, by: str, rows: np.ndarray) -> tuple[tuple[str, ...], dict[str, Any]]:
        cells = self.found.cells
        if by == "cell":
            labels = {"cohort": ("cell", cells.cohort), "period": ("cell", cells.period)}
            return ("cell",), labels
        if by == "simple" or len(rows) < len(cells.labels(by)):
            return (), {}
        labels = cells.labels(by)
        labels = labels.astype(int) if (labels == np.round(labels)).all() else labels
        return (DIMENSIONS[by],), {DIMENSIONS[by]: labels}

    def _check_error(self, numbers: Estimates) -> None:
        if (numbers.std_error <= 1e-12 * np.maximum(np.abs(numbers.value), 1e-300)).any():
            raise ClusterError(
                f"the {self.design.n_clusters} clusters are fitted exactly, and the data hold "
                "nothing about their errors."
            )


def by_words(by: str) -> str:
    """Say what effects are averaged by, for the estimand.

    Parameters
    ----------
    by : {"cell", "simple", "event", "group", "calendar"}
        Which averages.

    Returns
    -------
    str
        A clause.
    """
    words = {"event": "event time", "group": "cohort", "calendar": "period", "cell": "cell"}
    return f"by {words[by]}" if by in words else "averaged over treated rows"
