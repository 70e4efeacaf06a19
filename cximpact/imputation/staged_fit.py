"""Score and stages of the response of everybody, fitted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import ConfigError, join_names
from cximpact.core.rng import RngLike
from cximpact.core.summaries import summarize
from cximpact.core.wording import number
from cximpact.imputation.learning import NOT_LEARNED, learning
from cximpact.imputation.response_stages import REACHED, STAGE_DIM, StagedCells, log_progress
from cximpact.imputation.selection_fit import SelectionFit


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedSelectionFit(SelectionFit):
    """Score of everybody, and every stage of their response, fitted together.

    Parameters
    ----------
    fitted : Fitted
        Draws, verdict and origin; ``lam`` and ``response`` have one entry a stage.
    cells : Cells
        Counts by the columns of the model and ``reached``, the number of modeled stages passed.
    crossed : tuple of Crossed
        Factors of the score and of the response, of the rows of ``staged.index``.
    rule : NormalRule
        Nodes of the person effect.
    settings : SelectionModel
        Settings of the fit.
    staged : StagedCells
        Who got how far.
    """

    staged: StagedCells = field(repr=False)

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages that were modeled, in order; ``answered`` is the step to an answer."""
        return self.staged.stages

    @property
    def left_out(self) -> tuple[str, ...]:
        """Stages that everybody passed who got there; they tell nothing and are not modeled."""
        return self.staged.left_out

    @property
    def learning(self) -> dict[str, Any]:
        """What the data said about ``lam`` of every stage.

        Returns
        -------
        dict
            Stage to ``mean``, ``sd``, ``prior_sd``, ``overlap`` and ``learned``, as those of
            `SelectionFit.learning`.
        """
        prior_sd = self.settings.lambda_sd
        return {name: learning(values, prior_sd) for name, values in self._posteriors().items()}

    def learned(self) -> pd.DataFrame:
        """Return what was learned as a table.

        Returns
        -------
        pandas.DataFrame
            One row a modeled stage: ``stage, mean, sd, prior_sd, overlap, learned``.
        """
        table = pd.DataFrame(self.learning.values())
        table.insert(0, "stage", list(self.stages))
        return table

    def score(
        self,
        by: str | Sequence[str] | None = None,
        *,
        target: str = "finite",
        statistic: str = "score",
        rng: RngLike = None,
    ) -> xr.DataArray:
        """Draw the score of everybody.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by; ``"reached"`` (how many of `stages` somebody passed) is among
            them.
        target : {"finite", "super"}
            Answers as given, and those of the silent drawn given how far they got; or the
            expected score of anybody.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        rng : int or Generator, optional
            Randomness of the finite target; the seed of the fit by default.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups.

        Raises
        ------
        ConfigError
            If anybody is to be split by how far they got.
        """
        if target == "super" and REACHED in ([by] if isinstance(by, str) else list(by or ())):
            raise ConfigError(
                f"target 'super' is anybody, of whom it is not known how far they got; split by "
                f"{REACHED!r} with target 'finite'."
            )
        return super().score(by, target=target, statistic=statistic, rng=rng)

    def _posteriors(self) -> dict[str, np.ndarray]:
        lam = self.draws["lam"]
        return {name: lam.sel({STAGE_DIM: name}).values for name in self.stages}

    def _latent(self) -> np.ndarray:
        return super()._latent()[:, self.staged.row]

    def _silence(self, rows: slice) -> np.ndarray:
        """Log probability of getting as far as each cell, at every node."""
        draws = self.draws.isel(sample=rows)
        return log_progress(draws, self.staged, self.crossed[1], self.rule.nodes)

    def _selection_words(self, prob: float) -> str:
        """Say how each stage depends on the score, and whether that was learned."""
        rows, parts = summarize(self.draws["lam"], prob), []
        for (name, found), (_, row) in zip(self.learning.items(), rows.iterrows(), strict=True):
            verdict = "" if found["learned"] else f", {NOT_LEARNED}"
            parts.append(
                f"{name} {number(row['estimate'])} ({number(row['conf_low'])} to "
                f"{number(row['conf_high'])}; prior and posterior overlap by "
                f"{found['overlap']:.0%}{verdict})"
            )
        text = (
            "One standard deviation of satisfaction within a cell changes the log odds of "
            f"passing a stage, once it is reached, by: {', '.join(parts)}. Identified by "
            f"{self._source()}."
        )
        if self.left_out:
            text += f" Left out, as everybody passed who got there: {join_names(self.left_out)}."
        return text
