"""The score of those who answered, to stand beside everybody's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.data import Cells
from cximpact.imputation.poststratify import Margin
from cximpact.scores.limits import interval_limits
from cximpact.scores.statistic import statistic_of


def respondents(cells: Cells, groups: Margin, statistic: str, prob: float) -> pd.DataFrame:
    """Score those who answered, with the score interval.

    Parameters
    ----------
    cells : Cells
        Counts of answers.
    groups : Margin
        Groups of cells.
    statistic : str
        What is computed from the answers.
    prob : float
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        The groups, ``who``, ``n``, ``estimate``, ``std_error``, ``conf_low`` and ``conf_high``;
        missing where nobody answered.
    """
    values = statistic_of(cells.scale, statistic).values
    counts = groups.total(cells.dense().T).T
    n = counts.sum(axis=1)
    some = n > 0
    shares = counts[some] / n[some, None]
    mean = shares @ values
    variance = shares @ values**2 - mean**2
    low, high = interval_limits(shares, values, n[some], prob=prob, method="score")
    columns = {"estimate": mean, "conf_low": low, "conf_high": high}
    with np.errstate(invalid="ignore", divide="ignore"):
        columns["std_error"] = np.sqrt(variance / (n[some] - 1))
    table = groups.labels.reset_index(drop=True).assign(who="respondents", n=n.astype(int))
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        table[name] = np.nan
        table.loc[some, name] = columns[name]
    return table
