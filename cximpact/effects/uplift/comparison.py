"""Which of several scores ranks better, customer by customer on the same sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError
from cximpact.core.results import quantile
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_prob
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.evaluation_result import METRIC, UpliftEvaluation, p_values


def compare_scores(
    scores: Mapping[str, ArrayLike],
    data: HeldOut,
    *,
    replicates: int = 200,
    ks: Sequence[float] = (0.1, 0.2, 0.3),
    prob: float = 0.9,
    rng: RngLike = None,
) -> pd.DataFrame:
    """Compare the rankings of several scores in pairs.

    Parameters
    ----------
    scores : mapping of str to array_like, shape (n,)
        At least two scores by name; higher is treated first.
    data : HeldOut
        Customers on whom none of them was fitted.
    replicates : int, default 200
        Bootstrap replicates, the same ones for all scores.
    ks : sequence of float
        As for `evaluate_scores`.
    prob : float, default 0.9
        Mass of the intervals.
    rng : int or Generator, optional
        Randomness of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row a pair and metric: ``score, against, metric, difference`` (score less against),
        ``std_error, conf_low, conf_high, conf_level, p_value`` (two-sided).

    Raises
    ------
    ConfigError
        If there are fewer than two scores.

    Notes
    -----
    Scores of one sample are right and wrong about the same customers, so their difference is
    known better than either: its error is that of the differences within replicates. P-values are
    not corrected for the number of pairs.

    References
    ----------
    Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025). Evaluating treatment
    prioritization rules via rank-weighted average treatment effects. Journal of the American
    Statistical Association 120, 38-51.
    """
    if len(scores) < 2:
        raise ConfigError(f"scores has {len(scores)} entries; expected at least 2 to compare.")
    check_prob(prob)
    seed = seed_of(rng)
    found = [
        evaluate_scores(score, data, replicates=replicates, ks=ks, rng=seed, name=str(name))
        for name, score in scores.items()
    ]
    pairs = [_difference(a, b, prob) for a, b in combinations(found, 2)]
    return pd.concat(pairs, ignore_index=True)


def _difference(a: UpliftEvaluation, b: UpliftEvaluation, prob: float) -> pd.DataFrame:
    value = a.estimate.values - b.estimate.values
    error = (a.draws.values - b.draws.values).std(axis=0, ddof=1)
    half = quantile(a.df, (1 + prob) / 2) * error
    return pd.DataFrame(
        {
            "score": a.name,
            "against": b.name,
            "metric": a.estimate[METRIC].values,
            "difference": value,
            "std_error": error,
            "conf_low": value - half,
            "conf_high": value + half,
            "conf_level": prob,
            "p_value": p_values(value, error, a.df)[0],
        }
    )
