"""Check what a built wheel holds: the library and its templates, no tests, no docs.

python scripts/check_wheel.py dist/cximpact-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import PurePosixPath

NEEDED = (
    "cximpact/__init__.py",
    "cximpact/py.typed",
    "cximpact/report/templates/what_if.js",
)


def faults(names: list[str]) -> list[str]:
    """List what a wheel with these files has too much or too little."""
    tops = {PurePosixPath(name).parts[0] for name in names}
    strangers = {t for t in tops if t != "cximpact" and not t.endswith(".dist-info")}
    found = [f"it also installs {name}" for name in sorted(strangers)]
    found += [f"{name} is missing" for name in NEEDED if name not in names]
    if not any(".html" in n and n.startswith("cximpact/report/templates/") for n in names):
        found.append("the template of the report is missing")
    if not any(n.endswith("licenses/LICENSE") for n in names):
        found.append("the license is missing")
    litter = [n for n in names if "/tests/" in n or n.endswith((".pyc", ".ipynb"))]
    return found + [f"{name} does not belong" for name in litter]


def main(path: str) -> None:
    """Print the verdict and fail on a fault."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
    found = faults(names)
    print(f"{path.rsplit('/', 1)[-1]}: {len(names)} files" + "".join(f"\n  {f}" for f in found))
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
