"""Score and behavior of everybody, fitted together."""

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
from cximpact.imputation.joint_graph import sd_of_reliability
from cximpact.imputation.learning import plot_learning
from cximpact.imputation.mixture import Mixture

if TYPE_CHECKING:
    from cximpact.imputation.joint import ScoreBehaviorModel


@dataclass(frozen=True, kw_only=True, eq=False)
class JointFit:
    """Score and behavior of everybody, fitted together.

    Parameters
    ----------
    fitted : Fitted
        Draws, verdict and origin.
    cells : Cells
        Groups of people.
    crossed : Crossed
        Factors of the groups.
    rule : NormalRule
        Nodes of the person effect.
    settings : ScoreBehaviorModel
        Settings of the fit.
    """

    fitted: gf.Fitted = field(repr=False)
    cells: Cells = field(repr=False)
    crossed: cr.Crossed = field(repr=False)
    rule: qd.NormalRule = field(repr=False)
    settings: ScoreBehaviorModel

    @property
    def draws(self) -> xr.Dataset:
        """Draws of the parameters; with a treatment, ``delta`` and ``theta`` are its effects."""
        return self.fitted.draws

    @property
    def sd(self) -> float:
        """Standard deviation of people within a cell, on the latent scale."""
        return sd_of_reliability(self.settings.reliability)

    def linkage(self) -> xr.DataArray:
        """Draw the linkage of score and behavior, on the scale of the latent standard deviation.

        Returns
        -------
        xarray.DataArray
            Change in the log odds of the behavior for one standard deviation of the latent score
            over everybody: ``lam sqrt(sd^2 + variance of the groups)``.
        """
        eta = self._latent(slice(None))
        share = self.cells.frame_weight / self.cells.frame_weight.sum()
        between = ((eta - (eta @ share)[:, None]) ** 2) @ share
        lam = self.draws["lam"]
        return lam.copy(data=lam.values * np.sqrt(self.sd**2 + between)).rename("linkage")

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
            Columns to split by; treatment and behavior are among them.
        target : {"finite", "super"}
            Answers as given, and those of the silent drawn given their behavior; or the expected
            score of anybody, of whom no behavior is known.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        rng : int or Generator, optional
            Randomness of the finite target; the seed of the fit by default.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups.
        """
        mixture = Mixture(
            draws=self.draws,
            cells=self.cells,
            eta=self._latent(slice(None)),
            sd=self.sd,
            rule=self.rule,
            evidence=self._behavior,
        )
        seed = self.fitted.provenance.seed if rng is None else rng
        return mixture.score(by, target=target, statistic=statistic, rng=seed)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return everybody's score, the linkage and the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        quantities = [self.score(), self.linkage()]
        return gf.tidy_rows(quantities, self.draws, self.cells.n_answered, prob)

    def explain(self, prob: float = 0.9) -> str:
        """Say how score and behavior hang together, and under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        score, linkage = (
            _words(summarize(draws, prob).iloc[0]) for draws in (self.score(), self.linkage())
        )
        text = (
            f"{self.cells.scale.name} of all {self.cells.n_frame:,} people is {score}; "
            f"intervals are {prob:.0%} credible. One standard deviation of satisfaction changes "
            f"the log odds of {self.settings.behavior!r} by {linkage}. "
        )
        if self.settings.treatment:
            delta, theta = (
                _words(summarize(self.draws[n], prob).iloc[0]) for n in ("delta", "theta")
            )
            text += (
                f"{self.settings.treatment!r} moves the latent score by {delta} and, at equal "
                f"satisfaction, the log odds of the behavior by {theta}. "
            )
        return text + (
            "This rests on answering at random given factors, treatment and behavior (not "
            f"testable), and on a reliability of {self.settings.reliability:g}, which one answer "
            "a person cannot show. What would change it: a cause of both score and behavior "
            "within cells; another reliability (see sensitivity)."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the prior and the posterior of ``lam``, the linkage at the reliability of the fit.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.densities`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("name", "log odds of behavior per latent unit")
        prior = stats.norm(scale=1 / self.sd)
        return plot_learning(prior, {"posterior": self.draws["lam"].values}, **options)

    def _latent(self, rows: slice) -> np.ndarray:
        draws = self.draws.isel(sample=rows)
        eta = self.crossed.latent(draws)
        if self.settings.treatment:
            treated = self.cells.index[self.settings.treatment].to_numpy(dtype=float)
            eta = eta + draws["delta"].values[:, None] * treated
        return eta

    def _behavior(self, rows: slice) -> np.ndarray:
        """Log probability of the behavior of each group at every node."""
        draws = self.draws.isel(sample=rows)
        logit = draws["kappa"].values[:, None] + self.crossed.latent(draws, "behavior")
        if self.settings.treatment:
            treated = self.cells.index[self.settings.treatment].to_numpy(dtype=float)
            logit = logit + draws["theta"].values[:, None] * treated
        eta = self._latent(rows)[..., None] + self.sd * self.rule.nodes
        sign = 2.0 * self.cells.index[self.settings.behavior].to_numpy(dtype=float) - 1
        lam = draws["lam"].values[:, None, None]
        return special.log_expit(sign[:, None] * (logit[..., None] + lam * eta))


def _words(row: pd.Series) -> str:
    return f"{number(row['estimate'])} ({number(row['conf_low'])} to {number(row['conf_high'])})"
