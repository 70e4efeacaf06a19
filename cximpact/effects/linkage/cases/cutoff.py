"""Alerts that go out at low scores: the effect of closing the loop at the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cximpact.core.errors import (
    ConfigError,
    NoControlError,
    NoTreatedError,
    TreatmentError,
    rows_phrase,
)
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count, check_number, check_prob
from cximpact.data import frames
from cximpact.effects.linkage.cases.cutoff_cells import ScoreCells, score_cells, steps_from
from cximpact.effects.linkage.cases.cutoff_checks import mass_at_cutoff
from cximpact.effects.linkage.cases.cutoff_claim import CutoffClaim
from cximpact.effects.linkage.cases.cutoff_curvature import RULE, curvature_by_rule
from cximpact.effects.linkage.cases.effect_result import RecoveryEffect
from cximpact.effects.linkage.rows import LinkedRows, link_rows

SIDES = ("low", "high")


@dataclass(frozen=True, kw_only=True, eq=False)
class AlertCutoff:
    """Compare customers just at and just past the score at which an alert goes out.

    Parameters
    ----------
    outcome, score : str
        Columns of the later behavior, and of the score that decides on the alert.
    cutoff : float
        Last score at which the alert goes out.
    curvature : float or "rule of thumb"
        The most by which the mean outcome may bend from one score to the next: the largest
        second difference of means of neighboring scores, in units of the outcome. It must be
        stated, as no data show it. The rule of thumb is a guess from a fitted curve, and the
        result says so.
    treated : str, optional
        0/1 column of who was recovered, where that is not all whose score asks for an alert.
    curvature_treated : float or "rule of thumb", optional
        The same bound for the share of the recovered; needed with ``treated``.
    alert : {"low", "high"}
        Whether alerts go out at low scores, or at high ones, as for effort.
    step : float, default 1
        Distance between neighboring scores.
    window : int, optional
        Steps from the cutoff that are used on each side; all by default.
    donut : int, default 0
        Scores to leave out on each side of the threshold, where agents move answers across it.
    covariates : sequence of str
        Columns known before the alert. They must not jump at the cutoff.
    weight, cluster : str, optional
        Columns of weights, and of clusters at which errors are dependent; never the score.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    scale : {"pp", "points", "money", "outcome"}, optional
        Meaning of the outcome's numbers; ``"pp"`` by default where all are 0 or 1.
    prob : float, default 0.9
        Confidence at which the interval is made as short as can be.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: E[Y(alert) - Y(no alert) | score = cutoff], the effect on customers at the
    threshold; with ``treated``, on those of them who are recovered because of it. It needs mean
    outcomes that would not jump there without the alert, and bend by no more than the bound.
    Agents who talk answers up across the threshold break it; ``diagnostics["mass"]`` tests the
    number of answers on both sides, ``details["covariates"]`` whether customers differ, and
    ``donut=1`` leaves the doubtful scores out.

    A score of eleven points cannot be looked at ever closer to the threshold. So means by score
    are weighed such that the interval is shortest, with the largest bias that the bound allows
    counted in it. Errors clustered by score do not do that and are too small.
    ``details["curvature"]`` shows the interval under other bounds. With ``treated`` the weights
    are those of the outcome's jump, and the ratio's set comes from a test, so it may be
    unbounded.

    References
    ----------
    Kolesar, M. and Rothe, C. (2018). Inference in regression discontinuity designs with a
    discrete running variable. American Economic Review 108, 2277-2304. Armstrong, T. B. and
    Kolesar, M. (2018). Econometrica 86, 655-683. Noack, C. and Rothe, C. (2024). Bias-aware
    inference in fuzzy regression discontinuity designs. Econometrica 92, 687-711.
    """

    outcome: str
    score: str
    cutoff: float
    curvature: float | str
    treated: str | None = None
    curvature_treated: float | str | None = None
    alert: str = "low"
    step: float = 1.0
    window: int | None = None
    donut: int = 0
    covariates: Sequence[str] = ()
    weight: str | None = None
    cluster: str | None = None
    missing: str = "raise"
    scale: str | None = None
    prob: float = 0.9
    draws: int = 4000

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariates", frames.column_names(self.covariates, "covariates"))
        check_number(self.cutoff, "cutoff")
        _check_curvature(self.curvature, "curvature")
        if self.curvature_treated is not None:
            _check_curvature(self.curvature_treated, "curvature_treated")
        check_choice(self.alert, "alert", SIDES)
        check_number(self.step, "step", low=0, open_low=True)
        if self.window is not None:
            check_count(self.window, "window")
        check_count(self.donut, "donut", low=0)
        check_prob(self.prob)
        check_count(self.draws, "draws", low=100)
        if self.cluster == self.score:
            raise ConfigError(
                f"cluster is the score {self.score!r} itself. Errors clustered by score do not "
                "cover when the score is discrete; leave cluster out, or name the store or agent."
            )

    def fit(self, data: Any, *, rng: RngLike = None) -> RecoveryEffect:
        """Estimate the effect at the cutoff.

        Parameters
        ----------
        data : frame
            One row a customer who answered, on both sides of the cutoff.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        RecoveryEffect
            With ``details``: ``cells`` (means by score with both fitted sides), ``weights``,
            ``curvature`` (intervals under other bounds), ``covariates``; and ``diagnostics``:
            the largest bias, the mass test and the test of the bound.

        Raises
        ------
        NoControlError, NoTreatedError, TreatmentError
            If one side is empty, or treatment is not 0/1 or does not jump.
        DataError, DesignError
            For columns or scores that cannot be used.
        """
        numbers = {"outcome": self.outcome, "score": self.score}
        numbers |= {"treated": self.treated} if self.treated else {}
        rows = link_rows(
            data,
            numbers,
            self.covariates,
            weight=self.weight,
            cluster=self.cluster,
            missing=self.missing,
            varying=["outcome", "score"],
        )
        _check_clusters(rows)
        steps = steps_from(
            rows.numbers["score"], float(self.cutoff), float(self.step), low=self.alert == "low"
        )
        outcomes = [rows.numbers["outcome"]]
        if self.treated:
            outcomes.append(_treated(rows, self.treated, steps))
        cells = score_cells(
            rows,
            [*outcomes, *(c.values for c in rows.covariates)],
            steps,
            _kept(steps, self.window, self.donut),
        )
        at, count = np.unique(steps, return_counts=True)
        claim = CutoffClaim(
            settings=self,
            rows=rows,
            cells=cells,
            curvature=tuple(self._bound(cells, k) for k in range(len(outcomes))),
            mass=mass_at_cutoff(at, count),
            seed=seed_of(rng),
        )
        return claim.result()

    def _bound(self, cells: ScoreCells, k: int) -> float:
        given = self.curvature_treated if k else self.curvature
        if given is None:
            raise ConfigError(
                "curvature_treated is needed with treated=: the most by which the share of the "
                "recovered may bend from one score to the next, such as 0.05, or "
                f"{RULE!r}."
            )
        if isinstance(given, str):
            return curvature_by_rule(cells.means[k], cells.steps, cells.treated_side)
        return float(given)


def _check_curvature(value: float | str, name: str) -> None:
    if isinstance(value, str):
        check_choice(value, name, (RULE,))
    else:
        check_number(value, name, low=0)


def _check_clusters(rows: LinkedRows) -> None:
    scores = np.unique(rows.numbers["score"], return_inverse=True)[1]
    pairs = np.unique(np.column_stack([rows.cluster, scores]), axis=0)
    if rows.is_clustered and rows.n_clusters <= scores.max() + 1 == len(pairs):
        raise ConfigError(
            "every cluster is one value of the score. Errors clustered by score do not cover when "
            "the score is discrete; leave cluster out, or name the store or agent."
        )


def _treated(rows: LinkedRows, column: str, steps: np.ndarray) -> np.ndarray:
    values = rows.numbers["treated"]
    if (odd := np.flatnonzero(~np.isin(values, (0.0, 1.0)))).size:
        raise TreatmentError(
            f"Column {column!r} is neither 0 nor 1 in {rows_phrase(odd)}; expected 0/1."
        )
    if not values.any():
        raise NoTreatedError(f"nobody was recovered: column {column!r} is 0 in all rows.")
    if values[steps >= 0].mean() <= values[steps < 0].mean():
        raise TreatmentError(
            f"column {column!r} is no more often 1 where the alert goes out than elsewhere; check "
            "cutoff= and alert=."
        )
    return values


def _kept(steps: np.ndarray, window: int | None, donut: int) -> np.ndarray:
    """Return which rows are used: not too far from the threshold and not in the donut."""
    past = np.where(steps >= 0, steps, -steps - 1)  # scores between a row and the threshold
    kept = past >= donut
    if window is not None:
        kept &= np.abs(steps) <= window
    for side, kind, what in (
        (steps >= 0, NoTreatedError, "at"),
        (steps < 0, NoControlError, "past"),
    ):
        if not (kept & side).any():
            raise kind(
                f"no row has a score {what} the cutoff that is used, of {steps.size:,} rows; "
                "check cutoff=, alert=, window= and donut=."
            )
    return kept
