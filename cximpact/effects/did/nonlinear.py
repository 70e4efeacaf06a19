"""Difference-in-differences of shares and counts, with the scale of parallel trends named."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import pandas as pd

from cximpact.core.errors import AssumptionWarning, ConfigError, SeparationError
from cximpact.core.results import EffectPosterior, Estimand
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.wording import with_unit
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cell_effects import CellEffects, by_words
from cximpact.effects.did.cell_sums import CellSums, cell_sums
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim
from cximpact.effects.did.nonlinear_fit import ScaledEffects, fit_effects
from cximpact.effects.did.pretrend import trend_words
from cximpact.effects.did.trend_scale import SCALES
from cximpact.effects.did.words import (
    OUTCOME_SCALES,
    assumptions,
    estimand,
    warn_few_clusters,
)

INFERENCE = ("cluster", "independent")


@dataclass(frozen=True, kw_only=True, eq=False)
class NonlinearDiD:
    """Difference-in-differences with parallel trends on a scale that is named.

    Parameters
    ----------
    trend : {"odds", "ratio", "difference"}
        What untreated means of all cohorts share: the factor by which odds change (shares), the
        factor by which means change (counts: pooled Poisson regression), or the amount.
    inference : {"cluster", "independent"}
        Standard errors by cluster, t with G - 1 degrees of freedom; or, in repeated
        cross-sections without weights, of people who are independent, without shocks that a
        group shares, normal.
    anticipation : int, default 0
        Periods before treatment in which units may already react; they count as treated.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect over all treated rows, as a difference of means whatever the
    trend, ``E[Y_it - Y_it(never) | t >= G_i]``; `EffectPosterior.aggregate` gives it by time since
    treatment, cohort or period. Untreated means follow ``g(E Y) = a_cohort + b_period`` on the
    cells of cohorts and periods. Parallel trends on one scale exclude those on another, unless
    levels are equal or nothing changes: three assumptions, not three estimates of one thing.
    ``details["scales"]`` and the note show what each of them gives; where they disagree, the
    choice of the scale is part of the claim. What breaks it: a share near 0 or 1, panels whose
    units come and go, and covariates, which are not taken.

    References
    ----------
    Wooldridge, J. M. (2023). Simple approaches to nonlinear difference-in-differences with panel
    data. The Econometrics Journal 26, C31-C66.
    """

    trend: str = "odds"
    inference: str = "cluster"
    anticipation: int = 0
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_choice(self.trend, "trend", tuple(SCALES))
        check_choice(self.inference, "inference", INFERENCE)
        check_count(self.anticipation, "anticipation", low=0)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the average effect on the treated.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; estimates and standard errors do not depend on it.

        Returns
        -------
        EffectPosterior
            One effect, in the outcome's unit; ``aggregate`` gives the others.
            ``details["counterfactuals"]`` has every treated cell with its mean, its untreated mean
            and the effect on the scale of the trend.

        Raises
        ------
        ConfigError
            If there are covariates, or outcomes do not lie on the scale.
        SeparationError
            If untreated means are 0 or 1 throughout.

        Warns
        -----
        AssumptionWarning
            If parallel differences would put a share outside 0 to 1.
        """
        self._check(data)
        did = did_table(data)
        clustered = self.inference == "cluster"
        if clustered:
            warn_few_clusters(did)
        sums = cell_sums(did, self.anticipation)
        fits = self._every_scale(sums, clustered=clustered)
        mine = fits[self.trend]
        _warn_outside(did, mine)
        df = did.n_clusters - 1.0 if clustered else None
        claims = _Claims(
            design=did,
            settings=self,
            mine=mine,
            scales=pd.DataFrame([fit.summary() for fit in fits.values()]),
            trends=mine.trends(df, clustered=clustered),
        )
        effects = CellEffects(
            design=did,
            found=mine.found,
            df=df,
            claim=claims.by,
            draws=self.draws,
            seed=seed_of(rng),
        )
        return effects.aggregate("simple")

    def _check(self, data: Panel | RepeatedCrossSection) -> None:
        if data.covariates:
            raise ConfigError(
                f"NonlinearDiD takes no covariates; the design names {len(data.covariates)}. Leave "
                "them out, or use GroupTime or ImputationDiD."
            )
        people = isinstance(data, RepeatedCrossSection) and data.weight is None
        if self.inference == "independent" and not people:
            raise ConfigError(
                "inference='independent' is for repeated cross-sections without weights; rows of "
                "one unit are not independent. Use inference='cluster'."
            )

    def _every_scale(self, sums: CellSums, *, clustered: bool) -> dict[str, ScaledEffects]:
        """Fit all scales; others than the chosen one only if they can be."""
        out = {}
        for name, scale in SCALES.items():
            try:
                out[name] = fit_effects(sums, scale, clustered=clustered)
            except (ConfigError, SeparationError):
                if name == self.trend:
                    raise
        return out


@dataclass(frozen=True, kw_only=True, eq=False)
class _Claims:
    """What the results of one fit say besides their numbers."""

    design: DidTable
    settings: NonlinearDiD
    mine: ScaledEffects
    scales: pd.DataFrame
    trends: dict[str, float]

    def by(self, by: str) -> Claim:
        """Make the claim of averages by something."""
        settings = self.settings
        names = ("trend", "inference", "anticipation", "scale", "draws")
        people = "people" if settings.inference == "independent" else ""
        untested = trend_words(self.trends)
        conditions = assumptions(self.design, *untested, people, equal=False)
        parallel = replace(
            conditions[0],
            name=f"parallel trends in {_PLURAL[settings.trend]}",
            statement=f"without treatment {self.mine.scale.words} everywhere",
        )
        return Claim(
            method="NonlinearDiD",
            settings={name: getattr(settings, name) for name in names},
            estimand=self._estimand(by),
            assumptions=(parallel, *conditions[1:]),
            would_change_it=(
                "trends that are parallel on another scale: see what each of them gives."
            ),
            diagnostics={"pretrend": self.trends, "inference": settings.inference},
            details={"scales": self.scales, "counterfactuals": self.mine.table()},
            notes=(*self.mine.found.notes, self._others()),
        )

    def _estimand(self, by: str) -> Estimand:
        named = estimand(self.design, self.settings.scale)
        what = f"mean of the treated against what parallel {_PLURAL[self.settings.trend]}"
        return replace(named, contrast=f"{what} predict, {by_words(by)}")

    def _others(self) -> str:
        scale = estimand(self.design, self.settings.scale).scale
        found = [
            f"{_PLURAL[str(row['trend'])]} {with_unit(row['estimate'], scale)} "
            f"(standard error {with_unit(row['std_error'], scale)})"
            for row in self.scales.to_dict("records")
        ]
        return f"Average effect under parallel {', '.join(found)}."


_PLURAL = {"difference": "differences", "odds": "odds", "ratio": "ratios"}


def _warn_outside(did: DidTable, mine: ScaledEffects) -> None:
    n = mine.outside() if did.binary else 0
    if n:
        warnings.warn(
            f"parallel {_PLURAL[mine.scale.name]} put the untreated share outside 0 to 1 in {n} "
            "treated cells, which cannot be; trend='odds' keeps it inside.",
            AssumptionWarning,
            stacklevel=3,
        )
