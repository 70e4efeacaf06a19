"""Answering that depends on the score itself: a selection model with a shared person effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from cximpact.core.errors import ConfigError, NoRespondentsError
from cximpact.core.rng import RngLike
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_number
from cximpact.core.wording import number
from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import graph_fit as gf
from cximpact.imputation import quadrature as qd
from cximpact.imputation.mixture import Mixture
from cximpact.imputation.priors import Priors

LEARNED = 0.8
"""A posterior wider than this share of the prior has learned nothing."""


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

    def fit(self, data: SurveyWave | Cells, *, rng: RngLike) -> SelectionFit:
        """Fit score and response together.

        Parameters
        ----------
        data : SurveyWave or Cells
            Everybody who was asked, with the answers there are; cells must cross all columns of
            the model.
        rng : int or Generator
            Randomness.

        Returns
        -------
        SelectionFit
            Draws of the model.

        Raises
        ------
        NoRespondentsError
            If nobody answered, or everybody did.
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
        score, response = self._columns(data)
        by = list(dict.fromkeys([*score, *response]))
        counts = data if isinstance(data, Cells) else cells(data, by=by)
        rule = qd.normal_rule(self.nodes)
        cr.check_size(counts.n_cells, rule.n_nodes, counts.scale.n_categories)
        crossed = (cr.cross(counts.index, score), cr.cross(counts.index, response))
        fitted = gf.run(
            gf.compile_graph(build_selection(counts, crossed, self.priors, self.lambda_sd, rule)),
            self.sampling,
            method="SelectionModel",
            settings={
                "score": list(score),
                "response": list(response),
                "instrument": self.instrument,
                "lambda_sd": self.lambda_sd,
                "priors": self.priors.as_dict(),
                "nodes": self.nodes,
            },
            data_hash=counts.data_hash,
            rng=rng,
        )
        return SelectionFit(fitted=fitted, cells=counts, crossed=crossed, rule=rule, settings=self)

    def _columns(self, data: SurveyWave | Cells) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
    def learning(self) -> dict[str, float | bool]:
        """What the data said about ``lam``.

        Returns
        -------
        dict
            ``mean`` and ``sd`` of the posterior, ``prior_sd``, ``overlap`` (shared area of prior
            and posterior density, from 0 to 1) and ``learned`` (whether the posterior standard
            deviation is at most 0.8 of that of the prior).
        """
        values = self.draws["lam"].values
        prior_sd = self.settings.lambda_sd
        sd = float(values.std(ddof=1))
        return {
            "mean": float(values.mean()),
            "sd": sd,
            "prior_sd": prior_sd,
            "overlap": overlap(values, prior_sd),
            "learned": sd <= LEARNED * prior_sd,
        }

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
        mixture = Mixture(
            draws=self.draws,
            cells=self.cells,
            eta=self.crossed[0].latent(self.draws),
            sd=1.0,
            rule=self.rule,
            evidence=self._silence,
        )
        seed = self.fitted.provenance.seed if rng is None else rng
        return mixture.score(by, target=target, statistic=statistic, rng=seed)

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
        score, lam = (summarize(q, prob).iloc[0] for q in (self.score(), self.draws["lam"]))
        found = self.learning
        verdict = "" if found["learned"] else "not learned: the prior decides, not the data; "
        instrument = self.settings.instrument
        by = f"the instrument {instrument!r}" if instrument else "the form of the model alone"
        return (
            f"{self.cells.scale.name} of all {self.cells.n_frame:,} people is "
            f"{number(score['estimate'])} ({prob:.0%} credible interval "
            f"{number(score['conf_low'])} to {number(score['conf_high'])}). One standard deviation "
            f"of satisfaction within a cell changes the log odds of answering by "
            f"{number(lam['estimate'])} ({number(lam['conf_low'])} to {number(lam['conf_high'])}). "
            f"This is {verdict}identified by {by}; prior and posterior of it overlap by "
            f"{found['overlap']:.0%}. What would change it: an instrument that moves the score "
            "itself, or another distribution of satisfaction within cells."
        )

    def _silence(self, rows: slice) -> np.ndarray:
        """Log probability of no answer at every node."""
        draws = self.draws.isel(sample=rows)
        level = draws["response"].values[:, None] + self.crossed[1].latent(draws, "response")
        logit = level[..., None] + draws["lam"].values[:, None, None] * self.rule.nodes
        return special.log_expit(-logit)


def overlap(values: np.ndarray, prior_sd: float) -> float:
    """Measure the area that a normal prior around 0 and the posterior share.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws.
    prior_sd : float
        Standard deviation of the prior.

    Returns
    -------
    float
        From 0 (apart) to 1 (the same), by a kernel density.
    """
    low, high = (float(f(values)) for f in (np.min, np.max))
    reach = 6 * max(prior_sd, float(values.std()))
    at = np.linspace(min(-reach, low - reach), max(reach, high + reach), 4001)
    shared = np.minimum(stats.gaussian_kde(values)(at), stats.norm.pdf(at, scale=prior_sd))
    return float(np.clip(np.trapezoid(shared, at), 0, 1))
