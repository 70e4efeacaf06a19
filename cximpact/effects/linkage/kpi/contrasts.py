"""Means of a node in several worlds that share their noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cximpact.core.errors import ConfigError, GraphError, unknown_name
from cximpact.core.rng import spawn
from cximpact.effects.linkage.kpi.interventions import (
    Intervention,
    read_interventions,
    set_to,
    shift_by,
)
from cximpact.effects.linkage.kpi.kernels import world_means
from cximpact.effects.linkage.kpi.network import descendants
from cximpact.effects.linkage.kpi.program import World, compile_program

if TYPE_CHECKING:
    from cximpact.effects.linkage.kpi.kpi_model import KpiModel

_STEP = 0.25
_AGAIN = 100


def check_known(model: KpiModel, name: str) -> None:
    """Refuse a name that is no node.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    name : str
        A node.

    Raises
    ------
    ConfigError
        With the closest name.
    """
    if name not in model.parents:
        raise unknown_name("node", name, list(model.parents))


def upstream(model: KpiModel, target: str) -> list[str]:
    """Return the KPIs that have a path to a node: numbers that can be acted on.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    target : str
        The outcome.

    Returns
    -------
    list of str
        Without context, categories and computed nodes.
    """
    check_known(model, target)
    return [
        name
        for name, node in model.mechanism.nodes.items()
        if target in descendants(model.parents, name)
        and name not in model.levels
        and node.rule is None
        and node.level != "context"
    ]


def read_do(
    model: KpiModel, target: str, do: Mapping[str, Any], *, check: bool = True
) -> dict[str, Intervention]:
    """Read what is to be done, and refuse what does not reach the target.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    target : str
        The outcome.
    do : mapping of str to Intervention or float
        What is done.
    check : bool, default True
        Whether KPIs must stay in their range.

    Returns
    -------
    dict of str to Intervention
        What is done.

    Raises
    ------
    GraphError
        If there is no path to the target.
    """
    check_known(model, target)
    computed = [n for n, node in model.mechanism.nodes.items() if node.rule is not None]
    data = {k: v for k, v in model.values.items() if k not in computed and k not in model.levels}
    actions = read_interventions(do, data, most_outside=model.most_outside if check else None)
    for name in actions:
        if target not in descendants(model.parents, name):
            raise GraphError(f"the graph has no path from {name!r} to {target!r}.")
    return actions


def nudge(model: KpiModel, name: str) -> tuple[tuple[Intervention, Intervention], float]:
    """Return two small changes of a KPI to either side, and how far they are apart.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    name : str
        A KPI.

    Returns
    -------
    tuple
        The two changes, and their distance in the KPI's unit.

    Raises
    ------
    ConfigError
        If it is a category or computed.
    """
    check_known(model, name)
    if name in model.levels or model.mechanism.nodes[name].rule is not None:
        raise ConfigError(f"{name!r} is a category or computed; there is no small change of it.")
    values = model.values[name]
    if np.isin(values, (0, 1)).all():
        return (set_to(0.0), set_to(1.0)), 1.0
    step = _STEP * float(values.std())
    return (shift_by(-step), shift_by(step)), 2 * step


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedMeans:
    """Means of a node in every world, and how much of their scatter is noise of the simulation.

    Parameters
    ----------
    means : numpy.ndarray, shape (sample, world)
        Means over the customers.
    again : numpy.ndarray, shape (some, world)
        The first draws once more, with other noise.
    """

    means: np.ndarray = field(repr=False)
    again: np.ndarray = field(repr=False)

    def contrast(self, of: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, float]:
        """Compute a contrast draw by draw, and take the noise of the simulation out of it.

        Parameters
        ----------
        of : callable
            From means, shape (sample, world), to numbers, shape (sample,) or (sample, number).

        Returns
        -------
        tuple of numpy.ndarray and float
            Draws, and the largest share of their variance that was noise.

        Notes
        -----
        A draw is the contrast at its parameters plus noise. The variance of the noise is half the
        mean squared difference between two runs with the same parameters. Draws are drawn toward
        their mean until their variance is that of the contrast alone.
        """
        drawn, again = of(self.means), of(self.again)
        noise = 0.5 * ((drawn[: len(again)] - again) ** 2).mean(axis=0)
        total = drawn.var(axis=0, ddof=1)
        share = np.divide(noise, total, out=np.zeros_like(total), where=total > 0)
        center = drawn.mean(axis=0)
        kept = np.sqrt(np.clip(1 - share, 0.0, 1.0))
        return center + kept * (drawn - center), float(np.max(share))


def mean_draws(model: KpiModel, target: str, worlds: Sequence[World]) -> SimulatedMeans:
    """Draw the mean of a node in every world.

    Parameters
    ----------
    model : KpiModel
        The fitted graph.
    target : str
        A node.
    worlds : sequence of World
        The world as it is first.

    Returns
    -------
    SimulatedMeans
        Means over the customers.

    Notes
    -----
    The noise of customer i at node k is the i-th point of a lattice whose steps are powers of a
    generalized golden ratio, shifted at random in every draw. A mean over customers then is
    unbiased, and nearer its expectation than with independent noise. Customers go through one
    by one, so that memory does not grow with their number times the draws. For the process that
    customers come from, weights vary from draw to draw as in the Bayesian bootstrap.
    """
    seed = int(model.provenance.seed or 0)
    program = compile_program(model.mechanism, model.parameters)
    (chooser,) = spawn(seed, "simulated customers")
    size = min(model.simulated, model.n)
    rows = np.arange(model.n)
    if size < model.n:
        rows = np.sort(chooser.choice(model.n, size, replace=False))
    roots = np.empty((len(program.names), size))
    for v, name in enumerate(program.names):
        if not model.parents[name]:
            roots[v] = model.values[name][rows]
    weight = model.weight[rows]
    scatter = float(np.sqrt(size / model.n)) if model.population == "process" else 0.0
    steps, do = program.lattice(), program.worlds(worlds, target)
    at = program.names.index(target)

    def one(run: tuple[int, int]) -> np.ndarray:
        draw, _ = run
        weights = weight
        if scatter > 0:
            factor = np.random.default_rng([draw, seed]).standard_exponential(size)
            weights = weight * (1 + scatter * (factor - 1))
        shifts = np.random.default_rng([*run, seed]).random(steps.size)
        weights = weights / weights.sum()
        own = program.parameters[draw]
        return world_means(program.arrays, own, roots, weights, (steps, shifts), do, at)

    n_draws = len(program.parameters)
    runs = [(draw, 0) for draw in range(n_draws)]
    runs += [(draw, 1) for draw in range(min(_AGAIN, n_draws))]
    if model.workers == 1:
        found = np.array([one(run) for run in runs])
    else:
        with ThreadPoolExecutor(model.workers) as pool:
            found = np.array(list(pool.map(one, runs)))
    return SimulatedMeans(means=found[:n_draws], again=found[n_draws:])
