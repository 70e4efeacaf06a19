"""Where a result comes from, without a timestamp: equal work compares equal."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import numbers
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import ConfigError
from cximpact.core.fingerprint import fingerprint


@dataclass(frozen=True, kw_only=True, eq=False)
class Provenance:
    """Where a result comes from. It holds no timestamp, so equal work compares equal.

    Parameters
    ----------
    method : str
        Estimator and its variant.
    data_hash : str
        Fingerprint of the data.
    settings : mapping
        Settings of the estimator.
    seed : int, optional
        Seed of the run. Where a Generator or nothing was given, draw one with
        `core.rng.seed_of` and run with that, so that two runs never pass for one.
    versions : mapping
        Versions of the libraries that matter, from `core.versions.versions`.
    parents : tuple of str
        Sources of the draws that went in.
    notes : tuple of str
        What a reader must know: dropped rows, failed gates that were overruled.
    """

    method: str
    data_hash: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("settings", "versions"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("parents", "notes"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ConfigError(f"{name} is the text {value!r}; expected a tuple of texts.")
            object.__setattr__(self, name, tuple(value))

    @property
    def source(self) -> str:
        """Identifier of the fit, from method, data, settings and seed."""
        text = _text([self.method, self.data_hash, self.settings, self.seed])
        return f"{self.method}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def as_dict(self) -> dict[str, Any]:
        """Return the provenance in types that JSON can hold.

        Returns
        -------
        dict
            One entry a field; arrays and tables appear as fingerprints.
        """
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Provenance):
            return NotImplemented
        return _text(self.as_dict()) == _text(other.as_dict())

    def __hash__(self) -> int:
        return hash(_text(self.as_dict()))


def _text(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    """Reduce a setting to plain types whose text depends on its content alone."""
    match value:
        case None | bool() | str():
            return value
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            return float(value)
        case np.ndarray() | pd.DataFrame() | pd.Series() | xr.DataArray() | xr.Dataset():
            return f"{type(value).__name__} {fingerprint(value)}"
        case Mapping():
            pairs = cast("Mapping[Any, Any]", value)
            return {str(k): _plain(v) for k, v in pairs.items()}
        case Set():
            return sorted((_plain(v) for v in cast("Set[Any]", value)), key=_text)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_plain(v) for v in cast("Sequence[Any]", value)]
        case _:
            return _described(value)


def _described(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return [type(value).__qualname__, fields]
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    if " at 0x" in text:
        raise ConfigError(
            f"a setting of type {type(value).__name__} has no lasting description; expected "
            "plain values, arrays or objects whose repr shows their settings."
        )
    return text
