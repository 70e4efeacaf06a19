"""How often predictive sets hold the answer that was given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.validate import check_prob
from cximpact.imputation.predictive import shortest_set


def coverage_table(
    pmf: np.ndarray,
    count: np.ndarray,
    pit: np.ndarray,
    *,
    probs: Sequence[float] = (0.5, 0.8, 0.9),
    prob: float = 0.9,
) -> pd.DataFrame:
    """Compare the coverage of predictive sets with what it should be.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Predicted probabilities of answers that were held out.
    count : numpy.ndarray of int, shape (row, category)
        How often each was given.
    pit : numpy.ndarray, shape (answer,)
        Their randomized transforms.
    probs : sequence of float
        Masses of the sets.
    prob : float, default 0.9
        Mass of the binomial band around the expected coverage.

    Returns
    -------
    pandas.DataFrame
        ``kind``, ``prob``, ``expected``, ``estimate`` (observed coverage), ``conf_low``,
        ``conf_high`` (where calibrated coverage lies), ``conf_level``, ``n``, ``inside``.

    Notes
    -----
    Whole answers seldom add up to exactly 80 %, so a set of answers holds more than it promises.
    Two fair comparisons are made. ``"randomized"``: the central set with its two end answers
    included at random, so that it holds exactly ``prob``; an answer is inside when its transform
    is. ``"shortest"``: the run of answers that `ImputedScores.customers` reports, against the
    mean mass of these runs. The band of the latter is that of equal masses, which is on the wide
    side.
    """
    check_prob(prob)
    n = int(count.sum())
    rows = []
    for mass in probs:
        mass = check_prob(mass, "probs")
        inside = np.abs(pit - 0.5) <= mass / 2
        rows.append(("randomized", mass, mass, float(inside.mean())))
    for mass in probs:
        low, high, held = shortest_set(pmf, mass)
        answer = np.arange(pmf.shape[1])
        member = (answer >= low[:, None]) & (answer <= high[:, None])
        expected = float(count.sum(axis=1) @ held / n)
        rows.append(("shortest", mass, expected, float((count * member).sum() / n)))
    out = pd.DataFrame(rows, columns=["kind", "prob", "expected", "estimate"])
    expected = np.minimum(out["expected"].to_numpy(), 1.0)
    out["conf_low"], out["conf_high"] = stats.binom.interval(prob, n, expected)
    out[["conf_low", "conf_high"]] /= n
    inside = out["estimate"].between(out["conf_low"] - 1e-12, out["conf_high"] + 1e-12)
    return out.assign(conf_level=prob, n=n, inside=inside)
