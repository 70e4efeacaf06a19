"""Before and after of the unhappiest: how much of the rise chance alone would have given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    ConfigError,
    InsufficientDataError,
    MissingOutcomeError,
    NoTreatedError,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.core.versions import versions
from cximpact.core.wording import number
from cximpact.data import checks, frames
from cximpact.effects.linkage.resampling import bootstrap_weights
from cximpact.effects.linkage.rows import MISSING, LinkedRows, link_rows

PARTS = ("observed rise", "expected from chance alone", "left over")


def before_after(
    frame: Any,
    *,
    before: str,
    after: str,
    cutoff: float,
    reliability: float | None = None,
    cluster: str | None = None,
    missing: str = "raise",
    rng: RngLike = None,
    draws: int = 2000,
) -> EffectPosterior:
    """Show how much of the rise among low scorers regression to the mean explains.

    Parameters
    ----------
    frame : frame
        One row a customer, low scorers and others; any engine.
    before, after : str
        Columns of the first score and of the second one, on the same scale. The second may be
        missing for the others where ``reliability`` is given.
    cutoff : float
        Customers with a first score at or below it were picked.
    reliability : float, optional
        Share of the variance of a score that is the customer's own, from 0 to 1. By default the
        slope of the second on the first score among those who were not picked.
    cluster : str, optional
        Column at which errors are dependent.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    rng : int or Generator, optional
        Randomness of the draws.
    draws : int, default 2000
        How many draws.

    Returns
    -------
    EffectPosterior
        Along ``part``: the observed rise, the part expected from chance alone, and what is
        left. ``details["causal"]`` is False: no part of it is the effect of a recovery.

    Raises
    ------
    NoTreatedError, InsufficientDataError
        If nobody was picked, or too few others are left to learn the reliability from.
    MissingOutcomeError
        If second scores are missing and ``missing`` does not say what to do.
    DataError
        For columns that cannot be used.

    Notes
    -----
    Who is picked for a low score had bad luck on top of a bad opinion, and the luck does not
    come again. Without any action the mean of those picked rises by (1 - reliability) (mean of
    all - mean of those picked). That holds where true scores and errors are normal, or wherever
    the second score is linear in the first; the mean of all must stay as it was. What is left
    over still is no effect: customers and times differ. An alert holdout shows the effect.

    References
    ----------
    Barnett, A. G., van der Pols, J. C. and Dobson, A. J. (2005). Regression to the mean: what it
    is and how to deal with it. International Journal of Epidemiology 34, 215-220.
    """
    check_choice(missing, "missing", MISSING)
    check_number(cutoff, "cutoff")
    check_count(draws, "draws", low=100)
    if reliability is not None:
        check_number(reliability, "reliability", low=0, high=1)
    rows, second = _scores(frame, before, after, cluster, missing)
    first = rows.numbers["before"]
    low = first <= cutoff
    if not low.any():
        raise NoTreatedError(f"no row has a score at or below cutoff={cutoff:g}; raise it.")
    rows, first, second, low = _complete(rows, second, low, missing, reliability is None)
    seed = seed_of(rng)
    point = _parts(first, second, low, rows.weight[None], reliability)[0]
    (stream,) = spawn(seed, "before and after")
    drawn = np.concatenate(
        [
            _parts(first, second, low, w, reliability)
            for w in bootstrap_weights(rows.cluster, rows.weight, draws, rng=stream)
        ]
    )
    settings = {"before": before, "after": after, "cutoff": cutoff, "cluster": cluster}
    provenance = Provenance(
        method="before_after",
        data_hash=fingerprint(pd.DataFrame({"x": first, "y": second, "cluster": rows.cluster})),
        settings=settings | {"reliability": reliability, "draws": draws},
        seed=seed,
        versions=versions("numpy"),
        notes=rows.notes,
    )
    coords = {"part": list(PARTS)}
    return EffectPosterior(
        draws=dr.from_array(
            drawn[:, :3],
            source=provenance.source,
            dims=("part",),
            coords=coords,
            data_ids=[provenance.data_hash],
        ),
        estimate=xr.DataArray(point[:3], dims=("part",), coords=coords),
        estimand=Estimand(
            target="association",
            contrast=f"{after} less {before}",
            scale="points",
            population=f"{int(low.sum()):,} customers with {before} at or below {cutoff:g}",
        ),
        draw_kind="bootstrap",
        n=int(low.sum()),
        assumptions=(_linear(reliability, float(point[3])),),
        diagnostics={
            "reliability": float(point[3]),
            "mean_of_all": float(np.average(first, weights=rows.weight)),
            "mean_of_picked": float(np.average(first[low], weights=rows.weight[low])),
        },
        provenance=provenance,
        would_change_it="a comparison with low scorers who were left alone by lot.",
        details={CAUSAL: False},
    )


def _scores(
    frame: Any, before: str, after: str, cluster: str | None, missing: str
) -> tuple[LinkedRows, np.ndarray]:
    if before == after:
        raise ConfigError(f"before and after are both {before!r}; name two columns.")
    rows = link_rows(frame, {"before": before}, cluster=cluster, missing=missing)
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"after": after})
    frames.check_numeric(opened, after, "after")
    checks.check_finite(opened, after)
    column = frames.collect(frames.select(opened, {"after": after}))["after"]
    return rows, column.to_numpy(dtype=float, na_value=np.nan)[rows.kept]


def _complete(
    rows: LinkedRows, second: np.ndarray, low: np.ndarray, missing: str, learns: bool
) -> tuple[LinkedRows, np.ndarray, np.ndarray, np.ndarray]:
    """Leave out rows without a second score where one is needed."""
    lacking = np.isnan(second) & (low | learns)
    if lacking.any() and missing == "raise":
        raise MissingOutcomeError(
            f"the second score is missing in {rows_phrase(rows.kept[lacking])}; impute it, or say "
            "missing='drop'."
        )
    kept = ~lacking
    if not (kept & low).any():
        raise NoTreatedError("no row that was picked has a second score.")
    if learns and (kept & ~low).sum() < 3:
        raise InsufficientDataError(
            f"{int((kept & ~low).sum())} rows were not picked; the reliability needs at least 3, "
            "or give it as reliability=."
        )
    first = rows.numbers["before"]
    if learns and np.ptp(first[kept & ~low]) == 0:
        raise InsufficientDataError(
            "all who were not picked have the same first score; give reliability=."
        )
    note = f"{int(lacking.sum()):,} rows without a second score were left out, as asked."
    cluster = np.unique(rows.cluster[kept], return_inverse=True)[1]
    rows = replace(
        rows,
        weight=rows.weight[kept],
        cluster=cluster,
        kept=rows.kept[kept],
        n_dropped=rows.n_dropped + int(lacking.sum()),
        notes=(*rows.notes, note) if lacking.any() else rows.notes,
    )
    return rows, first[kept], np.where(np.isnan(second[kept]), 0.0, second[kept]), low[kept]


def _parts(
    first: np.ndarray, second: np.ndarray, low: np.ndarray, w: np.ndarray, trust: float | None
) -> np.ndarray:
    """Return rise, expected rise, what is left and reliability, one row a set of weights."""
    mean_low = (w[:, low] @ first[low]) / w[:, low].sum(axis=1)
    rise = (w[:, low] @ second[low]) / w[:, low].sum(axis=1) - mean_low
    mean = (w @ first) / w.sum(axis=1)
    slope = np.full(len(w), 0.0 if trust is None else trust)
    if trust is None:
        v, x, y = w[:, ~low], first[~low], second[~low]
        total = v.sum(axis=1)
        mx, my = v @ x / total, v @ y / total
        slope = (v @ (x * y) / total - mx * my) / (v @ (x * x) / total - mx**2)
    expected = (1 - slope) * (mean - mean_low)
    return np.column_stack([rise, expected, rise - expected, slope])


def _linear(given: float | None, reliability: float) -> Assumption:
    how = "as given" if given is not None else "from those who were not picked"
    return Assumption(
        name="regression to the mean",
        statement="the second score is linear in the first, and the mean of all stays",
        tested=False,
        evidence=f"reliability {number(reliability)}, {how}; no part of this is an effect",
    )
