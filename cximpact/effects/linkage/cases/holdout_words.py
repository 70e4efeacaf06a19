"""What an alert holdout rests on, and what the data say about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from cximpact.core.results import Assumption
from cximpact.core.wording import number, percent, with_unit
from cximpact.effects.linkage.cases.instrument import Wald, partial
from cximpact.effects.linkage.rows import LinkedRows

ALONE = Assumption(
    name="no interference",
    statement="an alert to one customer changes nothing for another, such as the agents' time",
    tested=False,
    evidence="hold back whole teams and name them as cluster where agents are short of time",
)
EXCLUSION = Assumption(
    name="exclusion",
    statement="the alert changes behavior through the recovery alone",
    tested=False,
    evidence="the data cannot show it",
)


def balance_of(rows: LinkedRows) -> dict[str, float]:
    """Test jointly that covariates do not differ between the arms.

    Parameters
    ----------
    rows : LinkedRows
        With the number ``assigned`` and covariates.

    Returns
    -------
    dict of str to float
        ``statistic``, ``terms``, ``p`` and ``largest_difference`` in standard deviations; empty
        without covariates.
    """
    if not rows.covariates:
        return {}
    bare = replace(rows, covariates=())
    found, covariance = partial(bare, rows.numbers["assigned"]).coefficients(*rows.design.T)
    statistic = float(found @ np.linalg.pinv(covariance) @ found)
    terms = int(np.linalg.matrix_rank(covariance))
    return {
        "statistic": statistic,
        "terms": terms,
        "p": float(stats.chi2.sf(statistic, terms)) if terms else float("nan"),
        "largest_difference": float(np.abs(found).max()),
    }


def random_holdout(balance: dict[str, float]) -> Assumption:
    """Say how far chance decided on the alerts.

    Parameters
    ----------
    balance : dict
        From `balance_of`.

    Returns
    -------
    Assumption
        Tested where there are covariates.
    """
    evidence = "no covariates were given to check it with"
    if balance:
        evidence = (
            f"covariates differ by at most {number(balance['largest_difference'])} standard "
            f"deviations between the arms, joint p {number(balance['p'])}"
        )
    return Assumption(
        name="random holdout",
        statement="which alerts were held back was left to chance",
        tested=bool(balance),
        evidence=evidence,
    )


def monotone(z: np.ndarray, d: np.ndarray) -> Assumption:
    """Say whether anybody is recovered without an alert.

    Parameters
    ----------
    z, d : numpy.ndarray, shape (row,)
        Alert and recovery, 0 or 1.

    Returns
    -------
    Assumption
        It holds by design where none of the held back was recovered.
    """
    anyway = float(d[z == 0].mean())
    evidence = (
        "holds by design: none of the held back was recovered"
        if anyway == 0
        else f"{percent(anyway)} of the held back were recovered all the same"
    )
    return Assumption(
        name="monotonicity",
        statement="nobody is recovered only because the alert was held back",
        tested=anyway == 0,
        evidence=evidence,
    )


def first_stage(wald: Wald, z: np.ndarray, d: np.ndarray, w: np.ndarray) -> dict[str, Any]:
    """Collect how strongly the alert moved recoveries.

    Parameters
    ----------
    wald : Wald
        The fit.
    z, d, w : numpy.ndarray, shape (row,)
        Alert, recovery and weights.

    Returns
    -------
    dict
        Diagnostics.
    """
    return {
        "first_stage": wald.first,
        "first_stage_f": wald.f,
        "interval": "t" if wald.is_strong else "anderson-rubin",
        "recovered_when_alerted": float(np.average(d[z == 1], weights=w[z == 1])),
        "recovered_when_held_back": float(np.average(d[z == 0], weights=w[z == 0])),
    }


def naive_note(rows: LinkedRows, outcome: str, scale: str) -> tuple[str, ...]:
    """Say what the recovered against the others would have shown.

    Parameters
    ----------
    rows : LinkedRows
        With the numbers ``outcome`` and ``treated``.
    outcome : str
        Name of the outcome.
    scale : str
        Meaning of its numbers.

    Returns
    -------
    tuple of str
        One note; none where all were recovered.
    """
    y, d, w = rows.numbers["outcome"], rows.numbers["treated"], rows.weight
    if d.all():
        return ()
    unit = "share" if scale == "pp" else scale
    means = [float(np.average(y[d == k], weights=w[d == k])) for k in (0, 1)]
    return (
        f"Beside it, not instead of it: among the recovered {outcome!r} is "
        f"{with_unit(means[1], unit)}, among the others {with_unit(means[0], unit)}; that "
        "difference also counts who can be recovered.",
    )
