"""What compressing ten million rows costs, beside SQL written by hand: ratios within one run.

python benchmarks/data_scan.py [--rows N] [--spark]

The file is made in a temporary folder. Each pair takes turns and the least of several runs
counts. Targets are for processor seconds of all threads, which do not depend on what else the
machine does; seconds on the clock stand beside them. Reading a text column costs more than the
answers themselves; the cells here are those of two whole-number columns.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from cximpact.data import Panel, ScoreScale, SurveyWave, cells, moments

RUNS, PERIODS = 5, 10
CELLS_LIMIT, MOMENTS_LIMIT, MEMORY_LIMIT = 5.0, 1.5, 1500
NPS = ScoreScale(name="NPS", low=0, high=10, higher_is_better=True)


def make_file(path: Path, rows: int) -> None:
    """Write a survey and a balanced panel of ten periods in one table."""
    made = duckdb.sql("""
        select (i // 10)::bigint as unit, (i % 10)::int as period,
            case when hash(i * 7 + 1) % 10 < 3 then (hash(i) % 11)::int end as nps,
            case when (i // 10) % 50 >= 25 then (3 + (i // 10) % 4)::double end as g,
            ((i // 10) % 50)::int as store, (hash(i * 3) % 8)::int as segment,
            (hash(i * 5) % 12)::int as month, (hash(i) % 1000) / 100.0 as y
        from range(?) t(i) order by i
    """, params=[rows])  # fmt: skip
    made.write_parquet(str(path))


def moments_sql() -> str:
    """Sums and products of the paths of each cohort, as one would write them for this table."""
    names = [f"y{t}" for t in range(PERIODS)]
    spread = ", ".join(
        f"sum(case when period = {t} then y else 0 end) as {n}" for t, n in enumerate(names)
    )
    pairs = [f"sum({a} * {b})" for i, a in enumerate(names) for b in names[i:]]
    sums = ", ".join([f"sum({n})" for n in names] + pairs)
    inner = f"select unit, g, {spread} from table_ group by unit, g"
    return f"select g, count(*), {sums} from ({inner}) group by g"


Seconds = tuple[float, float]


def turns(*tasks: Callable[[], Any]) -> list[Seconds]:
    """Least processor and clock seconds of each task, taking turns."""
    found: list[list[Seconds]] = [[] for _ in tasks]
    for _ in range(RUNS):
        for task, times in zip(tasks, found, strict=True):
            clock, processor = time.perf_counter(), time.process_time()
            task()
            times.append((time.process_time() - processor, time.perf_counter() - clock))
    return [(min(t[0] for t in times), min(t[1] for t in times)) for times in found]


def report(name: str, seconds: Seconds, reference: Seconds, limit: float | None = None) -> bool:
    """Print one line; say whether it keeps its limit."""
    ratios = [a / max(b, 1e-9) for a, b in zip(seconds, reference, strict=True)]
    kept = limit is None or ratios[0] <= limit
    target = "" if limit is None else f"{limit:.1f} {'kept' if kept else 'MISSED'}"
    numbers = "".join(f"{s:>10.3f}{r:>7.2f}" for s, r in zip(seconds, ratios, strict=True))
    print(f"{name:<30}{numbers}  {target}")
    return kept


def run_duckdb(path: Path) -> bool:
    """Time cells and moments against SQL by hand."""
    table_ = duckdb.read_parquet(str(path))
    table_.create_view("table_")
    wave = SurveyWave(table_, answer="nps", scale=NPS, factors=["segment"], period="month")
    panel = open_panel(table_)
    by_hand = "select segment, month, nps, count(*) from table_ group by all"
    bare, hand, ours, door = turns(
        lambda: duckdb.sql("select sum(nps) from table_").fetchall(),
        lambda: duckdb.sql(by_hand).fetchall(),
        lambda: cells(wave),
        lambda: SurveyWave(table_, answer="nps", scale=NPS, factors=["segment"], period="month"),
    )
    report("sum of the answers", bare, bare)
    report("cells by hand", hand, bare)
    kept = report("cells", ours, bare, CELLS_LIMIT)
    report("SurveyWave, with every check", door, bare)
    sql = moments_sql()
    hand, ours, door = turns(
        lambda: duckdb.sql(sql).fetchall(), lambda: moments(panel), lambda: open_panel(table_)
    )
    report("moments by hand", hand, hand)
    kept &= report("moments", ours, hand, MOMENTS_LIMIT)
    report("Panel, with every check", door, hand)
    return kept


def open_panel(table: Any) -> Panel:
    """Give the columns their roles; periods run from 0, so never is missing and not 0."""
    roles = {"unit": "unit", "period": "period", "outcome": "y", "first_treated": "g"}
    return Panel(table, **roles, cluster="store")


def run_spark(path: Path) -> None:
    """Time the same on a local Spark, without a target; only the clock sees its processes."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    table = session.getOrCreate().read.parquet(str(path))
    wave = SurveyWave(table, answer="nps", scale=NPS, factors=["segment"], period="month")
    panel = open_panel(table)
    bare, counted, summed = turns(
        lambda: table.selectExpr("sum(nps)").collect(),
        lambda: cells(wave),
        lambda: moments(panel),
    )
    report("Spark: sum of the answers", bare, bare)
    report("Spark: cells", counted, bare)
    report("Spark: moments", summed, bare)


def main() -> None:
    """Print the table; exit with 1 where a target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--spark", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        make_file(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB of Parquet")
        print(f"{'':<30}{'processor':>10}{'ratio':>7}{'clock':>10}{'ratio':>7}  target")
        kept = run_duckdb(path)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"peak memory {memory:,.0f} MB (target {MEMORY_LIMIT:,})")
        if options.spark:
            run_spark(path)
    if not kept or memory > MEMORY_LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
