"""From means by score to the effect at the cutoff, with what must hold for it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AssumptionWarning, TreatmentError, join_names
from cximpact.core.results import Assumption, Estimand
from cximpact.core.rng import spawn
from cximpact.core.wording import number, with_unit
from cximpact.effects.linkage.cases.claims_made import provenance_of, scale_of
from cximpact.effects.linkage.cases.cutoff_cells import ScoreCells
from cximpact.effects.linkage.cases.cutoff_checks import covariate_jumps
from cximpact.effects.linkage.cases.cutoff_curvature import (
    RULE,
    bends_seen,
    bounded_fit,
    p_of_bound,
)
from cximpact.effects.linkage.cases.cutoff_fuzzy import JumpRatio
from cximpact.effects.linkage.cases.cutoff_weights import (
    BiasAware,
    best_weights,
    bias_loads,
    weigh,
)
from cximpact.effects.linkage.cases.effect_result import RecoveryEffect
from cximpact.effects.linkage.rows import LinkedRows

if TYPE_CHECKING:
    from cximpact.effects.linkage.cases.cutoff import AlertCutoff

_FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0)
_DOUBT = 0.05
_NO_JUMP = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class CutoffClaim:
    """One fit at a cutoff.

    Parameters
    ----------
    settings : AlertCutoff
        The estimator.
    rows : LinkedRows
        The rows.
    cells : ScoreCells
        Means by score.
    curvature : tuple of float
        Bound of the outcome, and of treatment where it is not sharp.
    mass : mapping
        From `mass_at_cutoff`.
    seed : int
        Seed of the run.
    """

    settings: AlertCutoff
    rows: LinkedRows = field(repr=False)
    cells: ScoreCells
    curvature: tuple[float, ...]
    mass: Mapping[str, Any]
    seed: int

    @property
    def is_fuzzy(self) -> bool:
        """Whether the alert does not decide alone who is recovered."""
        return len(self.curvature) > 1

    def estimated(self, factor: float = 1.0) -> tuple[BiasAware | JumpRatio, np.ndarray]:
        """Estimate under a multiple of the bounds.

        Parameters
        ----------
        factor : float, default 1
            Of both bounds.

        Returns
        -------
        found : BiasAware or JumpRatio
            What gives the confidence set.
        weights : numpy.ndarray, shape (cell,)
            Weights of the means.

        Raises
        ------
        TreatmentError
            If treatment does not jump at all.
        """
        cells, bound = self.cells, factor * self.curvature[0]
        mean, covariance = cells.of(0)
        side = (cells.steps, cells.treated_side)
        loads = bias_loads(*side)
        w = best_weights(covariance, *side, bound, self.settings.prob)
        sharp = weigh(mean, covariance, loads, w, bound)
        if not self.is_fuzzy:
            return sharp, w
        joint = np.einsum("j,ajbk,k->ab", w, cells.covariance[:2, :, :2, :], w)
        first = weigh(*cells.of(1), loads, w, factor * self.curvature[1])
        if abs(first.estimate) < _NO_JUMP:
            raise TreatmentError(
                f"the share of the recovered does not jump at the cutoff {self.settings.cutoff:g} "
                f"(column {self.settings.treated!r}); check cutoff=, or leave out treated= for the "
                "effect of the alert."
            )
        jumps = JumpRatio(
            outcome=sharp.estimate,
            treatment=first.estimate,
            covariance=joint,
            outcome_bias=sharp.bias,
            treatment_bias=first.bias,
        )
        return jumps, w

    def result(self) -> RecoveryEffect:
        """Make the result.

        Returns
        -------
        RecoveryEffect
            The effect at the cutoff.
        """
        settings, cells = self.settings, self.cells
        found, weights = self.estimated()
        scale = scale_of(self.rows.numbers["outcome"], settings.scale)
        jumps = self._covariates()
        assumptions = (self._continuity(jumps), self._curvature(), *self._exclusion())
        provenance = provenance_of(
            "AlertCutoff",
            settings,
            data_hash=self.rows.data_hash,
            seed=self.seed,
            notes=(*self.rows.notes, *self._notes(scale)),
        )
        return RecoveryEffect(
            draws=self._draws(found, provenance.source),
            estimate=xr.DataArray(found.estimate),
            std_error=None if isinstance(found, JumpRatio) else xr.DataArray(found.std_error),
            estimand=self._estimand(scale),
            draw_kind="asymptotic",
            n=int(cells.count.sum()),
            assumptions=assumptions,
            diagnostics=self._diagnostics(found),
            provenance=provenance,
            would_change_it=(
                "a mean outcome that bends more from score to score than stated, or answers that "
                "were moved across the threshold."
            ),
            details={
                "cells": self._table(),
                "cutoff": float(settings.cutoff),
                "weights": pd.DataFrame(
                    {"score": cells.score, "n": cells.count, "weight": weights}
                ),
                "curvature": self._sensitivity(found),
                "covariates": jumps,
            },
            test=found,
        )

    def _estimand(self, scale: str) -> Estimand:
        who = f"customers who score {self.settings.cutoff:g}"
        if self.is_fuzzy:
            who = f"those recovered because of the alert, among {who}"
        against = "with against without " + ("recovery" if self.is_fuzzy else "the alert")
        return Estimand(
            target="late" if self.is_fuzzy else "effect at the cutoff",
            contrast=f"{self.settings.outcome} {against}",
            scale=scale,
            population=who,
        )

    def _draws(self, found: BiasAware | JumpRatio, source: str) -> xr.DataArray:
        size, marks = self.settings.draws, {}
        (stream,) = spawn(self.seed, "cutoff")
        if isinstance(found, JumpRatio):
            values = found.draw(size, rng=stream)
            if not found.confidence_set(0.9).is_bounded:
                marks[dr.UNRELIABLE] = (
                    "recoveries jump too little at the cutoff; the 90% confidence set is not "
                    "bounded, and draws cannot show that"
                )
        else:
            # the largest bias in either direction: their quantiles are the ends of the intervals
            bias = found.bias * np.where(np.arange(size) % 2, 1.0, -1.0)
            noise = found.std_error * stream.standard_normal(size)
            values = found.estimate + stream.permutation(bias) + noise
        return dr.from_array(values, source=source, attrs=marks, data_ids=[self.rows.data_hash])

    def _covariates(self) -> pd.DataFrame:
        jumps = covariate_jumps(
            self.cells, self.rows.terms, len(self.curvature), self.settings.prob
        )
        if jumps["jumps"].any():
            names = join_names(list(jumps.loc[jumps["jumps"], "covariate"]))
            warnings.warn(
                f"{names} jump at the cutoff: customers on both sides differ. Look for answers "
                "that were moved, and use donut=1.",
                AssumptionWarning,
                stacklevel=5,
            )
        return jumps

    def _continuity(self, jumps: pd.DataFrame) -> Assumption:
        p = self.mass["p"]
        if p < _DOUBT:
            warnings.warn(
                f"the numbers of answers on both sides of the cutoff do not fit a smooth curve (p "
                f"{number(p)}): answers may have been moved across it. Use donut=1.",
                AssumptionWarning,
                stacklevel=5,
            )
        told = "too few scores to test the numbers of answers" if np.isnan(p) else ""
        told = told or f"numbers of answers at the cutoff fit a smooth curve with p {number(p)}"
        if len(jumps):
            bad = int(jumps["jumps"].sum())
            told += f"; {bad} of {len(jumps)} covariates jump there"
        return Assumption(
            name="continuity",
            statement="nothing but the alert changes at the cutoff, and nobody moves scores across",
            tested=not np.isnan(p) or len(jumps) > 0,
            evidence=told,
        )

    def _curvature(self) -> Assumption:
        p = self._p_of_bound()
        shown = number(self.curvature[0])
        guess = isinstance(self.settings.curvature, str)
        how = f"{shown} by a {RULE}, which is a guess" if guess else f"{shown}, as stated"
        if p < _DOUBT:
            warnings.warn(
                f"means by score bend by more than the bound {shown} (p {number(p)}); raise "
                "curvature=.",
                AssumptionWarning,
                stacklevel=5,
            )
        return Assumption(
            name="bounded curvature",
            statement="the mean outcome bends from score to score by no more than the bound",
            tested=False,
            evidence=f"bound {how}; larger bends away from the cutoff are seen with p {number(p)}",
        )

    def _exclusion(self) -> tuple[Assumption, ...]:
        if not self.is_fuzzy:
            return ()
        return (
            Assumption(
                name="exclusion and monotonicity",
                statement=(
                    "the alert acts through the recovery alone, and nobody is recovered only for "
                    "lack of an alert"
                ),
                tested=False,
                evidence="the data cannot show it",
            ),
        )

    def _p_of_bound(self) -> float:
        bends = bends_seen(*self.cells.of(0), self.cells.steps, self.cells.treated_side)
        return p_of_bound(*bends, self.curvature[0])

    def _diagnostics(self, found: BiasAware | JumpRatio) -> dict[str, Any]:
        out: dict[str, Any] = {
            "curvature": self.curvature[0],
            "curvature_from": RULE if isinstance(self.settings.curvature, str) else "stated",
            "p_of_bound": self._p_of_bound(),
            "mass": dict(self.mass),
        }
        if isinstance(found, BiasAware):
            return out | {"bias": found.bias}
        return out | {
            "curvature_treated": self.curvature[1],
            "bias": found.outcome_bias,
            "first_stage": found.treatment,
            "first_stage_f": found.treatment**2 / max(float(found.covariance[1, 1]), 1e-300),
        }

    def _notes(self, scale: str) -> tuple[str, ...]:
        y, at = self.rows.numbers["outcome"], self.rows.numbers["score"]
        low = (
            at <= self.settings.cutoff
            if self.settings.alert == "low"
            else at >= self.settings.cutoff
        )
        unit = "share" if scale == "pp" else scale
        means = [with_unit(float(y[side].mean()), unit) for side in (low, ~low)]
        return (
            f"Beside it, not instead of it: among all with an alert {self.settings.outcome!r} is "
            f"{means[0]}, among all without {means[1]}; they are other customers.",
        )

    def _sensitivity(self, own: BiasAware | JumpRatio) -> pd.DataFrame:
        rows = []
        for factor in _FACTORS:
            found = own if factor == 1 else self.estimated(factor)[0]
            low, high = found.confidence_set(self.settings.prob).hull
            rows.append((factor * self.curvature[0], found.estimate, low, high))
        table = pd.DataFrame(rows, columns=["curvature", "estimate", "conf_low", "conf_high"])
        return table.assign(conf_level=self.settings.prob)

    def _table(self) -> pd.DataFrame:
        """Means by score with the fitted sides, for the picture."""
        cells, (mean, covariance) = self.cells, self.cells.of(0)
        table = pd.DataFrame(
            {
                "score": cells.score,
                "alert": cells.treated_side,
                "estimate": mean,
                "std_error": np.sqrt(np.diag(covariance)),
                "n": cells.count,
            }
        )
        sign = -1.0 if self.settings.alert == "low" else 1.0
        parts = []
        for side in (True, False):
            mine = cells.treated_side == side
            at, fit = bounded_fit(
                mean[mine],
                covariance[np.ix_(mine, mine)],
                cells.steps[mine],
                curvature=self.curvature[0],
            )
            direction = sign if side else -sign
            score = self.settings.cutoff + direction * at * self.settings.step
            parts.append(pd.DataFrame({"score": score, "alert": side, "fit": fit}))
        fits = pd.concat(parts, ignore_index=True)
        keys = ["score", "alert"]
        table["score"], fits["score"] = table["score"].round(9), fits["score"].round(9)
        return fits.merge(table, on=keys, how="outer").sort_values(keys, ignore_index=True)
