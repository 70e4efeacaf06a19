"""Importing the package stays cheap; how cheap is measured by benchmarks/import_time.py."""

import json
import subprocess
import sys

HEAVY = ["pymc", "pytensor", "nutpie", "arviz", "sklearn", "linearmodels", "matplotlib", "duckdb"]
CODE = "import json, sys; import {name}; print(json.dumps(sorted(sys.modules)))"


def loaded(name: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", CODE.format(name=name)], capture_output=True, text=True, check=True
    )
    return set(json.loads(out.stdout))


def test_importing_the_package_loads_nothing_heavy():
    tops = {module.split(".")[0] for module in loaded("cximpact")}
    assert not tops & set(HEAVY)


def test_importing_the_package_loads_little_beyond_pandas():
    assert len(loaded("cximpact") - loaded("pandas")) < 50
