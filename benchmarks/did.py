"""Difference-in-differences beside its peers: one table of seconds, memory and agreement.

python benchmarks/did.py [--rows N ...] [--only WORD]

Every measurement runs in a process of its own, on two threads, after a first call on a few rows
(imports and compilation are not counted), and the least of several calls counts. Ours starts from
a Parquet file, through a DuckDB relation, and includes building the `Panel`, which checks every
row; peers have their frame in memory and checked nothing. Effects by cohort and period start from
a long frame in memory on both sides. Memory is what the process gained at its peak. A measurement
is a function here, found by its name in `MEASURES`; add others to it. Peers are in the dependency
group `bench`, or come by `uv run --with csdid --with moderndid`; a row whose peer is not installed
says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PERIODS, COHORT_PERIODS, RUNS, DRAWS = 20, 10, 3, 1000
X = ("x1", "x2", "x3")
Numbers = dict[str, Any]
Measure = Callable[[Path], Numbers]


def make_panel(path: Path, rows: int) -> None:
    """Write a balanced panel of twenty periods with staggered adoption, and a small one beside it.

    Unit effects, a trend, effects that grow, noise, and one covariate of each unit.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    for name, n in (("panel", rows // PERIODS), ("few", 200)):
        g = rng.choice([5.0, 8.0, 11.0, 14.0, 17.0, np.nan], n)
        unit, t = np.repeat(np.arange(n), PERIODS), np.tile(np.arange(1, PERIODS + 1), n)
        first = np.repeat(g, PERIODS)
        y = np.repeat(rng.standard_normal(n), PERIODS) + 0.1 * t + rng.standard_normal(unit.size)
        y += np.where(t >= first, 1 + 0.1 * (t - first), 0)
        columns = {
            "unit": unit,
            "t": t.astype("int32"),
            "y": y,
            "x": rng.standard_normal(unit.size),
        }
        columns["g"] = pa.array(first, from_pandas=True)
        pq.write_table(pa.table(columns), path / f"{name}.parquet")
    for name, n in (("cohorts", rows // COHORT_PERIODS), ("few cohorts", 500)):
        cohort_world(rng, n).to_parquet(path / f"{name}.parquet")


def cohort_world(rng: Any, n: int) -> Any:
    """Ten periods, five cohorts and the never treated (0), three covariates of each unit."""
    import numpy as np
    import pandas as pd

    g = rng.choice([4, 5, 6, 7, 8, 0], n)
    unit, t = np.repeat(np.arange(n), COHORT_PERIODS), np.tile(np.arange(1, COHORT_PERIODS + 1), n)
    first, x = g[unit], rng.standard_normal((n, 3))[unit]
    y = rng.standard_normal(n)[unit] + 0.1 * t + 0.2 * x[:, 0] * t + rng.standard_normal(unit.size)
    y += np.where((first > 0) & (t >= first), 1 + 0.1 * (t - first), 0)
    return pd.DataFrame({"unit": unit, "t": t, "y": y, "g": first} | dict(zip(X, x.T, strict=True)))


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(task: Callable[[], Any], first: Callable[[], Any], runs: int = RUNS) -> Numbers:
    """Clock and processor seconds of the fastest call, and the memory gained."""
    first()
    before, peak, found, result = memory(), 0.0, [], None
    for _ in range(runs):
        clock, processor = time.perf_counter(), time.process_time()
        result = task()
        found.append((time.perf_counter() - clock, time.process_time() - processor))
        peak = peak or memory() - before  # of the first call; results of peers may stay alive
    wall, cpu = min(found)
    out = {"wall": wall, "cpu": cpu, "memory": peak}
    if result is not None:
        out |= {"estimate": float(result[0]), "std_error": float(result[1])}
    return out


def relation(path: Path, name: str) -> Any:
    import duckdb

    duckdb.sql("set threads = 2")
    return duckdb.sql(f"select * from '{path / name}.parquet'")


def ours(path: Path, estimator: Any, runs: int = RUNS, **roles: Any) -> Numbers:
    from cximpact import Panel

    names = {"unit": "unit", "period": "t", "outcome": "y", "first_treated": "g"} | roles

    def fit(name: str) -> tuple[float, float]:
        result = estimator.fit(Panel(relation(path, name), **names), rng=1)
        return result.estimate.values.ravel()[-1], result.std_error.values.ravel()[-1]

    return timed(lambda: fit("panel"), lambda: fit("few"), runs)


def scans(path: Path) -> Numbers:
    """The scans that our fit takes, as one would write them by hand: check, keys, sums by unit."""
    import duckdb

    table = f"'{path / 'panel'}.parquet'"
    never = "case when g is null or isnan(g) or g = 0 then 'inf'::double else g end"
    starts = [5, 8, 11, 14, 17]
    late = [f"(t >= {s})::double * y" for s in starts]
    sums = ", ".join(f"sum({part}) as y{k}" for k, part in enumerate(["y", *late]))
    pairs = [f"sum(y{a} * y{b})" for a in range(6) for b in range(a, 6)]
    queries = [
        f"select count(*), count(unit), min(t), max(t), count(y), sum(y), min(g) from {table}",
        f"select n, a, b, bits, count(*) from (select unit, count(*) n, min({never}) a, "
        f"max({never}) b, sum(exp((t - 1) * ln(2))) bits from {table} group by unit) group by all",
        f"select g, count(*), {', '.join(pairs)} from "
        f"(select unit, min({never}) g, {sums} from {table} group by unit) group by g",
    ]

    def run() -> None:
        duckdb.sql("set threads = 2")
        for query in queries:
            duckdb.sql(query).fetchall()

    return timed(run, lambda: None)


def two_way(path: Path) -> Numbers:
    from cximpact.effects import TwoByTwo

    return ours(path, TwoByTwo())


def event_study(path: Path) -> Numbers:
    from cximpact.effects import EventStudy

    return ours(path, EventStudy())


def two_way_covariate(path: Path) -> Numbers:
    """What rows cost: a covariate takes the row path."""
    from cximpact.effects import TwoByTwo

    return ours(path, TwoByTwo(), runs=1, covariates=["x"])


def pyfixest(path: Path, backend: str | None = None, formula: str = "y ~ d | unit + t") -> Numbers:
    import pandas as pd
    from pyfixest import feols

    def frame(name: str) -> pd.DataFrame:
        table = pd.read_parquet(path / f"{name}.parquet")
        return table.assign(d=(table["t"] >= table["g"].fillna(1e9)).astype(float))

    more = {} if backend is None else {"demeaner_backend": backend}
    few, whole = frame("few"), frame("panel")

    def fit(table: pd.DataFrame) -> tuple[float, float]:
        found = feols(formula, table, vcov={"CRV1": "unit"}, **more)
        return found.coef().iloc[0], found.se().iloc[0]

    return timed(lambda: fit(whole), lambda: fit(few), runs=2)


def pyfixest_rust(path: Path) -> Numbers:
    return pyfixest(path, "rust")


def pyfixest_covariate(path: Path) -> Numbers:
    return pyfixest(path, formula="y ~ d + x | unit + t")


def pyfixest_rust_covariate(path: Path) -> Numbers:
    return pyfixest(path, "rust", "y ~ d + x | unit + t")


def group_time(path: Path, inference: str = "normal", covariates: Sequence[str] = ()) -> Numbers:
    """Effects by cohort and period, and by event time with a band, from a long frame."""
    import pandas as pd

    from cximpact import Panel
    from cximpact.effects import GroupTime
    from cximpact.effects.did import simultaneous_band

    roles = {"unit": "unit", "period": "t", "outcome": "y", "first_treated": "g"}
    estimator = GroupTime(inference=inference, draws=DRAWS)

    def fit(table: pd.DataFrame) -> tuple[float, float]:
        effects = estimator.fit(Panel(table, covariates=covariates, **roles), rng=1)
        simultaneous_band(effects.aggregate("event"))
        return effects.estimate.values[-1], effects.std_error.values[-1]

    return both(path, fit)


def both(path: Path, fit: Callable[[Any], Any], runs: int = RUNS) -> Numbers:
    import pandas as pd

    whole, few = (pd.read_parquet(path / f"{name}.parquet") for name in ("cohorts", "few cohorts"))
    return timed(lambda: fit(whole), lambda: fit(few), runs)


def group_time_draws(path: Path) -> Numbers:
    return group_time(path, "rademacher")


def group_time_robust(path: Path) -> Numbers:
    return group_time(path, "normal", X)


def group_time_robust_draws(path: Path) -> Numbers:
    return group_time(path, "rademacher", X)


def imputation(path: Path, covariates: Sequence[str] = ()) -> Numbers:
    """The average effect with every unit left out once, trends, and `GroupTime` beside."""
    from cximpact import Panel
    from cximpact.effects import ImputationDiD

    roles = {"unit": "unit", "period": "t", "outcome": "y", "first_treated": "g"}

    def fit(table: Any) -> tuple[float, float]:
        result = ImputationDiD().fit(Panel(table, covariates=covariates, **roles), rng=1)
        return float(result.estimate), float(result.std_error)

    return both(path, fit)


def imputation_covariate(path: Path) -> Numbers:
    return imputation(path, X[:1])


def diff_diff_imputation(path: Path) -> Numbers:
    """The average effect with conservative errors."""
    from diff_diff import ImputationDiD

    roles = {"outcome": "y", "unit": "unit", "time": "t", "first_treat": "g"}

    def fit(table: Any) -> tuple[float, float]:
        found = ImputationDiD().fit(table, **roles)
        return found.overall_att, found.overall_se

    return both(path, fit, runs=2)


def diff_diff(path: Path, covariates: list[str] | None = None) -> Numbers:
    from diff_diff import CallawaySantAnna

    roles = {"outcome": "y", "unit": "unit", "time": "t", "first_treat": "g"}

    def fit(table: Any) -> tuple[float, float]:
        estimator = CallawaySantAnna(n_bootstrap=DRAWS, seed=1)
        found = estimator.fit(table, covariates=covariates, aggregate="event_study", **roles)
        last = found.group_time_effects[(8, 10)]
        return last["effect"], last["se"]

    return both(path, fit)


def diff_diff_robust(path: Path) -> Numbers:
    return diff_diff(path, list(X))


def csdid(path: Path, formula: str | None = None) -> Numbers:
    from csdid.att_gt import ATTgt

    roles = {"yname": "y", "tname": "t", "idname": "unit", "gname": "g", "xformla": formula}

    def fit(table: Any) -> tuple[float, float]:
        made = ATTgt(data=table, control_group="nevertreated", cband=True, biters=DRAWS, **roles)
        found = made.fit(est_method="dr").results
        return found["att"][-1], found["se"][-1]

    return both(path, fit, runs=2)


def csdid_robust(path: Path) -> Numbers:
    return csdid(path, "~" + "+".join(X))


def moderndid(path: Path) -> Numbers:
    from moderndid import att_gt

    def fit(table: Any) -> tuple[float, float]:
        found = att_gt(table, "y", "t", "unit", "g", boot=True, biters=DRAWS)
        return found.att_gt[-1], found.se_gt[-1]

    return both(path, fit, runs=1)


TWO_WAY = "two-way fixed effects"
COHORTS = "group-time, bands"
ROBUST = "group-time, 3 covariates, bands"
IMPUTED = "imputation"
ROWS = "two-way, a covariate (rows)"
MEASURES: dict[str, tuple[str, str | None, Measure, int]] = {
    # name: group (its first row is the one that others are compared with), package, measure, rows
    "cximpact TwoByTwo, Parquet": (TWO_WAY, None, two_way, 10**8),
    "its scans by hand": (TWO_WAY, None, scans, 10**8),
    "cximpact EventStudy, Parquet": (TWO_WAY, None, event_study, 10**8),
    "pyfixest, frame in memory": (TWO_WAY, "pyfixest", pyfixest, 10**7),
    "pyfixest, rust": (TWO_WAY, "pyfixest", pyfixest_rust, 10**7),
    "cximpact TwoByTwo": (ROWS, None, two_way_covariate, 10**6),
    "pyfixest": (ROWS, "pyfixest", pyfixest_covariate, 10**6),
    "pyfixest with rust": (ROWS, "pyfixest", pyfixest_rust_covariate, 10**6),
    "cximpact GroupTime, normal": (COHORTS, None, group_time, 10**7),
    "cximpact, 1,000 draws": (COHORTS, None, group_time_draws, 10**7),
    "diff-diff, 1,000 draws": (COHORTS, "diff_diff", diff_diff, 10**6),
    "csdid, 1,000 draws": (COHORTS, "csdid", csdid, 10**6),
    "moderndid, 1,000 draws": (COHORTS, "moderndid", moderndid, 10**6),
    "cximpact, doubly robust": (ROBUST, None, group_time_robust, 10**7),
    "the same, 1,000 draws": (ROBUST, None, group_time_robust_draws, 10**7),
    "diff-diff, doubly robust": (ROBUST, "diff_diff", diff_diff_robust, 10**6),
    "csdid, doubly robust": (ROBUST, "csdid", csdid_robust, 10**6),
    "cximpact, all left out once": (IMPUTED, None, imputation, 10**7),
    "the same, a covariate (rows)": (IMPUTED, None, imputation_covariate, 10**6),
    "diff-diff, conservative": (IMPUTED, "diff_diff", diff_diff_imputation, 10**6),
}
"""Measurements by name: group, package needed, function of the folder, and most rows to try."""


def measure(name: str, path: Path) -> Numbers:
    """Run one measurement in a process of its own."""
    _, package, _, _ = MEASURES[name]
    if package is not None and importlib.util.find_spec(package) is None:
        return {"missing": package}
    command = [sys.executable, __file__, "--measure", name, "--path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr else "no message"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def line(name: str, found: Numbers, reference: Numbers) -> str:
    for reason in ("missing", "failed"):
        if reason in found:
            return f"{name:<30} {reason}: {found[reason]}"
    ratio = found["wall"] / reference["wall"]
    numbers = f"{found['wall']:>9.3f}{found['cpu']:>9.3f}{found['memory']:>9.0f}{ratio:>8.1f}"
    if "estimate" in found:
        numbers += f"{found['estimate']:>16.12f}{found['std_error']:>16.12f}"
    return f"{name:<30}{numbers}"


def table(rows: list[int], only: str) -> None:
    heads = ("wall s", "cpu s", "MB", "ratio", "estimate", "std error")
    widths = (9, 9, 9, 8, 16, 16)
    titles = "".join(f"{head:>{w}}" for head, w in zip(heads, widths, strict=True))
    for n in rows:
        with tempfile.TemporaryDirectory() as folder:
            # in a process of its own: a process starts with the peak of the one that starts it
            command = [sys.executable, __file__, "--make", str(n), "--path", folder]
            subprocess.run(command, check=True)
            reference: dict[str, Numbers] = {}
            for name, (group, _, _, most) in MEASURES.items():
                if n > most or only not in group:
                    continue
                found = measure(name, Path(folder))
                if group not in reference:
                    print(f"\n{f'{group}, {n:,} rows':<30}{titles}")
                print(line(name, found, reference.setdefault(group, found)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**6, 10**7])
    parser.add_argument("--only", default="", help="groups whose name holds this word")
    parser.add_argument("--measure", choices=list(MEASURES))
    parser.add_argument("--make", type=int)
    parser.add_argument("--path", type=Path)
    options = parser.parse_args()
    if options.make is not None:
        make_panel(options.path, options.make)
        return
    if options.measure is None:
        table(options.rows, options.only)
        return
    warnings.simplefilter("ignore")
    print(json.dumps(MEASURES[options.measure][2](options.path)))


if __name__ == "__main__":
    main()
