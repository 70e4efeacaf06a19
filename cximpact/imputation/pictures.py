"""The tables behind the pictures of imputed scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, NoRespondentsError
from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_number, check_prob
from cximpact.imputation.poststratify import Margin, margin, probabilities
from cximpact.imputation.totals import expected_totals, people_of

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

_HALVINGS = 40
_DRAWS = 500
"""Draws from which tipping points are found; their Monte Carlo error is far below their use."""


def answer_table(
    imputed: ImputedScores,
    by: str | Sequence[str] | None = None,
    prob: float = 0.9,
    *,
    rng: RngLike = None,
) -> pd.DataFrame:
    """Put the answers that were given beside those the model predicts for the same people.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    by : str or sequence of str, optional
        Columns to split by.
    prob : float, default 0.9
        Mass of the predictive intervals.
    rng : int or Generator, optional
        Randomness of the predicted answers; the seed of the fit by default.

    Returns
    -------
    pandas.DataFrame
        The groups, ``answer``, ``observed`` (share of the answers), ``estimate``, ``std_error``,
        ``conf_low``, ``conf_high`` of the predicted share, ``conf_level``, ``n`` (answers).
        Groups without answers are left out. One group is what `plots.answer_distribution` draws.

    Raises
    ------
    NoRespondentsError
        If nobody answered.

    Notes
    -----
    A posterior predictive check: each draw of the parameters draws new answers for everybody who
    answered, cell by cell. About ``prob`` of the observed shares should lie inside; too many
    outside means that the model does not fit the shape of the answers. The check uses the
    answers twice and is therefore mild: shares outside count for more than shares inside.

    References
    ----------
    Gelman, A., Meng, X.-L. & Stern, H. (1996). Posterior predictive assessment of model fitness
    via realized discrepancies. Statistica Sinica 6, 733-807.
    """
    prob = check_prob(prob)
    counts, groups = imputed.cells, margin(imputed.cells, by)
    observed = groups.total(counts.dense().T).T
    n = observed.sum(axis=1)
    if not n.any():
        raise NoRespondentsError("nobody answered; there is nothing to compare predictions with.")
    (stream,) = spawn(imputed.provenance.seed if rng is None else rng, "predicted answers")
    some = n > 0
    shares = _drawn_counts(imputed, groups, stream)[:, some] / n[some, None]
    low, high = np.quantile(shares, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    k = counts.scale.n_categories
    table = groups.labels[some].reset_index(drop=True)
    table = table.loc[np.repeat(np.arange(len(table)), k)].reset_index(drop=True)
    return table.assign(
        answer=np.tile(counts.scale.values, int(some.sum())),
        observed=(observed[some] / n[some, None]).ravel(),
        estimate=shares.mean(axis=0).ravel(),
        std_error=shares.std(axis=0, ddof=1).ravel(),
        conf_low=low.ravel(),
        conf_high=high.ravel(),
        conf_level=prob,
        n=np.repeat(n[some].astype(int), k),
    )


def who_answered_table(imputed: ImputedScores, column: str) -> pd.DataFrame:
    """Compare each level's share of the frame with its share of those who answered.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    column : str
        A column of the cells.

    Returns
    -------
    pandas.DataFrame
        One row a level: ``column``, ``n`` (people), ``answered``, ``frame_share``,
        ``respondent_share``, ``response_rate``; as `plots.who_answered` draws it. People are
        counted, weights left aside.

    Raises
    ------
    NoRespondentsError
        If nobody answered.
    """
    groups = margin(imputed.cells, column)
    people = groups.total(imputed.cells.frame_count)
    answered = groups.total(imputed.cells.answered)
    if not answered.any():
        raise NoRespondentsError("nobody answered; there are no shares of respondents.")
    return groups.labels.reset_index(drop=True).assign(
        n=people.astype(int),
        answered=answered.astype(int),
        frame_share=people / people.sum(),
        respondent_share=answered / answered.sum(),
        response_rate=answered / people,
    )


def path_table(
    imputed: ImputedScores, prob: float = 0.9, *, statistic: str = "score"
) -> pd.DataFrame:
    """Put the score of everybody and of those who answered side by side, period by period.

    Parameters
    ----------
    imputed : ImputedScores
        A fit with a period.
    prob : float, default 0.9
        Mass of the intervals.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.

    Returns
    -------
    pandas.DataFrame
        The period, ``who``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``n``; as
        `plots.score_path` draws it.

    Raises
    ------
    ConfigError
        If the model has no period.
    """
    period = imputed.design.period
    if period is None:
        raise ConfigError(
            "the model has no period; name one in SurveyWave(..., period=column) and fit again."
        )
    return imputed.compare(period, statistic=statistic, prob=prob)


def tipping_table(
    imputed: ImputedScores,
    by: str,
    threshold: float,
    *,
    low: float = -4.0,
    high: float = 4.0,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Find for each group how different its silent people must be for its score to tip.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    by : str
        Column of the groups.
    threshold : float
        Score at which a decision flips.
    low, high : float
        Shifts between which to look, on the latent scale.
    prob : float, default 0.9
        Mass of the interval of everybody's score.

    Returns
    -------
    pandas.DataFrame
        One row a group: ``by``, ``respondents``, ``everyone``, ``conf_low``, ``conf_high``,
        ``tipped`` (the threshold, or missing where no shift gets there), ``delta``; as
        `plots.tipping_dumbbell` draws it.

    Raises
    ------
    ConfigError
        If ``low`` is not below ``high``.

    Notes
    -----
    ``delta`` is the shift of the latent score of those in the group who did not answer, against
    those in their cell who did, at which the expected score of the group is the threshold
    (pattern mixture). The answers cannot say how large it is; compare it with what is plausible.
    """
    threshold = check_number(threshold, "threshold")
    if not check_number(low, "low") < check_number(high, "high"):
        raise ConfigError(f"low is {low} and high is {high}; expected low < high.")
    groups = margin(imputed.cells, by)
    pairs = imputed.compare(by, prob=prob)
    raw, everyone = (
        pairs[pairs["who"] == who].reset_index(drop=True) for who in ("respondents", "everyone")
    )
    ends = [np.full(groups.n_groups, end) for end in (low, high)]
    lowest, highest = (_scores_at(imputed, groups, end) for end in ends)
    reached = (lowest <= threshold) & (threshold <= highest)
    for _ in range(_HALVINGS):
        middle = (ends[0] + ends[1]) / 2
        above = _scores_at(imputed, groups, middle) > threshold
        ends = [np.where(above, ends[0], middle), np.where(above, middle, ends[1])]
        if (ends[1] - ends[0]).max() < 1e-4:
            break
    return groups.labels.reset_index(drop=True).assign(
        respondents=raw["estimate"],
        everyone=everyone["estimate"],
        conf_low=everyone["conf_low"],
        conf_high=everyone["conf_high"],
        tipped=np.where(reached, threshold, np.nan),
        delta=np.where(reached, (ends[0] + ends[1]) / 2, np.nan),
    )


def _scores_at(imputed: ImputedScores, groups: Margin, delta: np.ndarray) -> np.ndarray:
    """Return each group's expected score when its silent are shifted, shape (group,)."""
    counts, values = imputed.cells, imputed.cells.scale.score_weights
    who, n = people_of(counts, imputed.design), imputed.draws.sizes["sample"]
    kept = np.unique(np.linspace(0, n - 1, min(n, _DRAWS)).astype(int))
    elsewhere = np.where(who.given, 0.0, who.answered_weight)
    total = groups.total((counts.dense(counts.weight) @ values) * who.given)
    for weight, shift in ((who.silent_weight, delta[groups.code]), (elsewhere, 0.0)):
        if weight.any():
            drawn = expected_totals(
                imputed.draws.isel(sample=kept), imputed.design, groups, values, weight, shift
            )
            total = total + drawn.mean(axis=0)
    return total / groups.total(counts.frame_weight)


def _drawn_counts(imputed: ImputedScores, groups: Margin, rng: np.random.Generator) -> np.ndarray:
    """Draw new answers for those who answered, shape (sample, group, category)."""
    people = imputed.cells.answered.astype(np.int64)
    parts = []
    for p in probabilities(imputed.draws, imputed.design):
        drawn = rng.multinomial(people, p / p.sum(axis=-1, keepdims=True))
        parts.append(groups.total(drawn.transpose(0, 2, 1)).transpose(0, 2, 1))
    return np.concatenate(parts)
