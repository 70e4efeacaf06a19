"""Inference when only a few clusters are treated: learn the noise from the untreated ones.

A cluster-robust variance needs many treated clusters; with two of them it is far too small.
Here each cluster's change before to after is one observation. Its variance is that of a cluster
shock, learned from the changes of the untreated clusters, plus sampling noise that shrinks with
the people asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cximpact.core.errors import ClusterError, DesignError
from cximpact.effects.did.design import DidTable

MIN_CONTROLS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class FewTreatedFit:
    """A difference in mean changes with a variance learned from the untreated.

    Parameters
    ----------
    estimate, std_error : float
        Effect and standard error.
    df : int
        Untreated clusters less one.
    shock_sd : float
        Standard deviation of a cluster's own change, beyond sampling noise.
    changes : pandas.DataFrame
        ``cluster``, ``treated``, ``change``, ``share`` (within its arm) and ``noise`` (variance
        from sampling people).
    """

    estimate: float
    std_error: float
    df: int
    shock_sd: float
    changes: pd.DataFrame


def few_treated_fit(did: DidTable) -> FewTreatedFit:
    """Compare mean changes of treated and untreated clusters.

    Parameters
    ----------
    did : DidTable
        A design in which all treated clusters start at one time, without covariates.

    Returns
    -------
    FewTreatedFit
        The estimate weights clusters by the harmonic mean of their people before and after.

    Raises
    ------
    DesignError
        For staggered designs and covariates.
    ClusterError
        For fewer than three untreated clusters seen before and after.

    References
    ----------
    Conley, T. G. and Taber, C. R. (2011). Inference with "difference in differences" with a
    small number of policy changes. Review of Economics and Statistics 93, 113-125.
    Ferman, B. and Pinto, C. (2019). Inference in differences-in-differences with few treated
    groups and heteroskedasticity. Review of Economics and Statistics 101, 452-467.
    """
    if did.staggered or did.covariates:
        raise DesignError("inference='few_treated' needs one start of treatment and no covariates.")
    changes = cluster_changes(did)
    control, treated = changes[~changes["treated"]], changes[changes["treated"]]
    if len(control) < MIN_CONTROLS or treated.empty:
        raise ClusterError(
            f"{len(control)} untreated and {len(treated)} treated clusters are seen before and "
            f"after; inference='few_treated' needs at least {MIN_CONTROLS} and 1."
        )
    weight = control["share"].to_numpy()
    residual = control["change"].to_numpy() - weight @ control["change"].to_numpy()
    shock = _shock_variance(residual, weight, control["noise"].to_numpy())
    variance = sum(float(arm["share"] ** 2 @ (shock + arm["noise"])) for arm in (control, treated))
    means = [float(arm["share"] @ arm["change"]) for arm in (treated, control)]
    return FewTreatedFit(
        estimate=means[0] - means[1],
        std_error=float(np.sqrt(variance)),
        df=len(control) - 1,
        shock_sd=float(np.sqrt(shock)),
        changes=changes,
    )


def cluster_changes(did: DidTable) -> pd.DataFrame:
    """Reduce each cluster to its change from before to after the start of treatment.

    The mean of the untreated is taken out of each period first, so that clusters that are seen
    in different periods stay comparable.

    Parameters
    ----------
    did : DidTable
        The design.

    Returns
    -------
    pandas.DataFrame
        As in `FewTreatedFit`; clusters seen on one side only are left out.
    """
    table = did.table.assign(outcome=did.table["outcome"] - _untreated_mean(did))
    side = np.where(table["time"] >= did.cohorts[0], "after", "before")
    grouped = table.assign(
        side=side,
        total=table["weight"] * table["outcome"],
        treated=np.isfinite(table["first_treated"]),
    ).groupby(["cluster", "side"])
    sums = grouped[["weight", "total"]].sum().unstack("side").dropna()
    before, after = sums["weight"]["before"], sums["weight"]["after"]
    change = sums["total"]["after"] / after - sums["total"]["before"] / before
    treated = grouped["treated"].max().unstack("side").loc[sums.index].any(axis=1)
    size = 1.0 / (1.0 / before + 1.0 / after)
    out = pd.DataFrame(
        {"treated": treated, "change": change, "share": size, "noise": _sampling(did) / size}
    ).reset_index()
    out["share"] /= out.groupby("treated")["share"].transform("sum")
    return out


def _untreated_mean(did: DidTable) -> pd.Series:
    """Mean outcome of the never treated in the period of each row."""
    never = did.table[np.isinf(did.table["first_treated"])]
    total = (never["weight"] * never["outcome"]).groupby(never["time"]).sum()
    mean = total / never["weight"].groupby(never["time"]).sum()
    if missing := sorted(set(did.table["time"]) - set(mean.index)):
        raise DesignError(f"nobody untreated is seen in period {missing[0]:g}; leave it out.")
    return did.table["time"].map(mean)


def _sampling(did: DidTable) -> float:
    """Variance of one person within a cell; 0 where a row is not a mean of people."""
    n_cells = len(did.table)
    if did.within_ss == 0.0 or did.n_rows <= n_cells:
        return 0.0
    return did.within_ss / (did.n_rows - n_cells)


def _shock_variance(residual: np.ndarray, weight: np.ndarray, noise: np.ndarray) -> float:
    """Solve ``E sum w (d - mean)^2 = sum w (1 - w) (shock + noise)`` for the shock, at least 0."""
    observed = float(weight @ residual**2)
    sampled = float((weight * (1.0 - weight)) @ noise)
    return max(observed - sampled, 0.0) / float(1.0 - weight @ weight)
