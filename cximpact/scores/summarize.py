"""The scores of a wave, one row a group, with honest intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import NoRespondentsError, SmallSampleWarning
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice, check_prob
from cximpact.data import SurveyWave
from cximpact.scores.domains import Domains, read_domains
from cximpact.scores.limits import METHODS, interval_limits
from cximpact.scores.stages import stage_patterns
from cximpact.scores.statistic import Statistic, statistic_of

TARGETS = ("super", "finite")


def summarize(
    wave: SurveyWave,
    by: str | Sequence[str] | None = None,
    prob: float = 0.9,
    method: str = "score",
    target: str | None = None,
    *,
    statistic: str = "score",
    top: int | None = None,
    design: str | None = None,
    rng: RngLike = None,
) -> pd.DataFrame:
    """Score the respondents of a wave, one row a group.

    Parameters
    ----------
    wave : SurveyWave
        Everybody who was invited, with the answers of those who answered. Its weight, cluster and
        stratum columns are used where it names them.
    by : str or sequence of str, optional
        Columns to group by; none gives one row.
    prob : float, default 0.9
        Mass of the intervals.
    method : str, default "score"
        ``"score"`` fits every statistic. Also ``"t"``, ``"wald"`` and ``"dirichlet"`` (needs
        ``rng``) for all; ``"adjusted_wald"`` for net scores; ``"jeffreys"`` and
        ``"clopper_pearson"`` for shares. See `net_interval`, `proportion_interval` and
        `mean_interval`.
    target : {"super", "finite"}, optional
        The score of the process that the respondents are a sample of (default), or of the very
        people in the frame. The latter needs ``design="srs"``; otherwise impute.
    statistic : {"score", "top_box", "mean", "net"}, default "score"
        The scale's own score; the share in the best boxes (0 to 1); the mean answer; or best minus
        worst boxes (-100 to 100).
    top : int, optional
        Boxes for ``"top_box"`` and ``"net"``; the scale's own bands by default.
    design : {"srs"}, optional
        A declaration that the respondents are a simple random sample of the frame (within strata,
        if there are any; they are then weighted by N / n unless the wave has weights).
    rng : int or Generator, optional
        Seed for ``method="dirichlet"``.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``; ``estimate, std_error`` (ddof 1, linearized), ``conf_low, conf_high,
        conf_level, n`` (answers), ``n_invited`` (rows), ``response_rate, n_eff`` (answers of a
        simple sample that would tell as much, at most ``n``) and ``note``. A group without answers
        keeps its row, with n = 0 and missing numbers. A single answer has an interval but no
        standard error. ``attrs`` name statistic, unit, method, target and kind of variance.

    Raises
    ------
    NoRespondentsError
        If nobody answered.
    DesignError
        If ``target="finite"`` is not backed by a design.
    ClusterError
        If there is one cluster, or a stratum holds a single one.
    ConfigError, MissingColumnError, MissingValueError, DataError
        If options, columns or stage flags cannot be used.

    Warns
    -----
    SmallSampleWarning
        If groups have no answers, one answer or one cluster, or there are fewer than 10 clusters.

    Notes
    -----
    Estimand: the mean of the respondents' process. It is the score of all customers only if those
    who answer are like those who do not; `funnel`, `ResponseModel` and `cximpact.imputation` deal
    with that. Weighted, clustered and stratified variances are linearized; the interval is the one
    for simple samples at the effective number of answers, corrected for the degrees of freedom
    (clusters less strata) [1]_.

    References
    ----------
    .. [1] Korn, E. L. & Graubard, B. I. (1998). Confidence intervals for proportions with small
       expected number of positive counts estimated from survey data. Survey Methodology 24,
       193-201.
    """
    prob, chosen = check_prob(prob), statistic_of(wave.scale, statistic, top)
    check_choice(method, "method", METHODS)
    goal = "super" if target is None else check_choice(target, "target", TARGETS)
    keys = [by] if isinstance(by, str) else list(by or [])
    if wave.n_answered == 0:
        raise NoRespondentsError(
            f"none of {wave.n_frame} rows has an answer in {wave.answer!r}; there is no score."
        )
    if wave.stages:
        stage_patterns(wave, open_is_exact=False)
    domains = read_domains(wave, keys, chosen, finite=goal == "finite", design=design)
    low, high = _limits(domains, chosen, prob, method, rng)
    table = domains.index.assign(
        estimate=domains.estimate,
        std_error=domains.std_error,
        conf_low=low,
        conf_high=high,
        conf_level=prob,
        n=domains.n.astype(int),
        n_invited=domains.n_invited.astype(int),
        response_rate=domains.n / domains.n_invited,
        n_eff=domains.n_eff,
        note=domains.note,
    )
    table.attrs = {"statistic": statistic, "unit": chosen.unit, "scale": wave.scale.name}
    table.attrs |= {"method": method, "target": goal, "variance": domains.variance}
    _warn(domains.note)
    return table


def _limits(
    domains: Domains, statistic: Statistic, prob: float, method: str, rng: RngLike
) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.full((2, domains.n.size), np.nan)
    usable = domains.n_interval > 0
    if method == "t":
        t = stats.t.ppf((1 + prob) / 2, np.where(domains.df > 0, domains.df, np.nan))
        ends = statistic.limits
        low = np.clip(domains.estimate - t * domains.std_error, *ends)
        return low, np.clip(domains.estimate + t * domains.std_error, *ends)
    n = domains.n_interval[usable] * _penalty(domains, prob)[usable]
    low[usable], high[usable] = interval_limits(
        domains.shares[usable], statistic.values, n, prob=prob, method=method, rng=rng
    )
    return low, high


def _penalty(domains: Domains, prob: float) -> np.ndarray:
    """Shrink the effective n where a design leaves fewer degrees of freedom than answers."""
    if domains.variance == "simple":
        return np.ones(domains.n.size)
    q = (1 + prob) / 2
    fewer = (domains.df > 0) & (domains.df < domains.n - 1)
    free = stats.t.ppf(q, np.where(fewer, domains.n - 1, 1))
    return np.where(fewer, (free / stats.t.ppf(q, np.where(fewer, domains.df, 1))) ** 2, 1.0)


def _warn(note: np.ndarray) -> None:
    flagged = [text for text in dict.fromkeys(note) if text]
    if flagged:
        parts = [f"{text} in {int((note == text).sum())} of {note.size} groups" for text in flagged]
        warnings.warn(
            f"{'; '.join(parts)}: see the column 'note'. Merge groups, or let them borrow strength "
            "from each other (cximpact.imputation).",
            SmallSampleWarning,
            stacklevel=3,
        )
