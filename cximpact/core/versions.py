"""Versions of the libraries that a result depends on, without importing them."""

from __future__ import annotations

import platform
from importlib import metadata

USUAL = ("numpy", "scipy", "pandas", "xarray", "narwhals")


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of cximpact, Python packages by name.

    Parameters
    ----------
    *packages : str
        Distribution names; those that are not installed are left out. Without any, Python
        and the libraries that every result depends on.

    Returns
    -------
    dict of str to str
        Name to version, ``cximpact`` first.
    """
    found: dict[str, str] = {}
    for name in ("cximpact", *(packages or USUAL)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found if packages else found | {"python": platform.python_version()}
