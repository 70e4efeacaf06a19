"""What the recovery designs share: scales, provenance and the words of their notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from cximpact.core.provenance import Provenance
from cximpact.core.versions import versions


def scale_of(outcome: np.ndarray, stated: str | None) -> str:
    """Return the scale of an outcome's effects.

    Parameters
    ----------
    outcome : numpy.ndarray
        Outcomes.
    stated : str or None
        What the user said.

    Returns
    -------
    str
        ``"pp"`` where every outcome is 0 or 1, else the outcome's own unit.
    """
    if stated is not None:
        return stated
    return "pp" if np.isin(outcome, (0.0, 1.0)).all() else "outcome"


def provenance_of(
    method: str, settings: Any, *, data_hash: str, seed: int, notes: tuple[str, ...]
) -> Provenance:
    """Record where a result comes from.

    Parameters
    ----------
    method : str
        Name of the design.
    settings : dataclass
        The estimator.
    data_hash : str
        Fingerprint of the data.
    seed : int
        Seed of the run.
    notes : tuple of str
        What a reader must know.

    Returns
    -------
    Provenance
        The record.
    """
    fields: Mapping[str, Any] = {
        f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)
    }
    return Provenance(
        method=method,
        data_hash=data_hash,
        settings={k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()},
        seed=seed,
        versions=versions("numpy", "scipy"),
        notes=notes,
    )
