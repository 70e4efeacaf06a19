"""Two-way fixed effects that do not mix cohorts: one coefficient a cohort and period."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, InsufficientPeriodsError, NoControlError
from cximpact.core.results import EffectPosterior, Estimand
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cell_effects import CellEffects, by_words
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim
from cximpact.effects.did.imputed_averages import ImputedCells, TreatedCells
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.pretrend import pretrend_test, trend_words
from cximpact.effects.did.regression import TwoWayFit, two_way_fit
from cximpact.effects.did.two_way_moments import PACKAGES, moments_fit, without_rows
from cximpact.effects.did.words import OUTCOME_SCALES, assumptions, estimand, warn_few_clusters


@dataclass(frozen=True, kw_only=True, eq=False)
class SunAbraham:
    """The interaction-weighted event study of Sun and Abraham.

    Parameters
    ----------
    anticipation : int, default 0
        Periods before treatment in which units may already react; the period ahead of them is
        the reference.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect on the treated at each time since treatment, cohorts by their
    size; `EffectPosterior.aggregate` gives it by cohort or period, or as one number. One
    regression with unit and period effects has a coefficient for every cohort and period but the
    reference, so that no effect stands in for another. The controls are the never treated; without
    them those treated last, whose treated periods are then left out. Without covariates, on a
    balanced panel, effects are those of ``GroupTime(control="never", base="universal")``. Needs
    parallel trends since the reference, no anticipation beyond the periods stated, and no
    spill-over. Standard errors are those of fixest: clustered, with t of G - 1 degrees of freedom,
    and cohorts' sizes taken as they are.

    References
    ----------
    Sun, L. and Abraham, S. (2021). Estimating dynamic treatment effects in event studies with
    heterogeneous treatment effects. Journal of Econometrics 225, 175-199.
    """

    anticipation: int = 0
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_count(self.anticipation, "anticipation", low=0)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect by time since treatment.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; estimates and standard errors do not depend on it.

        Returns
        -------
        EffectPosterior
            Dimension ``event_time``; the reference, ``details["reference"]``, is left out.
            ``aggregate("simple")`` is one number.

        Raises
        ------
        NoControlError
            If nobody is left to compare with.
        InsufficientPeriodsError, ConfigError
            If no cohort, or not every cohort, has a period of reference.
        RankError
            If a covariate cannot be told apart from the other terms.
        """
        did: DidTable | MomentsDesign | None = without_rows(data)
        did = did_table(data) if did is None or not did.has_never else did
        notes: tuple[str, ...] = ()
        if isinstance(did, DidTable) and not did.has_never:
            did, notes = _before_last(did)
        warn_few_clusters(did)
        cells, reference = _cells(did, self.anticipation)
        fit = _fit(did, cells)
        if fit is None:
            did = did_table(data)
            fit = two_way_fit(did, _dummies(did, cells))
        count = _counts(did, cells)
        jacobian = cells.jacobian(count)
        found = ImputedCells(
            cells=cells,
            value=fit.estimate,
            count=count,
            covariance=jacobian @ fit.covariance @ jacobian.T,
            notes=notes,
        )
        claims = _Claims(design=did, settings=self, found=found, reference=reference, df=fit.df)
        effects = CellEffects(
            design=did,
            found=found,
            df=float(fit.df),
            claim=claims.by,
            draws=self.draws,
            seed=seed_of(rng),
        )
        return effects.aggregate("event")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Claims:
    """What the results of one fit say besides their numbers."""

    design: DidTable | MomentsDesign
    settings: SunAbraham
    found: ImputedCells
    reference: float
    df: int

    def by(self, by: str) -> Claim:
        """Make the claim of averages by something."""
        trends = self._trends()
        settings = self.settings
        return Claim(
            method="SunAbraham",
            settings={name: getattr(settings, name) for name in ("anticipation", "scale", "draws")},
            estimand=self._estimand(by),
            assumptions=assumptions(self.design, *trend_words(trends), equal=False),
            would_change_it=(
                "a difference in trends that continues after treatment; the coefficients before "
                "it show how large it was."
            ),
            diagnostics={"pretrend": trends, "path": self.design.path},
            details={"reference": self.reference} if by == "event" else {},
            packages=PACKAGES[self.design.path],
            notes=self.found.notes,
        )

    def _trends(self) -> dict[str, float]:
        """Test the averages ahead of treatment."""
        cells = self.found.cells
        rows, times = cells.rows("event", overall=False), cells.labels("event")
        ahead = times < -self.settings.anticipation
        kept = rows[ahead]
        covariance = self.found.covariance[np.ix_(kept, kept)]
        return pretrend_test(times[ahead], self.found.stack[kept], covariance, self.df)

    def _estimand(self, by: str) -> Estimand:
        named = estimand(self.design, self.settings.scale)
        contrast = "change of the treated since the reference against the change of the controls"
        return replace(named, contrast=f"{contrast}, {by_words(by)}")


def _before_last(did: DidTable) -> tuple[DidTable, tuple[str, ...]]:
    """Let those treated last be the controls, as long as they are untreated."""
    last = did.cohorts[-1]
    if not did.staggered:
        raise NoControlError("everybody is treated at one time; nobody is left to compare with.")
    kept = did.table[did.table["time"] < last]
    kept = kept.assign(first_treated=kept["first_treated"].replace(last, np.inf))
    note = f"Those treated last, from {last:g} on, are the controls; periods from then on are left"
    return replace(did, table=kept.reset_index(drop=True)), (f"{note} out.",)


def _cells(did: DidTable | MomentsDesign, anticipation: int) -> tuple[TreatedCells, float]:
    """Find the cohorts and periods with a coefficient, and the time of reference."""
    if isinstance(did, DidTable):
        pairs = did.table.loc[did.ever, ["first_treated", "time"]].drop_duplicates()
        cohort, period = pairs.to_numpy(dtype=float).T
    else:
        cohort, period = (a.ravel() for a in np.meshgrid(did.cohorts, did.moments.periods))
    since = period - cohort
    early = since < -anticipation
    if not early.any():
        raise InsufficientPeriodsError(
            "no cohort is seen ahead of treatment and of the anticipation that is allowed for."
        )
    reference = float(since[early].max())
    with_one = np.isin(cohort, cohort[since == reference])
    lost = np.unique(cohort[~with_one])
    order = np.lexsort((period, cohort))
    kept = order[(with_one & (since != reference))[order]]
    if len(lost):
        names = ", ".join(f"{g:g}" for g in lost)
        raise ConfigError(
            f"cohorts {names} are not seen {-reference:g} periods before treatment, which is the "
            "reference; leave them out, or use GroupTime or ImputationDiD."
        )
    return TreatedCells(cohort=cohort[kept], period=period[kept]), reference


def _fit(did: DidTable | MomentsDesign, cells: TreatedCells) -> TwoWayFit | None:
    if isinstance(did, DidTable):
        return two_way_fit(did, _dummies(did, cells))
    cohorts = np.unique(did.first_treated)[:, None, None]
    periods = did.moments.periods[None, :, None]
    terms = ((cohorts == cells.cohort) & (periods == cells.period)).astype(float)
    return moments_fit(did, terms, _names(cells))


def _dummies(did: DidTable, cells: TreatedCells) -> pd.DataFrame:
    first, time = did.table["first_treated"], did.table["time"]
    pairs = zip(_names(cells), cells.cohort, cells.period, strict=True)
    return pd.DataFrame({name: ((first == g) & (time == t)).astype(float) for name, g, t in pairs})


def _names(cells: TreatedCells) -> list[str]:
    return [
        f"cohort {g:g} in period {t:g}" for g, t in zip(cells.cohort, cells.period, strict=True)
    ]


def _counts(did: DidTable | MomentsDesign, cells: TreatedCells) -> np.ndarray:
    """Return the weight of the rows in each cell."""
    if isinstance(did, DidTable):
        sums = did.table.groupby(["first_treated", "time"])["weight"].sum()
        keys = pd.MultiIndex.from_arrays([cells.cohort, cells.period])
        return sums.reindex(keys).to_numpy(dtype=float)
    units = pd.Series(did.moments.units, index=did.first_treated).groupby(level=0).sum()
    return units.reindex(cells.cohort).to_numpy(dtype=float)
