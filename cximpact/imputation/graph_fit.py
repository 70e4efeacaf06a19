"""Sampling a graph on collapsed counts, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.results import TIDY_COLUMNS, Provenance, tidy
from cximpact.core.rng import seed_of
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_count
from cximpact.core.versions import versions


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampling:
    """How long a graph is sampled.

    Parameters
    ----------
    draws, tune, chains : int
        Length, a chain.
    target_accept : float, default 0.9
        Acceptance that tuning aims at.
    allow_unconverged : bool, default False
        Go on with a fit that failed the convergence gate; every result is then marked.
    """

    draws: int = 1000
    tune: int = 600
    chains: int = 2
    target_accept: float = 0.9
    allow_unconverged: bool = False

    def __post_init__(self) -> None:
        for name, low in (("draws", 100), ("tune", 100), ("chains", 2)):
            check_count(getattr(self, name), name, low=low)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A sampled graph: its draws, verdict and origin.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters, ``sample`` first.
    diagnostics : mapping
        Verdict of the convergence gate.
    provenance : Provenance
        Where it comes from.
    """

    draws: xr.Dataset = field(repr=False)
    diagnostics: Mapping[str, Any]
    provenance: Provenance


def compile_graph(model: Any) -> Any:
    """Compile a graph, once for many sets of data of one shape.

    Parameters
    ----------
    model : pymc.Model
        The graph.

    Returns
    -------
    object
        ``.with_data(...)`` swaps its data.
    """
    return sampling.compile_model(model)


def run(
    compiled: Any,
    length: Sampling,
    *,
    method: str,
    settings: Mapping[str, Any],
    data_hash: str,
    rng: Any,
) -> Fitted:
    """Sample a graph and flatten its draws.

    Parameters
    ----------
    compiled : object
        From `compile_graph`.
    length : Sampling
        How long.
    method : str
        Name of the estimator.
    settings : mapping
        Plain settings, for the provenance.
    data_hash : str
        Fingerprint of the data.
    rng : int or Generator
        Randomness.

    Returns
    -------
    Fitted
        Draws and verdict.

    Raises
    ------
    ConvergenceError
        If sampling failed the gate twice, the second time in smaller steps and twice as long.
    """
    seed = seed_of(rng)
    provenance = Provenance(
        method=method,
        data_hash=data_hash,
        settings={**settings, **vars(length)},
        seed=seed,
        versions=versions("pymc", "nutpie", "numpy"),
    )
    tree = xr.DataTree()
    for longer, accept in ((1, length.target_accept), (2, 0.98)):
        tree = sampling.sample(
            None,
            rng=seed,
            draws=longer * length.draws,
            tune=longer * length.tune,
            chains=length.chains,
            target_accept=accept,
            compiled=compiled,
        )
        if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
            break
    draws = dr.from_datatree(
        tree,
        source=provenance.source,
        data_ids=[f"data:{data_hash}"],
        allow_unconverged=length.allow_unconverged,
    )
    return Fitted(
        draws=draws,
        diagnostics=MappingProxyType(dict(sampling.diagnostics(tree))),
        provenance=provenance,
    )


def tidy_rows(
    quantities: Sequence[xr.DataArray], draws: xr.Dataset, n: int, prob: float
) -> pd.DataFrame:
    """Summarize quantities and parameters, one row each.

    Parameters
    ----------
    quantities : sequence of DataArray
        Draws that come first, each with a name.
    draws : xarray.Dataset
        Parameters.
    n : int
        Answers that entered.
    prob : float
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
    """
    row = partial(_rows, n=n, prob=prob)
    tables = [row(quantity) for quantity in (*quantities, *draws.data_vars.values())]
    return pd.concat(tables, ignore_index=True)


def _rows(values: xr.DataArray, n: int, prob: float) -> pd.DataFrame:
    name = str(values.name)
    table = tidy(summarize(values, prob), values, n, default=name)[list(TIDY_COLUMNS)]
    if len(values.dims) > 1:
        inside = table["term"].str.extract(r"\[(.*)\]$", expand=False)
        table = table.assign(term=[f"{name}[{level}]" for level in inside])
    return table
