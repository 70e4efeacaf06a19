"""Where answers are lost: delivered, opened, started, completed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import ConfigError, DataError
from cximpact.core.validate import check_number, check_prob, check_vector
from cximpact.data import SurveyWave
from cximpact.scores.score_interval import score_limits
from cximpact.scores.stages import check_by, stage_patterns, wave_stages


def funnel(
    wave: SurveyWave,
    by: str | Sequence[str] | None = None,
    *,
    prob: float = 0.9,
    open_error: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Follow invitations through the stages of a survey.

    Parameters
    ----------
    wave : SurveyWave
        Wave with ``stages``.
    by : str or sequence of str, optional
        Columns to group by.
    prob : float, default 0.9
        Mass of the intervals.
    open_error : tuple of float, optional
        Sensitivity and specificity of the open flag, which privacy proxies and blocked pixels
        make wrong; (1, 1) where it is exact.

    Returns
    -------
    pandas.DataFrame
        One row a group and stage: ``stage``; ``estimate`` (share of those who got to the stage
        who passed it) with ``std_error, conf_low, conf_high, conf_level``; ``n`` (got there),
        ``n_passed``, ``n_lost``; ``cumulative`` (share of all invited who passed);
        ``loss_share`` (as `loss_shares`). With ``open_error`` counts at and after the open stage
        are estimates.

    Raises
    ------
    DataError
        If flags are not 0, 1 or missing, run backwards, or answers come from people who never
        got to the questions.
    MissingValueError
        If a flag is missing for somebody who got to its stage.
    ConfigError
        If there are no stages, or the error rates are of no use.

    Notes
    -----
    Intervals: Wilson's; with ``open_error`` the open rate is corrected to
    (q + spec - 1) / (sens + spec - 1) with its interval [1]_, and the stage after it by the delta
    method on the log scale. The error rates are taken as known.

    References
    ----------
    .. [1] Rogan, W. J. & Gladen, B. (1978). Estimating prevalence from the results of a screening
       test. American Journal of Epidemiology 107, 71-76.
    """
    prob, keys = check_prob(prob), [by] if isinstance(by, str) else list(by or [])
    error = None if open_error is None else _check_open_error(open_error, wave)
    stages = wave_stages(wave)
    if not stages:
        raise ConfigError(
            "the wave has no stages; say SurveyWave(..., stages={'started': column, ...}) with "
            "some of delivered, opened, started, completed."
        )
    check_by(keys, wave)
    patterns = stage_patterns(wave, keys, open_is_exact=error is None)
    groups = patterns.groupby(keys, sort=True, observed=True) if keys else [((), patterns)]
    tables = []
    for key, part in groups:
        table = _one_funnel(part, stages, prob, error)
        for i, name in enumerate(keys):
            table.insert(i, name, key[i])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def loss_shares(rates: ArrayLike) -> np.ndarray:
    """Share out the loss of a funnel among its stages.

    Parameters
    ----------
    rates : array_like, shape (stage,)
        Share that passes each stage, of those who got there; 0 to 1.

    Returns
    -------
    numpy.ndarray, shape (stage,)
        -log(rate) over its sum: adds up to 1 and does not depend on the order of the stages.
        Missing where a rate is 0, which loses everything; 0 where nothing is lost at all.
    """
    p = check_vector(rates, "rates")
    for rate in (p.min(), p.max()):
        check_number(float(rate), "rates", low=0, high=1)
    if p.min() == 0:
        return np.full(p.size, np.nan)
    loss = -np.log(p)
    return loss / loss.sum() if loss.sum() > 0 else np.zeros(p.size)


def corrected_open_rate(observed: float, sensitivity: float, specificity: float) -> float:
    """Correct the share of recorded opens for a faulty open flag.

    Parameters
    ----------
    observed : float
        Share with an open recorded, among the delivered.
    sensitivity : float
        Share of true opens that is recorded.
    specificity : float
        Share of the unopened that is recorded as such.

    Returns
    -------
    float
        (observed + specificity - 1) / (sensitivity + specificity - 1).

    Raises
    ------
    ConfigError
        If the flag tells nothing (sensitivity + specificity at most 1).
    DataError
        If no true share agrees with what was observed.
    """
    q = check_number(observed, "observed", low=0, high=1)
    sens, spec = _error_rates((sensitivity, specificity))
    rate = (q + spec - 1) / (sens + spec - 1)
    if not -1e-12 <= rate <= 1 + 1e-12:
        raise DataError(
            f"{q:.1%} recorded opens cannot come from a flag with sensitivity {sens:g} and "
            f"specificity {spec:g}: expected {1 - spec:.1%} to {sens:.1%}. Correct the error rates."
        )
    return float(np.clip(rate, 0, 1))


def _one_funnel(
    part: pd.DataFrame, stages: list[str], prob: float, error: tuple[float, float] | None
) -> pd.DataFrame:
    count = part["count"].to_numpy()
    invited = reached = count.sum()
    inside = np.ones(len(part), dtype=bool)
    z, rows, previous = float(stats.norm.ppf((1 + prob) / 2)), [], None
    for stage in stages:
        passing = inside & (part[stage].to_numpy() == 1)
        passed = count[passing].sum()
        if error is not None and stage == "opened":
            previous = (reached, passed, count, inside, passing)
            row = _corrected_row(_rate(reached, passed, z), reached, error)
            inside_next, reached_next = inside, row["n_passed"]
        elif previous is not None:
            row = _row_after_open(previous, passing, error or (1.0, 1.0), z)
            inside_next, reached_next, previous = passing, passed, None
        else:
            row = _rate(reached, passed, z)
            inside_next, reached_next = passing, passed
        cumulative = row["n_passed"] / invited if invited > 0 else np.nan
        rows.append({"stage": stage, **row, "cumulative": cumulative})
        inside, reached = inside_next, reached_next
    table = pd.DataFrame(rows)
    table.insert(5, "conf_level", prob)
    known = table["estimate"].notna().all()
    table["loss_share"] = loss_shares(table["estimate"]) if known else np.nan
    return table


def _rate(n: float, passed: float, z: float) -> dict[str, float]:
    row = {"estimate": np.nan, "std_error": np.nan, "conf_low": np.nan, "conf_high": np.nan}
    if n > 0:
        p = passed / n
        shares = np.array([[1 - p, p]])
        low, high = score_limits(shares, np.array([0.0, 1.0]), np.array([n]), z)
        spread = np.sqrt(p * (1 - p) / (n - 1)) if n > 1 else np.nan
        row = {"estimate": p, "std_error": spread, "conf_low": low[0], "conf_high": high[0]}
    return row | {"n": n, "n_passed": passed, "n_lost": n - passed}


def _corrected_row(row: dict[str, float], n: float, error: tuple[float, float]) -> dict[str, float]:
    if not n > 0:
        return row
    sens, spec = error
    rate, slope = corrected_open_rate(row["estimate"], sens, spec), 1 / (sens + spec - 1)
    ends = {k: np.clip((row[k] + spec - 1) * slope, 0, 1) for k in ("conf_low", "conf_high")}
    opens = {"n_passed": n * rate, "n_lost": n * (1 - rate)}
    return row | ends | opens | {"estimate": rate, "std_error": row["std_error"] * slope}


def _row_after_open(
    previous: tuple, passing: np.ndarray, error: tuple[float, float], z: float
) -> dict[str, float]:
    """Estimate the stage after a faulty open flag from all delivered, whatever the flag says."""
    n, opened, count, inside, flagged = previous
    passed = count[passing].sum()
    if not n > 0:
        return _rate(0, 0, z)
    q, a, joint = opened / n, passed / n, count[passing & flagged & inside].sum() / n
    shift = q + error[1] - 1
    true_opens = n * shift / (sum(error) - 1)
    if passed > true_opens * (1 + 1e-9):
        raise DataError(
            f"{passed:.0f} people went past the open stage, but only {true_opens:.0f} opens remain "
            "after the correction; lower the specificity's error or raise the sensitivity's."
        )
    if not true_opens > 0:
        return _rate(0, 0, z)
    rate = passed / true_opens
    row = {"n": true_opens, "n_passed": passed, "n_lost": true_opens - passed}
    if not passed > 0:
        return {
            **dict.fromkeys(("estimate", "std_error", "conf_low"), 0.0),
            "conf_high": np.nan,
        } | row
    relative = (1 - a) / a + q * (1 - q) / shift**2 - 2 * (joint - a * q) / (a * shift)
    spread = np.sqrt(max(relative, 0) / n)
    ends = rate * np.exp(np.array([-z, z]) * spread)
    values = (rate, rate * spread, ends[0], min(ends[1], 1.0))
    return dict(zip(("estimate", "std_error", "conf_low", "conf_high"), values, strict=True)) | row


def _check_open_error(error: tuple[float, float], wave: SurveyWave) -> tuple[float, float]:
    if "opened" not in wave.stages:
        raise ConfigError("open_error was given, but the wave has no stage 'opened'.")
    return _error_rates(error)


def _error_rates(error: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(error, tuple) or len(error) != 2:
        raise ConfigError(f"open_error is {error!r}; expected (sensitivity, specificity).")
    sens = check_number(error[0], "sensitivity", low=0, high=1)
    spec = check_number(error[1], "specificity", low=0, high=1)
    if sens + spec <= 1:
        raise ConfigError(
            f"sensitivity {sens:g} and specificity {spec:g} sum to at most 1; such a flag tells "
            "nothing about opens."
        )
    return sens, spec
