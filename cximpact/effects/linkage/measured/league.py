"""Agents and stores compared: shrunk, adjusted for case mix, with ranks that have intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    InsufficientDataError,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_count
from cximpact.core.versions import versions
from cximpact.data import checks, frames
from cximpact.effects.linkage.measured.league_result import LeagueTable, details_of
from cximpact.effects.linkage.measured.variance_posterior import (
    UnitDraws,
    UnitSums,
    draw_units,
    unit_sums,
)
from cximpact.effects.linkage.rows import LinkedRows, link_rows
from cximpact.scores.reliability import answers_for_reliability

FLOOR = 0.7
"""Reliability below which scores should decide neither pay nor rank."""
_FUNNEL = 0.998


def league_table(
    frame: Any,
    *,
    unit: str,
    score: str,
    scale: ScoreScale | None = None,
    covariates: Sequence[str] = (),
    weight: str | None = None,
    missing: str = "raise",
    draws: int = 4000,
    rng: RngLike = None,
) -> LeagueTable:
    """Compare agents or stores by their score, as far as it can be trusted.

    Parameters
    ----------
    frame : frame
        One row an answer; any engine.
    unit : str
        Column of the agent or store.
    score : str
        Column of the answers.
    scale : ScoreScale, optional
        Their scale; the mean answer, higher is better, by default.
    covariates : sequence of str
        Columns of the case mix, known before the contact; units are compared at its average.
    weight : str, optional
        Column of survey weights.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    draws : int, default 4000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    LeagueTable
        Shrunken scores, ranks with intervals, probabilities of being best or among the worst.

    Raises
    ------
    DataError, DesignError
        If columns are missing or of the wrong type, answers are off the scale, or there are too
        few units or answers.

    Warns
    -----
    AssumptionWarning
        If the reliability of most units is below .7.

    Notes
    -----
    Estimand: each unit's long-run mean at the average case mix. Answers are taken as normal
    around it, units as normal around the overall mean; the draws count the uncertainty of the
    mean, of both variances and of the slopes [1]_. Slopes are those within units, so that a good
    unit with easy customers is not taken for an average one. Sorting raw scores puts the
    units with fewest answers at both ends; shrinkage and rank intervals do not [2]_. Funnel
    limits hold 99.8 % of the raw scores of units that do not differ.

    Units that serve other customers in ways no covariate measures are compared unfairly. Answers
    that customers choose to give, or agents choose to ask for, bias the table.

    References
    ----------
    .. [1] Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models.
       Bayesian Analysis 1, 515-534.
    .. [2] Goldstein, H. & Spiegelhalter, D. J. (1996). League tables and their limitations.
       Journal of the Royal Statistical Society A 159, 385-443.
    """
    check_count(draws, "draws", low=2)
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"unit": unit, "score": score})
    if unit == score or unit in list(covariates):
        raise ConfigError(f"Column {unit!r} has two roles; give every column one.")
    frames.check_keys(opened, [unit])
    checks.check_no_missing(opened, [unit], "every answer needs its unit")
    rows = link_rows(
        frame, {"score": score}, covariates, weight=weight, missing=missing, varying=["score"]
    )
    names = frames.collect(frames.select(opened, {"unit": unit}))["unit"].astype(str)
    values = _values(rows.numbers["score"], scale, score)
    codes, labels, used = _units(names.iloc[rows.kept], rows.weight)
    sums = unit_sums(values[used], rows.design[used], codes, rows.weight[used], rows.terms)
    provenance = Provenance(
        method="league_table",
        data_hash=fingerprint(pd.DataFrame({"h": [rows.data_hash], "u": [fingerprint(names)]})),
        settings={"unit": unit, "score": score, "scale": scale.name if scale else ""}
        | {"covariates": tuple(covariates), "weight": weight or "", "draws": draws},
        seed=seed_of(rng),
        versions=versions("numpy"),
        notes=rows.notes,
    )
    (stream,) = spawn(provenance.seed, "league_table")
    drawn = draw_units(sums, draws, stream)
    table = _unit_table(labels, np.bincount(codes), sums, drawn)
    _warn_low(table, drawn)
    return _result(drawn, table, rows, scale, provenance)


def _values(answers: np.ndarray, scale: ScoreScale | None, name: str) -> np.ndarray:
    if scale is None:
        return answers
    return scale.score_weights[scale.codes(answers, f"Column {name!r}")]


def _units(names: pd.Series, weight: np.ndarray) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Give numbers to the units of the rows that count."""
    used = np.flatnonzero(weight > 0)
    codes, labels = pd.factorize(names.to_numpy()[used], sort=True)
    if len(labels) < 2:
        raise InsufficientDataError("there is one unit with answers; a comparison needs two.")
    return codes, list(map(str, labels)), used


def _unit_table(labels: list[str], n: np.ndarray, sums: UnitSums, drawn: UnitDraws) -> pd.DataFrame:
    adjusted = sums.adjusted
    within = sums.within
    overall = float(sums.n @ adjusted / sums.n.sum())
    half = stats.norm.ppf((1 + _FUNNEL) / 2) * np.sqrt(within / sums.n)
    between, answer = drawn.between[:, None] ** 2, drawn.within[:, None] ** 2
    return pd.DataFrame(
        {
            "unit": labels,
            "n": n,
            "raw": sums.y,
            "adjusted": adjusted,
            "reliability": (between / (between + answer / sums.n)).mean(axis=0),
            "funnel_low": overall - half,
            "funnel_high": overall + half,
        }
    )


def _warn_low(table: pd.DataFrame, drawn: UnitDraws) -> None:
    low = int((table["reliability"] < FLOOR).sum())
    if low <= len(table) / 2:
        return
    between, within = float(np.median(drawn.between) ** 2), float(np.median(drawn.within) ** 2)
    needed = ""
    if between > 0:
        needed = f" About {answers_for_reliability(FLOOR, between, within):,} answers would do."
    warnings.warn(
        f"the score of {low:,} of {len(table):,} units has a reliability below {FLOOR:g}: most of "
        f"their differences are chance. Do not pay or rank by them.{needed}",
        AssumptionWarning,
        stacklevel=3,
    )


def _result(
    drawn: UnitDraws,
    table: pd.DataFrame,
    rows: LinkedRows,
    scale: ScoreScale | None,
    provenance: Provenance,
) -> LeagueTable:
    labels = list(table["unit"])
    adjusted = ", ".join(dict.fromkeys(c.variable for c in rows.covariates))
    return LeagueTable(
        draws=dr.from_array(
            drawn.units,
            source=provenance.source,
            dims=("unit",),
            coords={"unit": labels},
            attrs={"unit": scale.unit if scale else "points"},
            data_ids=[provenance.data_hash],
        ),
        estimand=Estimand(
            target="score",
            contrast=f"long-run score by {provenance.settings['unit']}",
            scale="points",
            population=f"{len(labels):,} units",
        ),
        draw_kind="posterior",
        n=int(table["n"].sum()),
        assumptions=(
            Assumption(
                name="the same case mix",
                statement="customers of the units are alike"
                + (f" given {adjusted}" if adjusted else ""),
                tested=False,
                evidence="an experiment that assigns customers at random would show it",
            ),
        ),
        diagnostics={"low_reliability": int((table["reliability"] < FLOOR).sum())},
        provenance=provenance,
        would_change_it="more answers per unit, or a difference in customers not adjusted for.",
        details={CAUSAL: False, **details_of(drawn.between, drawn.within)},
        units=table,
        higher_is_better=scale.higher_is_better if scale else True,
    )
