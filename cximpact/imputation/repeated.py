"""Customers who answer several times: the model of how their answers hang together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, DtypeError, InsufficientDataError
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_count, check_number
from cximpact.data import SurveyWave
from cximpact.imputation import crossed as cr
from cximpact.imputation import forward as fw
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.occasions import OccasionDrift, Paths, paths
from cximpact.imputation.patterns import Patterns, patterns
from cximpact.imputation.priors import Priors
from cximpact.imputation.repeated_fit import RepeatedFit


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
    drift : bool or OccasionDrift, default False
        Let the customer's own level drift between occasions, by default the wave's periods.

    Notes
    -----
    ``eta_it = cell_it + gamma (min(number_it, cap) - 1) + a_i`` with ``a_i ~ N(0, sd)`` and
    ``P(y_it <= k) = F(c_k - eta_it)``. Each occasion adds logistic noise of variance ``pi^2 / 3``
    of its own, independent of the one before. ``a_i`` is integrated out once for all customers
    with identical answers in identical cells. With drift, ``a_it`` is a stationary first-order
    autoregression with the same ``sd`` and correlation ``rho`` over a distance of 1, integrated
    by `forward.forward`; ``rho = 1`` is the constant effect. To tell ``rho`` from ``sd``, some
    customers need answers at three occasions, or pairs at different distances.

    Estimand: changes within customers, conditional on ``a_i``; reliability ``sd^2 / (sd^2 +
    pi^2 / 3)`` of one answer. Customers with one answer say nothing about ``sd``. Assumption:
    who answers again does not depend on the answers that are missing. What breaks it: without
    drift, moods that last over several answers (autocorrelated occasions) are taken for stable
    differences, and changes over long distances look surer than they are. If everybody answers
    in every period, period and number are the same column, and only the priors tell them apart.

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
    drift: bool | OccasionDrift = False

    def __post_init__(self) -> None:
        if self.factors is not None:
            object.__setattr__(self, "factors", cr.column_list(self.factors, "factors"))
        check_count(self.number_cap, "number_cap", low=2)
        check_number(self.sd_scale, "sd_scale", low=0, open_low=True)
        if isinstance(self.drift, bool):
            object.__setattr__(self, "drift", OccasionDrift() if self.drift else False)
        elif not isinstance(self.drift, OccasionDrift):
            raise DtypeError(
                f"drift is {self.drift!r}; expected True, False or OccasionDrift(...)."
            )
        self.rule()

    def rule(self) -> qd.NormalRule:
        """Choose the nodes of the customer effect.

        Returns
        -------
        NormalRule
            Nodes and weights.
        """
        choose = fw.drift_rule if self.drift else qd.rule_for
        return choose(2.5 * self.sd_scale, self.nodes)

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
            If the wave names no customer, or with drift no time.
        InsufficientDataError
            If nobody answered twice, or with drift at two times.
        ConvergenceError
            If sampling failed the gate.
        """
        if wave.customer is None:
            raise ConfigError("the wave names no customer; give SurveyWave(customer=...).")
        names = tuple(wave.keys) if self.factors is None else tuple(self.factors)
        drift = self.drift.resolve(wave) if isinstance(self.drift, OccasionDrift) else False
        extra = (self.number, drift.column if drift else None)
        columns = list(dict.fromkeys([*names, *(c for c in extra if c)]))
        data, model = patterns(wave, columns), replace(self, drift=drift)
        if data.codes.shape[1] < 2:
            raise InsufficientDataError(
                f"each of {len(data.customers):,} customers answered once; expected some with "
                "several answers. Use OrdinalImputer for single answers."
            )
        if drift and (found := model.occasions(data)):
            found.check(str(drift.column))
        return model.fit_patterns(data, names, gf.compile_graph(model.model(data, names)), rng)

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
            Variables ``p0, cuts, effect_<factor>, sd, reliability``; with a number ``gamma``;
            with drift ``rho`` and ``retest``, the correlation of two answers at distance 1;
            data ``count``.
        """
        import pymc as pm
        import pytensor.tensor

        pt: Any = pytensor.tensor

        rule, n, crossed = self.rule(), data.scale.n_categories, cr.cross(data.index, names)
        found = self.occasions(data)
        rows = len(data.count) if found is None else found.n_beginnings
        cr.check_size(rows, max(rule.n_nodes, len(data.index)), n)
        with pm.Model(coords=cr.coords_of(n, crossed)) as model:
            cuts, sd = cr.cutpoints(self.priors, n), pm.HalfNormal("sd", self.sd_scale)
            pm.Deterministic("reliability", sd**2 / (sd**2 + np.pi**2 / 3))
            cell = cr.effects(crossed, self.priors)
            if self.number:
                cell = cell + pm.Normal("gamma", 0, self.priors.slope_scale) * self.earlier(data)
            logp = qd.graph_log_probabilities(cell[:, None] + sd * rule.nodes, cuts)
            table = logp.dimshuffle(0, 2, 1).reshape((len(data.index) * n, rule.n_nodes))
            if found is not None and isinstance(self.drift, OccasionDrift):
                rho = pm.Beta("rho", *self.drift.prior)
                pm.Deterministic("retest", rho * sd**2 / (sd**2 + np.pi**2 / 3))
                pattern = fw.graph_log_likelihood(pt.exp(table), rho, found, rule)
            else:
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

    def occasions(self, data: Patterns) -> Paths | None:
        """Sort the answers in time.

        Parameters
        ----------
        data : Patterns
            Patterns.

        Returns
        -------
        Paths or None
            None without drift.
        """
        if not isinstance(self.drift, OccasionDrift):
            return None
        return paths(data, self.drift.times(data.index))

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
                "drift": vars(self.drift) if isinstance(self.drift, OccasionDrift) else False,
            },
            data_hash=data.data_hash,
            rng=rng,
        )
        crossed = cr.cross(data.index, names)
        return RepeatedFit(fitted=fitted, patterns=data, crossed=crossed, settings=self)
