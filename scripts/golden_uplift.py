"""Rank small fixed data sets with scikit-uplift and store what it says.

    uv run --with scikit-uplift python scripts/golden_uplift.py

The data are stored beside the numbers. Uplift at k is stored where no tie is at the boundary.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklift import metrics

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.uplift_curves import fixed_cases  # noqa: E402


def results(case: dict[str, list[float]]) -> dict[str, Any]:
    """Return areas, curves and uplift at k of one data set."""
    y, t, s = (np.array(case[name]) for name in ("outcome", "treatment", "score"))
    out: dict[str, Any] = {
        "qini perfect": metrics.qini_auc_score(y, s, t),
        "auuc perfect": metrics.uplift_auc_score(y, s, t),
    }
    if y[t == 1].mean() > y[t == 0].mean():
        out["qini perfect_no_harm"] = metrics.qini_auc_score(y, s, t, negative_effect=False)
    for name, curve in (
        ("qini curve", metrics.qini_curve(y, s, t)),
        ("uplift curve", metrics.uplift_curve(y, s, t)),
        ("perfect qini curve", metrics.perfect_qini_curve(y, t)),
        ("perfect uplift curve", metrics.perfect_uplift_curve(y, t)),
    ):
        out[name] = [np.asarray(part).tolist() for part in curve]
    if len(set(case["score"])) == len(s):
        out["uplift at k"] = {
            f"{strategy} {k}": metrics.uplift_at_k(y, s, t, strategy=strategy, k=k)
            for strategy in ("overall", "by_group")
            for k in (0.1, 0.29, 0.3, 0.5, 15)
        }
    return out


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    cases = fixed_cases()
    document = {
        "source": (
            f"scikit-uplift {version('scikit-uplift')} on four small data sets, which are stored "
            "here. Written by scripts/golden_uplift.py."
        ),
        "tolerance": 1e-9,
        "cases": {name: {"data": case, "results": results(case)} for name, case in cases.items()},
    }
    path = ROOT / "tests/golden/uplift_curves.json"
    path.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
