"""Scores of people whose personal effect is not known and is averaged over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy import special

from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_choice
from cximpact.data import Cells
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.poststratify import label, margin
from cximpact.imputation.quadrature import NormalRule
from cximpact.scores.statistic import statistic_of

TARGETS = ("finite", "super")
_BUDGET = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Drawn latent scores of cells whose people differ by a normal effect.

    Parameters
    ----------
    draws : xarray.Dataset
        With ``cuts``.
    cells : Cells
        Counts of answers and of people.
    eta : numpy.ndarray, shape (sample, cell)
        Latent scores of a person with effect 0.
    sd : float
        Standard deviation of the effect.
    rule : NormalRule
        Nodes of the effect.
    evidence : callable
        From a slice of the draws to the log likelihood, at every node, of what is known about
        the people of a cell who did not answer, shape (some draws, cell, node).
    """

    draws: xr.Dataset = field(repr=False)
    cells: Cells = field(repr=False)
    eta: np.ndarray = field(repr=False)
    sd: float
    rule: NormalRule = field(repr=False)
    evidence: Callable[[slice], np.ndarray] = field(repr=False)

    def probabilities(self, rows: slice, *, silent: bool = True) -> np.ndarray:
        """Work out the answer probabilities of the people of every cell.

        Parameters
        ----------
        rows : slice
            Which draws.
        silent : bool, default True
            Those who did not answer, given what is known about them; otherwise anybody.

        Returns
        -------
        numpy.ndarray, shape (some draws, cell, category)
            Sums to 1.
        """
        log_weight = np.broadcast_to(
            self.rule.log_weights, (*self.eta[rows].shape, self.rule.n_nodes)
        )
        log_weight = log_weight + self.evidence(rows) if silent else log_weight
        weight = special.softmax(log_weight, axis=-1)
        cuts = self.draws["cuts"].values[rows][:, None, :]
        out = np.zeros((*self.eta[rows].shape, cuts.shape[-1] + 1))
        for h, node in enumerate(self.rule.nodes):
            out += weight[..., h, None] * category_probabilities(
                self.eta[rows] + self.sd * node, cuts
            )
        return out / out.sum(axis=-1, keepdims=True)

    def slices(self) -> list[slice]:
        """Cut the draws into pieces that fit into memory."""
        wide = self.rule.n_nodes + self.cells.scale.n_categories
        step = max(1, _BUDGET // (self.eta.shape[1] * wide))
        return [slice(start, start + step) for start in range(0, len(self.eta), step)]

    def score(
        self,
        by: str | Sequence[str] | None,
        *,
        target: str,
        statistic: str,
        rng: RngLike,
    ) -> xr.DataArray:
        """Draw the score of everybody.

        Parameters
        ----------
        by : str, sequence of str or None
            Columns of the cells to split by.
        target : {"finite", "super"}
            Answers as given and the others drawn; or the expected score of the process.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        rng : int or Generator
            Randomness of the finite target.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups.
        """
        check_choice(target, "target", TARGETS)
        chosen = statistic_of(self.cells.scale, statistic)
        groups = margin(self.cells, by)
        sums = self._finite if target == "finite" else self._expected
        (stream,) = spawn(rng, "score")
        total = groups.total(sums(chosen.values, stream))
        values = total / groups.total(self.cells.frame_weight)
        name = f"{self.cells.scale.name} {statistic}"
        return label(values, groups, self.draws, name=name, unit=chosen.unit)

    def _finite(self, values: np.ndarray, stream: np.random.Generator) -> np.ndarray:
        answered = self.cells.dense(self.cells.weight)
        silent = np.rint(self.cells.frame_count - self.cells.answered).astype(np.int64)
        weight = np.maximum(self.cells.frame_weight - answered.sum(axis=1), 0.0)
        each = np.divide(weight, silent, out=np.zeros_like(weight), where=silent > 0)
        drawn = [
            stream.multinomial(silent, self.probabilities(rows)) @ values * each
            for rows in self.slices()
        ]
        return answered @ values + np.concatenate(drawn)

    def _expected(self, values: np.ndarray, stream: np.random.Generator) -> np.ndarray:
        parts = [self.probabilities(rows, silent=False) @ values for rows in self.slices()]
        return np.concatenate(parts) * self.cells.frame_weight
