"""The conditions of a difference-in-differences claim, in words."""

from __future__ import annotations

import warnings

from cximpact.core.errors import SmallSampleWarning
from cximpact.core.results import Assumption, Estimand
from cximpact.effects.did.estimates import Design

OUTCOME_SCALES = ("pp", "points", "outcome")
FEW_CLUSTERS = 10
FEW_TREATED = 4


def estimand(did: Design, scale: str | None = None) -> Estimand:
    """Name what a difference-in-differences estimates.

    Parameters
    ----------
    did : Design
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
        horizon=f"treated from period {first}; seen to period {did.last_period:g}",
    )


def assumptions(
    did: Design,
    trends: str = "",
    untested: str = "",
    independent: str = "",
    *,
    equal: bool = True,
) -> tuple[Assumption, ...]:
    """List the conditions of the claim.

    Parameters
    ----------
    did : Design
        The design.
    trends : str, default ""
        What a test of the trends before treatment found.
    untested : str, default ""
        Why there was none.
    independent : str, default ""
        Who is taken to be independent, where errors are not clustered.
    equal : bool, default True
        Whether the estimator needs effects that are equal across cohorts.

    Returns
    -------
    tuple of Assumption
        Parallel trends first.
    """
    n_before = did.periods_before
    plural = "s" if n_before > 1 else ""
    could = f"{n_before} period{plural} before treatment: an event study could test it"
    if n_before < 2:
        could = "one period before treatment: the data cannot test it"
    return (
        Assumption(
            name="parallel trends",
            statement="without treatment both groups would have changed alike",
            tested=bool(trends),
            evidence=trends or untested or could,
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
        *_further(did, independent, equal=equal),
    )


def _further(did: Design, independent: str, *, equal: bool) -> list[Assumption]:
    """List the conditions that only some designs need."""
    asked = "placebos(response=...) asks whether it does"
    statements = {
        "equal effects across cohorts": (
            did.staggered and equal,
            "all treated gain the same at every time since treatment",
        ),
        "stable composition": (did.kind != "panel", "the fix does not change who answers", asked),
        "independent errors": (
            bool(independent),
            f"{independent} are independent, without shocks that some of them share",
        ),
    }
    return [
        Assumption(name=name, statement=statement, tested=False, evidence="".join(evidence))
        for name, (applies, statement, *evidence) in statements.items()
        if applies
    ]


def left_out(n: int, what: str) -> tuple[str, ...]:
    """Say how many were left out because they are seen on one side of treatment only.

    Parameters
    ----------
    n : int
        How many.
    what : str
        Such as ``"clusters"``.

    Returns
    -------
    tuple of str
        A note, or none.
    """
    return (f"{n} {what} are not seen both before and after and were left out.",) if n else ()


def warn_few_clusters(did: Design) -> None:
    """Warn where a cluster-robust standard error cannot be trusted.

    Parameters
    ----------
    did : Design
        The design.
    """
    n, treated, untreated = did.n_clusters, did.n_treated_clusters, did.n_untreated_clusters
    if treated < FEW_TREATED:
        message = (
            f"{treated} of {n} clusters are treated: a cluster-robust standard error is far too "
            "small then. Use TwoByTwo(inference='few_treated') or randomization_test."
        )
    elif did.has_never and untreated < FEW_TREATED:
        message = (
            f"{untreated} of {n} clusters are untreated: a cluster-robust standard error is far "
            "too small then, and so few say little about the noise."
        )
    elif n < FEW_CLUSTERS:
        message = (
            f"there are {n} clusters; with fewer than {FEW_CLUSTERS} the interval may be too "
            "narrow."
        )
    else:
        return
    warnings.warn(message, SmallSampleWarning, stacklevel=3)
