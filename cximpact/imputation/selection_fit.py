"""Score and response of everybody, fitted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from cximpact.core.rng import RngLike
from cximpact.core.summaries import summarize
from cximpact.core.wording import number
from cximpact.data import Cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.learning import NOT_LEARNED, learning, plot_learning
from cximpact.imputation.mixture import Mixture

if TYPE_CHECKING:
    from cximpact.imputation.selection import SelectionModel


@dataclass(frozen=True, kw_only=True, eq=False)
class SelectionFit:
    """Score and response of everybody, fitted together.

    Parameters
    ----------
    fitted : Fitted
        Draws, verdict and origin.
    cells : Cells
        Counts of answers and of people.
    crossed : tuple of Crossed
        Factors of the score and of the response.
    rule : NormalRule
        Nodes of the person effect.
    settings : SelectionModel
        Settings of the fit.
    """

    fitted: gf.Fitted = field(repr=False)
    cells: Cells = field(repr=False)
    crossed: tuple[cr.Crossed, cr.Crossed] = field(repr=False)
    rule: qd.NormalRule = field(repr=False)
    settings: SelectionModel

    @property
    def draws(self) -> xr.Dataset:
        """Draws of the parameters."""
        return self.fitted.draws

    @property
    def learning(self) -> dict[str, Any]:
        """What the data said about ``lam``.

        Returns
        -------
        dict
            ``mean`` and ``sd`` of the posterior, ``prior_sd``, ``overlap`` (shared area of prior
            and posterior density, from 0 to 1) and ``learned`` (whether the posterior standard
            deviation is at most 0.8 of that of the prior).
        """
        return learning(self.draws["lam"].values, self.settings.lambda_sd)

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
            Columns to split by.
        target : {"finite", "super"}
            Answers as given, and those of the silent drawn given that they did not answer; or
            the expected score of anybody.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        rng : int or Generator, optional
            Randomness of the finite target; the seed of the fit by default.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups.
        """
        seed = self.fitted.provenance.seed if rng is None else rng
        return self.mixture().score(by, target=target, statistic=statistic, rng=seed)

    def mixture(self) -> Mixture:
        """Return the scores of the cells, whose people differ by the person effect.

        Returns
        -------
        Mixture
            Those who did not answer are weighed by how likely that was.
        """
        return Mixture(
            draws=self.draws,
            cells=self.cells,
            eta=self._latent(),
            sd=1.0,
            rule=self.rule,
            evidence=self._silence,
        )

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return everybody's score and the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return gf.tidy_rows([self.score()], self.draws, self.cells.n_answered, prob)

    def explain(self, prob: float = 0.9) -> str:
        """Say what the score of everybody is, and whether selection was learned from the data.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        score = summarize(self.score(), prob).iloc[0]
        return (
            f"{self.cells.scale.name} of all {self.cells.n_frame:,} people is "
            f"{number(score['estimate'])} ({prob:.0%} credible interval "
            f"{number(score['conf_low'])} to {number(score['conf_high'])}). "
            f"{self._selection_words(prob)} What would change it: an instrument that moves the "
            "score itself, or another distribution of satisfaction within cells."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the prior of ``lam`` and its posterior: where they are alike, nothing was learned.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.densities`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("name", "log odds of answering per sd of score")
        return plot_learning(
            stats.norm(scale=self.settings.lambda_sd), self._posteriors(), **options
        )

    def _posteriors(self) -> dict[str, np.ndarray]:
        """Draws of what has the prior of ``lam``, by name of the row of a picture."""
        return {"posterior": self.draws["lam"].values}

    def _latent(self) -> np.ndarray:
        """Latent score of a person with effect 0 in every cell."""
        return self.crossed[0].latent(self.draws)

    def _source(self) -> str:
        instrument = self.settings.instrument
        return f"the instrument {instrument!r}" if instrument else "the form of the model alone"

    def _selection_words(self, prob: float) -> str:
        """Say how answering depends on the score, and whether that was learned."""
        lam, found = summarize(self.draws["lam"], prob).iloc[0], self.learning
        verdict = "" if found["learned"] else f"{NOT_LEARNED}; "
        return (
            "One standard deviation of satisfaction within a cell changes the log odds of "
            f"answering by {number(lam['estimate'])} ({number(lam['conf_low'])} to "
            f"{number(lam['conf_high'])}). This is {verdict}identified by {self._source()}; prior "
            f"and posterior of it overlap by {found['overlap']:.0%}."
        )

    def _silence(self, rows: slice) -> np.ndarray:
        """Log probability of no answer at every node."""
        draws = self.draws.isel(sample=rows)
        level = draws["response"].values[:, None] + self.crossed[1].latent(draws, "response")
        logit = level[..., None] + draws["lam"].values[:, None, None] * self.rule.nodes
        return special.log_expit(-logit)
