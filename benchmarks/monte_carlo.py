"""Paths of cash flow beside chunked NumPy, the generator's battery, portfolios and repeat buying.

python benchmarks/monte_carlo.py [--draws N]

Ten million paths of 36 months and 5 initiatives in one pass. Each side runs in a process of its
own, whose peak memory is read at its end; processor seconds of all threads are compared. NumPy
does what one would write (a shock for every initiative and month), and the same with the shocks
of a month drawn as their sum.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import optimize, stats

sys.path.insert(0, str(Path(__file__).parent.parent))
from cximpact import roi, value
from tests.support import buying, projects
from tests.support.random_battery import battery

MONTHS, KINDS, SIGMA, CHUNK = 36, 5, 0.5, 4096
LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)


def world() -> roi.RoiResult:
    """Five initiatives with joint draws of their effects."""
    items = [
        roi.Initiative(
            name=f"p{i}",
            n=10_000,
            effect=tau,
            mechanism="per_period",
            value=1.0,
            currency="EUR",
            costs={"one_off": 5000.0},
        )
        for i, tau in enumerate(projects.effects(KINDS, 4000))
    ]
    return roi.simulate(items, horizon=MONTHS, rng=1)


def numpy_paths(result: roi.RoiResult, draws: int, *, summed: bool) -> np.ndarray:
    """NPV and payback by chunks of NumPy."""
    flows = result.draws.transpose("sample", "period", "initiative")
    benefit = np.ascontiguousarray(flows["benefit"].values[:, 1:])
    cost, factors = flows["cost"].values.sum(axis=2), result.settings.factors
    mean, spread = benefit.sum(axis=2), SIGMA * np.sqrt((benefit**2).sum(axis=2))
    rng, npv, back = np.random.default_rng(0), np.empty(draws), np.empty(draws, np.int16)
    for start in range(0, draws, CHUNK):
        n = min(CHUNK, draws - start)
        rows = np.arange(start, start + n) % len(benefit)
        if summed:
            net = mean[rows] + spread[rows] * rng.standard_normal((n, MONTHS))
        else:
            shocks = rng.standard_normal((n, MONTHS, KINDS))
            net = (benefit[rows] * (1 + SIGMA * shocks)).sum(axis=2)
        path = np.concatenate([-cost[rows, :1], net - cost[rows, 1:]], axis=1)
        npv[start : start + n] = path @ factors
        paid = path.cumsum(axis=1) >= 0
        back[start : start + n] = np.where(paid.any(axis=1), paid.argmax(axis=1), -1)
    return npv


def side(name: str, draws: int) -> dict[str, object]:
    """Run one side and report processor seconds, clock, memory and quantiles."""
    result = world()
    if name == "cximpact":
        roi.stress(result, volatility=SIGMA, draws=1000)
    clock, cpu = time.perf_counter(), time.process_time()
    if name == "cximpact":
        npv = roi.stress(result, volatility=SIGMA, draws=draws, rng=1).npv
    else:
        npv = numpy_paths(result, draws, summed=name == "numpy, shocks summed")
    seconds = time.process_time() - cpu, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "cpu": seconds[0],
        "clock": seconds[1],
        "peak": peak,
        "quantiles": [float(q) for q in np.quantile(npv, LEVELS)],
    }


def exact_quantiles(result: roi.RoiResult) -> list[float]:
    """Quantiles of the mixture of normals that the NPV is."""
    flows = result.draws["benefit"].transpose("sample", "initiative", "period").values
    spread = np.sqrt(((SIGMA * flows * result.settings.factors) ** 2).sum(axis=(1, 2)))
    center = result.npv().values

    def gap(x: float, q: float) -> float:
        return float(stats.norm.cdf((x - center) / spread).mean() - q)

    return [optimize.brentq(gap, -1e7, 1e7, args=(q,), xtol=1e-6) for q in LEVELS]


def paths(draws: int) -> None:
    """Compare both sides, each in its own process."""
    found = {}
    for name in ("cximpact", "numpy", "numpy, shocks summed"):
        command = [sys.executable, __file__, "--side", name, "--draws", str(draws)]
        found[name] = json.loads(subprocess.check_output(command).splitlines()[-1])
    print(f"{draws:,} paths x {MONTHS} months x {KINDS} initiatives")
    own = found["cximpact"]
    for name, f in found.items():
        ratio = f["cpu"] / own["cpu"]
        print(
            f"  {name:22} cpu {f['cpu']:7.2f} s  clock {f['clock']:6.2f} s  "
            f"peak {f['peak']:6.0f} MB  ratio {ratio:5.1f}"
        )
    result = world()
    sd = float(result.npv().std())
    for q, exact, seen in zip(LEVELS, exact_quantiles(result), own["quantiles"], strict=True):
        error = np.sqrt(q * (1 - q) / draws) / (stats.norm.pdf(stats.norm.ppf(q)) / sd)
        print(
            f"  quantile {q:.2f}: exact {exact:12.2f}  found {seen:12.2f}  error about {error:.2f}"
        )


def generator() -> None:
    """Print the p-values of the battery."""
    from cximpact.roi import philox

    def make(first: int, draws: int, size: int, seed: int) -> np.ndarray:
        return philox.normals(first, draws, size, np.uint64(seed))

    found = battery(make, draws=1_000_000, size=100)
    print(f"battery of {len(found)} tests on 1e8 normals, smallest p {min(found.values()):.3f}")
    print(f"  p-values uniform? KS p {stats.kstest(list(found.values()), 'uniform').pvalue:.2f}")
    for name, p in found.items():
        print(f"  {name:28} p {p:.3f}")


def choices() -> None:
    """Time a portfolio of 20 initiatives on 10,000 draws."""
    result = projects.projects(20, 10_000)
    for weight in (0.0, 1.0):
        start = time.perf_counter()
        found = roi.portfolio(result, budget=100_000, risk_weight=weight)
        seconds = time.perf_counter() - start
        print(f"portfolio of 20 x 10,000, risk weight {weight:g}: {seconds:.2f} s ({found.method})")


def buyers() -> None:
    """Time BG/NBD on 10 thousand and on a million customers."""
    theta, seconds = (0.243, 4.414, 0.793, 2.426), []
    for n in (10_000, 1_000_000):
        table = buying.simulated_buyers(theta, n, 39, np.random.default_rng(1))
        table[["recency", "T"]] = (table[["recency", "T"]] * 7).round() / 7
        again = table["frequency"] > 0
        table.loc[again, "recency"] = table.loc[again, "recency"].clip(lower=1 / 7)
        table["recency"] = table[["recency", "T"]].min(axis=1)
        start = time.perf_counter()
        fit = value.BetaGeoNBD().fit(table, rng=1)
        seconds.append(time.perf_counter() - start)
        print(f"BG/NBD on {n:,} customers: {seconds[-1]:.2f} s, {fit.tidy()['estimate'].tolist()}")
    print(f"  a million within {seconds[1] / seconds[0]:.1f} times the time of ten thousand")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=10_000_000)
    parser.add_argument("--side")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(side(options.side, options.draws)))
    else:
        paths(options.draws)
        generator()
        choices()
        buyers()
