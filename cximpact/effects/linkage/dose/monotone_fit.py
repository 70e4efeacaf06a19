"""Sampling a Bayesian curve that never falls, and averaging it over customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.rng import spawn
from cximpact.effects.linkage.dose.monotone_model import BinaryCells, MonotoneModel, NormalCells
from cximpact.effects.linkage.thresholds.curve import some_customers

_CHAINS = 2
_BLOCK = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class MonotoneFit:
    """Draws of the mean at each level.

    Parameters
    ----------
    values : numpy.ndarray, shape (draw, level)
        Means over the customers.
    diagnostics : mapping
        Verdict of the gate.
    note : str
        Empty when all is well.
    """

    values: np.ndarray = field(repr=False)
    diagnostics: Mapping[str, Any]
    note: str


def fit_monotone(
    level: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    increasing: bool,
    draws: int,
    rng: int,
    allow_unconverged: bool = False,
) -> MonotoneFit:
    """Sample the model of one outcome.

    Parameters
    ----------
    level : numpy.ndarray of int, shape (row,)
        Levels.
    x : numpy.ndarray, shape (row, term)
        Covariates, about standard.
    y : numpy.ndarray, shape (row,)
        Outcome; a rate where all are 0 or 1.
    increasing : bool
        Direction.
    draws : int
        How many.
    rng : int
        Seed.
    allow_unconverged : bool, default False
        Accept a fit that failed the gate.

    Returns
    -------
    MonotoneFit
        Draws.

    Raises
    ------
    ConvergenceError
        If the fit failed the gate.
    """
    is_rate = bool(np.isin(y, (0, 1)).all())
    center, spread = (0.0, 1.0) if is_rate else (float(y.mean()), float(y.std()))
    cells = (
        BinaryCells.from_rows(level, x, y)
        if is_rate
        else NormalCells.from_rows(level, x, (y - center) / spread)
    )
    model = MonotoneModel(
        cells=cells,
        n_levels=int(level.max()) + 1,
        n_terms=x.shape[1],
        increasing=increasing,
    )
    chains, who = spawn(rng, "chains", "customers")
    tree = sampling.sample(
        None,
        rng=chains,
        draws=-(-draws // _CHAINS),
        tune=600,
        chains=_CHAINS,
        compiled=sampling.Density(
            log_density=model.log_density, n_free=model.n_free, expand=_expander(model)
        ),
    )
    data = dr.from_datatree(tree, source="monotone", allow_unconverged=allow_unconverged)
    theta = data["theta"].values[:draws]
    gamma = data["gamma"].values[:draws] if x.shape[1] else np.empty((len(theta), 0))
    if is_rate:
        values = _mean_rate(theta, gamma, some_customers(x, who))
    else:
        values = center + spread * theta
    return MonotoneFit(
        values=values,
        diagnostics=sampling.diagnostics(tree),
        note=str(tree.attrs.get("gate_failures", "")),
    )


def _expander(model: MonotoneModel) -> Any:
    def expand(data: xr.Dataset) -> xr.Dataset:
        z = data["z"].values
        theta, gamma, scale = model.parameters(z)
        out: dict[str, Any] = {"theta": (("chain", "draw", "level"), theta)}
        if model.n_terms:
            out["gamma"] = (("chain", "draw", "term"), gamma)
        if model.cells.n_scales:
            out["sigma"] = (("chain", "draw"), scale[..., 0])
        return xr.Dataset(out, coords={d: data.coords[d] for d in ("chain", "draw")})

    return expand


def _mean_rate(theta: np.ndarray, gamma: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Average the probability over customers, some draws at a time."""
    if not x.shape[1]:
        return special.expit(theta)
    out = np.empty(theta.shape)
    for start in range(0, len(theta), _BLOCK):
        block = slice(start, start + _BLOCK)
        shift = gamma[block] @ x.T
        for k in range(theta.shape[1]):
            out[block, k] = special.expit(theta[block, k, None] + shift).mean(axis=1)
    return out
