"""What repeated answers say: how stable a person's score is, and what changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, UnseenLevelError
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice
from cximpact.core.wording import number
from cximpact.imputation import crossed as cr
from cximpact.imputation import forward as fw
from cximpact.imputation import graph_fit as gf
from cximpact.imputation.learning import plot_learning
from cximpact.imputation.links import category_probabilities, log_category_probabilities
from cximpact.imputation.occasions import OccasionDrift, Paths
from cximpact.imputation.patterns import Patterns
from cximpact.scores.statistic import statistic_of

if TYPE_CHECKING:
    from cximpact.imputation.repeated import RepeatedAnswers

CHANGE_SCALES = ("score", "latent")
_THINNED = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatedFit:
    """What several answers of the same customers say.

    Parameters
    ----------
    fitted : Fitted
        Draws, verdict and origin.
    patterns : Patterns
        Patterns of answers and their customers.
    crossed : Crossed
        Factors of the occasions.
    settings : RepeatedAnswers
        Settings of the fit.
    """

    fitted: gf.Fitted = field(repr=False)
    patterns: Patterns = field(repr=False)
    crossed: cr.Crossed = field(repr=False)
    settings: RepeatedAnswers

    @property
    def draws(self) -> xr.Dataset:
        """Draws of ``sd``, ``reliability``, effects and cutpoints; with drift also of ``rho``."""
        return self.fitted.draws

    @property
    def learning(self) -> dict[str, float | bool]:
        """What the data said about the drift.

        Returns
        -------
        dict
            ``mean`` and ``sd`` of the posterior of ``rho``, ``prior_sd``, ``lags`` (how many
            distances between two answers of a customer occur) and ``learned``.

        Raises
        ------
        ConfigError
            If the fit has no drift.
        """
        found, drift = self._occasions, self.settings.drift
        if found is None or not isinstance(drift, OccasionDrift):
            raise ConfigError("this fit has no drift; use RepeatedAnswers(drift=True).")
        return drift.learning(self.draws["rho"].values, found.lags)

    def change(
        self, column: str, start: Any, end: Any, *, scale: str = "score", statistic: str = "score"
    ) -> xr.DataArray:
        """Draw the change of the same customers between two levels of a column.

        Parameters
        ----------
        column : str
            A factor, such as the period.
        start, end : object
            Its levels.
        scale : {"score", "latent"}
            Points of the score, over customers and occasions as they occur; or the latent scale.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``. The spread allows for the answers of one customer being
            alike, so that it is smaller than that of two independent samples; with drift they
            are less alike the further apart, and the spread allows for that too. A customer's
            own level drifts by nothing on average, so that the change is that of the column.
            The answer number is held as it is.

        Raises
        ------
        UnseenLevelError
            If a level does not occur.
        """
        check_choice(scale, "scale", CHANGE_SCALES)
        check_choice(column, "column", self.crossed.factors)
        levels = self.crossed.levels[column].tolist()
        if missing := [level for level in (start, end) if level not in levels]:
            raise UnseenLevelError(f"{column!r} has no level {missing[0]!r}; it has {levels[:10]}.")
        effect = self.draws[f"effect_{column}"].values
        at = [effect[:, levels.index(level)] for level in (start, end)]
        if scale == "latent":
            return self._labelled(at[1] - at[0], f"change of {column}", "latent")
        chosen = statistic_of(self.patterns.scale, statistic)
        others = self._latent() - effect[:, self.crossed.codes[column]]
        before, after = (self._scores(others + value[:, None], chosen.values) for value in at)
        return self._labelled(after - before, f"change of {column}", chosen.unit)

    def customers(self) -> pd.DataFrame:
        """Return what is known of each customer's own level.

        Returns
        -------
        pandas.DataFrame
            ``customer``, ``answers``, and ``mean`` and ``sd`` of the posterior of ``a_i``, on the
            latent scale, relative to the customer's cells; with drift, of ``a_it`` at the last
            answer. Customers of one pattern share them.
        """
        every = np.unique(np.linspace(0, self.draws.sizes[dr.SAMPLE] - 1, _THINNED).astype(int))
        rule, sd = self.settings.rule(), self.draws["sd"].values
        first, second = np.zeros(len(self.patterns.count)), np.zeros(len(self.patterns.count))
        for s, weight in zip(every, self._weights(every), strict=True):
            first += weight @ (sd[s] * rule.nodes) / len(every)
            second += weight @ (sd[s] * rule.nodes) ** 2 / len(every)
        table = self.patterns.customers
        of = table["pattern"].to_numpy()
        spread = np.sqrt(np.maximum(second - first**2, 0.0))
        return table[["customer", "answers"]].assign(mean=first[of], sd=spread[of])

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``; reliability first.
        """
        rest = self.draws.drop_vars("reliability")
        return gf.tidy_rows([self.draws["reliability"]], rest, self.patterns.n_answers, prob)

    def explain(self, prob: float = 0.9) -> str:
        """Say how stable customers are, and under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        row = summarize(self.draws["reliability"], prob).iloc[0]
        several = int((self.patterns.customers["answers"] > 1).sum())
        return (
            f"One answer has a reliability of {number(row['estimate'])} ({prob:.0%} credible "
            f"interval {number(row['conf_low'])} to {number(row['conf_high'])}), from "
            f"{self.patterns.n_answers:,} answers of {len(self.patterns.customers):,} customers, "
            f"{several:,} of whom answered more than once. "
        ) + self._words(prob)

    def _words(self, prob: float) -> str:
        """Say what moves answers, and what all of it rests on."""
        text, rests = "", "occasions that are independent given the customer"
        change = "moods that last over several answers raise the reliability"
        if "rho" in self.draws:
            rho = summarize(self.draws["rho"], prob).iloc[0]
            prior = "; not learned: the priors decide how much is drift, not the data"
            text = (
                "The level of a customer drifts: it keeps a correlation of "
                f"{number(rho['estimate'])} ({number(rho['conf_low'])} to "
                f"{number(rho['conf_high'])}) from one occasion to the next"
                f"{'' if self.learning['learned'] else prior}. "
            )
            rests = "drift that fades at the same rate for all customers"
            change = "customers who differ for good, beside a mood that passes"
        if "gamma" in self.draws:
            gamma = summarize(self.draws["gamma"], prob).iloc[0]
            text += (
                f"Each earlier answer moves the next by {number(gamma['estimate'])} on the latent "
                f"scale ({number(gamma['conf_low'])} to {number(gamma['conf_high'])}). "
            )
        return text + (
            f"This rests on {rests}, and on who answers again not depending on the answers that "
            f"are missing (neither is tested). What would change it: {change}."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the prior and the posterior of the standard deviation of customers within cells.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.densities`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("name", "sd of customers on the latent scale")
        prior = stats.halfnorm(scale=self.settings.sd_scale)
        return plot_learning(prior, {"posterior": self.draws["sd"].values}, **options)

    @property
    def _occasions(self) -> Paths | None:
        return self.settings.occasions(self.patterns)

    def _weights(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Weigh the nodes by the answers of each pattern, draw by draw."""
        rule, found, latent = self.settings.rule(), self._occasions, self._latent()
        cuts, sd = self.draws["cuts"].values, self.draws["sd"].values
        incidence = self.patterns.incidence
        for s in rows:
            eta = latent[s][:, None] + sd[s] * rule.nodes
            logp = log_category_probabilities(eta, cuts[s]).transpose(0, 2, 1)
            table = logp.reshape(-1, rule.n_nodes)
            if found is None:
                yield special.softmax(incidence @ table + rule.log_weights, axis=1)
            else:
                rho = float(self.draws["rho"].values[s])
                yield fw.last_weights(np.exp(table), rho, found, rule)

    def _latent(self) -> np.ndarray:
        eta = self.crossed.latent(self.draws)
        if "gamma" in self.draws:
            earlier = self.settings.earlier(self.patterns)
            eta = eta + self.draws["gamma"].values[:, None] * earlier
        return eta

    def _scores(self, eta: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Average the expected score over occasions as they occur, and over customers."""
        rule, sd = self.settings.rule(), self.draws["sd"].values[:, None]
        cuts = self.draws["cuts"].values[:, None, :]
        share = self.patterns.occasions / self.patterns.n_answers
        out = np.zeros(len(eta))
        for node, weight in zip(rule.nodes, np.exp(rule.log_weights), strict=True):
            out += weight * (category_probabilities(eta + sd * node, cuts) @ values) @ share
        return out

    def _labelled(self, values: np.ndarray, name: str, unit: str) -> xr.DataArray:
        pattern = self.draws["sd"]
        return dr.map(lambda sd: sd.copy(data=values).assign_attrs(unit=unit), pattern, name=name)
