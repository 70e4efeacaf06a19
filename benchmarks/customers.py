"""Time and memory of predictions, and of a survey plan, for one million customers in 400 cells.

Prints seconds and the peak memory of the process, the fit and the frame included.

    python benchmarks/customers.py pandas
    python benchmarks/customers.py duckdb
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import cximpact as cx
from cximpact.imputation.customers import customers
from cximpact.imputation.targeting import target

N = 1_000_000


def frame_of(folder: Path, engine: str) -> object:
    """Customers in 10 segments, 4 channels and 10 months; one in ten answered."""
    rng = np.random.default_rng(0)
    segment, channel, month = (rng.integers(0, k, N) for k in (10, 4, 10))
    latent = np.linspace(-1, 1, 10)[segment] + 0.2 * channel + rng.logistic(size=N)
    cuts = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])
    answers = np.searchsorted(cuts, latent).astype(float)
    answers[rng.random(N) > 0.1] = np.nan
    path = folder / "customers.parquet"
    columns = {"customer": [f"c{i:07d}" for i in range(N)], "segment": segment}
    columns |= {"channel": channel, "month": month, "nps": answers}
    pd.DataFrame(columns).to_parquet(path)
    if engine == "duckdb":
        import duckdb

        return duckdb.read_parquet(str(path))
    return pd.read_parquet(path)


def report(what: str, start: float) -> None:
    """Print one row."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<34} {time.perf_counter() - start:8.1f} s {peak:8.0f} MB")


def main() -> None:
    """Print the table."""
    engine = sys.argv[1] if len(sys.argv) > 1 else "pandas"
    with tempfile.TemporaryDirectory() as folder:
        frame = frame_of(Path(folder), engine)
        start = time.perf_counter()
        wave = cx.SurveyWave(
            frame,
            answer="nps",
            scale=cx.scores.NPS,
            factors=["segment", "channel"],
            period="month",
            customer="customer",
        )
        fit = cx.imputation.OrdinalImputer(allow_unconverged=True).fit(wave, rng=1)
        report("fit", start)
        start = time.perf_counter()
        customers(fit).to_parquet(Path(folder) / "predicted.parquet")
        report("predictions to Parquet", start)
        start = time.perf_counter()
        plan = target(fit, budget=50_000, period="all", by="segment")
        report("plan", start)
        start = time.perf_counter()
        plan.draw(rng=1)
        report("draw", start)


if __name__ == "__main__":
    main()
