"""The paragraph that says what a ranking is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core.wording import number

if TYPE_CHECKING:
    from cximpact.effects.uplift.evaluation_result import UpliftEvaluation


def explanation(found: UpliftEvaluation, table: pd.DataFrame) -> str:
    """Write the paragraph of an evaluation.

    Parameters
    ----------
    found : UpliftEvaluation
        The evaluation.
    table : pandas.DataFrame
        Its metrics, from `UpliftEvaluation.tidy`.

    Returns
    -------
    str
        Verdict, numbers, how the errors were found, and what it rests on.
    """
    rows = table.set_index("metric").to_dict("index")
    parts = [
        _verdict(found.name, rows["autoc"], found.data.n),
        _first(rows),
        _areas(rows, found.normalization),
        _errors(found),
        "It holds for scores that were made without these customers.",
        _arms(found),
    ]
    return " ".join(part for part in parts if part)


def p_phrase(p: float) -> str:
    """Write a p-value.

    Parameters
    ----------
    p : float
        Between 0 and 1.

    Returns
    -------
    str
        For example ``p = 0.032`` or ``p < 0.001``.
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _verdict(name: str, row: dict[str, Any], n: int) -> str:
    level, p = 1 - row["conf_level"], row["p_value"]
    numbers = (
        f"(AUTOC {number(row['estimate'])}, {100 * row['conf_level']:g}% confidence interval "
        f"{number(row['conf_low'])} to {number(row['conf_high'])}, {p_phrase(p)} on {n:,} rows)"
    )
    if p >= level:
        return (
            f"The ranking by {name} is not told apart from a random one {numbers}. Choosing "
            "customers by it may be no better than choosing them by lot; a larger experiment "
            "could tell."
        )
    if row["estimate"] > 0:
        return f"Customers whom {name} ranks first gain more than the average {numbers}."
    return (
        f"The ranking by {name} is worse than a random one {numbers}: customers whom it ranks "
        "first gain less than the average."
    )


def _first(rows: dict[str, dict[str, Any]]) -> str:
    """Effects of the first customers beside the average."""
    first = [(k.removeprefix("effect_at_"), r) for k, r in rows.items() if k.startswith("effect_")]
    if not first:
        return ""
    shown = ", ".join(
        f"{number(r['estimate'])} ({number(r['conf_low'])} to {number(r['conf_high'])}) among the "
        f"first {_share(k)}"
        for k, r in first
    )
    return f"The average effect is {number(first[0][1]['random'])} among all, {shown}."


def _share(k: str) -> str:
    return f"{100 * float(k):g}%" if "." in k else f"{int(k):,}"


def _areas(rows: dict[str, dict[str, Any]], normalization: str) -> str:
    unit = (
        "of the perfect ranking's"
        if normalization == "perfect"
        else "a customer in the unit of the outcome"
    )
    qini, uplift = (number(rows[name]["estimate"]) for name in ("qini", "auuc"))
    return f"Qini is {qini} and the area under the uplift curve {uplift}, {unit}."


def _errors(found: UpliftEvaluation) -> str:
    clusters = found.data.n_clusters
    drawn = "rows" if clusters is None else f"{clusters:,} clusters"
    weights = np.asarray(found.data.weights)
    weighted = "" if (weights == 1).all() else " with their weights"
    return (
        f"Errors are those of {found.draws.sizes['sample']:,} bootstrap replicates of {drawn}"
        f"{weighted}."
    )


def _arms(found: UpliftEvaluation) -> str:
    if found.data.randomized:
        return ""
    e = np.asarray(found.data.propensity)
    return (
        f"The propensity runs from {number(e.min())} to {number(e.max())}: Qini, the uplift curve "
        "and uplift at k compare the arms as they are and are confounded; read AUTOC and the "
        "effects at k."
    )
