"""Answering that depends on the score itself: a selection model with a shared person effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cximpact.core.errors import ConfigError, NoRespondentsError
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice, check_number
from cximpact.data import Cells, SurveyWave, cells
from cximpact.data.survey import STAGES
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.priors import Priors
from cximpact.imputation.response_stages import StagedCells, build_staged, count_stages
from cximpact.imputation.selection_fit import SelectionFit
from cximpact.imputation.staged_fit import StagedSelectionFit

_Columns = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SelectionModel:
    """Let the chance of an answer depend on how satisfied a person is.

    Parameters
    ----------
    factors : sequence of str, optional
        Columns with effects on the score; the wave's factors by default.
    response_factors : sequence of str, optional
        Columns with effects on answering; ``factors`` by default.
    instrument : str, optional
        Column that moves answering and cannot move the score, such as a randomized reminder.
    lambda_sd : float, default 0.5
        Standard deviation of the normal prior of ``lam``, around 0 (missing at random).
    priors : Priors
        Prior scales of the factors.
    nodes : int, default 15
        Gauss-Hermite nodes of the person effect.
    sampling : Sampling
        Length of sampling.
    stages : bool or sequence of str, default False
        Model every stage of the wave (delivered, opened, started, completed), or those named,
        and the step to an answer, each given the one before, with effects and a ``lam`` of its
        own. Leave out ``"opened"`` where opens are misrecorded.

    Notes
    -----
    ``eta_i = cell_i + u_i``, ``P(y_i <= k) = F(c_k - eta_i)``, ``logit P(R_i = 1) = response
    cell_i + lam u_i`` with ``u_i ~ N(0, 1)``. Only the unit of ``u`` fixes the scale of ``lam``:
    it is the change in the log odds of answering for one standard deviation of satisfaction
    within a cell, and all effects are conditional on ``u``. ``u`` is integrated out in each cell,
    so that the cost does not grow with the number of people.

    Estimand: the score of everybody in the frame when those who answer differ from those who do
    not, within a cell. Identified by an instrument (excluded from the score, and moving the
    response). Without one only the form of the model speaks about ``lam``, and the prior
    decides; `SelectionFit.learning` says how much was learned. An instrument that moves the
    score breaks it, and the data cannot show that.

    With stages, ``P(R_i = 1)`` is the product over stages ``s`` of ``expit(response_s cell_i +
    lam_s u_i)``, and those who stopped at a stage count with the product up to it. A stage that
    everybody passed is left out. The instrument may move every stage; it speaks about ``lam_s``
    as far as it moves stage ``s`` in another proportion than the others. One that moves one
    stage says next to nothing about the others; two that were drawn by lot, one early and one
    late, are named as one column of their combinations. The priors are independent, so that
    what they allow of all stages together is wider by the root of how many there are.

    References
    ----------
    .. [1] Heckman, J. J. (1979). Sample selection bias as a specification error. Econometrica
       47, 153-161.
    .. [2] Little, R. J. A. and Rubin, D. B. (2019). Statistical Analysis with Missing Data, 3rd
       ed., chapter 15.
    """

    factors: Sequence[str] | None = None
    response_factors: Sequence[str] | None = None
    instrument: str | None = None
    lambda_sd: float = 0.5
    priors: Priors = field(default_factory=Priors)
    nodes: int = qd.DEFAULT_NODES
    sampling: gf.Sampling = field(default_factory=gf.Sampling)
    stages: bool | Sequence[str] = False

    def __post_init__(self) -> None:
        for name in ("factors", "response_factors"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else cr.column_list(value, name))
        check_number(self.lambda_sd, "lambda_sd", low=0, open_low=True)
        qd.normal_rule(self.nodes)
        if self.instrument is not None and self.instrument in (self.factors or ()):
            raise ConfigError(
                f"instrument {self.instrument!r} is among the factors of the score; an instrument "
                "must not move the score. Take it out of factors."
            )
        if not isinstance(self.stages, bool):
            object.__setattr__(self, "stages", cr.column_list(self.stages, "stages"))
            if not self.stages:
                raise ConfigError("stages is empty; name some, or say True for all or False.")
            for stage in self.stages:
                check_choice(stage, "a stage", STAGES)

    def fit(self, data: SurveyWave | Cells, *, rng: RngLike) -> SelectionFit:
        """Fit score and response together.

        Parameters
        ----------
        data : SurveyWave or Cells
            Everybody who was asked, with the answers there are; cells must cross all columns of
            the model. Stages need a wave with their flags.
        rng : int or Generator
            Randomness.

        Returns
        -------
        SelectionFit
            Draws of the model; with stages a `StagedSelectionFit`.

        Raises
        ------
        NoRespondentsError
            If nobody answered, or everybody did.
        ConfigError
            If stages are asked for and the data have no flags of them.
        DataError, MissingValueError
            If flags of stages contradict each other or the answers.
        MemoryBudgetError
            If there are too many cells.
        ConvergenceError
            If sampling failed the gate.
        """
        if data.n_answered in (0, data.n_frame):
            raise NoRespondentsError(
                f"{data.n_answered} of {data.n_frame} people answered; expected some who did and "
                "some who did not."
            )
        columns = self._columns(data)
        by = list(dict.fromkeys([*columns[0], *columns[1]]))
        if self.stages:
            return self._fit_staged(count_stages(data, by, self.stages), columns, rng)
        counts = data if isinstance(data, Cells) else cells(data, by=by)
        rule = self._rule(counts, counts.n_cells)
        crossed = (cr.cross(counts.index, columns[0]), cr.cross(counts.index, columns[1]))
        graph = build_selection(counts, crossed, self.priors, self.lambda_sd, rule)
        fitted = self._run(graph, columns, counts, rng)
        return SelectionFit(fitted=fitted, cells=counts, crossed=crossed, rule=rule, settings=self)

    def _fit_staged(self, staged: StagedCells, columns: _Columns, rng: RngLike) -> SelectionFit:
        """Fit score and stages together."""
        rule = self._rule(staged.cells, len(staged.index))
        crossed = (cr.cross(staged.index, columns[0]), cr.cross(staged.index, columns[1]))
        graph = build_staged(staged, crossed, self.priors, self.lambda_sd, rule)
        names = {"stages": list(staged.stages), "left_out": list(staged.left_out)}
        fitted = self._run(graph, columns, staged.cells, rng, **names)
        return StagedSelectionFit(
            fitted=fitted,
            cells=staged.cells,
            crossed=crossed,
            rule=rule,
            settings=self,
            staged=staged,
        )

    def _rule(self, counts: Cells, n_rows: int) -> qd.NormalRule:
        rule = qd.normal_rule(self.nodes)
        cr.check_size(n_rows, rule.n_nodes, counts.scale.n_categories)
        return rule

    def _run(
        self, graph: Any, columns: _Columns, counts: Cells, rng: RngLike, **more: Any
    ) -> gf.Fitted:
        """Sample a graph, with the settings for the provenance."""
        settings = {
            "score": list(columns[0]),
            "response": list(columns[1]),
            "instrument": self.instrument,
            "lambda_sd": self.lambda_sd,
            "priors": self.priors.as_dict(),
            "nodes": self.nodes,
        }
        return gf.run(
            gf.compile_graph(graph),
            self.sampling,
            method="SelectionModel",
            settings=settings | more,
            data_hash=counts.data_hash,
            rng=rng,
        )

    def _columns(self, data: SurveyWave | Cells) -> _Columns:
        """Resolve the columns of the score and of the response."""
        known = data.by if isinstance(data, Cells) else data.keys
        score = tuple(c for c in known if c != self.instrument)
        score = score if self.factors is None else tuple(self.factors)
        response = score if self.response_factors is None else tuple(self.response_factors)
        extra = (self.instrument,) if self.instrument else ()
        return score, tuple(dict.fromkeys([*response, *extra]))


def build_selection(
    counts: Cells,
    crossed: tuple[cr.Crossed, cr.Crossed],
    priors: Priors,
    lambda_sd: float,
    rule: qd.NormalRule,
) -> Any:
    """Build the PyMC graph of score and response.

    Parameters
    ----------
    counts : Cells
        Counts of answers and of people.
    crossed : tuple of Crossed
        Factors of the score and of the response.
    priors : Priors
        Prior scales.
    lambda_sd : float
        Prior standard deviation of ``lam``.
    rule : NormalRule
        Nodes of the person effect.

    Returns
    -------
    pymc.Model
        Variables ``p0, cuts, effect_<factor>, response, response_<factor>, lam``.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    n = counts.scale.n_categories
    with pm.Model(coords=cr.coords_of(n, *crossed)) as model:
        answered, silent = cr.people(counts)
        cuts = cr.cutpoints(priors, n)
        eta = cr.effects(crossed[0], priors)[:, None] + rule.nodes
        level = pm.Normal("response", 0, 1.5)
        lam = pm.Normal("lam", 0, lambda_sd)
        logit = (level + cr.effects(crossed[1], priors, "response"))[:, None] + lam * rule.nodes
        logp = qd.graph_log_probabilities(eta, cuts) - pt.softplus(-logit)[:, :, None]
        seen = qd.graph_log_mean(logp, rule, axis=1)
        unseen = qd.graph_log_mean(-pt.softplus(logit), rule, axis=1)
        pm.Potential("answers", (answered * seen).sum() + (silent * unseen).sum())
    return model
