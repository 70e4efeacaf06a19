"""Whether those who answered are like everybody, as far as that can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from cximpact.core.errors import InsufficientDataError, MissingValueError, ZeroVarianceError
from cximpact.core.validate import check_prob
from cximpact.core.wording import number
from cximpact.data import SurveyWave, frames
from cximpact.scores.design import read_design
from cximpact.scores.logit import fit_logit
from cximpact.scores.nonresponse import ResponseFit
from cximpact.scores.statistic import statistic_of

_UNTESTABLE = "Whether the silent would have answered alike cannot be tested from the answers."


@dataclass(frozen=True, kw_only=True, eq=False)
class RIndicator:
    """How evenly people answered, over what is known of everybody.

    Parameters
    ----------
    estimate : float
        From 0 to 1; 1 when everybody was equally likely to answer.
    std_error : float
        Its standard error, from the estimation of the propensities.
    unadjusted : float
        Without the correction for estimating the propensities, which makes them look uneven.
    partial : pandas.DataFrame
        ``variable, level, n, response_rate, partial``: how far a level, or a whole variable
        (``level`` missing), makes response uneven.
    n : int
        People.
    """

    estimate: float
    std_error: float
    unadjusted: float
    partial: pd.DataFrame = field(repr=False)
    n: int

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the indicator with its interval.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        row = _row("R-indicator", self.estimate, self.std_error, self.n, prob)
        row["conf_high"] = min(row["conf_high"], 1.0)
        return pd.DataFrame([row])

    def explain(self) -> str:
        """Say how uneven response is, and by what.

        Returns
        -------
        str
            A few sentences.
        """
        whole = self.partial[self.partial["level"].isna()].sort_values("partial")
        worst = f" Most of that goes by {whole['variable'].iloc[-1]!r}." if len(whole) else ""
        return (
            f"Response is even to {number(self.estimate)} (R-indicator; 1 is perfectly even) over "
            f"what is known of all {self.n:,} people.{worst} {_UNTESTABLE}"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Slope:
    """How something differs, with a robust standard error.

    Parameters
    ----------
    term : str
        What differs, by what.
    estimate, std_error : float
        The difference.
    standardized : float
        In standard deviations, or on the latent logit scale; see ``reading``.
    standardized_error : float
        Its standard error.
    reading : str
        What it means.
    n : int
        People.
    """

    term: str
    estimate: float
    std_error: float
    standardized: float
    standardized_error: float
    reading: str
    n: int

    @property
    def p_value(self) -> float:
        """Probability of a larger difference by chance."""
        return float(2 * stats.norm.sf(abs(self.estimate / self.std_error)))

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the difference with its interval.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n`` and
            ``standardized``.
        """
        row = _row(self.term, self.estimate, self.std_error, self.n, prob)
        return pd.DataFrame([row | {"standardized": self.standardized}])

    def explain(self) -> str:
        """Say what was found and what it means for the silent.

        Returns
        -------
        str
            A few sentences.
        """
        sure = abs(self.estimate) > 1.645 * self.std_error
        found = "differs" if sure else "does not clearly differ"
        return (
            f"{self.term}: {number(self.estimate)} (standard error {number(self.std_error)}, "
            f"{self.n:,} people); it {found}. {self.reading} {_UNTESTABLE}"
        )


def r_indicator(fit: ResponseFit) -> RIndicator:
    """Measure how evenly people answered, given what is known of everybody.

    Parameters
    ----------
    fit : ResponseFit
        A response model. Its covariates are used; its stages and groups are not.

    Returns
    -------
    RIndicator
        With partial indicators of every covariate that is told apart by levels.

    Notes
    -----
    ``R = 1 - 2 S(pi)``, with the standard deviation of the propensities over everybody.
    Estimated propensities vary even if true ones do not, by the mean of their sampling
    variances, which is taken out of ``S^2``. The standard error is by the delta method, for a
    frame that is known in full. Unconditional partial indicators are between-level standard
    deviations of the response rates.

    References
    ----------
    .. [1] Schouten, B., Cobben, F. and Bethlehem, J. (2009). Indicators for the representativeness
       of survey response. Survey Methodology 35, 101-113.
    .. [2] Shlomo, N., Skinner, C. and Schouten, B. (2012). Estimation of an indicator of the
       representativeness of survey response. Journal of Statistical Planning and Inference 142,
       201-211.
    """
    table = fit.patterns
    count = table["count"].to_numpy(dtype=float)
    answered = count * table[fit.answer].notna().to_numpy()
    x = fit.design.matrix(table)
    logit = fit_logit(x, answered, count, fit.design.names)
    n, pi = count.sum(), logit.predict(x)
    mean = count @ pi / n
    slope = (pi * (1 - pi))[:, None] * x
    away = slope - count @ slope / n
    spread = count @ (pi - mean) ** 2 / (n - 1)
    noise = count @ np.einsum("ij,jk,ik->i", away, logit.covariance, away) / n
    by_beta = 2 * (count * (pi - mean)) @ away / (n - 1)
    kept = max(spread - noise, 0.0)
    root = np.sqrt(kept) if kept > 0 else np.sqrt(max(spread, 1e-300))
    error = np.sqrt(by_beta @ logit.covariance @ by_beta) / root
    return RIndicator(
        estimate=float(1 - 2 * np.sqrt(kept)),
        std_error=float(error),
        unadjusted=float(1 - 2 * np.sqrt(spread)),
        partial=_partial(table, fit.model.covariates, count, answered),
        n=int(n),
    )


def wave_of_response(wave: SurveyWave, contacts: str, *, statistic: str = "score") -> Slope:
    """Ask whether those who took more contacts to answer answered differently.

    Parameters
    ----------
    wave : SurveyWave
        The survey.
    contacts : str
        Column with the number of invitations and reminders until the answer; it is looked at
        only where there is one.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.

    Returns
    -------
    Slope
        Change of the score per contact; ``standardized`` is the change of the latent score, on
        the logit scale, which `imputation.delta_from_contacts` carries on to the silent.

    Raises
    ------
    InsufficientDataError, ZeroVarianceError, MissingValueError
        If fewer than three people answered, all after the same number of contacts, or some
        number is missing.

    Notes
    -----
    The continuum of resistance takes those who never answer to be like those who answered last,
    only more so. The latent slope is that of a proportional-odds regression of the answer on
    contacts, with standard errors from its information.

    References
    ----------
    Lin, I.-F. and Schaeffer, N. C. (1995). Using survey participants to estimate the impact of
    nonparticipation. Public Opinion Quarterly 59, 236-258.
    """
    table = _collect(wave, [contacts])
    table = table[table[wave.answer].notna()]
    given = table[contacts].to_numpy(dtype=float, na_value=np.nan)
    _check_number(given, contacts)
    codes = wave.scale.codes(table[wave.answer].to_numpy(dtype=float))
    values = statistic_of(wave.scale, statistic).values[codes]
    slope, error = _robust(values, np.column_stack([np.ones(given.size), given]))
    latent, latent_error = _latent_slope(codes, given, wave.scale.n_categories)
    return Slope(
        term=f"{wave.scale.name} per further contact",
        estimate=slope,
        std_error=error,
        standardized=latent,
        standardized_error=latent_error,
        reading=(
            f"On the latent logit scale it is {number(latent)} a contact. If the silent are like "
            "late respondents, only more so, carry it on to them."
        ),
        n=given.size,
    )


def linked_behavior(wave: SurveyWave, behavior: str, covariates: Sequence[str] = ()) -> Slope:
    """Ask whether a behavior that is known of everybody differs between silent and others.

    Parameters
    ----------
    wave : SurveyWave
        Everybody who was asked.
    behavior : str
        Numeric or yes-no column known for all, such as churn.
    covariates : sequence of str
        Columns that the two are made alike in: those that the imputation knows.

    Returns
    -------
    Slope
        Those who answered against those who did not; ``standardized`` in standard deviations of
        the behavior.

    Raises
    ------
    InsufficientDataError, ZeroVarianceError, MissingValueError
        If all or none answered, the behavior does not vary, or is missing somewhere.

    Notes
    -----
    A linear regression of the behavior on having answered and the covariates, with
    heteroskedasticity-robust standard errors. A difference is evidence against missing at random
    for whatever is related to that behavior; none is weak evidence for it.
    """
    table = _collect(wave, [behavior, *covariates])
    y = table[behavior].to_numpy(dtype=float, na_value=np.nan)
    _check_number(y, behavior)
    answered = table[wave.answer].notna().to_numpy(dtype=float)
    if answered.min() == answered.max():
        raise ZeroVarianceError("all or none answered; there is nobody to compare.")
    x = np.ones((len(y), 1))
    if covariates:
        x = read_design(table.assign(count=1.0), covariates, None).matrix(table)
    design = np.column_stack([x[:, :1], answered, x[:, 1:]])
    slope, error = _robust(y, design)
    sd = float(y.std(ddof=1))
    return Slope(
        term=f"{behavior} of those who answered, against the silent",
        estimate=slope,
        std_error=error,
        standardized=slope / sd,
        standardized_error=error / sd,
        reading=(
            f"That is {number(slope / sd)} standard deviations among like people. A difference "
            "speaks against missing at random for whatever goes with this behavior."
        ),
        n=len(y),
    )


def _row(term: str, estimate: float, error: float, n: int, prob: float) -> dict[str, Any]:
    half = float(stats.norm.ppf((1 + check_prob(prob)) / 2)) * error
    row: dict[str, Any] = {"term": term, "estimate": estimate, "std_error": error}
    return row | {
        "conf_low": estimate - half,
        "conf_high": estimate + half,
        "conf_level": prob,
        "n": n,
    }


def _partial(
    table: pd.DataFrame, covariates: Sequence[str], count: np.ndarray, answered: np.ndarray
) -> pd.DataFrame:
    """Between-level spread of the response rates, by level and by variable."""
    rows, n, rate = [], count.sum(), answered.sum() / count.sum()
    for name in covariates:
        grouped = pd.DataFrame({"level": table[name], "n": count, "answered": answered})
        by_level = grouped.groupby("level", observed=True)[["n", "answered"]].sum()
        if len(by_level) > 50:
            continue
        share = by_level["answered"] / by_level["n"]
        each = np.sqrt(by_level["n"] / n) * (share - rate)
        for level in by_level.index:
            rows.append((name, level, by_level["n"][level], share[level], each[level]))
        rows.append((name, None, n, rate, float(np.sqrt((each**2).sum()))))
    return pd.DataFrame(rows, columns=["variable", "level", "n", "response_rate", "partial"])


def _collect(wave: SurveyWave, columns: Sequence[str]) -> pd.DataFrame:
    opened = wave.open()
    frames.check_columns(opened, {f"columns[{i}]": c for i, c in enumerate(columns)})
    wanted = dict.fromkeys([*columns, wave.answer])
    return frames.collect(frames.select(opened, {c: c for c in wanted}))


def _check_number(values: np.ndarray, column: str) -> None:
    if len(values) < 3:
        raise InsufficientDataError(f"{len(values)} people; at least three are needed.")
    if (lost := np.isnan(values)).any():
        raise MissingValueError(f"column {column!r} is missing in {int(lost.sum())} rows.")
    if values.min() == values.max():
        raise ZeroVarianceError(f"column {column!r} does not vary.")


def _robust(y: np.ndarray, design: np.ndarray) -> tuple[float, float]:
    """Least squares: the second coefficient with its HC1 standard error."""
    n, k = design.shape
    if n <= k:
        raise InsufficientDataError(f"{n} people for {k} terms; more are needed.")
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ y
    scores = design * (y - design @ beta)[:, None]
    covariance = inverse @ (scores.T @ scores) @ inverse * n / (n - k)
    return float(beta[1]), float(np.sqrt(covariance[1, 1]))


def _latent_slope(codes: np.ndarray, given: np.ndarray, n_categories: int) -> tuple[float, float]:
    """Fit a proportional-odds regression on one number by maximum likelihood."""
    used = np.unique(codes)
    level = np.searchsorted(used, codes)
    k = min(len(used), n_categories)
    if k < 2:
        raise ZeroVarianceError("everybody gave the same answer.")
    center, scale = given.mean(), given.std()
    z = (given - center) / scale
    share = np.cumsum(np.bincount(level, minlength=k))[:-1] / len(level)
    cuts = special.logit(share)
    start = np.concatenate([cuts[:1], np.log(np.diff(cuts)), [0.0]])

    def negative(theta: np.ndarray) -> float:
        at = np.cumsum(np.concatenate([theta[:1], np.exp(theta[1 : k - 1])]))
        edges = np.concatenate([[-np.inf], at, [np.inf]])
        eta = theta[-1] * z
        p = special.expit(edges[level + 1] - eta) - special.expit(edges[level] - eta)
        return float(-np.log(np.maximum(p, 1e-300)).sum())

    found = optimize.minimize(negative, start, method="BFGS", options={"gtol": 1e-4})
    step = 1e-3
    moved = [found.x + step * unit for unit in np.eye(k)]
    gradient = [optimize.approx_fprime(at, negative, 1e-5) for at in moved]
    hessian = (np.array(gradient) - optimize.approx_fprime(found.x, negative, 1e-5)) / step
    hessian = (hessian + hessian.T) / 2
    error = float(np.sqrt(np.linalg.inv(hessian)[-1, -1]))
    return float(found.x[-1] / scale), error / float(scale)
