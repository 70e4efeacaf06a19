"""Difference-in-differences by imputing what the treated would have done untreated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import CxImpactWarning, DesignError
from cximpact.core.results import EffectPosterior, Estimand
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.wording import with_unit
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cell_effects import CellEffects, by_words
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim
from cximpact.effects.did.group_time import GroupTime
from cximpact.effects.did.imputed_blocks import arrays
from cximpact.effects.did.imputed_leads import Leads, leads_of_moments, leads_of_rows
from cximpact.effects.did.imputed_moments import fit_moments
from cximpact.effects.did.imputed_rows import fit_rows
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.pretrend import pretrend_test, trend_words
from cximpact.effects.did.two_way_moments import without_rows
from cximpact.effects.did.words import (
    OUTCOME_SCALES,
    assumptions,
    estimand,
    warn_few_clusters,
)

INFERENCE = ("jackknife", "conservative")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImputationDiD:
    """The imputation estimator of Borusyak, Jaravel and Spiess.

    Parameters
    ----------
    covariates : sequence of str, optional
        Columns that explain untreated outcomes; by default those that the design names. ``()``
        takes none. One that changes over time within a unit has one coefficient; one that
        does not may matter more or less in every period.
    inference : {"jackknife", "conservative"}
        Standard errors by leaving out one cluster at a time, with t of G - 1 degrees of
        freedom, for which the sizes of cohorts are part of the sample; or from the influence of
        each cluster with effects taken as equal within a cohort and period, normal, which is
        too small where cohorts hold few clusters.
    anticipation : int, default 0
        Periods before treatment in which units may already react; they count as treated.
    leads : int, optional
        How many periods ahead of treatment the test of trends looks at; by default all but the
        earliest. Few leads have more power.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect over all treated rows,
    ``E[Y_it - Y_it(never) | t >= G_i]``; `EffectPosterior.aggregate` gives it by time since
    treatment, cohort or period. Unit and period effects are fitted to untreated rows alone and
    carried over to the treated rows. It needs parallel trends in all periods before treatment,
    not only in the last (so a drift long before treatment biases it), no anticipation beyond the
    periods stated, treatment that stays, and no spill-over. With errors that are not serially
    correlated nothing unbiased is more precise. The test of trends uses untreated rows alone
    (``diagnostics["pretrend"]``, ``details["leads"]``); ``details["group_time"]`` holds the
    average of `GroupTime`, which needs parallel trends since the last period before treatment
    only: the two belong together.

    References
    ----------
    Borusyak, K., Jaravel, X. and Spiess, J. (2024). Revisiting event-study designs: robust and
    efficient estimation. Review of Economic Studies 91, 3253-3285.
    """

    covariates: Sequence[str] | None = None
    inference: str = "jackknife"
    anticipation: int = 0
    leads: int | None = None
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        if self.covariates is not None:
            names = (self.covariates,) if isinstance(self.covariates, str) else self.covariates
            object.__setattr__(self, "covariates", tuple(names))
        check_choice(self.inference, "inference", INFERENCE)
        check_count(self.anticipation, "anticipation", low=0)
        if self.leads is not None:
            check_count(self.leads, "leads", low=1)
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
            One effect; ``aggregate`` gives the others, whose draws belong to those of this one.

        Raises
        ------
        NoControlError, NoPreperiodError, ConfigError
            If nothing can be compared.
        ClusterError
            If a unit lies in several clusters, or clusters are fitted exactly.
        RankError
            If the covariates cannot be told apart from the unit and period effects.
        """
        if self.covariates is not None and set(self.covariates) != set(data.covariates):
            data = replace(data, covariates=self.covariates)
        jackknife = self.inference == "jackknife"
        did: DidTable | MomentsDesign | None = without_rows(data)
        if did is None:
            did = did_table(data)
            table, notes = _with_untreated(did.table, self.anticipation)
            rows, cohort, period = arrays(table, did.covariates, self.anticipation)
            found = fit_rows(rows, cohort, period, jackknife=jackknife)
            found = replace(found, notes=(*notes, *found.notes))
            free = int(table["rows"].to_numpy()[~_treated(table, self.anticipation)].sum())
            leads = leads_of_rows(rows, self.leads, free)
        else:
            found = fit_moments(did, self.anticipation, jackknife=jackknife)
            leads = leads_of_moments(did, self.anticipation, self.leads)
        warn_few_clusters(did)
        claims = _Claims(
            design=did,
            leads=leads,
            other=_group_time(data, did, self.anticipation, self.scale),
            notes=found.notes,
            settings=self,
        )
        effects = CellEffects(
            design=did,
            found=found,
            df=did.n_clusters - 1.0 if jackknife else None,
            claim=claims.by,
            draws=self.draws,
            seed=seed_of(rng),
        )
        return effects.aggregate("simple")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Claims:
    """What the results of one fit say besides their numbers."""

    design: DidTable | MomentsDesign
    leads: Leads
    other: EffectPosterior | None
    notes: tuple[str, ...]
    settings: ImputationDiD

    def by(self, by: str) -> Claim:
        """Make the claim of averages by something."""
        leads, settings = self.leads, self.settings
        trends = pretrend_test(
            leads.times, leads.estimate, leads.covariance, self.design.n_clusters - 1.0
        )
        return Claim(
            method="ImputationDiD",
            settings=_settings(settings),
            estimand=self._estimand(by),
            assumptions=assumptions(self.design, *trend_words(trends), equal=False),
            would_change_it=(
                "trends that differed at any time before treatment, not only just before it; "
                "GroupTime looks at the last period before treatment only."
            ),
            diagnostics={
                "pretrend": trends,
                "path": self.design.path,
                "inference": settings.inference,
            },
            details={
                "leads": pd.DataFrame(
                    {
                        "event_time": leads.times,
                        "estimate": leads.estimate,
                        "std_error": np.sqrt(np.diag(leads.covariance)),
                    }
                ),
                "group_time": self.other,
            },
            notes=(*self.notes, *self._compared()),
        )

    def _estimand(self, by: str) -> Estimand:
        named = estimand(self.design, self.settings.scale)
        contrast = "outcome of the treated against what unit and period effects of the untreated "
        return replace(named, contrast=f"{contrast}rows predict, {by_words(by)}")

    def _compared(self) -> tuple[str, ...]:
        if self.other is None or self.other.estimate is None or self.other.std_error is None:
            return ()
        value, error = (
            with_unit(float(x), self.other.estimand.scale)
            for x in (self.other.estimate, self.other.std_error)
        )
        return (
            "GroupTime, with trends since the last period before treatment only, averages to "
            f"{value} (standard error {error}).",
        )


def _settings(settings: ImputationDiD) -> dict[str, Any]:
    names = ("inference", "anticipation", "leads", "scale", "draws")
    covariates = list(settings.covariates) if settings.covariates is not None else None
    return {name: getattr(settings, name) for name in names} | {"covariates": covariates}


def _treated(table: pd.DataFrame, anticipation: int) -> np.ndarray:
    return (table["time"] >= table["first_treated"] - anticipation).to_numpy()


def _with_untreated(table: pd.DataFrame, anticipation: int) -> tuple[pd.DataFrame, list[str]]:
    """Leave out units without an untreated row: their own level is not known."""
    free = pd.Series(~_treated(table, anticipation), index=table.index)
    seen = free.groupby(table["entity"]).transform("any")
    if seen.all():
        return table, []
    n = table.loc[~seen, "entity"].nunique()
    note = f"{n} units or groups have no row ahead of any reaction and were left out."
    return table[seen].reset_index(drop=True), [note]


def _group_time(
    data: Panel | RepeatedCrossSection,
    did: DidTable | MomentsDesign,
    anticipation: int,
    scale: str | None,
) -> EffectPosterior | None:
    """Estimate the same average with fewer assumptions on the trends, where that can be done."""
    control = "never" if did.has_never else "not_yet"
    other = GroupTime(
        control=control, anticipation=anticipation, inference="normal", draws=100, scale=scale
    )
    with warnings.catch_warnings():  # what it warns of was said before
        warnings.simplefilter("ignore", CxImpactWarning)
        try:
            return other.fit(data, rng=0).aggregate("simple")
        except DesignError:
            return None
