"""A fitted graph of KPIs: what becomes of an outcome when a KPI is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, GraphError, unknown_name
from cximpact.core.provenance import Provenance
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.validate import check_choice, check_count
from cximpact.effects.linkage.kpi.arrows import arrow_table
from cximpact.effects.linkage.kpi.claims import graph_effect
from cximpact.effects.linkage.kpi.contrasts import (
    check_known,
    mean_draws,
    nudge,
    read_do,
    upstream,
)
from cximpact.effects.linkage.kpi.interventions import Intervention
from cximpact.effects.linkage.kpi.mechanism import Mechanism
from cximpact.effects.linkage.kpi.network import directed_paths
from cximpact.effects.linkage.kpi.path_effects import check_identified, read_edges
from cximpact.effects.linkage.kpi.program import World
from cximpact.effects.linkage.models.fit import ModelFit

POPULATIONS = ("process", "customers")


@dataclass(frozen=True, kw_only=True, eq=False)
class KpiModel:
    """A graph of KPIs, fitted; made by `KpiGraph.fit`.

    Parameters
    ----------
    mechanism : Mechanism
        Models of the nodes, in causal order.
    parameters : mapping of str to numpy.ndarray, shape (sample, parameter)
        Joint draws of their parameters.
    fits : mapping of str to ModelFit
        Point estimates and influence.
    values : mapping of str to numpy.ndarray, shape (row,)
        Observed and computed values of the nodes.
    levels : mapping of str to tuple of str
        Levels of the nodes that are categories.
    weight : numpy.ndarray, shape (row,)
        What each row counts for.
    independencies : pandas.DataFrame
        Tests of what the graph implies, one row a pair.
    trusted : bool
        Whether no test failed, or a reason was given to use the graph nevertheless.
    provenance : Provenance
        Where it comes from.
    simulated : int, default 2000
        Customers that are simulated in every draw, at most all; drawn at random if fewer.
    population : {"process", "customers"}
        Over whom it averages: the process that these customers come from, or just these.
    most_outside : float or None, default 0.05
        Share of customers whom a change may bring outside the observed range of a KPI. None
        allows any: the answer is then an extrapolation.
    workers : int, default 1
        Threads; the numbers do not depend on it.
    """

    mechanism: Mechanism = field(repr=False)
    parameters: Mapping[str, np.ndarray] = field(repr=False)
    fits: Mapping[str, ModelFit] = field(repr=False)
    values: Mapping[str, np.ndarray] = field(repr=False)
    levels: Mapping[str, tuple[str, ...]] = field(repr=False)
    weight: np.ndarray = field(repr=False)
    independencies: pd.DataFrame = field(repr=False)
    trusted: bool
    provenance: Provenance = field(repr=False)
    simulated: int = 2000
    population: str = "process"
    most_outside: float | None = 0.05
    workers: int = 1

    def __post_init__(self) -> None:
        check_count(self.simulated, "simulated", low=2)
        check_choice(self.population, "population", POPULATIONS)
        check_count(self.workers, "workers")
        for name in ("parameters", "fits", "values", "levels"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def n(self) -> int:
        """How many rows were fitted."""
        return self.weight.size

    @property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Each node with its direct causes, causes first."""
        return self.mechanism.parents

    def using(self, **settings: Any) -> KpiModel:
        """Return the same model with other settings of the simulation.

        Parameters
        ----------
        **settings
            ``simulated``, ``population``, ``most_outside`` or ``workers``.

        Returns
        -------
        KpiModel
            A copy; this one stays as it is.

        Raises
        ------
        ConfigError
            If a setting is unknown.
        """
        known = ("simulated", "population", "most_outside", "workers")
        if unknown := [name for name in settings if name not in known]:
            raise unknown_name("setting", unknown[0], known)
        return replace(self, **settings)

    def expected(self, target: str, do: Mapping[str, Any] | None = None) -> xr.DataArray:
        """Return the mean of a node as things are, or when something is done.

        Parameters
        ----------
        target : str
            A node.
        do : mapping of str to Intervention or float, optional
            What is done; a plain number sets a KPI.

        Returns
        -------
        xarray.DataArray
            Draws of the mean, dimension ``sample``.
        """
        worlds = [World(), World(do=read_do(self, target, do) if do else {})]
        values, _ = mean_draws(self, target, worlds).contrast(lambda means: means[:, 1])
        return self._labelled(values)

    def do(
        self, target: str, do: Mapping[str, Any], versus: Mapping[str, Any] | None = None
    ) -> EffectPosterior:
        """Estimate what a change of KPIs does to the mean of a node.

        Parameters
        ----------
        target : str
            The outcome.
        do : mapping of str to Intervention or float
            What is done: `set_to`, `shift_by`, `scale_by`, or a plain number to set a KPI.
        versus : mapping of str to Intervention or float, optional
            What it is compared with; things as they are by default.

        Returns
        -------
        EffectPosterior
            Draws of the difference of the means. Draws of all effects of one fit are joint.

        Raises
        ------
        ConfigError, OverlapError
            If a node is unknown, or a KPI would leave its range in the data.
        GraphError
            If nothing that is done reaches the target.

        Notes
        -----
        Estimand: E[target | do] - E[target | versus], by the g-formula: values of all nodes in
        causal order, with draws of all parameters and the same noise on both sides. It is an
        effect if no arrow is missing, no cause of two nodes is missing, and the models fit.

        References
        ----------
        Robins, J. (1986). A new approach to causal inference in mortality studies with a
        sustained exposure period. Mathematical Modelling 7, 1393-1512.
        """
        action = read_do(self, target, do)
        against = read_do(self, target, versus) if versus else {}
        others = [World(do=against)] if against else []
        found = mean_draws(self, target, [World(), World(do=action), *others]).contrast(
            lambda means: means[:, 1] - means[:, 2 if against else 0]
        )
        contrast = f"{target} with {_said(action)} against {_said(against)}"
        return graph_effect(self, target, found, contrast=contrast)

    def elasticities(
        self, target: str, kpis: Sequence[str] | None = None, *, relative: bool = False
    ) -> EffectPosterior:
        """Estimate how much a node changes per unit of each KPI.

        Parameters
        ----------
        target : str
            The outcome, such as lifetime value.
        kpis : sequence of str, optional
            KPIs; by default every number in the graph that has a path to the target.
        relative : bool, default False
            Percent of the target per percent of the KPI, instead of units per unit.

        Returns
        -------
        EffectPosterior
            Dimensions ``(sample, kpi)``: the derivative of the mean when the KPI of every
            customer moves a little; for a KPI of 0 and 1, the mean with 1 less that with 0.

        Raises
        ------
        GraphError
            If no KPI reaches the target.

        Notes
        -----
        Central differences of a quarter standard deviation to either side, with common random
        numbers. The effect of a large change need not be a multiple of it; use `do`.
        """
        names = upstream(self, target) if kpis is None else list(kpis)
        if not names:
            raise GraphError(f"no number in the graph has a path to {target!r}.")
        worlds, spans = [World()], []
        for name in names:
            pair, span = nudge(self, name)
            done = [read_do(self, target, {name: act}, check=False) for act in pair]
            worlds += [World(do=act) for act in done]
            spans.append(span)
        span, unit = np.array(spans), "per unit of each KPI"
        if relative:
            center = [np.average(self.values[name], weights=self.weight) for name in names]
            span, unit = span / np.array(center), "relative to both means"

        def slopes(means: np.ndarray) -> np.ndarray:
            found = (means[:, 2::2] - means[:, 1::2]) / span
            return found / means[:, :1] if relative else found

        return graph_effect(
            self,
            target,
            mean_draws(self, target, worlds).contrast(slopes),
            contrast=f"{target} {unit}",
            kpis=names,
            relative=relative,
        )

    def paths(self, start: str, target: str) -> list[tuple[str, ...]]:
        """List the directed paths from one node to another.

        Parameters
        ----------
        start, target : str
            Nodes.

        Returns
        -------
        list of tuple of str
            Short ones first.
        """
        for name in (start, target):
            check_known(self, name)
        return directed_paths(self.parents, start, target)

    def path_effect(
        self,
        target: str,
        do: Mapping[str, Any],
        *,
        via: str | Sequence[tuple[str, str]],
        versus: Mapping[str, Any] | None = None,
    ) -> EffectPosterior:
        """Estimate the part of an effect that is passed on along some paths.

        Parameters
        ----------
        target : str
            The outcome.
        do : mapping of str to Intervention or float
            What is done to one KPI.
        via : str or sequence of tuple of str
            A node: all paths through it. Or the arrows that pass the change on, as pairs.
        versus : mapping of str to Intervention or float, optional
            What it is compared with; things as they are by default.

        Returns
        -------
        EffectPosterior
            Draws of the part. Parts of several paths need not add up to the whole.

        Raises
        ------
        GraphError
            If there is no such path, or a node would have to react and not to react.
        ConfigError
            If something is done to several KPIs.

        Notes
        -----
        Along the arrows every node answers to the changed world; along the others to the world as
        it would be without the change, with the same noise. It needs more than `do`: no common
        cause of a node on the way and what follows, even one that the change acts on.
        """
        action = read_do(self, target, do)
        against = read_do(self, target, versus) if versus else {}
        if len(action) != 1 or not set(against) <= set(action):
            raise ConfigError("do names several KPIs; a path starts at one.")
        start = next(iter(action))
        edges = read_edges(self.parents, start, target, via)
        check_identified(self.parents, start, target, edges)

        worlds = [World(), World(do=against), World(do=action, base=1, edges=edges)]
        found = mean_draws(self, target, worlds).contrast(lambda means: means[:, 2] - means[:, 1])
        contrast = f"{target} with {_said(action)} against {_said(against)}, {_routes(via)}"
        return graph_effect(self, target, found, contrast=contrast, path=True)

    def arrows(self, prob: float = 0.9) -> pd.DataFrame:
        """Return what each arrow passes on directly.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``parent, child, estimate, std_error, conf_low, conf_high``: the change of the
            child's mean when the parent moves by one standard deviation and its other parents
            stay; ``standardized``: that in standard deviations of the child.
        """
        return arrow_table(self, prob)

    def plot(self, **options: Any) -> Any:
        """Draw the graph, effects on the arrows.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.kpi_graph`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        nodes = pd.DataFrame(
            [(n.name, n.level) for n in self.mechanism.nodes.values()], columns=["node", "level"]
        )
        return plotting().kpi_graph(nodes, self.arrows(options.pop("prob", 0.9)), **options)

    def explain(self) -> str:
        """Say what was fitted, what the data say against it, and what it rests on.

        Returns
        -------
        str
            A paragraph.
        """
        tests = self.independencies
        n_arrows = sum(len(p) for p in self.parents.values())
        checked = (
            f"{len(tests)} independencies that it implies were tested, "
            f"{int(tests['rejected'].sum())} rejected."
            if len(tests)
            else "It implies nothing that these data could contradict."
        )
        return " ".join(
            [
                f"A graph of {len(self.parents)} KPIs and {n_arrows} arrows, fitted on {self.n:,} "
                f"rows. {checked}",
                "Its effects hold if no arrow and no common cause is missing; other graphs fit "
                "the same data equally well.",
                *self.provenance.notes,
            ]
        )

    def _repr_html_(self) -> str:
        return result_html("Graph of KPIs", self.arrows(), self.explain())

    def _labelled(self, values: np.ndarray) -> xr.DataArray:
        return dr.from_array(
            values, source=self.provenance.source, data_ids=[self.provenance.data_hash]
        )


def _said(do: Mapping[str, Intervention]) -> str:
    return ", ".join(f"{name} {action}" for name, action in do.items()) or "things as they are"


def _routes(via: str | Sequence[tuple[str, str]]) -> str:
    if isinstance(via, str):
        return f"by way of {via}"
    return "along " + ", ".join(f"{a} -> {b}" for a, b in via)
