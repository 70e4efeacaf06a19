"""Reducing draws to numbers: intervals, probabilities and their Monte Carlo error."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.draws import ESS, SAMPLE
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
        Lower and upper ends, without ``sample``.
    """
    prob = check_prob(prob)
    if check_choice(kind, "kind", INTERVAL_KINDS) == "eti":
        tails = draws.quantile([(1 - prob) / 2, (1 + prob) / 2], dim=SAMPLE)
        return tails.isel(quantile=0, drop=True), tails.isel(quantile=1, drop=True)
    values = np.sort(draws.transpose(SAMPLE, ...).values, axis=0)
    n = values.shape[0]
    width = min(max(int(np.ceil(prob * n)), 1), n)
    starts = np.argmin(values[width - 1 :] - values[: n - width + 1], axis=0)
    ends = [np.take_along_axis(values, (starts + k)[None], axis=0)[0] for k in (0, width - 1)]
    frame = draws.isel({SAMPLE: 0}, drop=True)
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
    n = min(float(draws.attrs.get(ESS, np.inf)), draws.sizes[SAMPLE])
    return draws.std(SAMPLE, ddof=1) / np.sqrt(n)


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
    """
    return event.mean(SAMPLE)


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
        ``conf_low``, ``conf_high``, ``conf_level`` and ``mcse``.
    """
    low, high = interval(draws, prob, kind)
    columns = {
        "estimate": draws.mean(SAMPLE),
        "std_error": draws.std(SAMPLE, ddof=1),
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
        The dimensions as leading columns, in order, then the arrays.
    """
    first = next(iter(columns.values()))
    if first.ndim == 0:
        return pd.DataFrame({name: [float(array)] for name, array in columns.items()})
    labels = pd.MultiIndex.from_product(
        [first[d].values if d in first.coords else np.arange(first.sizes[d]) for d in first.dims],
        names=[str(d) for d in first.dims],
    )
    table = labels.to_frame(index=False)
    for name, array in columns.items():
        table[name] = array.transpose(*first.dims).values.ravel()
    return table
