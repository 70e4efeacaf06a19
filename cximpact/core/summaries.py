"""Reducing draws to numbers: intervals, probabilities and their Monte Carlo error."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import AlignmentError, ConfigError, DtypeError, InsufficientDataError
from cximpact.core.sample_order import ORDER, SAMPLE, effective_draws
from cximpact.core.validate import check_choice, check_prob

IntervalKind = Literal["eti", "hdi"]
INTERVAL_KINDS = ("eti", "hdi")


def interval(
    draws: xr.DataArray, prob: float = 0.9, kind: str = "eti"
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the ends of an interval over ``sample``.

    Parameters
    ----------
    draws : xarray.DataArray
        With the dimension ``sample``.
    prob : float, default 0.9
        Mass of the interval.
    kind : {"eti", "hdi"}
        Equal-tailed, or the shortest interval.

    Returns
    -------
    tuple of xarray.DataArray
        Lower and upper ends, without ``sample``. NaN where a draw is NaN.

    Notes
    -----
    The equal-tailed interval takes the quantiles of Hyndman and Fan's type 7. The shortest
    interval holds ``ceil(prob * draws)`` draws; of several, the lowest is taken.
    """
    prob, draws = check_prob(prob), _unlabelled(draws)
    if check_choice(kind, "kind", INTERVAL_KINDS) == "eti":
        tails = draws.quantile([(1 - prob) / 2, (1 + prob) / 2], dim=SAMPLE, skipna=False)
        return tails.isel(quantile=0, drop=True), tails.isel(quantile=1, drop=True)
    values = np.sort(draws.transpose(SAMPLE, ...).values, axis=0)
    n = values.shape[0]
    width = min(max(int(np.ceil(prob * n - 1e-9)), 1), n)
    starts = np.argmin(values[width - 1 :] - values[: n - width + 1], axis=0)
    ends = [np.take_along_axis(values, (starts + k)[None], axis=0)[0] for k in (0, width - 1)]
    frame = draws.isel({SAMPLE: 0}, drop=True)
    holes = np.isnan(values[-1])
    ends = [np.where(holes, np.nan, end) for end in ends]
    return frame.copy(data=ends[0]), frame.copy(data=ends[1])


def mcse_mean(draws: xr.DataArray) -> xr.DataArray:
    """Return the Monte Carlo standard error of the mean.

    Parameters
    ----------
    draws : xarray.DataArray
        With the dimension ``sample``; ``attrs["ess"]`` gives the effective number of draws
        where they are autocorrelated.

    Returns
    -------
    xarray.DataArray
        Without ``sample``.
    """
    return _spread(draws) / np.sqrt(effective_draws(draws))


def mcse_quantile(values: np.ndarray, q: float, ess: float | None = None) -> float:
    """Return the Monte Carlo standard error of a quantile, from order statistics.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws; infinite ones are allowed.
    q : float
        Which quantile, between 0 and 1.
    ess : float, optional
        Effective number of draws; their number by default.

    Returns
    -------
    float
        Half the distance of the draws one binomial standard deviation to either side;
        infinite where that reaches an infinite draw.
    """
    ordered, n = np.sort(values), values.size
    half = np.sqrt(q * (1 - q) / min(ess or n, n))
    ends = np.clip(np.array([q - half, q + half]) * n, 0, n - 1).astype(int)
    low, high = (float(ordered[end]) for end in ends)
    return 0.0 if low == high else (high - low) / 2


def probability(event: xr.DataArray) -> xr.DataArray:
    """Return the share of draws in which an event holds.

    Parameters
    ----------
    event : xarray.DataArray of bool
        With the dimension ``sample``.

    Returns
    -------
    xarray.DataArray
        Between 0 and 1, without ``sample``.

    Raises
    ------
    DtypeError
        If the event is not made of true and false, such as ``npv > 0``.
    """
    if event.dtype.kind != "b":
        raise DtypeError(f"event has type {event.dtype}; expected true or false, as in npv > 0.")
    return _unlabelled(event).mean(SAMPLE)


def summarize(draws: xr.DataArray, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
    """Summarize draws, one row for every combination of the other dimensions.

    Parameters
    ----------
    draws : xarray.DataArray
        With the dimension ``sample``.
    prob : float, default 0.9
        Mass of the interval.
    kind : {"eti", "hdi"}
        Which interval.

    Returns
    -------
    pandas.DataFrame
        Columns: one a dimension, then ``estimate`` (mean), ``std_error`` (standard deviation),
        ``conf_low``, ``conf_high``, ``conf_level`` and ``mcse``, the Monte Carlo error of the
        estimate.

    Raises
    ------
    InsufficientDataError
        If there are fewer than two draws.
    """
    low, high = interval(draws, prob, kind)
    columns = {
        "estimate": _unlabelled(draws).mean(SAMPLE, skipna=False),
        "std_error": _spread(draws),
        "conf_low": low,
        "conf_high": high,
        "mcse": mcse_mean(draws),
    }
    table = to_table(columns)
    table.insert(table.columns.tolist().index("conf_high") + 1, "conf_level", prob)
    return table


def to_table(columns: dict[str, xr.DataArray]) -> pd.DataFrame:
    """Lay out arrays of one shape as a table, one row an element.

    Parameters
    ----------
    columns : dict of str to DataArray
        Arrays with the same dimensions and coordinates.

    Returns
    -------
    pandas.DataFrame
        The dimensions as leading columns, in the order of the first array, then the arrays.

    Raises
    ------
    AlignmentError
        If dimensions or coordinates differ, so that rows would be mixed up.
    """
    first = next(iter(columns.values()))
    if any(set(array.dims) != set(first.dims) for array in columns.values()):
        raise AlignmentError("the columns of a table have different dimensions.")
    try:
        xr.align(*columns.values(), join="exact")
    except ValueError as error:
        raise AlignmentError("the columns of a table have different coordinates.") from error
    dims = label_columns(first)
    if taken := [d for d in dims if d in columns]:
        raise ConfigError(f"the dimensions {taken} are named like columns of the table; rename.")
    numbers = {name: a.transpose(*first.dims).values.ravel() for name, a in columns.items()}
    if not dims:
        return pd.DataFrame(numbers)
    labels = {name: _labels(first, name) for name in dims}
    return pd.DataFrame(labels | numbers)


def label_columns(array: xr.DataArray) -> list[str]:
    """Name the columns that label the elements of an array in a table.

    Parameters
    ----------
    array : xarray.DataArray
        Without ``sample``.

    Returns
    -------
    list of str
        The dimensions; where one has no labels of its own but further coordinates run along it,
        such as ``cohort`` and ``period`` along ``cell``, these instead.
    """
    out: list[str] = []
    for d in array.dims:
        along = [str(c) for c in array.coords if array[c].dims == (d,) and c != d]
        out += along if along and d not in array.coords else [str(d)]
    return out


def _labels(array: xr.DataArray, name: str) -> np.ndarray:
    """Repeat a coordinate over all elements, in their order."""
    along = array[name].dims[0] if name in array.coords else name
    values = array[name].values if name in array.coords else np.arange(array.sizes[name])
    shape = [len(values) if d == along else 1 for d in array.dims]
    return np.broadcast_to(values.reshape(shape), array.shape).ravel()


def _spread(draws: xr.DataArray) -> xr.DataArray:
    if draws.sizes[SAMPLE] < 2:
        raise InsufficientDataError("there is 1 draw; expected at least 2 for a standard error.")
    return _unlabelled(draws).std(SAMPLE, ddof=1, skipna=False)


def _unlabelled(draws: xr.DataArray) -> xr.DataArray:
    """Leave the sample order behind: a number over all draws belongs to no order."""
    out = draws.copy(deep=False)
    out.attrs = {k: v for k, v in draws.attrs.items() if k != ORDER}
    return out
