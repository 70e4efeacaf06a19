"""Whether the shape fits the means of the single scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from cximpact.core.results import Assumption
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.linkage.thresholds.curve import ScoreCurve
from cximpact.effects.linkage.thresholds.shapes import MANY

_DOUBTFUL = 0.05
_PARAMETERS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitting:
    """How well the shape fits.

    Parameters
    ----------
    p_value : float
        Of the test that the shape holds.
    assumption : Assumption
        The same in words.
    """

    p_value: float
    assumption: Assumption


def lack_of_fit(rows: LinkedRows, curve: ScoreCurve) -> Fitting | None:
    """Test the shape against the observed mean of every score.

    Parameters
    ----------
    rows : LinkedRows
        Rows.
    curve : ScoreCurve
        Draws of the curve.

    Returns
    -------
    Fitting or None
        None where there are too few or too many scores to tell.

    Notes
    -----
    The statistic adds up squared gaps of observed and expected means over their variances; it is
    about chi-squared with the number of scores less 3 degrees of freedom, for each outcome.
    """
    score = rows.numbers["score"]
    levels, code = np.unique(score, return_inverse=True)
    if levels.size <= _PARAMETERS or levels.size > MANY:
        return None
    n = np.bincount(code)
    expected = curve.means(levels).mean(axis=0)
    statistic = 0.0
    for i, outcome in enumerate(curve.outcomes):
        y = rows.numbers[f"outcome[{i}]"]
        mean = np.bincount(code, weights=y) / n
        if outcome.is_rate:
            variance = expected[:, i] * (1 - expected[:, i])
        else:
            variance = np.full(levels.size, ((y - mean[code]) ** 2).sum() / (y.size - levels.size))
        gap = mean - expected[:, i]
        statistic += float((n * gap**2 / np.maximum(variance, 1e-300)).sum())
    df = len(curve.outcomes) * (levels.size - _PARAMETERS)
    p_value = float(stats.chi2.sf(statistic, df))
    verdict = "which speaks against it" if p_value < _DOUBTFUL else "which does not contradict it"
    return Fitting(
        p_value=p_value,
        assumption=Assumption(
            name="the shape holds",
            statement="the mean outcome follows the shape over all scores",
            tested=True,
            evidence=f"lack of fit p = {p_value:.3f}, {verdict}",
        ),
    )
