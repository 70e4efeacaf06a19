"""Exact sampling: whitened NUTS on the compiled density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import sampling
from cximpact.imputation.mode import Mode
from cximpact.imputation.posterior import Posterior
from cximpact.imputation.whiten import whiten

_PARALLEL_ABOVE = 20_000
"""Pairs of a cell and an answer from which chains gain by running side by side; below, they only
wait for each other between the calls of the compiled kernel."""


_KNOWN_SCALE = 0.5
"""Uncertainty of the logarithm of a standard deviation up to which the posterior is near enough to
normal for large steps."""


def sample_until_passed(
    posterior: Posterior,
    mode: Mode,
    centered: Mapping[str, np.ndarray],
    *,
    draws: int,
    tune: int,
    **settings: Any,
) -> xr.DataTree:
    """Sample, and once more where the gate is not passed.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    centered : mapping of str to numpy.ndarray
        Term to how far its coordinates are centered.
    draws, tune : int
        Length of the first attempt, a chain.
    **settings
        ``seed`` of `sample_nuts`, ``chains`` and ``progress`` of `core.sampling.sample`.

    Returns
    -------
    xarray.DataTree
        Judged by the gate. Where the first attempt was only too short, as many chains again are
        put beside its own; where it diverged, a longer one with smaller steps takes its place.
    """
    known = (np.sqrt((mode.factor**2).sum(axis=1)) < _KNOWN_SCALE).all()
    settings["target_accept"] = 0.8 if known else 0.95
    tree = sample_nuts(posterior, mode, centered, draws=draws, tune=tune, **settings)
    if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
        return tree
    if tree.attrs["divergences"]:
        settings["target_accept"] = 0.99
        return sample_nuts(posterior, mode, centered, draws=2 * draws, tune=2 * tune, **settings)
    settings["seed"] += 1
    more = sample_nuts(posterior, mode, centered, draws=draws, tune=tune, **settings)
    return _joined(tree, more) if more.attrs["complete"] else more


def _joined(one: xr.DataTree, other: xr.DataTree) -> xr.DataTree:
    """Put the chains of two runs side by side and judge them together."""
    groups = {}
    for name in ("posterior", "sample_stats"):
        parts = [
            tree[name].to_dataset().drop_vars("chain", errors="ignore") for tree in (one, other)
        ]
        groups[name] = xr.concat(parts, dim="chain", join="override", combine_attrs="override")
    return sampling.gate(xr.DataTree.from_dict(groups))


def sample_nuts(
    posterior: Posterior,
    mode: Mode,
    centered: Mapping[str, np.ndarray],
    *,
    seed: int,
    **settings: Any,
) -> xr.DataTree:
    """Sample a posterior on the scale of its normal approximation.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    centered : mapping of str to numpy.ndarray
        Term to how far its coordinates are centered.
    seed : int
        Randomness.
    **settings
        ``draws``, ``tune``, ``chains``, ``target_accept`` and ``progress`` of
        `core.sampling.sample`.

    Returns
    -------
    xarray.DataTree
        Parameters by name, judged by the gate.
    """
    whitening = whiten(posterior, mode, centered)
    sampled = posterior.parametrized(centered)

    def expand(draws: xr.Dataset) -> xr.Dataset:
        theta = whitening.theta(draws["z"].values)
        out = labelled(sampled, sampled.named(theta), ("chain", "draw"))
        return out.assign_coords(chain=draws["chain"], draw=draws["draw"])

    density = sampling.Density(
        log_density=whitening.density(sampled),
        n_free=sampled.n_free,
        expand=expand,
        cores=1 if len(posterior.counts.category) < _PARALLEL_ABOVE else None,
    )
    return sampling.sample(None, compiled=density, rng=seed, **settings)


def labelled(
    posterior: Posterior, named: Mapping[str, np.ndarray], leading: tuple[str, ...]
) -> xr.Dataset:
    """Label parameters by the levels they belong to.

    Parameters
    ----------
    posterior : Posterior
        Where they come from.
    named : mapping of str to numpy.ndarray
        From `Posterior.named`.
    leading : tuple of str
        Names of the leading dimensions.

    Returns
    -------
    xarray.Dataset
        Effects have a dimension named after their term.
    """
    n = posterior.n_categories
    coords: dict[str, Any] = {"category": np.arange(n), "cut": np.arange(1, n)}
    dims: dict[str, tuple[str, ...]] = {"p0": ("category",), "cuts": ("cut",)}
    if posterior.design.slopes:
        coords["covariate"], dims["slope"] = list(posterior.design.slopes), ("covariate",)
    for block in posterior.blocks:
        coords[block.term.name] = [str(v) for v in block.term.labels]
        dims[block.term.effect] = (block.term.name,)
    arrays = {name: ((*leading, *dims.get(name, ())), value) for name, value in named.items()}
    return xr.Dataset(arrays, coords)
