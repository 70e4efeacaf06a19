"""Sampling a PyMC model: one place that runs it, judges it, survives Ctrl-C and saves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core.errors import ConvergenceError
from cximpact.core.files import write_whole
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count

MAX_RHAT = 1.01
MIN_ESS = 400
MIN_EBFMI = 0.3
_DATA_GROUPS = ("constant_data", "observed_data", "log_likelihood", "posterior_predictive")


def sample(
    model: Any,
    *,
    rng: RngLike,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 2,
    progress: bool = False,
    compiled: Any = None,
) -> xr.DataTree:
    """Sample a PyMC model with nutpie and put the result through the gate.

    Ctrl-C keeps the draws made so far: they come back trimmed to the shortest chain and marked
    incomplete, which the gate counts as a failure.

    Parameters
    ----------
    model : pymc.Model
        The model.
    rng : int or Generator
        Seed.
    draws, tune : int
        Draws kept and tuning steps, a chain.
    chains : int, default 2
        Chains, run side by side.
    progress : bool, default False
        Show a progress bar, in a terminal or a notebook.
    compiled : optional
        From `compile_model`, to sample again without compiling.

    Returns
    -------
    xarray.DataTree
        With attributes ``gate_failures`` (empty when all is well), ``min_ess`` and ``complete``.
    """
    import nutpie

    compiled = compiled if compiled is not None else compile_model(model)
    handle = nutpie.sample(
        compiled,
        draws=check_count(draws, "draws"),
        tune=check_count(tune, "tune"),
        chains=check_count(chains, "chains", low=2),
        cores=min(chains, os.cpu_count() or 1),
        seed=seed_of(rng) % 2**32,
        progress_bar=progress,
        blocking=False,
    )
    tree, complete = _collect(handle.wait, handle.abort)
    return gate(_trimmed(tree), complete=complete)


def compile_model(model: Any) -> Any:
    """Compile a PyMC model for nutpie, once for many data sets of one shape.

    Parameters
    ----------
    model : pymc.Model
        The model.

    Returns
    -------
    object
        To hand to `sample`; ``.with_data(...)`` swaps its data.
    """
    import nutpie

    return nutpie.compile_pymc_model(model)


def gate(tree: xr.DataTree, *, complete: bool = True) -> xr.DataTree:
    """Judge a fit: R-hat, effective sample sizes, divergences and energy.

    Parameters
    ----------
    tree : xarray.DataTree
        With groups ``posterior`` and ``sample_stats``.
    complete : bool, default True
        Whether all draws that were asked for are there.

    Returns
    -------
    xarray.DataTree
        A shallow copy with the verdict in its attributes.
    """
    import arviz as az

    posterior = tree["posterior"].to_dataset()
    checked = _varying(posterior)
    rhat = _extreme(az.rhat(checked), np.nanmax)
    bulk = _extreme(az.ess(checked, method="bulk"), np.nanmin)
    tail = _extreme(az.ess(checked, method="tail"), np.nanmin)
    stats = tree["sample_stats"].to_dataset()
    divergences = int(stats["diverging"].sum())
    ebfmi = _energy_fraction(stats["energy"].values)
    found = {
        f"only {posterior.sizes['draw']} draws a chain before it was interrupted": not complete,
        f"R-hat {rhat:.3f} is not below {MAX_RHAT}": not rhat < MAX_RHAT,
        f"bulk ESS {bulk:.0f} is not above {MIN_ESS}": not bulk > MIN_ESS,
        f"tail ESS {tail:.0f} is not above {MIN_ESS}": not tail > MIN_ESS,
        f"{divergences} divergent transitions": divergences > 0,
        f"E-BFMI {ebfmi:.2f} is not above {MIN_EBFMI}": not ebfmi > MIN_EBFMI,
    }
    out = tree.copy()
    out.attrs = dict(tree.attrs) | {
        "gate_failures": "; ".join(text for text, failed in found.items() if failed),
        "complete": int(complete),
        "max_rhat": rhat,
        "min_ess": min(bulk, tail),
        "divergences": divergences,
        "ebfmi": ebfmi,
    }
    return out


def diagnostics(tree: xr.DataTree) -> Mapping[str, float | str]:
    """Return the verdict of the gate as plain numbers.

    Parameters
    ----------
    tree : xarray.DataTree
        From `sample` or `gate`.

    Returns
    -------
    mapping
        ``max_rhat``, ``min_ess``, ``divergences``, ``ebfmi``, ``complete``, ``gate_failures``.
    """
    names = ("max_rhat", "min_ess", "divergences", "ebfmi", "complete", "gate_failures")
    return {name: tree.attrs[name] for name in names if name in tree.attrs}


def save(tree: xr.DataTree, path: str | Path, *, with_data: bool = False) -> Path:
    """Write a fit as netCDF, whole or not at all.

    Parameters
    ----------
    tree : xarray.DataTree
        The fit.
    path : str or Path
        Where to.
    with_data : bool, default False
        Also write the groups that hold the data the model saw.

    Returns
    -------
    Path
        The file.
    """
    keep = {
        name: node.to_dataset()
        for name, node in tree.children.items()
        if with_data or name not in _DATA_GROUPS
    }
    for name, group in keep.items():
        text = [v for v in group.data_vars if group[v].dtype == object]
        keep[name] = group.drop_vars(text)
    out = xr.DataTree.from_dict(keep)
    out.attrs = dict(tree.attrs)
    return write_whole(
        Path(path), lambda temporary: out.to_netcdf(temporary, mode="w", engine="h5netcdf")
    )


def load(path: str | Path) -> xr.DataTree:
    """Read a fit that `save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    xarray.DataTree
        In memory; the file is closed.
    """
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()


def _collect(wait: Callable[[], Any], abort: Callable[[], Any]) -> tuple[xr.DataTree, bool]:
    try:
        return wait(), True
    except KeyboardInterrupt:
        tree = abort()
        if tree is None or tree["posterior"].sizes.get("draw", 0) == 0:
            raise
        return tree, False


def _trimmed(tree: xr.DataTree) -> xr.DataTree:
    """Cut the NaN padding of chains that were stopped early."""
    posterior = tree["posterior"].to_dataset()
    whole = np.ones(posterior.sizes["draw"], dtype=bool)
    for variable in posterior.data_vars.values():
        values = variable.transpose("draw", ...).values
        whole &= np.isfinite(values.reshape(values.shape[0], -1)).all(axis=1)
    if not whole.any():
        raise ConvergenceError("no draw was finished by all chains; let it run longer.")
    return tree if whole.all() else tree.isel(draw=slice(0, int(np.argmin(whole))))


def _varying(posterior: xr.Dataset) -> xr.Dataset:
    """Leave out what is constant by construction: it has no R-hat."""
    spread = posterior.std(("chain", "draw"))
    return posterior[[name for name in posterior.data_vars if bool((spread[name] > 0).any())]]


def _extreme(group: Any, reduce: Callable[[np.ndarray], Any]) -> float:
    data = group.to_dataset() if isinstance(group, xr.DataTree) else group
    return float(reduce(np.concatenate([np.ravel(v.values) for v in data.data_vars.values()])))


def _energy_fraction(energy: np.ndarray) -> float:
    steps = np.square(np.diff(energy, axis=-1)).mean(axis=-1)
    return float((steps / energy.var(axis=-1)).min())
