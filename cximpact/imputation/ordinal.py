"""The estimator: settings in, imputed scores out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.errors import (
    DtypeError,
    MemoryBudgetError,
    NoRespondentsError,
    join_names,
    warn_data,
)
from cximpact.core.results import Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.versions import versions
from cximpact.data import Cells, SurveyWave, cells
from cximpact.imputation.design import Design, build_design
from cximpact.imputation.model import Priors, build_model, sufficient
from cximpact.imputation.result import ImputedScores

PERIOD_MODELS = ("random_walk", "exchangeable", "none")
MAX_CELLS = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class OrdinalImputer:
    """Infer the scores of those who did not answer, by cells that answered.

    Parameters
    ----------
    factors : sequence of str, optional
        Categorical columns with exchangeable effects; the wave's factors by default.
    period : {"random_walk", "exchangeable", "none"}
        How the periods of the wave are related.
    covariates : sequence of str
        Numeric columns, known for everybody, with a linear effect. They should have few
        distinct values: every combination is a cell.
    priors : Priors
        Prior scales.
    draws, tune, chains : int
        Length of sampling, a chain.
    allow_unconverged : bool, default False
        Go on with a fit that failed the convergence gate; every result is then marked.
    progress : bool, default False
        Show a progress bar.

    Notes
    -----
    A fit that fails the convergence gate is repeated once with twice the draws and smaller
    steps.

    Estimand: the score that the frame would have if everybody had answered. Assumption: within a
    cell, those who answered and those who did not would have answered alike (missing at random
    given the factors). The answers themselves cannot test it; `ImputedScores.sensitivity` says
    how far the silent would have to differ to overturn a conclusion.

    References
    ----------
    Gelman, A. and Little, T. C. (1997). Poststratification into many categories using
    hierarchical logistic regression. Survey Methodology 23, 127-135.
    """

    factors: Sequence[str] | None = None
    period: str = "random_walk"
    covariates: Sequence[str] = ()
    priors: Priors = field(default_factory=Priors)
    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    allow_unconverged: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("factors", "covariates"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise DtypeError(f"{name} is the text {value!r}; expected a list of columns.")
            object.__setattr__(self, name, None if value is None else tuple(value))
        check_choice(self.period, "period", PERIOD_MODELS)
        check_count(self.draws, "draws", low=100)
        check_count(self.tune, "tune", low=100)
        check_count(self.chains, "chains", low=2)

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
            If the factors cross to too many cells.
        ConvergenceError
            If sampling failed the gate.
        """
        counts, design = self._prepare(wave)
        seed = seed_of(rng)
        provenance = self._provenance(counts, seed)
        tree = self._sample(counts, design, seed)
        draws = dr.from_datatree(
            tree,
            source=provenance.source,
            data_ids=[f"data:{counts.data_hash}"],
            allow_unconverged=self.allow_unconverged,
        )
        return ImputedScores(
            draws=draws,
            cells=counts,
            design=design,
            fit=tree,
            diagnostics=sampling.diagnostics(tree),
            provenance=provenance,
            wave=wave,
        )

    def _sample(self, counts: Cells, design: Design, seed: int) -> xr.DataTree:
        """Sample, and once more, longer and in smaller steps, when the gate is not passed."""
        model = build_model(design, sufficient(counts), self.priors)
        compiled = sampling.compile_model(model)
        for longer, target_accept in ((1, 0.95), (2, 0.99)):
            tree = sampling.sample(
                model,
                compiled=compiled,
                rng=seed,
                draws=longer * self.draws,
                tune=longer * self.tune,
                chains=self.chains,
                target_accept=target_accept,
                progress=self.progress,
            )
            if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
                break
        return tree

    def _prepare(self, wave: SurveyWave) -> tuple[Cells, Design]:
        if wave.n_answered == 0:
            raise NoRespondentsError(
                f"none of {wave.n_frame} rows has an answer in {wave.answer!r}; there is nothing "
                "to learn from."
            )
        factors = wave.factors if self.factors is None else self.factors
        period = wave.period if self.period != "none" else None
        counts = cells(wave, by=[*factors, *([period] if period else []), *self.covariates])
        if counts.n_cells > MAX_CELLS:
            raise MemoryBudgetError(
                f"the factors and covariates cross to {counts.n_cells:,} cells, more than "
                f"{MAX_CELLS:,}; bin the covariates or use fewer factors."
            )
        walk = period if self.period == "random_walk" else None
        exchangeable = [*factors, *([period] if period and walk is None else [])]
        design = build_design(counts, exchangeable, walk, self.covariates)
        _warn_about_silent_levels(counts, design)
        return counts, design

    def _provenance(self, counts: Cells, seed: int) -> Provenance:
        settings = {
            "by": list(counts.by),
            "period": self.period,
            "covariates": list(self.covariates),
            "priors": vars(self.priors),
            "draws": self.draws,
            "tune": self.tune,
            "chains": self.chains,
        }
        return Provenance(
            method="OrdinalImputer",
            data_hash=counts.data_hash,
            settings=settings,
            seed=seed,
            versions=versions("pymc", "nutpie", "numpy"),
        )


def _warn_about_silent_levels(counts: Cells, design: Design) -> None:
    answered = counts.answered
    for name, levels in design.levels.items():
        code = design.codes[name]
        silent = [levels[i] for i in range(len(levels)) if not answered[code == i].any()]
        if silent:
            warn_data(
                f"{len(silent)} of {len(levels)} levels of {name!r} have no answers "
                f"({join_names(silent, 5)}); their scores come from the other levels alone."
            )
