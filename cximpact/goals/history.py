"""Reading a history of scores: numbers with standard errors, or joint draws."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    DataError,
    DtypeError,
    DuplicateKeyError,
    InsufficientDataError,
    rows_phrase,
)
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_vector
from cximpact.goals.direction import check_score
from cximpact.goals.forecast import History

_MIN_DRAWS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A history as it was handed in, checked.

    Parameters
    ----------
    periods : tuple
        Names of the periods, in order.
    scores : numpy.ndarray, shape (sample or 1, period)
        Joint draws, or one row of estimates.
    std_errors : numpy.ndarray, shape (period,)
        NaN where unknown.
    order : mapping of str to str
        Sample order of the draws; empty for estimates.
    notes : tuple of str
        What a reader must know.
    """

    periods: tuple[Any, ...]
    scores: np.ndarray
    std_errors: np.ndarray
    order: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def is_joint(self) -> bool:
        """Whether it consists of draws."""
        return bool(self.order)

    @property
    def has_errors(self) -> bool:
        """Whether the survey error is known."""
        return bool(np.isfinite(self.std_errors).all())

    def table(self) -> pd.DataFrame:
        """Lay the history out as a table.

        Returns
        -------
        pandas.DataFrame
            Columns ``period, estimate, std_error``.
        """
        return pd.DataFrame(
            {
                "period": list(self.periods),
                "estimate": self.scores.mean(axis=0),
                "std_error": self.std_errors,
            }
        )


def read_history(periods: Any, estimates: Any, std_errors: Any, scale: ScoreScale | None) -> Seen:
    """Check a history of scores.

    Parameters
    ----------
    periods : sequence or None
        Names of the periods.
    estimates : array_like, shape (period,), or DataArray (sample, period)
        Scores or their joint draws.
    std_errors : array_like, shape (period,), or None
        Standard errors of estimates.
    scale : ScoreScale or None
        Limits of the scores.

    Returns
    -------
    Seen
        The checked history.

    Raises
    ------
    DataError, ScaleError, AlignmentError, ConfigError, InsufficientDataError
        If the parts do not fit together.
    """
    if isinstance(estimates, xr.DataArray):
        return _read_draws(periods, estimates, std_errors, scale)
    values = check_vector(estimates, "estimates")
    if scale is not None:
        values = check_score(values, scale, "estimates")
    errors = np.full(values.size, np.nan)
    if std_errors is not None:
        errors = check_vector(std_errors, "std_errors")
        if errors.size != values.size or (errors < 0).any():
            raise DataError(
                f"std_errors has {errors.size} values, the smallest {errors.min():g}, for "
                f"{values.size} estimates; expected one a period, at least 0."
            )
    names = _names(periods, None, values.size)
    return Seen(periods=names, scores=values[None], std_errors=errors, order={})


def _read_draws(
    periods: Any, estimates: xr.DataArray, std_errors: Any, scale: ScoreScale | None
) -> Seen:
    order = dr.order_of(estimates)
    others = [d for d in estimates.dims if d != dr.SAMPLE]
    if len(others) != 1:
        raise AlignmentError(
            f"draws of the history have the dimensions {tuple(map(str, estimates.dims))}; expected "
            "sample and one of time. Select one segment first."
        )
    if std_errors is not None:
        raise ConfigError("std_errors was given with draws, which carry their own uncertainty.")
    values = dr.check_values(estimates.transpose(dr.SAMPLE, ...), "draws of the history").values
    if scale is not None:
        check_score(values, scale, "draws of the history")
    if values.shape[0] < _MIN_DRAWS:
        raise InsufficientDataError(
            f"the history has {values.shape[0]} draws; their covariance between periods "
            f"needs at least {_MIN_DRAWS}."
        )
    known = estimates[others[0]].values.tolist() if others[0] in estimates.coords else None
    bad = estimates.attrs.get(dr.UNRELIABLE)
    return Seen(
        periods=_names(periods, known, values.shape[1]),
        scores=values,
        std_errors=values.std(axis=0, ddof=1),
        order=order,
        notes=(f"The scores come from a fit that failed its gate: {bad}.",) if bad else (),
    )


def _names(periods: Any, known: list[Any] | None, n: int) -> tuple[Any, ...]:
    given = known if periods is None else list(periods)
    names = list(range(1, n + 1)) if given is None else given
    if len(names) != n:
        raise DataError(
            f"periods has {len(names)} values for {n} scores; expected one score a period. "
            "Leave out a period without a score."
        )
    if wrong := [
        i for i, name in enumerate(names) if not isinstance(name, Hashable) or _is_na(name)
    ]:
        raise DtypeError(f"periods holds no usable label in {rows_phrase(wrong)}.")
    if len(set(names)) < n:
        twice = [i for i, name in enumerate(names) if name in names[:i]]
        raise DuplicateKeyError(f"periods has a period more than once: {rows_phrase(twice)}.")
    return tuple(names)


def _is_na(name: Any) -> bool:
    return name is None or bool(name != name)


def time_axis(periods: tuple[Any, ...], horizon: int) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Place periods on a time axis whose unit is their smallest step.

    Parameters
    ----------
    periods : tuple
        Numbers or `pandas.Period` keep their gaps; anything else is equally spaced.
    horizon : int
        How many periods ahead.

    Returns
    -------
    tuple of numpy.ndarray, numpy.ndarray and list
        Times seen, times ahead, and names of the periods ahead.

    Raises
    ------
    DataError
        If the periods are not in increasing order.
    """
    ahead = np.arange(1, horizon + 1)
    is_period = all(isinstance(p, pd.Period) for p in periods)
    if not is_period and not all(isinstance(p, int | float | np.number) for p in periods):
        time = np.arange(len(periods), dtype=float)
        return time, time[-1] + ahead, [f"+{h}" for h in ahead]
    raw = check_vector([p.ordinal if is_period else p for p in periods], "periods")
    gaps = np.diff(raw)
    if (back := np.flatnonzero(gaps <= 0)).size:
        raise DataError(f"periods is not in increasing order: {rows_phrase(back + 1)}.")
    step = 1.0 if is_period or not gaps.size else float(gaps.min())
    time = (raw - raw[0]) / step
    if is_period:
        return time, time[-1] + ahead, [str(periods[-1] + int(h)) for h in ahead]
    names = raw[-1] + step * ahead
    is_whole = all(float(v).is_integer() for v in names)
    return time, time[-1] + ahead, [int(v) for v in names] if is_whole else names.tolist()


def working_history(
    seen: Seen,
    axis: tuple[np.ndarray, np.ndarray],
    limits: tuple[float, float] | None,
    n_draws: int,
    rng: np.random.Generator,
) -> History:
    """Put a history on the scale of the model and draw plausible true histories.

    Parameters
    ----------
    seen : Seen
        From `read_history`.
    axis : tuple of numpy.ndarray
        Times seen and times ahead.
    limits : tuple of float, or None
        Take the logit between these limits; None keeps the scores.
    n_draws : int
        How many draws to make of estimates.
    rng : Generator
        Randomness of those draws.

    Returns
    -------
    History
        Estimates, draws and covariance of the survey error. Standard errors go through the
        logit by the delta method, draws one by one.
    """
    scores, errors = seen.scores, seen.std_errors
    if limits is not None:
        width = limits[1] - limits[0]
        share = (scores - limits[0]) / width
        scores, errors = special.logit(share), errors / (width * share[0] * (1 - share[0]))
    if seen.is_joint:
        cov, draws = np.atleast_2d(np.cov(scores, rowvar=False)), scores
    else:
        noise = rng.standard_normal((n_draws, scores.shape[1]))
        draws = scores + np.nan_to_num(errors) * noise
        cov = np.diag(errors**2) if seen.has_errors else None
    return History(
        time=axis[0],
        future=axis[1],
        estimate=scores.mean(axis=0),
        draws=draws,
        survey_cov=cov,
    )
