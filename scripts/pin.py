"""Write the exact versions of uv.lock into pyproject.toml.

The lock file names package hosts and is not committed; the constraints carry its versions.

    uv lock --upgrade && python scripts/pin.py
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.DOTALL | re.MULTILINE)


def pins(lock: dict) -> list[str]:
    """List ``name==version``, with a marker where the lock holds several versions."""
    packages = [p for p in lock["package"] if "registry" in p["source"]]
    copies = Counter(p["name"] for p in packages)
    lines = []
    for package in packages:
        pin = f"{package['name']}=={package['version']}"
        if copies[package["name"]] > 1:
            pin += f" ; {python_range(package['resolution-markers'])}"
        lines.append(pin)
    return sorted(lines)


def python_range(markers: list[str]) -> str:
    """Join the markers of one version; platforms are dropped, as all of them are listed."""
    parts = {re.sub(r" and sys_platform .*", "", marker) for marker in markers}
    return " or ".join(sorted(parts))


def main() -> None:
    """Rewrite the constraints in place."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    lines = "".join(f'    "{pin}",\n' for pin in pins(lock))
    path = ROOT / "pyproject.toml"
    text, changed = BLOCK.subn(f"constraint-dependencies = [\n{lines}]\n", path.read_text())
    if changed != 1:
        raise SystemExit("pyproject.toml has no [tool.uv] constraint-dependencies to rewrite")
    path.write_text(text)


if __name__ == "__main__":
    main()
