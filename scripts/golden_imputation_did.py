"""Estimate imputation effects of a simulated panel with diff-diff and store what it says.

    uv run --with diff-diff python scripts/golden_imputation_did.py

Its standard errors are the conservative ones of Borusyak, Jaravel and Spiess. The world is made
again in the test from the same seeds.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from diff_diff import ImputationDiD

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.did import staggered_world  # noqa: E402

ROLES = {"outcome": "y", "unit": "unit", "time": "t", "first_treat": "g"}


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    out: dict[str, Any] = {}
    for gaps in (0.0, 0.1):
        table = staggered_world(np.random.default_rng(1), gaps=gaps)
        table = table.assign(moving=table["x1"] * np.sin(table["t"]))
        for cluster in (None, "c"):
            for covariates in (None, ["moving"]):
                fit = ImputationDiD(cluster=cluster).fit(
                    table, aggregate="event_study", covariates=covariates, **ROLES
                )
                events = {k: v for k, v in fit.event_study_effects.items() if k >= 0}
                out[f"{gaps} {cluster} {(covariates or [''])[0]}"] = {
                    "simple": [float(fit.overall_att), float(fit.overall_se)],
                    "event": [float(v["effect"]) for v in events.values()],
                    "event std_error": [float(v["se"]) for v in events.values()],
                }
    source = (
        f"diff-diff {version('diff-diff')} on tests.support.did.staggered_world, seed 1, whole and "
        "with gaps of 10 %; conservative standard errors. "
        "Written by scripts/golden_imputation_did.py."
    )
    path = ROOT / "tests/golden/imputation_did.json"
    path.write_text(json.dumps({"source": source, "results": out}, indent=1) + "\n")


if __name__ == "__main__":
    main()
