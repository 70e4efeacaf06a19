"""Synthetic difference-in-differences: controls weighted to move like the treated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, DesignError
from cximpact.core.results import Assumption, EffectPosterior
from cximpact.core.rng import RngLike, as_generator, seed_of, spawn
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim, Estimates, effect_result
from cximpact.effects.did.synthetic_fit import (
    REPLICATES,
    Outcomes,
    SyntheticFit,
    fit_synthetic,
    jackknife_variance,
)
from cximpact.effects.did.words import OUTCOME_SCALES, assumptions, estimand

INFERENCE = ("auto", "placebo", "jackknife", "bootstrap")
MANY_TREATED = 10
"""Treated clusters a cohort from which the jackknife takes the place of placebos."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticDiD:
    """Synthetic difference-in-differences of Arkhangelsky and others.

    Parameters
    ----------
    inference : {"auto", "placebo", "jackknife", "bootstrap"}
        Standard error from controls that are said to be treated, which supposes that treated and
        untreated units vary alike and needs more controls than treated; from leaving out one
        cluster at a time with the weights as they are; or from drawing clusters with replacement.
        ``"auto"`` takes the jackknife where every cohort has at least 10 clusters, else placebos.
    replications : int, default 200
        Placebos or bootstrap draws.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect over treated rows. Weights of the never treated make them move
    like the treated before treatment, up to a constant; weights of the periods before treatment
    make these predict the periods after it; the estimate is the double difference with both. Where
    cohorts start at several times, each is compared with the never treated by weights of its own,
    and they are averaged by their treated rows. It needs that what moves the treated without
    treatment can be balanced by the controls (a few common factors), no anticipation and no
    spill-over; parallel trends are not needed. What breaks it: few periods before treatment, few
    controls, weights on one or two of them (``diagnostics["effective_controls"]``), and a poor fit
    before treatment (``diagnostics["rmse_before"]``).

    References
    ----------
    Arkhangelsky, D., Athey, S., Hirshberg, D. A., Imbens, G. W. and Wager, S. (2021). Synthetic
    difference-in-differences. American Economic Review 111, 4088-4118.

    Clarke, D., Pailanir, D., Athey, S. and Imbens, G. (2024). On synthetic
    difference-in-differences and related estimation methods in Stata. Stata Journal 24, 557-598.
    """

    inference: str = "auto"
    replications: int = 200
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_choice(self.inference, "inference", INFERENCE)
        check_count(self.replications, "replications", low=50)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the average effect on the treated.

        Parameters
        ----------
        data : Panel
            A balanced panel without weights and covariates.
        rng : int or Generator, optional
            Randomness of placebos or bootstrap, and of the draws.

        Returns
        -------
        EffectPosterior
            One effect, with normal draws. ``details["units"]`` and ``details["periods"]`` are the
            weights, ``details["paths"]`` the treated beside their synthetic control.

        Raises
        ------
        DesignError
            If the panel has gaps, weights or covariates.
        NoControlError, InsufficientPeriodsError, ClusterError
            If there are too few units or periods.
        """
        if not isinstance(data, Panel) or not data.balanced or data.weight or data.covariates:
            raise DesignError(
                "synthetic difference-in-differences needs a balanced panel without weights and "
                "covariates; add up to groups and periods in which everybody is seen."
            )
        did = did_table(data)
        outcomes, units, periods = _outcomes(did)
        fit = fit_synthetic(outcomes)
        seed = seed_of(rng)
        kind = self._kind(outcomes)
        numbers = Estimates(
            value=np.array([fit.estimate]),
            covariance=np.array([[self._variance(outcomes, fit, kind, seed)]]),
            df=None,
        )
        claim = self._claim(did, fit, kind, units, periods)
        return effect_result(did, numbers, claim, draws=self.draws, rng=seed)

    def _kind(self, outcomes: Outcomes) -> str:
        if self.inference != "auto":
            return self.inference
        clusters = [len(np.unique(outcomes.cluster[outcomes.first == k])) for k in outcomes.starts]
        many = min(clusters) >= MANY_TREATED
        own = len(np.unique(outcomes.cluster)) == len(outcomes.cluster)
        return "placebo" if own and not many else "jackknife"

    def _variance(self, outcomes: Outcomes, fit: SyntheticFit, kind: str, seed: int) -> float:
        if kind == "jackknife":
            return jackknife_variance(outcomes, fit)
        if kind == "placebo" and len(np.unique(outcomes.cluster)) < len(outcomes.cluster):
            raise ConfigError(
                "placebos take units to be independent, but clusters hold several; use "
                "inference='jackknife' or 'bootstrap'."
            )
        (stream,) = spawn(seed, kind)
        found = REPLICATES[kind](outcomes, fit, self.replications, as_generator(stream))
        return float(found.var())

    def _claim(
        self,
        did: DidTable,
        fit: SyntheticFit,
        kind: str,
        units: np.ndarray,
        periods: np.ndarray,
    ) -> Claim:
        named = estimand(did, self.scale)
        settings = {k: getattr(self, k) for k in ("inference", "replications", "scale", "draws")}
        diagnostics = {
            "inference": kind,
            "rmse_before": _rmse_before(fit),
            "effective_controls": min(float(1 / (f.units**2).sum()) for f in fit.fits),
            "effective_periods": min(float(1 / (f.periods**2).sum()) for f in fit.fits),
        }
        return Claim(
            method="SyntheticDiD",
            settings=settings,
            estimand=replace(
                named,
                contrast=(
                    "change of the treated after treatment against the change of untreated units "
                    "that are weighted to move alike before it"
                ),
            ),
            assumptions=(_balance(diagnostics), *assumptions(did, equal=False)[1:]),
            would_change_it=(
                "something that moved the treated alone after treatment began, or controls that "
                "moved alike before by chance."
            ),
            diagnostics=diagnostics,
            details=_tables(did, fit, units, periods),
            packages=("numpy", "scipy"),
        )


def _outcomes(did: DidTable) -> tuple[Outcomes, np.ndarray, np.ndarray]:
    """Lay a table out as a matrix, with the names of its units and periods."""
    wide = did.table.pivot(index="entity", columns="time", values="outcome")
    rows = did.table.drop_duplicates("entity").set_index("entity").loc[wide.index]
    periods = wide.columns.to_numpy(dtype=float)
    first = np.searchsorted(periods, rows["first_treated"].to_numpy(dtype=float))
    outcomes = Outcomes(
        value=wide.to_numpy(dtype=float), first=first, cluster=pd.factorize(rows["cluster"])[0]
    )
    return outcomes, wide.index.to_numpy(), periods


def _balance(diagnostics: dict[str, Any]) -> Assumption:
    return Assumption(
        name="balance by weights",
        statement=(
            "what moves the treated without treatment moves the weighted controls as much, before "
            "and after"
        ),
        tested=True,
        evidence=(
            f"before treatment they differ by {diagnostics['rmse_before']:.3g} (root mean square, "
            f"up to a constant); {diagnostics['effective_controls']:.1f} controls count"
        ),
    )


def _gaps(fit: SyntheticFit) -> list[np.ndarray]:
    """Treated less weighted controls, by period, less its weighted mean before treatment."""
    out = []
    for block, found in zip(fit.blocks, fit.fits, strict=True):
        gap = block.treated.mean(axis=0) - found.units @ block.controls
        out.append(gap - found.periods @ gap[: block.before])
    return out


def _rmse_before(fit: SyntheticFit) -> float:
    squares = [
        (gap[: block.before] - gap[: block.before].mean()) ** 2
        for gap, block in zip(_gaps(fit), fit.blocks, strict=True)
    ]
    return float(np.sqrt(np.concatenate(squares).mean()))


def _tables(
    did: DidTable, fit: SyntheticFit, units: np.ndarray, periods: np.ndarray
) -> dict[str, Any]:
    """Return weights and paths as tables, one row a cohort and unit or period."""
    wide = did.table.drop_duplicates("entity").set_index("entity")["first_treated"].loc[units]
    never = units[~np.isfinite(wide.to_numpy(dtype=float))]
    weights, times, paths = [], [], []
    for cohort, block, found, gap in zip(
        did.cohorts, fit.blocks, fit.fits, _gaps(fit), strict=True
    ):
        treated = block.treated.mean(axis=0)
        weights.append(pd.DataFrame({"cohort": cohort, "unit": never, "weight": found.units}))
        before = periods[: block.before]
        times.append(pd.DataFrame({"cohort": cohort, "period": before, "weight": found.periods}))
        share = np.append(found.periods, np.zeros(len(periods) - block.before))
        columns = {"treated": treated, "synthetic": treated - gap, "weight": share}
        paths.append(pd.DataFrame({"cohort": cohort, "period": periods} | columns))
    named = {"units": weights, "periods": times, "paths": paths}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in named.items()}
