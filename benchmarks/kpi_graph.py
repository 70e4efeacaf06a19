"""Simulating a graph of KPIs for a million customers, beside plain numpy, and its memory.

The contact center of eight KPIs, fitted on the million; what shorter hold time does to retention.
Ours goes through customers one by one in compiled code, draws on two threads. The peer makes whole
columns in numpy, node after node, with the same noise; a few of its draws are timed. Both give the
same means. Peak memory is that of the process before the peer runs, and of it afterwards.

    python benchmarks/kpi_graph.py [--customers 1000000] [--draws 1000] [--peer-draws 2]
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from cximpact.data.simulate_kpis import simulate_kpis
from cximpact.effects.linkage import scale_by
from cximpact.effects.linkage.kpi.contrasts import mean_draws
from cximpact.effects.linkage.kpi.program import World
from tests.support.kpi_reference import Reference
from tests.support.kpi_world import contact_center


def peak() -> float:
    """Peak memory of this process, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("customers", 1_000_000), ("draws", 1000), ("peer-draws", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    worlds = [World(), World(do={"hold": scale_by(0.8)})]
    small = contact_center(draws=2, permutations=99).fit(simulate_kpis(1, n=500).customers, rng=1)
    mean_draws(small.using(workers=2), "retained", worlds)  # compile
    customers = simulate_kpis(2, n=asked.customers).customers
    start = time.perf_counter()
    graph = contact_center(draws=asked.draws, permutations=99)
    model = graph.fit(customers, rng=1, despite="it is a benchmark")
    model = model.using(simulated=asked.customers, workers=2)
    fitted = time.perf_counter() - start
    start, used = time.perf_counter(), time.process_time()
    found = mean_draws(model, "retained", worlds)
    ours, cpu = time.perf_counter() - start, time.process_time() - used
    runs = len(found.means) + len(found.again)
    memory = peak()

    start, used = time.perf_counter(), time.process_time()
    wanted = [Reference(model, d).means("retained", worlds) for d in range(asked.peer_draws)]
    peer = time.process_time() - used
    np.testing.assert_allclose(found.means[: asked.peer_draws], wanted, rtol=1e-6)

    print(f"{asked.customers:,} customers, {asked.draws:,} draws; fitted in {fitted:.1f} s")
    print(f"{'':34}{'CPU s a draw':>14}{'wall s in all':>15}{'peak GB':>9}")
    print(f"{'compiled, two threads':34}{cpu / runs:>14.3f}{ours:>15.1f}{memory:>9.2f}")
    print(f"{'numpy, column by column':34}{peer / asked.peer_draws:>14.3f}{'':>15}{peak():>9.2f}")
    print(f"ratio of CPU: {peer / asked.peer_draws / (cpu / runs):.1f}")


if __name__ == "__main__":
    main()
