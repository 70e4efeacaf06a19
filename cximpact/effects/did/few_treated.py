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

from cximpact.core.errors import ClusterError, DesignError, ZeroVarianceError
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.words import left_out

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
    notes : tuple of str
        What was left out.
    """

    estimate: float
    std_error: float
    df: int
    shock_sd: float
    changes: pd.DataFrame
    notes: tuple[str, ...] = ()


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
        For fewer than three untreated clusters seen before and after, or clusters that hold
        treated and untreated.
    ZeroVarianceError
        If all untreated clusters change alike.

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
    if not variance > 0:
        raise ZeroVarianceError("all untreated clusters change alike; there is no noise to learn.")
    means = [float(arm["share"] @ arm["change"]) for arm in (treated, control)]
    return FewTreatedFit(
        estimate=means[0] - means[1],
        std_error=float(np.sqrt(variance)),
        df=len(control) - 1,
        shock_sd=float(np.sqrt(shock)),
        changes=changes,
        notes=left_out(did.n_clusters - len(changes), "clusters"),
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
    table = did.table.assign(treated=did.ever)
    arms = table.groupby("cluster")["treated"].agg(["min", "max"])
    if mixed := int((arms["min"] != arms["max"]).sum()):
        raise ClusterError(
            f"{mixed} of {len(arms)} clusters hold treated and untreated; "
            "inference='few_treated' needs treatment to be the same for a whole cluster."
        )
    table["side"] = np.where(table["time"] >= did.cohorts[0], "after", "before")
    table["total"] = table["weight"] * (table["outcome"] - _untreated_mean(did))
    sums = table.groupby(["cluster", "side"])[["weight", "weight_sq", "total"]].sum()
    wide = sums.unstack("side").reindex(columns=["before", "after"], level="side").dropna()
    before, after = (wide.xs(side, axis=1, level="side") for side in ("before", "after"))
    share = 1.0 / (1.0 / before["weight"] + 1.0 / after["weight"])
    noise = sum(side["weight_sq"] / side["weight"] ** 2 for side in (before, after))
    out = pd.DataFrame(
        {
            "treated": arms.loc[wide.index, "max"],
            "change": after["total"] / after["weight"] - before["total"] / before["weight"],
            "share": share,
            "noise": _sampling(did) * noise,
        }
    ).reset_index()
    out["share"] /= out.groupby("treated")["share"].transform("sum")
    return out


def _untreated_mean(did: DidTable) -> pd.Series:
    """Mean outcome of the never treated in the period of each row."""
    never = did.table[~did.ever]
    total = (never["weight"] * never["outcome"]).groupby(never["time"]).sum()
    mean = total / never["weight"].groupby(never["time"]).sum()
    if missing := sorted(set(did.table["time"]) - set(mean.index)):
        raise DesignError(f"nobody untreated is seen in period {missing[0]:g}; leave it out.")
    return did.table["time"].map(mean)


def _sampling(did: DidTable) -> float:
    """Variance of one person within a cell; 0 where no cell holds two."""
    table = did.table
    freedom = float((table["weight"] - table["weight_sq"] / table["weight"]).sum())
    if freedom <= 1e-9 * float(table["weight"].sum()):
        return 0.0
    return float(table["within"].sum()) / freedom


def _shock_variance(residual: np.ndarray, weight: np.ndarray, noise: np.ndarray) -> float:
    """Solve ``E sum w (d - mean)^2 = sum w (1 - w) (shock + noise)`` for the shock, at least 0."""
    observed = float(weight @ residual**2)
    sampled = float((weight * (1.0 - weight)) @ noise)
    return max(observed - sampled, 0.0) / float(1.0 - weight @ weight)
