"""The forward simulation of a graph in plain numpy, one world after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cximpact.effects.linkage.kpi.interventions import Intervention
from cximpact.effects.linkage.kpi.kpi_model import KpiModel
from cximpact.effects.linkage.kpi.program import World, compile_program

Values = dict[str, np.ndarray]


class Reference:
    """One draw of a model: the same noise and weights as the compiled simulation."""

    def __init__(self, model: KpiModel, draw: int):
        self.mechanism = model.mechanism
        self.own = {name: p[draw] for name, p in model.parameters.items()}
        program = compile_program(model.mechanism, model.parameters)
        seed = model.provenance.seed
        shifts = np.random.default_rng([draw, 0, seed]).random(len(program.names))
        shift = dict(zip(program.names, shifts, strict=True))
        steps = dict(zip(program.names, program.lattice(), strict=True))
        place = np.arange(model.n)
        self.noise = {
            name: np.clip((place * steps[name] + shift[name]) % 1.0, 1e-12, 1 - 1e-12)
            for name in program.names
        }
        factor = np.random.default_rng([draw, seed]).standard_exponential(model.n)
        weights = model.weight * factor
        self.weights = weights / weights.sum()
        self.roots = {name: model.values[name] for name, p in model.parents.items() if not p}

    def means(self, target: str, worlds: list[World]) -> list[float]:
        """Return the mean of a node in every world."""
        made = [self._world({}, {}, None, {})]
        for world in worlds[1:]:
            made.append(self._world(*made[world.base], world.edges, world.do))
        return [float(self.weights @ mean[target]) for _, mean in made]

    def _world(
        self, base: Values, base_mean: Values, edges: set | None, do: Mapping[str, Intervention]
    ) -> tuple[Values, Values]:
        value: Values = {}
        mean: Values = {}
        for name, node in self.mechanism.nodes.items():
            silent = [p for p in node.parents if edges is not None and (p, name) not in edges]
            heard = value | {p: base[p] for p in silent}
            heard_mean = mean | {p: base_mean[p] for p in silent}
            if node.rule is not None:
                value[name] = sum(a * heard[p] for p, a in node.rule.items())
                mean[name] = sum(a * heard_mean[p] for p, a in node.rule.items())
            elif node.is_root:
                value[name] = mean[name] = self.roots[name]
            else:
                x = self.mechanism.designs[name].matrix(heard)
                family = self.mechanism.families[name]
                value[name] = family.quantile(self.own[name], x, self.noise[name])
                mean[name] = family.mean(self.own[name], x)
            if name in do:
                value[name] = mean[name] = do[name].apply(value[name])
        return value, mean
