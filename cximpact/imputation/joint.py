"""One model of score and behavior, so that neither is imputed without the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import NoRespondentsError, TreatmentError
from cximpact.core.rng import RngLike, seed_of
from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.joint_fit import JointFit
from cximpact.imputation.joint_graph import build_joint, sd_of_reliability
from cximpact.imputation.priors import Priors


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreBehaviorModel:
    """Model answers, and a behavior that is known for everybody, together.

    Parameters
    ----------
    behavior : str
        0/1 column, known for everybody, such as whether a customer stayed.
    factors : sequence of str, optional
        Columns with effects on both; by default the wave's factors, and its period.
    treatment : str, optional
        0/1 column with an effect on both.
    reliability : float, default 0.7
        Reliability of one answer; it fixes the spread of people within a cell.
    priors : Priors
        Prior scales; ``slope_scale`` is that of the effects of the treatment.
    nodes : int, optional
        Gauss-Hermite nodes of the person effect; chosen for its spread by default.
    sampling : Sampling
        Length of sampling.

    Notes
    -----
    ``eta_i = cell_i + delta D_i + a_i`` with ``a_i ~ N(0, sd)``; ``P(y_i <= k) = F(c_k - eta_i)``
    where there is an answer; ``logit P(b_i = 1) = kappa + behavior cell_i + theta D_i + lam
    eta_i`` for everybody. ``a_i`` is integrated out by groups with equal cell, treatment, answer
    and behavior. One answer a person cannot tell ``sd`` from noise, hence ``reliability``:
    ``sd^2 / (sd^2 + pi^2 / 3)``; see `sensitivity`. All effects are conditional on ``a_i``.

    Estimand: the score of everybody, and the linkage of score and behavior among people of a
    cell. Assumption: answering is at random given cell, treatment and behavior, and the
    behavior depends on the answer only through the latent score. What breaks it: a cause of
    both within cells makes ``lam`` no effect of satisfaction.

    References
    ----------
    .. [1] Meng, X.-L. (1994). Multiple-imputation inferences with uncongenial sources of input.
       Statistical Science 9, 538-558.
    .. [2] Skrondal, A. and Rabe-Hesketh, S. (2004). Generalized Latent Variable Modeling.
       Chapman & Hall/CRC.
    """

    behavior: str
    factors: Sequence[str] | None = None
    treatment: str | None = None
    reliability: float = 0.7
    priors: Priors = field(default_factory=Priors)
    nodes: int | None = None
    sampling: gf.Sampling = field(default_factory=gf.Sampling)

    def __post_init__(self) -> None:
        if self.factors is not None:
            object.__setattr__(self, "factors", cr.column_list(self.factors, "factors"))
        qd.rule_for(sd_of_reliability(self.reliability), self.nodes)

    def fit(self, data: SurveyWave | Cells, *, rng: RngLike) -> JointFit:
        """Fit score and behavior together.

        Parameters
        ----------
        data : SurveyWave or Cells
            Everybody, with behavior, and the answers there are; cells must cross the factors,
            the treatment and the behavior.
        rng : int or Generator
            Randomness.

        Returns
        -------
        JointFit
            Draws of the model.

        Raises
        ------
        NoRespondentsError
            If nobody answered.
        TreatmentError
            If treatment or behavior is not 0 and 1, both of which occur.
        ConvergenceError
            If sampling failed the gate.
        """
        counts = self.cells(data)
        rule = qd.rule_for(sd_of_reliability(self.reliability), self.nodes)
        return self._fit(counts, rule, self.compile(counts, rule), rng)

    def sensitivity(
        self,
        data: SurveyWave | Cells,
        reliabilities: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9),
        *,
        rng: RngLike,
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Fit the model at several reliabilities; it is compiled once.

        Parameters
        ----------
        data : SurveyWave or Cells
            As for `fit`.
        reliabilities : sequence of float
            Reliabilities of one answer.
        rng : int or Generator
            Randomness.
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``reliability``, then ``term`` (the score, ``linkage`` and, with a treatment,
            ``delta`` and ``theta``) with its estimate and interval.
        """
        counts, seed = self.cells(data), seed_of(rng)
        rule = qd.rule_for(max(map(sd_of_reliability, reliabilities)), self.nodes)
        compiled = self.compile(counts, rule)
        tables = []
        for value in reliabilities:
            fit = replace(self, reliability=value)._fit(counts, rule, compiled, seed)
            quantities = [fit.score(), fit.linkage()]
            quantities += [fit.draws[name] for name in ("delta", "theta") if self.treatment]
            table = gf.tidy_rows(quantities, fit.draws[[]], counts.n_answered, prob)
            table.insert(0, "reliability", float(value))
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def cells(self, data: SurveyWave | Cells) -> Cells:
        """Count people by factors, treatment and behavior.

        Parameters
        ----------
        data : SurveyWave or Cells
            The people; cells come back as they are, once checked.

        Returns
        -------
        Cells
            The groups within which only the person effect differs.

        Raises
        ------
        NoRespondentsError
            If nobody answered.
        TreatmentError
            If treatment or behavior is not 0 and 1, both of which occur.
        """
        if data.n_answered == 0:
            raise NoRespondentsError(f"none of {data.n_frame} people answered.")
        binary = [c for c in (self.treatment, self.behavior) if c is not None]
        own = data.by if isinstance(data, Cells) else data.keys
        names = [c for c in (own if self.factors is None else self.factors) if c not in binary]
        counts = data if isinstance(data, Cells) else cells(data, by=[*names, *binary])
        for name in binary:
            found = set(counts.index[name].unique().tolist())
            if found != {0, 1}:
                shown = sorted(map(str, found))[:5]
                raise TreatmentError(f"Column {name!r} has the values {shown}; expected 0 and 1.")
        return counts

    def compile(self, counts: Cells, rule: qd.NormalRule) -> Any:
        """Compile the graph for counts of these cells.

        Parameters
        ----------
        counts : Cells
            From `cells`.
        rule : NormalRule
            Nodes of the person effect.

        Returns
        -------
        object
            For `core.sampling.sample`.
        """
        cr.check_size(counts.n_cells, rule.n_nodes, counts.scale.n_categories)
        sd = sd_of_reliability(self.reliability)
        return gf.compile_graph(build_joint(self, counts, self._crossed(counts), rule, sd))

    def _crossed(self, counts: Cells) -> cr.Crossed:
        return cr.cross(
            counts.index, [c for c in counts.by if c not in (self.treatment, self.behavior)]
        )

    def _fit(self, counts: Cells, rule: qd.NormalRule, compiled: Any, rng: RngLike) -> JointFit:
        sd = sd_of_reliability(self.reliability)
        fitted = gf.run(
            compiled.with_data(sd=np.asarray(sd)),
            self.sampling,
            method="ScoreBehaviorModel",
            settings={
                "by": list(counts.by),
                "behavior": self.behavior,
                "treatment": self.treatment,
                "reliability": self.reliability,
                "priors": self.priors.as_dict(),
                "nodes": rule.n_nodes,
            },
            data_hash=counts.data_hash,
            rng=rng,
        )
        return JointFit(
            fitted=fitted, cells=counts, crossed=self._crossed(counts), rule=rule, settings=self
        )
