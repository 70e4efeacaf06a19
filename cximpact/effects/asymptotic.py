"""Draws from the large-sample distribution of an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count


def t_draws(
    estimate: np.ndarray,
    covariance: np.ndarray,
    df: float | None,
    *,
    size: int,
    rng: RngLike,
    source: str,
    dims: Sequence[str] = (),
    coords: Mapping[str, Any] | None = None,
    data_ids: Sequence[str] = (),
) -> xr.DataArray:
    """Draw from a multivariate t around an estimate, so that quantiles match its t interval.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (term,)
        Point estimates.
    covariance : numpy.ndarray, shape (term, term)
        Their covariance.
    df : float or None
        Degrees of freedom; None is normal.
    size : int
        How many draws.
    rng : int or Generator
        Randomness.
    source : str
        Name of the fit.
    dims, coords : sequence and mapping, optional
        The dimension of the terms. None for a single estimate.
    data_ids : sequence of str
        Fingerprints of the data.

    Returns
    -------
    xarray.DataArray
        Dimension ``sample``, then the terms'.
    """
    out = estimate + t_errors(covariance, df, size=size, rng=rng)
    return dr.from_array(
        out if dims else out[:, 0], source=source, dims=dims, coords=coords, data_ids=data_ids
    )


def t_errors(covariance: np.ndarray, df: float | None, *, size: int, rng: RngLike) -> np.ndarray:
    """Draw errors from a multivariate t distribution around zero.

    Parameters
    ----------
    covariance : numpy.ndarray, shape (term, term)
        Its scale; it may be singular.
    df : float or None
        Degrees of freedom; None is normal.
    size : int
        How many draws.
    rng : int or Generator
        Randomness.

    Returns
    -------
    numpy.ndarray, shape (size, term)
        Errors.
    """
    generator = as_generator(rng)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    noise = generator.standard_normal((check_count(size, "draws"), len(covariance))) @ root.T
    if df is not None:
        noise *= np.sqrt(df / generator.chisquare(df, (size, 1)))
    return noise
