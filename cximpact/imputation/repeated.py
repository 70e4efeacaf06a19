"""Customers who answer several times: how stable a person's score is, and what changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, InsufficientDataError, UnseenLevelError
from cximpact.core.rng import RngLike
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.core.wording import number
from cximpact.data import SurveyWave
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.links import category_probabilities, log_category_probabilities
from cximpact.imputation.patterns import Patterns, patterns
from cximpact.imputation.priors import Priors
from cximpact.scores.statistic import statistic_of

CHANGE_SCALES = ("score", "latent")
_THINNED = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatedAnswers:
    """Let the answers of one customer hang together.

    Parameters
    ----------
    factors : sequence of str, optional
        Columns with effects on the score; by default the wave's factors and its period.
    number : str, optional
        Column with the number of the answer, from `answer_number`, for panel conditioning.
    number_cap : int, default 5
        Answers after this many count like it.
    sd_scale : float, default 2
        Scale of the half-normal of the standard deviation of customers within cells.
    priors : Priors
        Prior scales; ``slope_scale`` is that of panel conditioning.
    nodes : int, optional
        Gauss-Hermite nodes of the customer effect; by default enough for standard deviations
        up to 2.5 times ``sd_scale``.
    sampling : Sampling
        Length of sampling.

    Notes
    -----
    ``eta_it = cell_it + gamma (min(number_it, cap) - 1) + a_i`` with ``a_i ~ N(0, sd)`` and
    ``P(y_it <= k) = F(c_k - eta_it)``. Each occasion adds logistic noise of variance ``pi^2 / 3``
    of its own, independent of the one before: that is the occasion drift of this model.
    ``a_i`` is integrated out once for all customers with identical answers in identical cells.

    Estimand: changes within customers, conditional on ``a_i``; reliability ``sd^2 / (sd^2 +
    pi^2 / 3)`` of one answer. Customers with one answer say nothing about ``sd``. Assumption:
    who answers again does not depend on the answers that are missing. What breaks it: moods
    that last over several answers (autocorrelated occasions) are taken for stable differences
    and raise the reliability. If everybody answers in every period, period and number are the
    same column, and only the priors tell them apart.

    References
    ----------
    .. [1] Hedeker, D. and Gibbons, R. D. (1994). A random-effects ordinal regression model for
       multilevel analysis. Biometrics 50, 933-944.
    """

    factors: Sequence[str] | None = None
    number: str | None = None
    number_cap: int = 5
    sd_scale: float = 2.0
    priors: Priors = field(default_factory=Priors)
    nodes: int | None = None
    sampling: gf.Sampling = field(default_factory=gf.Sampling)

    def __post_init__(self) -> None:
        if self.factors is not None:
            object.__setattr__(self, "factors", cr.column_list(self.factors, "factors"))
        check_count(self.number_cap, "number_cap", low=2)
        check_number(self.sd_scale, "sd_scale", low=0, open_low=True)
        self.rule()

    def rule(self) -> qd.NormalRule:
        """Choose the nodes of the customer effect.

        Returns
        -------
        NormalRule
            Nodes and weights.
        """
        return qd.rule_for(2.5 * self.sd_scale, self.nodes)

    def fit(self, wave: SurveyWave, *, rng: RngLike) -> RepeatedFit:
        """Fit the model to all answers of all customers.

        Parameters
        ----------
        wave : SurveyWave
            One row an answer, with a customer.
        rng : int or Generator
            Randomness.

        Returns
        -------
        RepeatedFit
            Draws of the model.

        Raises
        ------
        ConfigError
            If the wave names no customer.
        InsufficientDataError
            If nobody answered twice.
        ConvergenceError
            If sampling failed the gate.
        """
        if wave.customer is None:
            raise ConfigError("the wave names no customer; give SurveyWave(customer=...).")
        names = tuple(wave.keys) if self.factors is None else tuple(self.factors)
        extra = (self.number,) if self.number else ()
        data = patterns(wave, [*names, *(c for c in extra if c not in names)])
        if data.codes.shape[1] < 2:
            raise InsufficientDataError(
                f"each of {len(data.customers):,} customers answered once; expected some with "
                "several answers. Use OrdinalImputer for single answers."
            )
        return self.fit_patterns(data, names, gf.compile_graph(self.model(data, names)), rng)

    def model(self, data: Patterns, names: Sequence[str]) -> Any:
        """Write the model as a PyMC graph.

        Parameters
        ----------
        data : Patterns
            Patterns and their customers.
        names : sequence of str
            Columns of the index with effects.

        Returns
        -------
        pymc.Model
            Variables ``p0, cuts, effect_<factor>, sd, reliability`` and, with a number,
            ``gamma``; data ``count``.
        """
        import pymc as pm
        import pytensor.tensor

        pt: Any = pytensor.tensor

        rule, n, crossed = self.rule(), data.scale.n_categories, cr.cross(data.index, names)
        cr.check_size(len(data.count), max(rule.n_nodes, len(data.index)), n)
        with pm.Model(coords=cr.coords_of(n, crossed)) as model:
            cuts, sd = cr.cutpoints(self.priors, n), pm.HalfNormal("sd", self.sd_scale)
            pm.Deterministic("reliability", sd**2 / (sd**2 + np.pi**2 / 3))
            cell = cr.effects(crossed, self.priors)
            if self.number:
                cell = cell + pm.Normal("gamma", 0, self.priors.slope_scale) * self.earlier(data)
            logp = qd.graph_log_probabilities(cell[:, None] + sd * rule.nodes, cuts)
            table = logp.dimshuffle(0, 2, 1).reshape((len(data.index) * n, rule.n_nodes))
            pattern = qd.graph_log_mean(pt.dot(data.incidence, table), rule)
            pm.Potential("answers", (pm.Data("count", data.count) * pattern).sum())
        return model

    def earlier(self, data: Patterns) -> np.ndarray:
        """Count the answers before each occasion, up to the cap.

        Parameters
        ----------
        data : Patterns
            Patterns.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Zero without a number.
        """
        if not self.number:
            return np.zeros(len(data.index))
        values = data.index[self.number].to_numpy(dtype=float)
        return np.minimum(values, self.number_cap) - 1

    def fit_patterns(
        self, data: Patterns, names: Sequence[str], compiled: Any, rng: RngLike
    ) -> RepeatedFit:
        """Fit the model to patterns, with a graph that was compiled before.

        Parameters
        ----------
        data : Patterns
            Patterns and their customers.
        names : sequence of str
            Columns of the index with effects.
        compiled : object
            `model` of the same patterns, compiled; counts may differ.
        rng : int or Generator
            Randomness.

        Returns
        -------
        RepeatedFit
            Draws of the model.
        """
        fitted = gf.run(
            compiled.with_data(count=data.count),
            self.sampling,
            method="RepeatedAnswers",
            settings={
                "factors": list(names),
                "number": self.number,
                "number_cap": self.number_cap,
                "sd_scale": self.sd_scale,
                "priors": self.priors.as_dict(),
                "nodes": self.rule().n_nodes,
            },
            data_hash=data.data_hash,
            rng=rng,
        )
        crossed = cr.cross(data.index, names)
        return RepeatedFit(fitted=fitted, patterns=data, crossed=crossed, settings=self)


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
        """Draws of the parameters: ``sd``, ``reliability``, effects and cutpoints."""
        return self.fitted.draws

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
            alike, so that it is smaller than that of two independent samples. The answer number
            is held as it is.

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
            latent scale, relative to the customer's cells. Customers of one pattern share them.
        """
        every = np.unique(np.linspace(0, self.draws.sizes[dr.SAMPLE] - 1, _THINNED).astype(int))
        rule, latent = self.settings.rule(), self._latent()
        cuts, sd = self.draws["cuts"].values, self.draws["sd"].values
        incidence = self.patterns.incidence
        first, second = np.zeros(len(incidence)), np.zeros(len(incidence))
        for s in every:
            eta = latent[s][:, None] + sd[s] * rule.nodes
            logp = log_category_probabilities(eta, cuts[s]).transpose(0, 2, 1)
            logs = incidence @ logp.reshape(-1, rule.n_nodes) + rule.log_weights
            weight = special.softmax(logs, axis=1)
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
        text = (
            f"One answer has a reliability of {number(row['estimate'])} ({prob:.0%} credible "
            f"interval {number(row['conf_low'])} to {number(row['conf_high'])}), from "
            f"{self.patterns.n_answers:,} answers of {len(self.patterns.customers):,} customers, "
            f"{several:,} of whom answered more than once. "
        )
        if "gamma" in self.draws:
            gamma = summarize(self.draws["gamma"], prob).iloc[0]
            text += (
                f"Each earlier answer moves the next by {number(gamma['estimate'])} on the latent "
                f"scale ({number(gamma['conf_low'])} to {number(gamma['conf_high'])}). "
            )
        return text + (
            "This rests on occasions that are independent given the customer, and on who answers "
            "again not depending on the answers that are missing (neither is tested). What would "
            "change it: moods that last over several answers raise the reliability."
        )

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
