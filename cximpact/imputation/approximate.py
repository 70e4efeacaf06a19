"""The nested Laplace approximation as a fit like any other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from cximpact.core.sampling import MIN_ESS
from cximpact.imputation.laplace import ENOUGH_NODES, nested_laplace
from cximpact.imputation.mode import Mode
from cximpact.imputation.nuts import labelled
from cximpact.imputation.posterior import Posterior

_FEWEST_NODES = 10


def approximate(
    posterior: Posterior, mode: Mode, *, n_draws: int, n_nodes: int, seed: int
) -> xr.DataTree:
    """Approximate a posterior, and judge whether the approximation may be used.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    n_draws : int
        Draws.
    n_nodes : int
        Values of the standard deviations.
    seed : int
        Randomness.

    Returns
    -------
    xarray.DataTree
        One chain, with the verdict in its attributes. Standard deviations of the terms are
        left out unless the nodes suffice.
    """
    found = nested_laplace(posterior, mode, n_draws=n_draws, n_nodes=n_nodes, rng=seed)
    named = posterior.named(found.theta[None])
    nodes = found.effective_nodes if posterior.blocks else np.inf
    if nodes < ENOUGH_NODES:
        for block in posterior.blocks:
            del named[block.term.scale]
    tree = xr.DataTree.from_dict({"posterior": labelled(posterior, named, ("chain", "draw"))})
    failures = {
        f"only {nodes:.0f} effective nodes (raise nodes)": nodes < _FEWEST_NODES,
        f"only {found.effective_draws:.0f} effective draws (use method='nuts')": (
            found.effective_draws < MIN_ESS
        ),
    }
    tree.attrs = {
        "gate_failures": "; ".join(text for text, failed in failures.items() if failed),
        "complete": 1,
        "min_ess": found.effective_draws,
        "effective_nodes": float(min(nodes, n_nodes)),
    }
    return tree
