"""The textbook two by two: a difference of mean changes, with unequal variances."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.core.errors import DesignError, InsufficientDataError
from cximpact.effects.did.design import DidTable


def welch_fit(did: DidTable) -> tuple[float, float, float]:
    """Compare mean changes of treated and untreated units.

    Parameters
    ----------
    did : DidTable
        A design with one start of treatment, without covariates or weights. In a panel each
        unit's change of means is one observation and the variance is
        ``s1^2 / n1 + s0^2 / n0``; in repeated cross-sections the four cells add their variances.

    Returns
    -------
    tuple of float
        Estimate, standard error and Welch's degrees of freedom.

    Raises
    ------
    DesignError
        For another design.
    InsufficientDataError
        If a group has fewer than two observations.
    """
    if did.staggered or did.covariates or (did.weighted and did.kind == "panel"):
        raise DesignError(
            "inference='welch' needs one start of treatment, no covariates and no weights; "
            "use inference='cluster'."
        )
    table = did.table
    after = table["time"] >= did.cohorts[0]
    ever = np.isfinite(table["first_treated"])
    if did.kind == "panel":
        side = table["outcome"].groupby([table["entity"], ever, after]).mean().unstack()
        change = (side[True] - side[False]).dropna().rename_axis(["entity", "ever"])
        groups = [change.xs(arm, level="ever") for arm in (True, False)]
        return _welch([(1.0, groups[0]), (-1.0, groups[1])])
    if table.duplicated(["entity", "time"]).sum() == 0:
        raise DesignError(
            "inference='welch' on repeated cross-sections needs the people themselves: name a "
            "cluster, or use inference='cluster'."
        )
    signs = {(True, True): 1.0, (True, False): -1.0, (False, True): -1.0, (False, False): 1.0}
    return _welch(
        [(sign, table.loc[(ever == e) & (after == a), "outcome"]) for (e, a), sign in signs.items()]
    )


def _welch(signed: list[tuple[float, pd.Series]]) -> tuple[float, float, float]:
    sizes = [len(values) for _, values in signed]
    if min(sizes) < 2:
        raise InsufficientDataError(
            f"the groups have {sizes} observations; each needs at least 2 for a variance."
        )
    parts = [float(values.var(ddof=1)) / len(values) for _, values in signed]
    estimate = sum(sign * float(values.mean()) for sign, values in signed)
    variance = sum(parts)
    spread = sum(p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True))
    df = variance**2 / spread if spread > 0 else float(sum(sizes) - len(sizes))
    return float(estimate), float(np.sqrt(variance)), float(df)
