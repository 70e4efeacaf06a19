"""Estimate group-time effects of a simulated panel with csdid and store what it says.

    uv run --with csdid python scripts/golden_group_time.py

csdid follows R's `did` 2.x. The world is made again in the test from the same seeds.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from csdid.att_gt import ATTgt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.did import staggered_world  # noqa: E402

NEVER, NOT_YET = "nevertreated", "notyettreated"


def cells(frame: pd.DataFrame, est: str, base: str = "varying", **settings: Any) -> dict[str, Any]:
    """Return effects and analytic standard errors by cohort and period."""
    roles = {"yname": "y", "tname": "t", "gname": "g", "idname": "unit", "xformla": "~x1+x2"}
    fit = ATTgt(data=frame.copy(), **(roles | settings))
    found = fit.fit(est_method=est, base_period=base, bstrap=False).results
    columns = {"cohort": "group", "period": "year", "estimate": "att", "std_error": "se"}
    return {k: [float(v) for v in np.ravel(found[name])] for k, name in columns.items()}


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    whole = staggered_world(np.random.default_rng(1))
    gaps = staggered_world(np.random.default_rng(2), gaps=0.1)
    people = whole.assign(unit=np.arange(len(whole)))
    out: dict[str, Any] = {}
    for est in ("dr", "ipw", "reg"):
        out[f"panel {est}"] = cells(whole, est, control_group=NEVER)
        out[f"weights {est}"] = cells(whole, est, control_group=NEVER, weights_name="w")
        out[f"people {est}"] = cells(people, est, control_group=NOT_YET, panel=False)
        out[f"levels {est}"] = cells(gaps, est, control_group=NOT_YET, allow_unbalanced_panel=True)
        out[f"drop {est}"] = cells(gaps, est, control_group=NEVER)
    out["anticipation"] = cells(whole, "dr", control_group=NOT_YET, anticipation=1)
    out["universal"] = cells(whole, "dr", "universal", control_group=NOT_YET)
    source = (
        f"csdid {version('csdid')} (a Python edition of R's did) on tests.support.did."
        "staggered_world, seeds 1 and, with gaps of 10 %, 2; analytic standard errors. "
        "Written by scripts/golden_group_time.py."
    )
    path = ROOT / "tests/golden/group_time.json"
    path.write_text(json.dumps({"source": source, "results": out}, indent=1) + "\n")


if __name__ == "__main__":
    main()
