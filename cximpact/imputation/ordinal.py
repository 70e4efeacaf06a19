"""The estimator: settings in, imputed scores out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.errors import DtypeError, MemoryBudgetError, NoRespondentsError
from cximpact.core.results import Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.versions import versions
from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation import prior_predictive as pp
from cximpact.imputation.approximate import approximate
from cximpact.imputation.design import build_design
from cximpact.imputation.identification import warn_about_answers, warn_about_style
from cximpact.imputation.mode import find_mode
from cximpact.imputation.model import build_model
from cximpact.imputation.nuts import sample_until_passed
from cximpact.imputation.parametrize import PARAMETRIZATIONS, parametrize, posterior_of
from cximpact.imputation.posterior import Posterior
from cximpact.imputation.priors import Priors
from cximpact.imputation.result import ImputedScores
from cximpact.imputation.spec import PERIOD_MODELS, STYLE_KINDS, Spec

LINKS = ("logit", "probit")
METHODS = ("nuts", "laplace")
MAX_CELLS = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class OrdinalImputer:
    """Infer the scores of those who did not answer, by cells that answered.

    Parameters
    ----------
    factors : sequence of str, optional
        Categorical columns with exchangeable effects that sum to zero; the wave's factors by
        default.
    open : sequence of str
        Those of ``factors`` whose levels are a sample of many, such as agents: their effects are
        independent, and levels that were never met can be predicted.
    interactions : sequence of str or of sequences of str
        Such as ``"segment:channel"``; the columns must be factors or the period.
    period : {"random_walk", "local_trend", "exchangeable", "none"}
        How the periods of the wave are related.
    period_column : str, optional
        Column of the period; the wave's by default.
    covariates : sequence of str
        Numeric columns, known for everybody, with a linear effect. They should have few
        distinct values (bin them first): every combination is a cell.
    link : {"logit", "probit"}
        From latent score to probabilities.
    style : str, optional
        Column of the channel by which people answer. Its cutpoints differ, and scores are
        reported as if everybody had answered by one channel, ``reference``.
    style_kind : {"shift", "scale"}
        Whether the cutpoints of a channel are shifted, or shifted and spread. To spread them
        only, name the channel as a factor too.
    reference : object, optional
        Channel at which scores are reported; the one with most answers by default.
    priors : Priors
        Prior scales.
    parametrization : {"auto", "centered", "noncentered"} or mapping of str
        How effects are sampled; a mapping gives it by term. ``"auto"`` chooses for each level,
        by how much its answers say.
    method : {"nuts", "laplace"}
        Exact sampling; or a nested Laplace approximation, in a fraction of the time, which says
        little about the standard deviations of terms.
    nodes : int, default 64
        Standard deviations at which ``"laplace"`` approximates; 512 or more to learn about
        them.
    draws, tune, chains : int
        Length of sampling, a chain.
    allow_unconverged : bool, default False
        Go on with a fit that failed the convergence gate; every result is then marked.
    progress : bool, default False
        Show a progress bar.

    Notes
    -----
    The answer ``y`` of a person in cell ``j`` has ``P(y <= k) = F(c_k - eta_j)``, with ``eta_j``
    the sum of the effects of the cell. The cutpoints ``c`` carry the intercept. A fit that fails
    the convergence gate is repeated once: with as many chains again, or longer and in smaller
    steps where it diverged.

    Estimand: the score that the frame would have if everybody had answered. Assumption: within a
    cell, those who answered and those who did not would have answered alike (missing at random
    given the factors). The answers themselves cannot test it; `ImputedScores.sensitivity` says
    how far the silent would have to differ to overturn a conclusion.

    References
    ----------
    .. [1] Gelman, A. and Little, T. C. (1997). Poststratification into many categories using
       hierarchical logistic regression. Survey Methodology 23, 127-135.
    .. [2] Betancourt, M. and Girolami, M. (2015). Hamiltonian Monte Carlo for hierarchical
       models. In: Current Trends in Bayesian Methodology with Applications, 79-101.
    """

    factors: Sequence[str] | None = None
    open: Sequence[str] = ()
    interactions: Sequence[str | Sequence[str]] = ()
    period: str = "random_walk"
    period_column: str | None = None
    covariates: Sequence[str] = ()
    link: str = "logit"
    style: str | None = None
    style_kind: str = "shift"
    reference: Any = None
    priors: Priors = field(default_factory=Priors)
    parametrization: str | Mapping[str, str] = "auto"
    method: str = "nuts"
    nodes: int = 64
    draws: int = 1000
    tune: int = 200
    chains: int = 4
    allow_unconverged: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("factors", "open", "interactions", "covariates"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise DtypeError(f"{name} is the text {value!r}; expected a list of columns.")
            object.__setattr__(self, name, None if value is None else tuple(value))
        pairs = [p.split(":") if isinstance(p, str) else p for p in self.interactions]
        object.__setattr__(self, "interactions", tuple(tuple(pair) for pair in pairs))
        check_choice(self.period, "period", PERIOD_MODELS)
        check_choice(self.link, "link", LINKS)
        check_choice(self.style_kind, "style_kind", STYLE_KINDS)
        check_choice(self.method, "method", METHODS)
        if isinstance(self.parametrization, str):
            check_choice(self.parametrization, "parametrization", PARAMETRIZATIONS)
        for name, low in (("draws", 100), ("tune", 100), ("chains", 2), ("nodes", 16)):
            check_count(getattr(self, name), name, low=low)

    def fit(self, wave: SurveyWave, *, rng: RngLike) -> ImputedScores:
        """Fit the model to the answers of a wave.

        Parameters
        ----------
        wave : SurveyWave
            Everybody the score is to speak for, with the answers there are.
        rng : int or Generator
            Randomness.

        Returns
        -------
        ImputedScores
            Draws of the model, ready to be summed up over the frame.

        Raises
        ------
        NoRespondentsError
            If nobody answered.
        MemoryBudgetError
            If the factors cross to too many cells, or have too many levels.
        ConvergenceError
            If sampling failed the gate.
        """
        if wave.n_answered == 0:
            raise NoRespondentsError(
                f"none of {wave.n_frame} rows has an answer in {wave.answer!r}; there is nothing "
                "to learn from."
            )
        resolved = self.resolve(wave)
        return resolved.fit_cells(resolved.cells(wave), rng=rng, wave=wave)

    def fit_cells(
        self, counts: Cells, *, rng: RngLike, wave: SurveyWave | None = None
    ) -> ImputedScores:
        """Fit the model to counts of answers.

        Parameters
        ----------
        counts : Cells
            Cells that cross all columns of the model. Without ``factors``, every column of
            theirs that has no other role is one.
        rng : int or Generator
            Randomness.
        wave : SurveyWave, optional
            Where the counts come from, for results by customer.

        Returns
        -------
        ImputedScores
            Draws of the model.

        Raises
        ------
        NoRespondentsError
            If there are no answers.
        ConvergenceError
            If sampling failed the gate.
        """
        if counts.n_answered == 0:
            raise NoRespondentsError("the cells hold no answers; there is nothing to learn from.")
        posterior = self.posterior(counts)
        warn_about_answers(counts, posterior.design)
        warn_about_style(counts, posterior.design)
        seed = seed_of(rng)
        provenance = self._provenance(counts, posterior.design.spec, seed)
        tree = self._run(posterior, seed)
        draws = dr.from_datatree(
            tree,
            source=provenance.source,
            data_ids=[f"data:{counts.data_hash}"],
            allow_unconverged=self.allow_unconverged,
        )
        return ImputedScores(
            draws=draws,
            cells=counts,
            design=posterior.design,
            fit=tree,
            diagnostics=sampling.diagnostics(tree),
            provenance=provenance,
            wave=wave,
            imputer=self,
        )

    def resolve(self, wave: SurveyWave) -> OrdinalImputer:
        """Fill in what a wave says about factors and period.

        Parameters
        ----------
        wave : SurveyWave
            The wave.

        Returns
        -------
        OrdinalImputer
            The same settings with ``factors`` and ``period_column`` named.
        """
        column = None if self.period == "none" else self.period_column or wave.period
        taken = {self.style, column, *self.covariates}
        named = [name for name in wave.factors if name not in taken]
        factors = named if self.factors is None else self.factors
        return replace(self, factors=factors, period_column=column)

    def cells(self, wave: SurveyWave) -> Cells:
        """Count the answers of a wave in the cells of the model.

        Parameters
        ----------
        wave : SurveyWave
            The wave.

        Returns
        -------
        Cells
            One cell for each combination that occurs.

        Raises
        ------
        MemoryBudgetError
            If there are too many.
        """
        spec = self.resolve(wave).spec()
        counts = cells(wave, by=list(spec.columns))
        if counts.n_cells > MAX_CELLS:
            raise MemoryBudgetError(
                f"the factors and covariates cross to {counts.n_cells:,} cells, more than "
                f"{MAX_CELLS:,}; bin the covariates (bin_columns) or use fewer factors."
            )
        return counts

    def spec(self) -> Spec:
        """Say which columns enter the latent score.

        Returns
        -------
        Spec
            Without what a wave would add; see `resolve`.
        """
        period = None if self.period == "none" else self.period_column
        return Spec(
            factors=tuple(self.factors or ()),
            open=tuple(self.open),
            interactions=tuple(tuple(pair) for pair in self.interactions),
            period=period,
            period_model=self.period if period else "none",
            covariates=tuple(self.covariates),
            style=self.style,
            style_kind=self.style_kind,
            reference=self.reference,
        )

    def posterior(self, counts: Cells) -> Posterior:
        """Build the log posterior of the model.

        Parameters
        ----------
        counts : Cells
            Cells that cross all columns of the model.

        Returns
        -------
        Posterior
            With all coordinates centered.
        """
        spec = self.spec()
        if self.factors is None:
            others = tuple(name for name in counts.by if name not in spec.columns)
            spec = replace(spec, factors=others)
        return posterior_of(counts, build_design(counts, spec, self.link), self.priors)

    def model(self, wave: SurveyWave) -> Any:
        """Write the model as a PyMC graph, to look at or to sample by other means.

        Parameters
        ----------
        wave : SurveyWave
            The wave.

        Returns
        -------
        pymc.Model
            With the parametrization that `fit` would choose.
        """
        resolved = self.resolve(wave)
        counts = resolved.cells(wave)
        posterior = resolved.posterior(counts)
        mode = find_mode(posterior)
        centered = parametrize(posterior, mode, self.parametrization)
        return build_model(posterior.parametrized(centered), counts.dense())

    def prior_predictive(
        self, wave: SurveyWave, *, rng: RngLike, draws: int = 1000
    ) -> pp.PriorPredictive:
        """Draw scores from the priors alone, to see what they take for plausible.

        Parameters
        ----------
        wave : SurveyWave
            Everybody the score is to speak for; its answers are not looked at.
        rng : int or Generator
            Randomness.
        draws : int, default 1000
            Draws.

        Returns
        -------
        PriorPredictive
            Scores of everybody, and how far groups lie apart.
        """
        resolved = self.resolve(wave)
        counts = resolved.cells(wave)
        draws = check_count(draws, "draws", low=10)
        return pp.prior_predictive(resolved.posterior(counts), counts, n_draws=draws, rng=rng)

    def _run(self, posterior: Posterior, seed: int) -> xr.DataTree:
        """Sample or approximate."""
        mode = find_mode(posterior)
        if self.method == "laplace":
            n_draws = self.draws * self.chains
            return approximate(posterior, mode, n_draws=n_draws, n_nodes=self.nodes, seed=seed)
        return sample_until_passed(
            posterior,
            mode,
            parametrize(posterior, mode, self.parametrization),
            seed=seed,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            progress=self.progress,
        )

    def _provenance(self, counts: Cells, spec: Spec, seed: int) -> Provenance:
        names = ("link", "method", "nodes", "draws", "tune", "chains")
        asked = self.parametrization
        settings = {
            "by": list(counts.by),
            "spec": vars(spec) | {"reference": str(spec.reference)},
            "priors": self.priors.as_dict(),
            "parametrization": asked if isinstance(asked, str) else dict(asked),
        }
        return Provenance(
            method="OrdinalImputer",
            data_hash=counts.data_hash,
            settings=settings | {name: getattr(self, name) for name in names},
            seed=seed,
            versions=versions("nutpie", "numba", "numpy"),
            notes=tuple(
                f"Covariate {name!r} enters linearly, with a cell for each of its "
                f"{counts.index[name].nunique():,} values."
                for name in spec.covariates
            ),
        )
