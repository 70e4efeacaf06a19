"""Changes of many segments at once, without the false alarms of many tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cximpact.core.errors import (
    ConfigError,
    DuplicateKeyError,
    InsufficientDataError,
    MissingColumnError,
    join_names,
)
from cximpact.core.validate import check_choice, check_prob
from cximpact.scores.change import change_table

ADJUSTMENTS = ("bh", "shrink")


def compare_waves(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    adjust: str = "bh",
    prob: float = 0.9,
    goal: float | None = None,
) -> pd.DataFrame:
    """Compare two independent waves, group by group.

    Parameters
    ----------
    before, after : pandas.DataFrame
        Tables of `summarize` with the same ``by`` columns.
    adjust : {"bh", "shrink"}
        What guards against false alarms: Benjamini-Hochberg adjusted p-values [1]_, or empirical
        Bayes shrinkage of the changes towards their mean.
    prob : float, default 0.9
        Mass of the intervals.
    goal : float, optional
        Change that is hoped for; adds a column.

    Returns
    -------
    pandas.DataFrame
        One row a group in either wave: the group, ``estimate_before, estimate_after``, then as
        `difference` gives it, with ``p_adjusted`` in place of ``p_value`` (``"bh"``) or with
        shrunken ``estimate, std_error`` and interval, the ``raw_estimate`` and no p-value
        (``"shrink"``); and ``note``, where a group cannot be compared. There is never a raw
        p-value for one of many groups.

    Raises
    ------
    MissingColumnError, DuplicateKeyError
        If the tables are not two summaries by the same columns.
    InsufficientDataError
        If fewer than three groups are to be shrunk.

    Notes
    -----
    Estimand: each group's change in the process. The waves must be independent: where customers
    answered both, use `panel_change`. Shrinkage takes the true changes as normal around their
    mean, with the variance of Paule and Mandel [2]_; the posterior standard error counts the
    uncertainty of the mean, not that of the variance.

    References
    ----------
    .. [1] Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of
       the Royal Statistical Society B 57, 289-300.
    .. [2] Paule, R. C. & Mandel, J. (1982). Consensus values and weighting factors. Journal of
       Research of the National Bureau of Standards 87, 377-385.
    """
    check_choice(adjust, "adjust", ADJUSTMENTS)
    check_prob(prob)
    keys = _keys(before, after)
    merged = _merge(before, after, keys)
    raw = (merged["estimate_after"] - merged["estimate_before"]).to_numpy()
    error = np.hypot(merged["std_error_before"], merged["std_error_after"]).to_numpy()
    usable = np.isfinite(raw) & (error > 0)
    head = merged[[*keys, "estimate_before", "estimate_after"]]
    if adjust == "bh":
        table = change_table(raw, error, prob, goal)
        p = np.full(raw.size, np.nan)
        if usable.any():
            p[usable] = stats.false_discovery_control(table["p_value"].to_numpy()[usable])
        table = table.assign(p_value=p).rename(columns={"p_value": "p_adjusted"})
    else:
        estimate, spread = np.full(raw.size, np.nan), np.full(raw.size, np.nan)
        estimate[usable], spread[usable] = shrink(raw[usable], error[usable])
        table = change_table(estimate, spread, prob, goal).drop(columns=["statistic", "p_value"])
        table.insert(0, "raw_estimate", raw)
    missing = np.where(np.isfinite(raw), "no standard error above 0", "no answers in one wave")
    table["note"] = np.where(usable, "", missing)
    return pd.concat([head, table], axis=1)


def shrink(estimate: np.ndarray, std_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shrink estimates of many groups towards their mean.

    Parameters
    ----------
    estimate, std_error : numpy.ndarray, shape (group,)
        Independent estimates and their standard errors, above 0.

    Returns
    -------
    tuple of numpy.ndarray
        Posterior means and standard deviations.

    Raises
    ------
    InsufficientDataError
        With fewer than three groups.

    Notes
    -----
    Normal estimates of normal truths. The variance between groups solves
    sum (d - mean)^2 / (se^2 + tau^2) = groups - 1, and is 0 where the groups differ no more than
    chance.
    """
    if estimate.size < 3:
        raise InsufficientDataError(
            f"{estimate.size} groups can be compared; shrinkage needs at least 3. Use adjust='bh'."
        )

    def excess(tau_sq: float) -> float:
        w = 1 / (std_error**2 + tau_sq)
        return float(w @ (estimate - w @ estimate / w.sum()) ** 2 - (estimate.size - 1))

    top = float(np.var(estimate) * estimate.size + std_error.max() ** 2)
    tau_sq = float(optimize.brentq(excess, 0, top)) if excess(0) > 0 else 0.0
    w = 1 / (std_error**2 + tau_sq)
    mean, kept = w @ estimate / w.sum(), tau_sq * w
    spread = np.sqrt(kept * std_error**2 + (1 - kept) ** 2 / w.sum())
    return kept * estimate + (1 - kept) * mean, spread


def _keys(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    keys = []
    for name, table in (("before", before), ("after", after)):
        if not isinstance(table, pd.DataFrame):
            raise ConfigError(f"{name} is {type(table).__name__}; expected a table of summarize.")
        absent = [c for c in ("estimate", "std_error") if c not in table.columns]
        if absent:
            raise MissingColumnError.from_names(absent, table.columns, role=name)
        keys.append(list(table.columns[: table.columns.get_loc("estimate")]))
    if keys[0] != keys[1]:
        raise MissingColumnError(
            f"before is by {join_names(keys[0])}, after by {join_names(keys[1])}; summarize both "
            "by the same columns."
        )
    return keys[0]


def _merge(before: pd.DataFrame, after: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    columns = [*keys, "estimate", "std_error"]
    for name, table in (("before", before), ("after", after)):
        if table.duplicated(keys).any() if keys else len(table) != 1:
            raise DuplicateKeyError(f"{name} has several rows for one group; expected one a group.")
    suffixes = ("_before", "_after")
    if not keys:
        return before[columns].merge(after[columns], how="cross", suffixes=suffixes)
    return before[columns].merge(after[columns], how="outer", on=keys, suffixes=suffixes)
