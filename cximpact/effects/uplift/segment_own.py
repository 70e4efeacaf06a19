"""Effects of segments each by itself, without learning from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.effects.uplift.segment_cells import BINOMIAL, SegmentCells


def own_effects(cells: SegmentCells, prob: float = 0.9) -> pd.DataFrame:
    """Compare the arms within every segment.

    Parameters
    ----------
    cells : SegmentCells
        What was counted.
    prob : float, default 0.9
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        The segment, with several arms ``arm``, then ``estimate, std_error, conf_low, conf_high,
        treated, control``, the last two in customers; NaN where an arm has nobody.

    Notes
    -----
    For shares the interval is Newcombe's, from the score intervals of both arms; for means it is
    normal.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions:
    comparison of eleven methods. Statistics in Medicine 17, 873-890.
    """
    z = float(stats.norm.ppf((1 + prob) / 2))
    value, size = cells.value, np.where(cells.empty, np.nan, cells.size)
    if cells.family == BINOMIAL:
        mean = value / size
        variance = mean * (1 - mean) / size
        middle = (mean + z**2 / (2 * size)) / (1 + z**2 / size)
        half = z * np.sqrt(variance + (z / (2 * size)) ** 2) / (1 + z**2 / size)
        below, above = mean - (middle - half), middle + half - mean
    else:
        mean, variance = np.where(cells.empty, np.nan, value), 1 / size
        below = above = z * np.sqrt(variance)
    rows = []
    for k, arm in enumerate(cells.arms, 1):
        effect = mean[:, k] - mean[:, 0]
        table = {
            cells.by: list(cells.labels),
            **({"arm": arm} if cells.n_arms > 1 else {}),
            "estimate": effect,
            "std_error": np.sqrt(variance[:, k] + variance[:, 0]),
            "conf_low": effect - np.hypot(below[:, k], above[:, 0]),
            "conf_high": effect + np.hypot(above[:, k], below[:, 0]),
            "treated": cells.rows[:, k].astype(int),
            "control": cells.rows[:, 0].astype(int),
        }
        rows.append(pd.DataFrame(table))
    return pd.concat(rows, ignore_index=True)
