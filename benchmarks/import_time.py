"""What importing cximpact costs, beside importing pandas: the least of several fresh processes.

python benchmarks/import_time.py
"""

from __future__ import annotations

import subprocess
import sys
import time

RUNS = 9
LIMIT = 1.5


def seconds(module: str) -> float:
    """Time one import in a process of its own, without the start of the interpreter."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    """Take turns, so that both meet the same machine, and print the ratio."""
    started = time.perf_counter()
    times = {"pandas": [], "cximpact": []}
    for _ in range(RUNS):
        for module, found in times.items():
            found.append(seconds(module))
    best = {module: min(found) for module, found in times.items()}
    ratio = best["cximpact"] / best["pandas"]
    print(f"{'import':<12}{'least, s':>10}")
    for module, value in best.items():
        print(f"{module:<12}{value:>10.4f}")
    print(f"ratio {ratio:.3f} (limit {LIMIT}); {RUNS} runs, {time.perf_counter() - started:.0f} s")
    if ratio > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
