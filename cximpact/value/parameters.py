"""Tables of positive parameters that were estimated by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cximpact.core.results import quantile
from cximpact.core.validate import check_prob
from cximpact.core.wording import number, percent
from cximpact.value.likelihood import Maximum


def parameter_table(found: Maximum, names: Sequence[str], prob: float, n: int) -> pd.DataFrame:
    """Return parameters with intervals that are symmetric on the log scale.

    Parameters
    ----------
    found : Maximum
        The estimate.
    names : sequence of str
        Names of the parameters.
    prob : float
        Mass of the interval.
    n : int
        Customers.

    Returns
    -------
    pandas.DataFrame
        ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
    """
    half = quantile(None, (1 + check_prob(prob)) / 2) * found.std_error / found.theta
    return pd.DataFrame(
        {
            "term": list(names),
            "estimate": found.theta,
            "std_error": found.std_error,
            "conf_low": found.theta * np.exp(-half),
            "conf_high": found.theta * np.exp(half),
            "conf_level": prob,
            "n": n,
        }
    )


def in_words(table: pd.DataFrame) -> str:
    """List parameters with their intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        From `parameter_table`.

    Returns
    -------
    str
        Such as ``r is 0.24 (90% confidence interval 0.22 to 0.27); ...``.
    """
    return "; ".join(
        f"{r['term']} is {number(r['estimate'])} ({percent(r['conf_level'])} confidence interval "
        f"{number(r['conf_low'])} to {number(r['conf_high'])})"
        for r in table.to_dict("records")
    )
