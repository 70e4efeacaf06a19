"""Effects by cohort and period: staggered adoption without forbidden comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from cximpact.core.results import CELLS, EffectPosterior, Estimand
from cximpact.core.rng import RngLike, as_generator, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.did import plan as pl
from cximpact.effects.did.aggregate import DIMENSIONS, average
from cximpact.effects.did.cell_fit import CellFit
from cximpact.effects.did.contrast import METHODS
from cximpact.effects.did.estimates import Claim, Design, Estimates, effect_result
from cximpact.effects.did.group_time_ways import UNBALANCED, estimate
from cximpact.effects.did.multiplier import MULTIPLIERS
from cximpact.effects.did.pretrend import pretrend_test, trend_words
from cximpact.effects.did.words import OUTCOME_SCALES, assumptions, estimand

INFERENCE = ("auto", "normal", *MULTIPLIERS)
LARGE = 100
"""Clusters a cohort from which draws of the normal distribution take the place of the bootstrap."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupTime:
    """Group-time average treatment effects of Callaway and Sant'Anna.

    Parameters
    ----------
    control : {"never", "not_yet"}
        Compare with units that are never treated, or also with those treated later.
    covariates : sequence of str, optional
        Columns on which trends may depend; by default those that the panel names. ``()`` takes
        none. They are read in the earlier of the two periods of each comparison.
    method : {"dr", "ipw", "reg"}
        Doubly robust, inverse probability weighting (normalized weights), or outcome regression.
        Without covariates all are the same.
    base : {"varying", "universal"}
        Before treatment, compare with the period before, or always with the last one before
        treatment, as honest bounds need.
    anticipation : int, default 0
        Periods before treatment in which units may already react.
    unbalanced : {"pairs", "levels", "drop"}
        What to do with units that miss periods: use each for the comparisons in whose two periods
        it is seen; compare means of all rows, as if the rows were different people; or leave
        such units out.
    inference : {"auto", "normal", "rademacher", "mammen"}
        How the draws arise: from the normal distribution with the joint covariance, or from the
        multiplier bootstrap by cluster. ``"auto"`` takes the normal distribution where every
        cohort has at least 100 clusters. Standard errors are those of the influence function in
        every case.
    small_sample : bool, optional
        Inflate the variance of each cohort by ``n / (n - 1)`` on its clusters and take the t
        distribution with G - 2 degrees of freedom. By default where there are fewer than 50
        clusters; off is what R's `did` reports.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: for every cohort g and period t, the average effect on the units first treated in g,
    ``E[Y_t(g) - Y_t(never) | G = g]``. `EffectPosterior.aggregate` averages them. It needs
    parallel trends of the cohort and its controls (given the covariates), no anticipation
    beyond the periods stated, treatment that stays, no spill-over, and with covariates overlap:
    untreated units with a propensity of .995 or more get no weight. What breaks it: cohorts of a
    few clusters, and with ``"never"`` a never-treated group that is unlike the others.

    References
    ----------
    Callaway, B. and Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time
    periods. Journal of Econometrics 225, 200-230.
    """

    control: str = "never"
    covariates: Sequence[str] | None = None
    method: str = "dr"
    base: str = "varying"
    anticipation: int = 0
    unbalanced: str = "pairs"
    inference: str = "auto"
    small_sample: bool | None = None
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        object.__setattr__(self, "control", pl.control_group(self.control))
        if self.covariates is not None:
            names = (self.covariates,) if isinstance(self.covariates, str) else self.covariates
            object.__setattr__(self, "covariates", tuple(names))
        check_choice(self.method, "method", METHODS)
        check_choice(self.base, "base", pl.BASES)
        check_count(self.anticipation, "anticipation", low=0)
        check_choice(self.unbalanced, "unbalanced", UNBALANCED)
        check_choice(self.inference, "inference", INFERENCE)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate all effects by cohort and period.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; estimates and standard errors do not depend on it.

        Returns
        -------
        EffectPosterior
            Dimension ``cell`` with the coordinates ``cohort`` and ``period``; cells before
            treatment show the trends. ``details["covariance"]`` is their joint covariance.

        Raises
        ------
        NoControlError, NoPreperiodError
            If nothing can be compared.
        OverlapError, SeparationError, RankError
            If the covariates do not allow it.
        """
        if self.covariates is not None and set(self.covariates) != set(data.covariates):
            data = replace(data, covariates=self.covariates)
        found = estimate(
            data,
            control=self.control,
            base=self.base,
            anticipation=self.anticipation,
            method=self.method,
            unbalanced=self.unbalanced,
            small_sample=self.small_sample,
        )
        cells = GroupTimeCells(
            design=found.design,
            fit=found.fit,
            settings=self,
            df=found.df,
            seed=seed_of(rng),
            path=found.path,
        )
        return cells.result()


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupTimeCells:
    """The effects of one fit, to be averaged in several ways.

    Parameters
    ----------
    design : Design
        The data.
    fit : CellFit
        Effects and shares with their joint uncertainty.
    settings : GroupTime
        How they were estimated.
    df : float or None
        Degrees of freedom.
    seed : int
        Of the draws.
    path : str
        Which way was taken through the data.
    """

    design: Design = field(repr=False)
    fit: CellFit = field(repr=False)
    settings: GroupTime
    df: float | None
    seed: int
    path: str

    def result(self) -> EffectPosterior:
        """Return the effects by cohort and period.

        Returns
        -------
        EffectPosterior
            Without the cells that are a reference.
        """
        kept = [k for k, cell in enumerate(self.fit.cells) if not cell.reference]
        labels = {
            "cohort": ("cell", np.array([self.fit.cells[k].cohort for k in kept])),
            "period": ("cell", np.array([self.fit.cells[k].period for k in kept])),
        }
        jacobian = np.zeros((len(kept), len(self.fit.value)))
        jacobian[np.arange(len(kept)), kept] = 1
        return self._result(self.fit.value[kept], jacobian, ("cell",), labels, "cohort and period")

    def aggregate(self, by: str, *, overall: bool = False) -> EffectPosterior:
        """Average the effects.

        Parameters
        ----------
        by : {"simple", "event", "group", "calendar"}
            See `aggregate.average`.
        overall : bool, default False
            Average the averages to one number.

        Returns
        -------
        EffectPosterior
            A new result.
        """
        fit = self.fit
        found = average(fit.cells, fit.cohorts, fit.value, by, overall=overall)
        words = {"simple": "treated cells", "event": "event time", "group": "cohort"}
        if not found.labels.size:
            return self._result(found.value, found.jacobian, (), {}, words.get(by, "period"))
        labels = found.labels
        labels = labels.astype(int) if (labels == np.round(labels)).all() else labels
        name = DIMENSIONS[by]
        return self._result(found.value, found.jacobian, (name,), {name: labels}, words.get(by, by))

    def _result(
        self,
        value: np.ndarray,
        jacobian: np.ndarray,
        dims: tuple[str, ...],
        coords: dict[str, Any],
        words: str,
    ) -> EffectPosterior:
        covariance = jacobian @ self.fit.covariance @ jacobian.T
        trends = self._trends()
        kind = self._kind()
        numbers = Estimates(
            value=value,
            covariance=covariance,
            df=self.df,
            dims=dims,
            coords=coords,
            draws=value + self._errors @ jacobian.T,
        )
        details: dict[str, Any] = {CELLS: self, "covariance": covariance}
        if dims == ("event_time",) and self.settings.base == "universal":
            details["reference"] = -1 - self.settings.anticipation
        claim = Claim(
            method="GroupTime",
            settings=_settings(self.settings),
            estimand=self._estimand(words),
            assumptions=assumptions(self.design, *trend_words(trends), equal=False),
            would_change_it=(
                "a difference in trends that continues after treatment; effects before treatment "
                "show how large it was."
            ),
            diagnostics={
                "pretrend": trends,
                "path": self.path,
                "inference": kind,
                "small_sample": self.df is not None,
                "trimmed": self.fit.trimmed,
            },
            details=details,
            notes=self.fit.notes,
        )
        return effect_result(self.design, numbers, claim, draws=self.settings.draws, rng=self.seed)

    def _kind(self) -> str:
        """How the draws arise."""
        if self.settings.inference != "auto":
            return self.settings.inference
        return "normal" if self.fit.clusters.min() >= LARGE else "rademacher"

    @cached_property
    def _errors(self) -> np.ndarray:
        """Draw joint errors of effects and shares, once for all averages."""
        size, rng, kind = self.settings.draws, as_generator(self.seed), self._kind()
        if kind == "normal":
            return t_errors(self.fit.covariance, self.df, size=size, rng=rng)
        out = self.fit.multiplier_draws(size, rng, kind)
        return (
            out if self.df is None else out * np.sqrt(self.df / rng.chisquare(self.df, (size, 1)))
        )

    def _trends(self) -> dict[str, float]:
        """Test that all effects before treatment are zero."""
        cells, ahead = self.fit.cells, self.settings.anticipation
        kept = [k for k, c in enumerate(cells) if not c.reference and c.period + ahead < c.cohort]
        event = np.array([cells[k].period - cells[k].cohort for k in kept])
        return pretrend_test(
            event, self.fit.value[kept], self.fit.covariance[np.ix_(kept, kept)], self.df
        )

    def _estimand(self, words: str) -> Estimand:
        named = estimand(self.design, self.settings.scale)
        other = "never treated" if self.settings.control == "never" else "not yet treated"
        return replace(
            named,
            contrast=(
                "change of the treated since the last period before treatment against the change "
                f"of the {other}, by {words}"
            ),
        )


def _settings(settings: GroupTime) -> dict[str, Any]:
    names = ("control", "covariates", "method", "base", "anticipation", "unbalanced")
    more = ("inference", "small_sample", "scale", "draws")
    found = {name: getattr(settings, name) for name in (*names, *more)}
    return found | {"covariates": list(settings.covariates) if settings.covariates else None}
