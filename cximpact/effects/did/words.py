"""The conditions of a difference-in-differences claim, in words."""

from __future__ import annotations

import warnings

from cximpact.core.errors import AssumptionWarning, SmallSampleWarning
from cximpact.core.results import Assumption, Estimand
from cximpact.effects.did.design import DidTable

OUTCOME_SCALES = ("pp", "points", "outcome")
FEW_CLUSTERS = 10
FEW_TREATED = 4


def estimand(did: DidTable, scale: str | None = None) -> Estimand:
    """Name what a difference-in-differences estimates.

    Parameters
    ----------
    did : DidTable
        The design.
    scale : str, optional
        Meaning of the numbers; percentage points for a 0/1 outcome, else the outcome's unit.

    Returns
    -------
    Estimand
        The average effect on the treated.
    """
    first = ", ".join(f"{t:g}" for t in did.cohorts)
    return Estimand(
        target="att",
        contrast="change of the treated after treatment against the change of the untreated",
        scale=scale or ("pp" if did.binary else "outcome"),
        population=f"treated units of this {did.kind}",
        horizon=f"treated from period {first}; seen to period {did.table['time'].max():g}",
    )


def assumptions(did: DidTable, trends: str = "") -> tuple[Assumption, ...]:
    """List the conditions of the claim.

    Parameters
    ----------
    did : DidTable
        The design.
    trends : str, default ""
        What a test of the trends before treatment found.

    Returns
    -------
    tuple of Assumption
        Parallel trends first.
    """
    n_before = periods_before(did)
    plural = "s" if n_before > 1 else ""
    untested = f"{n_before} period{plural} before treatment: an event study could test it"
    if n_before < 2:
        untested = "one period before treatment: the data cannot test it"
    effects = "all treated gain the same at every time since treatment"
    return (
        Assumption(
            name="parallel trends",
            statement="without treatment both groups would have changed alike",
            tested=bool(trends),
            evidence=trends or untested,
        ),
        Assumption(
            name="no anticipation",
            statement="nobody reacts before treatment begins",
            tested=False,
        ),
        Assumption(
            name="no spill-over",
            statement="treatment of one unit does not change the others",
            tested=False,
        ),
        *(
            [Assumption(name="equal effects across cohorts", statement=effects, tested=False)]
            if did.staggered
            else []
        ),
        *(
            [
                Assumption(
                    name="stable composition",
                    statement="the fix does not change who answers",
                    tested=False,
                )
            ]
            if did.kind != "panel"
            else []
        ),
    )


def periods_before(did: DidTable) -> int:
    """Count the periods that the earliest treated cohort is seen before treatment.

    Parameters
    ----------
    did : DidTable
        The design.

    Returns
    -------
    int
        How many.
    """
    table = did.table
    cohort = table[table["first_treated"] == did.cohorts[0]]
    return int(cohort.loc[cohort["time"] < did.cohorts[0], "time"].nunique())


def warn_few_clusters(did: DidTable) -> None:
    """Warn where a cluster-robust standard error cannot be trusted.

    Parameters
    ----------
    did : DidTable
        The design.
    """
    if did.n_treated_clusters < FEW_TREATED:
        warnings.warn(
            f"{did.n_treated_clusters} of {did.n_clusters} clusters are treated: a cluster-robust "
            "standard error is far too small then. Use TwoByTwo(inference='few_treated').",
            SmallSampleWarning,
            stacklevel=4,
        )
    elif did.n_clusters < FEW_CLUSTERS:
        warnings.warn(
            f"there are {did.n_clusters} clusters; with fewer than {FEW_CLUSTERS} the interval "
            "may be too narrow.",
            SmallSampleWarning,
            stacklevel=4,
        )


def warn_staggered(negative: float) -> None:
    """Warn that two-way fixed effects average staggered effects with odd weights.

    Parameters
    ----------
    negative : float
        Sum of the negative weights.
    """
    warnings.warn(
        "treatment begins at several times: the two-way fixed-effects coefficient compares "
        f"newly treated with already treated units (negative weights sum to {negative:.2f}), and "
        "it is not used for return on investment.",
        AssumptionWarning,
        stacklevel=4,
    )
