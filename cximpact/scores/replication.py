"""Standard errors of raked scores: the jackknife that rakes again in every replicate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ClusterError, WeightError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count, check_vector, check_weights
from cximpact.scores.raking import Margins, fit_margins, rake, read_margins
from cximpact.scores.variance import kish_deff
from cximpact.scores.weighted import WeightedScore, label_codes


def raked_score(
    frame: Any,
    values: ArrayLike,
    margins: Margins,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    groups: int = 50,
    rng: RngLike = None,
) -> WeightedScore:
    """Estimate a mean with raked weights and a standard error that knows they were estimated.

    Parameters
    ----------
    frame : frame
        One row an answer, with a column for every margin.
    values : array_like, shape (n,)
        What each answer counts for; (-100, 0, 100) for the NPS.
    margins : mapping of str to mapping of level to float
        Known size or share of each level, as for `rake`.
    weights : array_like, shape (n,), optional
        Weights to start from.
    clusters : array_like, shape (n,), optional
        Primary sampling units; each is left out in turn.
    groups : int, default 50
        Without clusters, into how many random groups the rows are split; n gives the ordinary
        jackknife.
    rng : int or Generator
        Seed of the split.

    Returns
    -------
    WeightedScore
        With ``df`` = groups less 1.

    Raises
    ------
    WeightError
        If raking fails, in the sample or in a replicate.
    ClusterError
        If there are fewer than two groups.

    Notes
    -----
    Delete-a-group jackknife: (G - 1)/G sum_g (S_g - S)^2, each S_g raked from the initial weights
    of what is left [1]_. Keeping the weights of the whole sample instead overstates the variance
    of whatever the margins explain.

    References
    ----------
    .. [1] Valliant, R. (1993). Poststratification and conditional variance estimation. Journal of
       the American Statistical Association 88, 89-96.
    """
    s = check_vector(values, "values")
    start = check_weights(weights, s.size)
    codes, targets = read_margins(frame, margins)
    if any(code.size != s.size for code in codes.values()):
        raise WeightError(f"frame and values differ in length; values has {s.size} rows.")
    if clusters is None:
        size = min(check_count(groups, "groups", low=2), s.size)
        member = as_generator(rng).permutation(np.arange(s.size) % size)
    else:
        member, levels = label_codes(clusters, s.size, "clusters")
        size = len(levels)
    if size < 2:
        raise ClusterError("the jackknife needs at least 2 groups to leave out; found 1.")
    whole = rake(frame, margins, weights=start).weights
    estimate = float(whole @ s / whole.sum())
    replicates = np.empty(size)
    for g in range(size):
        kept = member != g
        part = {name: code[kept] for name, code in codes.items()}
        w, _, _ = fit_margins(part, targets, start[kept])
        replicates[g] = w @ s[kept] / w.sum()
    deff = kish_deff(whole)
    return WeightedScore(
        estimate=estimate,
        std_error=float(np.sqrt((size - 1) / size * ((replicates - estimate) ** 2).sum())),
        df=size - 1,
        n=s.size,
        n_eff=s.size / deff,
        deff=deff,
        variance=f"jackknife, raked again in each of {size} replicates",
    )
