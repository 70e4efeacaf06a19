"""Does the cost of imputation grow with respondents once the cells are full?

Fits the same cells with 20 thousand and with 2 million answers and prints the processor time of
each fit, all of it: counting, compiling, sampling.

    python benchmarks/imputation.py
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import cximpact as cx


def wave(n: int) -> cx.SurveyWave:
    """Everybody answers, in 60 cells."""
    rng = np.random.default_rng(1)
    segment, month = rng.integers(0, 10, n), rng.integers(0, 6, n)
    latent = np.linspace(-1, 1, 10)[segment] + 0.2 * np.sin(month) + rng.logistic(size=n)
    cuts = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])
    frame = pd.DataFrame(
        {"segment": segment, "month": month, "nps": np.searchsorted(cuts, latent).astype(float)}
    )
    return cx.SurveyWave(
        frame, answer="nps", scale=cx.scores.NPS, factors=["segment"], period="month"
    )


def cost(n: int) -> float:
    """Processor seconds of one fit."""
    data = wave(n)
    start = time.process_time()
    cx.imputation.OrdinalImputer().fit(data, rng=1)
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    cost(2_000)  # imports and first compilation
    few, many = cost(20_000), cost(2_000_000)
    print(f"{'answers':>10} {'cpu s':>8}")
    print(f"{20_000:>10,} {few:8.1f}")
    print(f"{2_000_000:>10,} {many:8.1f}")
    print(f"ratio {many / few:.2f} (aim: at most 1.5)")


if __name__ == "__main__":
    main()
