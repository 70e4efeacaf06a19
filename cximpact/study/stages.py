"""The stages of a study: each turns its section into a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from cximpact import effects, goals, imputation, roi, scores, value
from cximpact.core.rng import seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.data import Panel, RepeatedCrossSection, SurveyWave
from cximpact.study.schema import (
    Association,
    CustomScale,
    Effect,
    GoalSection,
    Imputation,
    InitiativeSection,
    Roi,
    Scores,
    StudyFile,
    Value,
)
from cximpact.study.tables import load_table

ESTIMATORS: dict[str, Callable[..., Any]] = {
    "TwoByTwo": effects.TwoByTwo,
    "EventStudy": effects.EventStudy,
    "GroupTime": effects.GroupTime,
    "ImputationDiD": effects.ImputationDiD,
    "NonlinearDiD": effects.NonlinearDiD,
    "SunAbraham": effects.SunAbraham,
    "SyntheticDiD": effects.SyntheticDiD,
}
"""What ``estimator`` in a section of effects may name."""


@dataclass(kw_only=True, eq=False)
class Run:
    """A study while it runs: its tables, and the results so far.

    Parameters
    ----------
    study : StudyFile
        The study.
    folder : Path
        Folder of the study file.
    draws : int, optional
        Overrides the draws of every stage.
    seed : int
        Seed of everything.
    """

    study: StudyFile
    folder: Path
    seed: int
    draws: int | None = None
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def rng(self, path: str) -> int:
        """Give the stage at a dotted path a seed of its own.

        Parameters
        ----------
        path : str
            Such as ``"effects.terminal2"``.

        Returns
        -------
        int
            Depends on the study's seed and the path alone.
        """
        return seed_of(spawn(self.seed, path)[0])

    def table(self, name: str | None) -> pd.DataFrame:
        """Return a table of the study; the first one by default.

        Parameters
        ----------
        name : str or None
            Its name.

        Returns
        -------
        pandas.DataFrame
            Loaded once.
        """
        name = name or next(iter(self.study.tables))
        if name not in self.tables:
            section = self.study.tables[name]
            frame, notes = load_table(name, section, self.folder, self.seed)
            self.tables[name] = frame
            self.notes += notes
        return self.tables[name]

    def size(self, default: int = 4000) -> int:
        """Return how many draws a stage makes.

        Parameters
        ----------
        default : int, default 4000
            Where nothing overrides it.

        Returns
        -------
        int
            Draws.
        """
        return self.draws or default

    def stages(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """List the stages in the order in which they build on each other.

        Yields
        ------
        tuple of str and callable
            Dotted path, and the work, which returns a result.
        """
        kinds: list[tuple[str, Callable[[str, Any], Any]]] = [
            ("scores", self.score),
            ("imputation", self.impute),
            ("effects", self.effect),
            ("associations", self.associate),
            ("value", self.price),
            ("goals", self.goal),
        ]
        for kind, work in kinds:
            for name, section in getattr(self.study, kind).items():
                yield f"{kind}.{name}", lambda w=work, n=name, s=section: w(n, s)
        if (section := self.study.roi) is not None:
            yield "roi", lambda: self.simulate(section)

    def score(self, name: str, section: Scores) -> ScoredWave:
        """Score the respondents."""
        wave = self.wave(section)
        by = section.by or ([section.period] if section.period else [])
        tables = {
            column: scores.summarize(
                wave, by=column, prob=self.study.study.prob, statistic=section.statistic
            )
            for column in [None, *by]
        }
        return ScoredWave(name=name, wave=wave, statistic=section.statistic, tables=tables)

    def wave(self, section: Scores) -> SurveyWave:
        """Build the survey wave of a section."""
        return SurveyWave(
            self.table(section.table),
            answer=section.answer,
            scale=scale_of(section.scale),
            factors=section.factors,
            period=section.period,
            weight=section.weight,
        )

    def impute(self, name: str, section: Imputation) -> imputation.ImputedScores:
        """Infer the scores of the silent."""
        size = section.draws if self.draws is None else max(self.draws // section.chains, 100)
        estimator = imputation.OrdinalImputer(
            factors=section.factors,
            period=section.period,
            covariates=section.covariates,
            draws=size,
            tune=section.tune,
            chains=section.chains,
            allow_unconverged=section.allow_unconverged,
        )
        wave = self.results[f"scores.{section.scores}"].wave
        return estimator.fit(wave, rng=self.rng(f"imputation.{name}"))

    def effect(self, name: str, section: Effect) -> Any:
        """Isolate what an initiative changed."""
        roles = {
            "period": section.period,
            "outcome": section.outcome,
            "first_treated": section.first_treated,
            "cluster": section.cluster,
            "weight": section.weight,
            "covariates": section.covariates,
            "missing": section.missing,
        }
        frame = self.table(section.table)
        data = (
            Panel(frame, unit=str(section.unit), **roles)
            if section.design == "panel"
            else RepeatedCrossSection(frame, group=str(section.group), **roles)
        )
        rng = self.rng(f"effects.{name}")
        settings = {"scale": section.scale, "draws": self.size()}
        if section.estimator == "TwoByTwo":
            settings["inference"] = section.inference
        found = ESTIMATORS[section.estimator](**settings).fit(data, rng=rng)
        whole = section.estimator in ("GroupTime", "SunAbraham")  # one number, which money needs
        return found.aggregate("simple") if whole else found

    def associate(self, name: str, section: Association) -> Any:
        """Describe how a score and a behavior go together."""
        return effects.association(
            self.table(section.table),
            score=section.score,
            outcome=section.outcome,
            within=section.within,
            cluster=section.cluster,
            missing=section.missing,
            rng=self.rng(f"associations.{name}"),
            draws=self.size(),
        )

    def price(self, name: str, section: Value) -> value.ValuePosterior:
        """State what a unit of behavior is worth."""
        currency = self.study.study.currency
        if section.quantiles is None:
            return value.fixed(
                float(section.amount or 0.0),
                currency,
                per=section.per,
                assumption=section.assumption,
            )
        return value.from_quantiles(
            {0.1: section.quantiles.p10, 0.9: section.quantiles.p90},
            currency,
            per=section.per,
            assumption=section.assumption,
            distribution=section.distribution,
            rng=self.rng(f"value.{name}"),
            size=self.size(),
        )

    def goal(self, name: str, section: GoalSection) -> goals.Goal:
        """Recommend a goal over the trend of the imputed score."""
        imputed = self.results[f"imputation.{section.imputation}"]
        source = self.study.imputation[section.imputation]
        scored = self.study.scores[source.scores]
        history = imputed.score(scored.period, statistic="score")
        baseline = goals.trend_baseline(
            None,
            history,
            scale=imputed.cells.scale,
            horizon=section.horizon,
            method=section.method,
            rng=self.rng(f"goals.{name}"),
        )
        return goals.recommend(
            baseline,
            pmf=last_shares(imputed, scored.period),
            fraction=section.fraction,
            percent=section.percent,
            cap=section.cap,
            ceiling=section.ceiling,
            n_planned=section.n_planned,
        )

    def simulate(self, section: Roi) -> roi.RoiResult:
        """Turn effects into money."""
        return roi.simulate(
            [self.initiative(s) for s in section.initiatives],
            horizon=section.horizon,
            period=section.period,
            discount_rate=section.discount_rate,
            payment=section.payment,
            draws=self.draws,
            assume_independent=section.assume_independent,
            scenario=roi.Scenario(
                overlaps=[roi.Overlap(**o.model_dump()) for o in section.overlaps]
            ),
            rng=self.rng("roi"),
        )

    def initiative(self, section: InitiativeSection) -> roi.Initiative:
        """Build an initiative from its section."""
        if section.assumed is not None:
            effect = roi.assumed_effect(
                {0.1: section.assumed.p10, 0.9: section.assumed.p90},
                scale=section.scale,
                assumption=section.assumption,
                rng=self.rng(f"roi.{section.name}"),
                size=self.size(),
            )
        else:
            effect = self.results[f"effects.{section.effect}"]
        stated = section.model_dump(exclude={"assumed", "assumption", "scale", "effect", "value"})
        costs = {k: v for k, v in stated.pop("costs").items() if v}
        return roi.Initiative(
            **stated,
            effect=effect,
            value=self.results[f"value.{section.value}"],
            costs=costs,
            currency=self.study.study.currency,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredWave:
    """Scores of the respondents of a wave.

    Parameters
    ----------
    name : str
        Name in the study.
    wave : SurveyWave
        The wave.
    statistic : str
        What was computed from the answers.
    tables : mapping of str or None to DataFrame
        Column of the groups, None for everybody, to the scores.
    """

    name: str
    wave: SurveyWave
    statistic: str
    tables: dict[str | None, pd.DataFrame]


def scale_of(setting: str | CustomScale) -> ScoreScale:
    """Find the scale that a study names.

    Parameters
    ----------
    setting : str or CustomScale
        As in the study file.

    Returns
    -------
    ScoreScale
        The scale.
    """
    if isinstance(setting, CustomScale):
        return scores.ces_scale(setting.points, higher_is_better=setting.higher_is_better)
    return getattr(scores, setting)


def last_shares(imputed: imputation.ImputedScores, period: str | None) -> Any:
    """Return the shares of answers that were given in the last period.

    Parameters
    ----------
    imputed : ImputedScores
        The scores.
    period : str or None
        Column of the period.

    Returns
    -------
    numpy.ndarray, shape (category,)
        Sums to 1.
    """
    counts = imputed.cells.dense()
    if period is not None:
        last = imputed.cells.index[period] == imputed.cells.index[period].max()
        counts = counts[last.to_numpy()]
    total = counts.sum(axis=0)
    return total / total.sum()


def draws_of(results: dict[str, Any]) -> dict[str, xr.Dataset]:
    """Collect the draws of all results that have any.

    Parameters
    ----------
    results : dict of str to object
        Dotted path to result.

    Returns
    -------
    dict of str to Dataset
        Dotted path to draws.
    """
    found = {}
    for path, result in results.items():
        draws = getattr(result, "draws", None)
        if isinstance(draws, xr.DataArray):
            found[path] = draws.rename("draws").to_dataset()
        elif isinstance(draws, xr.Dataset):
            found[path] = draws
    return found
