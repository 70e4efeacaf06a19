"""The textbook two by two: a difference of mean changes, with unequal variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cximpact.core.errors import DesignError, InsufficientDataError, ZeroVarianceError
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.words import left_out


@dataclass(frozen=True, kw_only=True, eq=False)
class WelchFit:
    """A difference of means with unequal variances.

    Parameters
    ----------
    estimate, std_error : float
        Effect and standard error.
    df : float
        Welch's degrees of freedom.
    notes : tuple of str
        What was left out.
    """

    estimate: float
    std_error: float
    df: float
    notes: tuple[str, ...] = ()


def welch_fit(did: DidTable) -> WelchFit:
    """Compare mean changes of treated and untreated units.

    Parameters
    ----------
    did : DidTable
        A design with one start of treatment, without covariates or weights. In a panel each
        unit's change of means is one observation and the variance is
        ``s1^2 / n1 + s0^2 / n0``; in repeated cross-sections the four cells add their variances.

    Returns
    -------
    WelchFit
        Errors of different units, or people, are taken to be independent.

    Raises
    ------
    DesignError
        For another design, or a panel whose clusters hold several units.
    InsufficientDataError
        If a group has fewer than two observations.
    ZeroVarianceError
        If nothing varies within the groups.

    References
    ----------
    Welch, B. L. (1947). The generalization of Student's problem when several different
    population variances are involved. Biometrika 34, 28-35.
    """
    if did.staggered or did.covariates or did.weighted:
        raise DesignError(
            "inference='welch' needs one start of treatment, no covariates and no weights; "
            "use inference='cluster'."
        )
    if did.kind == "panel":
        return _of_changes(did)
    after = did.table["time"] >= did.cohorts[0]
    cells = did.table.groupby([did.ever.rename("ever"), after.rename("after")])
    parts = {key: _pooled(cell) for key, cell in cells}
    signs = {(True, True): 1, (True, False): -1, (False, True): -1, (False, False): 1}
    if len(parts) < len(signs):
        raise DesignError("treated and untreated must both be seen before and after treatment.")
    return _welch([(sign, *parts[key]) for key, sign in signs.items()])


def _of_changes(did: DidTable) -> WelchFit:
    """One observation a unit: its mean after less its mean before."""
    table = did.table
    if table["cluster"].nunique() < table["entity"].nunique():
        raise DesignError(
            "inference='welch' takes units to be independent, but clusters hold several of them; "
            "use inference='cluster', or a panel of the clusters."
        )
    side = (table["time"] >= did.cohorts[0]).rename("side")
    means = table.groupby(["entity", did.ever.rename("ever"), side])["outcome"].mean().unstack()
    change = (means[True] - means[False]).dropna()
    arms = [change.xs(arm, level="ever") for arm in (True, False)]
    parts = [(len(arm), float(arm.mean()), float(arm.var(ddof=1))) for arm in arms]
    notes = left_out(len(means) - len(change), "units")
    return _welch([(1, *parts[0]), (-1, *parts[1])], notes)


def _pooled(cells: pd.DataFrame) -> tuple[int, float, float]:
    """Size, mean and variance (ddof 1) of the people in several cells."""
    n = int(cells["rows"].sum())
    mean = float(cells["rows"] @ cells["outcome"]) / n
    squares = float(cells["within"].sum() + cells["rows"] @ (cells["outcome"] - mean) ** 2)
    return n, mean, squares / (n - 1) if n > 1 else np.nan


def _welch(groups: list[tuple[int, int, float, float]], notes: tuple[str, ...] = ()) -> WelchFit:
    """Add signed means; a group is its sign, size, mean and variance."""
    sizes = [n for _, n, _, _ in groups]
    if min(sizes) < 2:
        raise InsufficientDataError(
            f"the groups have {sizes} observations; each needs at least 2 for a variance."
        )
    parts = [variance / n for _, n, _, variance in groups]
    if not sum(parts) > 0:
        raise ZeroVarianceError("nothing varies within the groups; there is no noise to learn.")
    spread = sum(part**2 / (n - 1) for part, n in zip(parts, sizes, strict=True))
    return WelchFit(
        estimate=sum(sign * mean for sign, _, mean, _ in groups),
        std_error=float(np.sqrt(sum(parts))),
        df=sum(parts) ** 2 / spread,
        notes=notes,
    )
