"""From a change in a brand score to the touchpoints: what moved, the mix or the scores."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError, SmallSampleWarning
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.versions import versions
from cximpact.data import frames
from cximpact.effects.linkage.journeys.answers import read_answers
from cximpact.effects.linkage.journeys.contributions import (
    PARTS,
    WaveShares,
    resampled_sums,
    wave_shares,
)
from cximpact.effects.linkage.journeys.trace_result import ScoreTrace, touchpoint_table
from cximpact.effects.linkage.journeys.trace_rows import TraceOptions, TraceRows, trace_rows
from cximpact.effects.linkage.options import options_of
from cximpact.scores.weighted import FEW_CLUSTERS


def score_trace(
    before: Any,
    after: Any,
    *,
    score: str,
    by: Sequence[str],
    scale: ScoreScale | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    rng: RngLike = None,
    **options: Any,
) -> ScoreTrace:
    """Trace the change of a score between two waves to touchpoints, without remainder.

    Parameters
    ----------
    before, after : frame
        Answers of two waves, one row an answer; any engine.
    score : str
        Column of the answers.
    by : sequence of str
        Columns that name the place, the outermost first, such as
        ``["journey", "touchpoint", "channel"]``.
    scale : ScoreScale, optional
        Scale of the answers, such as `cximpact.scores.NPS`; the mean answer by default.
    weight : str, optional
        Column of survey weights.
    cluster : str, optional
        Column at which answers are dependent, such as the customer. A cluster that is in both
        waves is drawn in both together.
    rng : int or Generator, optional
        Randomness of the draws.
    **options
        ``respondents``, columns that say who answers, and ``reweight`` (False), to give both
        waves the same respondents; ``missing``, ``"raise"`` or ``"drop"``, for rows without a
        score; ``blank``, ``"raise"`` or ``"report"``, for a touchpoint without any score in a
        wave; ``draws`` (2000).

    Returns
    -------
    ScoreTrace
        Mix and within of each touchpoint, which sum to the change; descriptive.

    Raises
    ------
    DataError
        If columns are missing or of the wrong type, or answers are off the scale or missing.
    NoRespondentsError
        If a touchpoint or a wave has no score.
    InsufficientDataError, ClusterError
        If there is one touchpoint, or one cluster.
    OverlapError
        If ``reweight`` is asked for and a group answered in one wave only.
    ConfigError
        If an option is unknown.

    Warns
    -----
    AssumptionWarning
        If ``respondents`` are given and changed clearly between the waves.
    SmallSampleWarning
        With fewer than 10 clusters.

    Notes
    -----
    Estimand: with w the share and s the score of touchpoint j, S = sum w s, bars the mean of the
    two waves and D the change, D S = sum_j [D w_j (sbar_j - Sbar) + wbar_j D s_j]. The first term
    is *mix*, the second *within*. Subtracting Sbar changes no sum, as shares sum to 1; with it, a
    touchpoint above average that grows counts as a gain. A touchpoint of one wave is all mix, as
    if its score had been the same in the other.

    It is arithmetic and claims no cause. A change of who answers looks like either part; give
    ``respondents`` to have it tested, as if answers were independent. Draws are those of the
    Bayesian bootstrap, over clusters where there are any; the interval of a touchpoint with a few
    answers is too short.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates. Journal of the American
    Statistical Association 50, 1168-1194.
    """
    settings = options_of(TraceOptions, options)
    levels = frames.column_names(by, "by")
    if overlap := [c for c in levels if c in ("status", *settings.respondents)]:
        raise ConfigError(
            f"column {overlap[0]!r} cannot name a place here; rename or leave it out."
        )
    waves = [
        read_answers(
            wave,
            by=levels,
            score=score,
            scale=scale,
            weight=weight,
            cluster=cluster,
            groups=settings.respondents,
        )
        for wave in (before, after)
    ]
    rows = trace_rows(waves, levels, score, settings)
    if cluster is not None and (n_clusters := int(rows.cluster.max()) + 1) < FEW_CLUSTERS:
        warnings.warn(
            f"only {n_clusters} clusters: the intervals are too short; prefer 10 or more.",
            SmallSampleWarning,
            stacklevel=2,
        )
    provenance = Provenance(
        method="score_trace",
        data_hash=fingerprint(pd.concat(waves, keys=["before", "after"]).reset_index(level=0)),
        settings={"score": score, "by": levels, "scale": scale.name if scale else ""}
        | {"weight": weight or "", "cluster": cluster or "", "options": settings},
        seed=seed_of(rng),
        versions=versions("numpy"),
        notes=rows.notes,
    )
    return _traced(rows, levels, settings, provenance, scale)


def _traced(
    rows: TraceRows,
    levels: Sequence[str],
    settings: TraceOptions,
    provenance: Provenance,
    scale: ScoreScale | None,
) -> ScoreTrace:
    found, drawn = _shares(rows, settings.draws, provenance)
    name = scale.name if scale else str(provenance.settings["score"])
    draws = dr.from_array(
        drawn.parts(),
        source=provenance.source,
        dims=("touchpoint", "part"),
        coords={"touchpoint": list(rows.labels), "part": list(PARTS)},
        attrs={"unit": scale.unit if scale else "points"},
        data_ids=[provenance.data_hash],
    )
    return ScoreTrace(
        draws=draws,
        estimate=xr.DataArray(
            found.parts(),
            dims=("touchpoint", "part"),
            coords={d: draws[d] for d in ("touchpoint", "part")},
        ),
        estimand=Estimand(
            target="score",
            contrast=f"change of the {name}, by touchpoint",
            scale="points",
            population=f"{rows.value.size:,} answers of two waves",
        ),
        draw_kind="bootstrap",
        n=rows.value.size,
        assumptions=(_same_respondents(rows, settings),),
        diagnostics={"blank_touchpoints": len(rows.blanks), **rows.diagnostics},
        provenance=provenance,
        would_change_it="other people answering: give respondents= to see whether they do.",
        details={CAUSAL: False, "no_answers": dict(rows.blanks)},
        found=found,
        drawn=drawn,
        touchpoints=touchpoint_table(_counted(rows), levels, found),
    )


def _shares(rows: TraceRows, draws: int, provenance: Provenance) -> tuple[WaveShares, WaveShares]:
    (stream,) = spawn(provenance.seed, "score_trace")
    sums = resampled_sums(
        rows.cell,
        [np.ones(rows.value.size), rows.value],
        n_cells=int(np.prod(rows.shape)),
        weight=rows.weight,
        cluster=rows.cluster,
        draws=draws,
        rng=stream,
    ).reshape(1 + draws, 2, *rows.shape)
    both = wave_shares(sums[:, 0], sums[:, 1], rows.target)
    found = WaveShares(share=both.share[0], added=both.added[0])
    return found, WaveShares(share=both.share[1:], added=both.added[1:])


def _counted(rows: TraceRows) -> pd.DataFrame:
    counts = np.bincount(rows.cell, minlength=int(np.prod(rows.shape)))
    before, after = counts.reshape(rows.shape).sum(axis=1)
    return rows.places.assign(n_before=before, n_after=after)


def _same_respondents(rows: TraceRows, settings: TraceOptions) -> Assumption:
    p = rows.diagnostics.get("respondents_p_value")
    told = "nothing was given to see it by"
    if p is not None:
        moved = float(str(rows.diagnostics["respondents_moved"]))
        told = f"{moved:.1%} of the answers come from other groups, p = {float(str(p)):.2g}"
        told += "; both waves were weighted to the same" if settings.reweight else ""
    return Assumption(
        name="the same kind of people answered",
        statement="the waves differ in what was experienced, not in who answered",
        tested=p is not None,
        evidence=told,
    )
