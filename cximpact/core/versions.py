"""Versions of the libraries that a result depends on, without importing them."""

from __future__ import annotations

from importlib import metadata


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of cximpact, Python packages by name.

    Parameters
    ----------
    *packages : str
        Distribution names; those that are not installed are left out.

    Returns
    -------
    dict of str to str
        Name to version, ``cximpact`` first.
    """
    found: dict[str, str] = {}
    for name in ("cximpact", *packages):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
