"""Sampling a PyMC model: one place that runs it, judges it, survives Ctrl-C and saves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core.errors import ConvergenceError, FileError
from cximpact.core.files import write_whole
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count, check_prob

MAX_RHAT = 1.01
MIN_ESS = 400
MIN_EBFMI = 0.3
_GROUPS_WITHOUT_DATA = ("posterior", "sample_stats", "prior")


@dataclass(frozen=True, kw_only=True, eq=False)
class Density:
    """A log density of about standard normal numbers, to be sampled without a PyMC graph.

    Parameters
    ----------
    log_density : callable
        From free numbers, shape (free,), to the log density and its gradient.
    n_free : int
        How many free numbers there are.
    expand : callable
        From the draws of the free numbers, variable ``z``, to the parameters that are judged and
        kept.
    cores : int, optional
        Chains run side by side; all by default.
    """

    log_density: Callable[[np.ndarray], tuple[float, np.ndarray]] = field(repr=False)
    n_free: int
    expand: Callable[[xr.Dataset], xr.Dataset] = field(repr=False)
    cores: int | None = None

    def handle(self) -> Any:
        """Wrap the density for nutpie; chains start at draws of a standard normal.

        Returns
        -------
        object
            For `nutpie.sample`.
        """
        from nutpie.compiled_pyfunc import from_pyfunc

        return from_pyfunc(
            self.n_free,
            lambda: self.log_density,
            lambda *_: lambda z: {"z": z},
            [np.dtype(float)],
            [(self.n_free,)],
            ["z"],
            make_initial_point_fn=lambda seed: np.random.default_rng(seed).normal(size=self.n_free),
        )


def sample(
    model: Any,
    *,
    rng: RngLike,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 2,
    target_accept: float = 0.9,
    progress: bool = False,
    compiled: Any = None,
) -> xr.DataTree:
    """Sample a PyMC model with nutpie and put the result through the gate.

    The mass matrix of a PyMC model is adapted with a low-rank part, so that correlated
    posteriors, such as cutpoints and the effects of rare levels, take few steps; that of a
    `Density` is diagonal.

    Ctrl-C keeps the draws made so far: they come back trimmed to a common length and marked
    incomplete, which the gate counts as a failure. Before the first draw after tuning it
    stops as usual.

    Parameters
    ----------
    model : pymc.Model
        The model; not looked at when ``compiled`` is given.
    rng : int or Generator
        Seed.
    draws, tune : int
        Draws kept and tuning steps, a chain.
    chains : int, default 2
        Chains, run side by side.
    target_accept : float, default 0.9
        Acceptance rate that tuning aims at; nearer 1 takes smaller steps and diverges less.
    progress : bool, default False
        Show a progress bar, in a terminal or a notebook.
    compiled : optional
        From `compile_model`, to sample again without compiling, or a `Density`.

    Returns
    -------
    xarray.DataTree
        With attributes ``gate_failures`` (empty when all is well), ``min_ess`` and ``complete``.

    Raises
    ------
    ConvergenceError
        If the sampler cannot run at all, as when no starting point has a finite probability.
    """
    import nutpie

    draws, tune = check_count(draws, "draws"), check_count(tune, "tune")
    chains = check_count(chains, "chains", low=2)
    seed = seed_of(rng) % 2**32
    own = compiled if isinstance(compiled, Density) else None
    compiled = compiled if compiled is not None else compile_model(model)
    handle = nutpie.sample(
        own.handle() if own else compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        target_accept=check_prob(target_accept, "target_accept"),
        adaptation="diag" if own else "low_rank",
        cores=own.cores if own else None,
        save_warmup=False,
        progress_bar=progress,
        blocking=False,
    )
    try:
        return gate(_expanded(handle.wait(), own))
    except KeyboardInterrupt:
        return gate(_expanded(_trimmed(handle.abort()), own), complete=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConvergenceError(
            f"the sampler could not run: {reason}. Check priors and data of the model."
        ) from error


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

    Every element of every variable counts, but for those that are constant over all draws. A
    figure that cannot be computed is a failure.

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
    posterior = tree["posterior"].to_dataset()
    found = _measured(posterior) | _energy(tree)
    short = f"only {posterior.sizes['draw']} draws a chain before it was interrupted"
    rhat, bulk, tail = found["max_rhat"], found["min_ess_bulk"], found["min_ess_tail"]
    ebfmi, divergences = found["ebfmi"], found["divergences"]
    failures = {
        short: not complete,
        f"R-hat {rhat:.3f} is not below {MAX_RHAT}": not rhat < MAX_RHAT,
        f"bulk ESS {bulk:.0f} is not above {MIN_ESS}": not bulk > MIN_ESS,
        f"tail ESS {tail:.0f} is not above {MIN_ESS}": not tail > MIN_ESS,
        f"{divergences:.0f} divergent transitions": divergences != 0,
        f"E-BFMI {ebfmi:.2f} is not above {MIN_EBFMI}": not ebfmi > MIN_EBFMI,
    }
    out = tree.copy()
    out.attrs = dict(tree.attrs) | {
        "gate_failures": "; ".join(text for text, failed in failures.items() if failed),
        "complete": int(complete),
        "max_rhat": rhat,
        "min_ess": min(bulk, tail),
        "divergences": int(divergences) if np.isfinite(divergences) else -1,
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
        ``max_rhat``, ``min_ess``, ``divergences``, ``ebfmi``, ``complete``, ``gate_failures``; for
        an approximation ``min_ess``, ``effective_nodes`` and the last two.
    """
    names = ("max_rhat", "min_ess", "divergences", "ebfmi", "complete", "gate_failures")
    names = (*names, "effective_nodes")
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
        Also write the groups that hold the data the model saw, or one value for each row
        of them. Otherwise only posterior, prior and sampler statistics are written.

    Returns
    -------
    Path
        The file. One that was there is replaced only when the new one is whole.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    keep = {
        name: _with_text(node.to_dataset())
        for name, node in tree.children.items()
        if with_data or name in _GROUPS_WITHOUT_DATA
    }
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

    Raises
    ------
    FileError
        If the file is missing or no netCDF file.
    """
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no netCDF file"
        raise FileError(f"cannot read {str(path)!r}: {reason}.") from error


def _expanded(tree: xr.DataTree, own: Density | None) -> xr.DataTree:
    """Put the parameters in the place of the numbers that were sampled."""
    if own is None:
        return tree
    groups = {name: node.to_dataset() for name, node in tree.children.items()}
    out = xr.DataTree.from_dict(groups | {"posterior": own.expand(groups["posterior"])})
    out.attrs = dict(tree.attrs)
    return out


def _trimmed(tree: xr.DataTree) -> xr.DataTree:
    """Cut what nutpie pads when chains stop early, so that most draws are kept.

    Chains differ in length and some may not have begun; with ``k`` of them, ``k`` times the
    shortest is kept.
    """
    energy = tree["sample_stats"].to_dataset()["energy"].values
    lengths = np.where(np.isnan(energy), 0, np.arange(1, energy.shape[1] + 1)).max(1, initial=0)
    ranked = np.argsort(-lengths, kind="stable")
    kept = np.arange(1, ranked.size + 1) * lengths[ranked]
    best = int(np.argmax(np.where(np.arange(ranked.size) > 0, kept, 0)))
    if best == 0:
        raise KeyboardInterrupt
    chains = np.sort(ranked[: best + 1])
    return tree.isel(chain=chains, draw=slice(0, int(lengths[ranked[best]])))


def _measured(posterior: xr.Dataset) -> dict[str, float]:
    """Take the worst R-hat and effective sizes over all elements that vary."""
    import arviz as az

    both = ("chain", "draw")
    sound = posterior.map(np.isfinite).all(both)
    moves = (posterior != posterior.isel(chain=0, draw=0, drop=True)).any(both)
    checked = posterior[[name for name in posterior.data_vars if bool(moves[name].any())]]
    if not checked.data_vars or posterior.sizes["draw"] < 4:
        return {"max_rhat": np.inf, "min_ess_bulk": 0.0, "min_ess_tail": 0.0}

    def worst(figures: Any, unknown: float) -> float:
        known = []
        for name in checked.data_vars:
            figure = figures[name].values
            usable = sound[name].values & ~np.isnan(figure)
            known.append(np.where(usable, figure, unknown)[moves[name].values])
        return float((np.max if unknown > 0 else np.min)(np.concatenate(known)))

    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "max_rhat": worst(az.rhat(checked), np.inf),
            "min_ess_bulk": worst(az.ess(checked, method="bulk"), 0.0),
            "min_ess_tail": worst(az.ess(checked, method="tail"), 0.0),
        }


def _energy(tree: xr.DataTree) -> dict[str, float]:
    """Count divergences and compute the energy fraction of missing information."""
    if "sample_stats" not in tree.children:
        return {"divergences": np.nan, "ebfmi": np.nan}
    stats = tree["sample_stats"].to_dataset()
    energy = stats["energy"].values
    steps, variance = np.square(np.diff(energy, axis=-1)).mean(axis=-1), energy.var(axis=-1)
    fraction = np.divide(steps, variance, out=np.full_like(steps, np.nan), where=variance > 0)
    return {"divergences": float(stats["diverging"].sum()), "ebfmi": float(fraction.min())}


def _with_text(group: xr.Dataset) -> xr.Dataset:
    """Write messages, which nutpie keeps as objects or None, as text."""

    def text(value: Any) -> str:
        return value if isinstance(value, str) else ""

    objects = [name for name in group.data_vars if group[name].dtype == object]
    spelled = {n: group[n].copy(data=np.vectorize(text, otypes=[str])(group[n])) for n in objects}
    return group.assign(spelled)
