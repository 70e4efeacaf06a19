"""What the silent could have said at worst and at best."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.data import Cells
from cximpact.imputation.poststratify import Margin


def manski_bounds(cells: Cells, groups: Margin, values: np.ndarray) -> pd.DataFrame:
    """Bound the score of everybody without any assumption about those who did not answer.

    The respondents' mean times the response rate, plus one minus the rate times the smallest
    or the largest score.

    Parameters
    ----------
    cells : Cells
        Counts of answers and of people.
    groups : Margin
        Groups to bound.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.

    Returns
    -------
    pandas.DataFrame
        The groups, then ``response_rate``, ``respondents``, ``lower`` and ``upper``.

    References
    ----------
    Manski, C. F. (2003). Partial Identification of Probability Distributions. Springer.
    """
    people = groups.total(cells.frame_count)
    answered = groups.total(cells.answered)
    total = groups.total(cells.dense() @ values)
    silent = people - answered
    with np.errstate(invalid="ignore"):
        respondents = np.where(answered > 0, total / np.maximum(answered, 1), np.nan)
    columns = {
        "response_rate": answered / people,
        "respondents": respondents,
        "lower": (total + silent * values.min()) / people,
        "upper": (total + silent * values.max()) / people,
    }
    return groups.labels.reset_index(drop=True).assign(**columns)
