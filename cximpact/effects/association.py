"""How a score and a behavior go together: shown beside effects, never taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.causal import CAUSAL
from cximpact.core.errors import (
    ClusterError,
    InsufficientDataError,
    MissingOutcomeError,
    ZeroVarianceError,
    rows_phrase,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice
from cximpact.core.versions import versions
from cximpact.data import checks, frames
from cximpact.effects.asymptotic import t_draws

_ROUNDS = 1000


def association(
    frame: Any,
    *,
    score: str,
    outcome: str,
    within: str | Sequence[str] | None = None,
    cluster: str | None = None,
    missing: str = "raise",
    rng: RngLike = None,
    draws: int = 4000,
) -> EffectPosterior:
    """Estimate how much higher an outcome is per point of a score, among people alike in period.

    Parameters
    ----------
    frame : frame
        One row a person; any engine.
    score, outcome : str
        Numeric columns.
    within : str or sequence of str, optional
        Column, such as the year, whose levels are compared only within themselves. Of several,
        such as year and contract, each has its own intercepts.
    cluster : str, optional
        Column at which errors are dependent; the row by default.
    missing : {"raise", "drop"}
        What to do with rows that lack a score or an outcome.
    rng : int or Generator, optional
        Randomness of the draws.
    draws : int, default 4000
        How many draws.

    Returns
    -------
    EffectPosterior
        The slope, with ``details["causal"]`` False: it is not admitted to return on investment.

    Raises
    ------
    MissingOutcomeError
        If values are missing and ``missing`` does not say what to do.
    ZeroVarianceError, ClusterError, InsufficientDataError
        If the score or the outcome does not vary, there is one cluster, or too few rows.

    Notes
    -----
    Estimand: the least-squares slope of outcome on score within the levels of ``within``. It is
    a description: people who score higher differ in other ways, and who buys more may score
    differently because of it.
    """
    check_choice(missing, "missing", ("raise", "drop"))
    opened = frames.open_frame(frame)
    groups = [within] if isinstance(within, str) else list(within or ())
    roles = {"score": score, "outcome": outcome, "cluster": cluster}
    roles |= {f"within {k + 1}": column for k, column in enumerate(groups)}
    frames.check_columns(opened, roles)
    frames.count_rows(opened)
    for role, column in (("score", score), ("outcome", outcome)):
        frames.check_numeric(opened, column, role)
        checks.check_finite(opened, column)
    frames.check_keys(opened, [*groups, *([cluster] if cluster is not None else [])])
    table = frames.collect(frames.select(opened, {k: v for k, v in roles.items() if v}))
    table = table.astype({"score": float, "outcome": float})
    kept, notes = _complete(table, missing)
    estimate, std_error, df = _slope(kept)
    seed = seed_of(rng)
    provenance = Provenance(
        method="association",
        data_hash=fingerprint(kept),
        settings={**{k: v or "" for k, v in roles.items()}, "draws": draws},
        seed=seed,
        versions=versions("numpy"),
        notes=notes,
    )
    return EffectPosterior(
        draws=t_draws(
            np.array([estimate]),
            np.array([[std_error**2]]),
            df,
            size=draws,
            rng=seed,
            source=provenance.source,
            data_ids=[provenance.data_hash],
        ),
        estimate=xr.DataArray(estimate),
        std_error=xr.DataArray(std_error),
        df=df,
        estimand=Estimand(
            target="association",
            contrast=f"{outcome} per point of {score}"
            + (f", within {' and '.join(groups)}" if groups else ""),
            scale="pp" if kept["outcome"].isin([0, 1]).all() else "outcome",
            population=f"{len(kept):,} people with both answers",
        ),
        draw_kind="asymptotic",
        n=len(kept),
        assumptions=(
            Assumption(
                name="none claimed",
                statement="this describes how the two go together",
                tested=False,
                evidence="it is not an effect",
            ),
        ),
        diagnostics={"df": df},
        provenance=provenance,
        would_change_it="an experiment or a difference-in-differences, which could show an effect.",
        details={CAUSAL: False},
    )


def _complete(table: pd.DataFrame, missing: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    lacking = table.isna().any(axis=1).to_numpy()
    if not lacking.any():
        return table, ()
    if missing == "raise":
        raise MissingOutcomeError(
            f"score, outcome or groups are missing in {rows_phrase(np.flatnonzero(lacking))}; "
            "impute them, or say missing='drop'."
        )
    note = f"{int(lacking.sum()):,} rows without a score or an outcome were left out, as asked."
    return table[~lacking].reset_index(drop=True), (note,)


def _slope(table: pd.DataFrame) -> tuple[float, float, float]:
    """Within-group slope with a cluster-robust standard error."""
    groups = [table[c] for c in table if c.startswith("within")]
    cluster = table["cluster"] if "cluster" in table else pd.Series(table.index)
    n, n_clusters = len(table), cluster.nunique()
    # intercepts nested in clusters are not counted, as in fixest
    counted = [g.nunique() for g in groups if not (cluster.groupby(g).nunique() == 1).all()]
    k = 2 + sum(size - 1 for size in counted)
    if n <= k:
        raise InsufficientDataError(f"{n} rows for {k} parameters; more rows are needed.")
    if n_clusters < 2:
        raise ClusterError("there is one cluster; a standard error needs at least two.")
    x, y = (_centered(table[name], groups, name) for name in ("score", "outcome"))
    size = float(x @ x)
    slope = float(x @ y) / size
    scores = x * (y - slope * x)
    meat = float((scores.groupby(cluster).sum() ** 2).sum())
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    std_error = float(np.sqrt(meat * factor)) / size
    if std_error <= 1e-10 * np.sqrt(float(y @ y) / size):
        raise ZeroVarianceError("the score tells the outcome exactly; there is no error to learn.")
    return slope, std_error, float(n_clusters - 1)


def _centered(column: pd.Series, groups: Sequence[pd.Series], name: str) -> pd.Series:
    """Take off the means of all groups, in turn until nothing moves."""
    centered = column - column.mean()
    for _ in range(_ROUNDS if groups else 0):
        before = centered
        for group in groups:
            centered = centered - centered.groupby(group).transform("mean")
        if float((centered - before) @ (centered - before)) <= 1e-24 * float(column @ column):
            break
    if float(centered @ centered) <= 1e-20 * float(column @ column):
        raise ZeroVarianceError(f"the {name} does not vary; nothing can go together with it.")
    return centered
