"""How well imputed scores predict answers that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core.errors import MissingColumnError
from cximpact.core.provenance import Provenance
from cximpact.core.results import TIDY_COLUMNS, plotting, result_html
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_count, check_prob
from cximpact.imputation.validation import words
from cximpact.imputation.validation.bands import EcdfTest, ecdf_test
from cximpact.imputation.validation.calibration import (
    CalibrationError,
    calibration_error,
    calibration_table,
    unhappy_answers,
)
from cximpact.imputation.validation.coverage import coverage_table
from cximpact.imputation.validation.folds import (
    Fold,
    answer_folds,
    answers_repeatedly,
    customer_folds,
    group_folds,
)
from cximpact.imputation.validation.levels import level_table
from cximpact.imputation.validation.pit import pit_histogram, randomized_pit, rank_histogram
from cximpact.imputation.validation.refit import HeldOut, predict_held_out
from cximpact.imputation.validation.scoring import score_table

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

BAND = 0.98
"""Probability that calibrated predictions pass one check; with four, more than 0.92 for all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Validation:
    """What became of answers that were held out.

    Parameters
    ----------
    scores : pandas.DataFrame
        From `scoring.score_table`: log score and ranked probability score, alone and against
        the baselines.
    pit : EcdfTest
        Randomized transforms of the answers against uniformity.
    histogram : pandas.DataFrame
        The transforms, averaged, from `pit.pit_histogram`.
    units : EcdfTest
        Ranks of the mean answers of the units: groups that were held out whole, or parts of cells.
    unit_histogram : pandas.DataFrame
        The same ranks, from `pit.rank_histogram`.
    coverage : pandas.DataFrame
        From `coverage.coverage_table`, with bands that hold for all sets together.
    calibration : pandas.DataFrame
        Probability of the event by tenth, from `calibration.calibration_table`.
    by_segment : pandas.DataFrame
        The same by segment and tenth.
    error : CalibrationError
        Calibration error over segments and tenths.
    levels : pandas.DataFrame
        Score of each level, from `levels.level_table`.
    event : str
        Answers whose probability was looked at, such as ``detractor``.
    segment : str or None
        Column of the segment.
    held_out : str
        What was held out at a time: ``"answers"``, ``"customers"`` or a column of groups.
    k, n : int
        Folds, and answers that were held out.
    scale : ScoreScale
        Scale of the answers.
    provenance : Provenance
        Where it comes from.
    """

    scores: pd.DataFrame = field(repr=False)
    pit: EcdfTest = field(repr=False)
    histogram: pd.DataFrame = field(repr=False)
    units: EcdfTest = field(repr=False)
    unit_histogram: pd.DataFrame = field(repr=False)
    coverage: pd.DataFrame = field(repr=False)
    calibration: pd.DataFrame = field(repr=False)
    by_segment: pd.DataFrame = field(repr=False)
    error: CalibrationError
    levels: pd.DataFrame = field(repr=False)
    event: str
    segment: str | None
    held_out: str
    k: int
    n: int
    scale: ScoreScale = field(repr=False)
    provenance: Provenance = field(repr=False)

    @property
    def verdicts(self) -> Mapping[str, str]:
        """Each check in plain words: ``shape``, ``groups``, ``coverage``, ``event``, ``skill``."""
        return MappingProxyType(words.verdicts(self))

    @property
    def calibrated(self) -> bool:
        """Whether no check of calibration failed by more than a trifle."""
        return words.calibrated(self)

    def summary(self) -> pd.DataFrame:
        """Put the checks side by side.

        Returns
        -------
        pandas.DataFrame
            ``check``, ``estimate``, ``expected_low``, ``expected_high`` (where calibrated
            predictions lie), ``verdict``.
        """
        return words.check_table(self)

    def tidy(self) -> pd.DataFrame:
        """Return scores, gains, coverage and calibration error as a tidy table.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``. Intervals of
            coverage say where calibrated coverage lies.
        """
        gained = self.scores["against"] != ""
        names = self.scores["score"].where(
            ~gained, "gain in " + self.scores["score"] + " over " + self.scores["against"]
        )
        spread = np.sqrt(self.coverage["expected"] * (1 - self.coverage["expected"]) / self.n)
        covered = [f"coverage[{k}, {p:g}]" for k, p in self.coverage[["kind", "prob"]].to_numpy()]
        error = pd.DataFrame([{c: getattr(self.error, c) for c in TIDY_COLUMNS[1:]}])
        tables = (
            self.scores.assign(term=names),
            self.coverage.assign(term=covered, std_error=spread),
            error.assign(term=f"calibration error[{self.event}]"),
        )
        return pd.concat([t[list(TIDY_COLUMNS)] for t in tables], ignore_index=True)

    def explain(self) -> str:
        """Say whether the predictions can be trusted, how much they add, and where they are off.

        Returns
        -------
        str
            A paragraph.
        """
        return words.explanation(self)

    def plot(self, **options: Any) -> Any:
        """Draw all checks on one page.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.validation_page`.

        Returns
        -------
        matplotlib.figure.Figure
            The page.
        """
        grouped = self.held_out not in words.SINGLE
        test, bars = (self.units, self.unit_histogram) if grouped else (self.pit, self.histogram)
        options.setdefault("title", words.headline(self))
        options.setdefault("unit", f"groups of {self.held_out}" if grouped else "answers")
        return plotting().validation_page(
            histogram=bars,
            ecdf=test.table(),
            coverage=self.coverage,
            calibration=self.calibration,
            scores=self.scores,
            event=self.event,
            **options,
        )

    def _repr_html_(self) -> str:
        return result_html(f"Held-out answers on {self.scale.name}", self.summary(), self.explain())


def validate(
    imputed: ImputedScores,
    *,
    k: int = 5,
    by: str | None = None,
    segment: str | None = None,
    event: str | None = None,
    probs: Sequence[float] = (0.5, 0.8, 0.9),
    rng: RngLike = None,
) -> Validation:
    """Hold out answers in turn, predict them by fits to the others, and judge the predictions.

    Parameters
    ----------
    imputed : ImputedScores
        The fit. Its settings are validated by fitting ``k`` times anew.
    k : int, default 5
        Folds.
    by : str, optional
        Column of groups that are held out whole, such as the agent or the week. By default
        single answers; or customers, where some answered repeatedly.
    segment : str, optional
        Column of the baseline and of calibration by segment; the first factor by default.
    event : str, optional
        Band of the scale whose probability is checked; the unhappiest by default.
    probs : sequence of float
        Masses of the predictive sets.
    rng : int or Generator, optional
        Randomness; the seed of the fit by default.

    Returns
    -------
    Validation
        Tables, tests and verdicts.

    Raises
    ------
    MissingColumnError
        If ``by`` or ``segment`` is no column of the cells.
    InsufficientDataError
        If there is too little to hold out.
    UnseenLevelError
        If a fit does not know a level of what was held out.

    Notes
    -----
    Estimand: how the settings predict further answers of people like those who answered. People
    of a fold stay in its frame without their answers, so the effect of a group that is held out
    is that of a new group: drawn toward the others, with the spread of groups.

    Single answers test the shape of the predictions, and hardly the effects: the fit has seen
    other answers of the same cell. Groups test what the model says of those it has not seen; a
    group's answers depend on each other, so groups are then judged by the rank of their mean
    answer, and standard errors of gains are clustered.

    What it cannot show: whether the silent answer like those who spoke (missing at random).

    References
    ----------
    Gneiting, T., Balabdaoui, F. and Raftery, A. E. (2007). Probabilistic forecasts, calibration
    and sharpness. Journal of the Royal Statistical Society B 69, 243-268.
    """
    k, cells = check_count(k, "k", low=2), imputed.cells
    segment = segment or next(iter(imputed.design.spec.factors), None)
    for name, column in (("by", by), ("segment", segment)):
        if column is not None and column not in cells.by:
            raise MissingColumnError.from_names([column], cells.by, role=name)
    probs = [check_prob(p, "probs") for p in probs]
    name, unhappy = unhappy_answers(cells.scale, event)
    seed = imputed.provenance.seed if rng is None else seed_of(rng)
    split, fits, pit, chance = spawn(seed, "folds", "held-out fits", "transforms", "chance")
    folds, held_out = _split(imputed, k, by, split)
    baseline = None if segment == by else segment
    held = predict_held_out(imputed, folds, segment=baseline, by=by, rng=fits)
    settings = {"k": len(folds), "held_out": held_out, "segment": segment, "event": name}
    return Validation(
        **_judged(held, cells.scale, imputed.design.spec.main, by, segment, probs, (pit, chance)),
        **_calibration(held, unhappy, segment, chance),
        event=name,
        segment=segment,
        held_out=held_out,
        k=len(folds),
        n=held.n,
        scale=cells.scale,
        provenance=replace(
            imputed.provenance, method="validate", settings=settings, seed=seed,
            parents=(imputed.provenance.source,),
        ),
    )  # fmt: skip


def _split(
    imputed: ImputedScores, k: int, by: str | None, rng: np.random.Generator
) -> tuple[list[Fold], str]:
    cells, wave = imputed.cells, imputed.wave
    if by is not None:
        return group_folds(cells, by, k, rng), by
    if wave is not None and answers_repeatedly(wave):
        return customer_folds(cells, wave, k, rng), "customers"
    return answer_folds(cells, k, rng), "answers"


def _judged(
    held: HeldOut,
    scale: ScoreScale,
    main: Sequence[str],
    by: str | None,
    segment: str | None,
    probs: Sequence[float],
    streams: tuple[np.random.Generator, np.random.Generator],
) -> dict[str, Any]:
    """Score the predictions and test their shape."""
    pit, chance = streams
    cluster = None if by is None else pd.factorize(held.index[by])[0]
    values = randomized_pit(held.pmf, held.count, pit)
    others = [name for name in main if name != by]
    all_sets = 1 - (1 - BAND) / (2 * len(probs))
    weights = scale.score_weights
    return {
        "scores": score_table(held.pmf, held.baselines, held.count, cluster=cluster),
        "pit": ecdf_test(values, prob=BAND, rng=chance),
        "histogram": pit_histogram(held.pmf, held.count, prob=BAND),
        "units": ecdf_test(held.units, prob=BAND, rng=chance),
        "unit_histogram": rank_histogram(held.units, prob=BAND),
        "coverage": coverage_table(held.pmf, held.count, values, probs=probs, prob=all_sets),
        "levels": level_table(held.index, held.pmf, held.count, weights, others),
    }


def _calibration(
    held: HeldOut, unhappy: np.ndarray, segment: str | None, rng: np.random.Generator
) -> dict[str, Any]:
    """Check the probability of an unhappy answer, with the folds of a cell put together.

    A fold whose answers are unhappier leaves happier ones to its fit; tenths of predictions by
    fold would take that for a fault.
    """
    cells, code = np.unique(held.cell, return_inverse=True)
    size = held.count.sum(axis=1)
    n, expected, happened = (
        np.bincount(code, weights=x, minlength=len(cells))
        for x in (size, size * held.pmf[:, unhappy].sum(axis=1), held.count[:, unhappy].sum(axis=1))
    )
    predicted = expected / n
    first = np.unique(code, return_index=True)[1]
    labels = None if segment is None else held.index[segment].to_numpy()[first]
    by_segment = calibration_table(predicted, n, happened, labels, prob=BAND)
    return {
        "calibration": calibration_table(predicted, n, happened, prob=BAND),
        "by_segment": by_segment,
        "error": calibration_error(by_segment, prob=BAND, rng=rng),
    }
