"""Fingerprints of data: equal content gives equal text, whatever the row index."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd


def fingerprint(*parts: Any) -> str:
    """Return a short, stable fingerprint of tables, arrays and plain values.

    Parameters
    ----------
    *parts : DataFrame, Series, array or plain value
        What to fingerprint; order matters, the index of a frame does not.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()[:16]


def _pieces(part: Any) -> list[bytes]:
    if isinstance(part, pd.DataFrame):
        names = [repr([str(c) for c in part.columns]).encode()]
        return names + [b for c in range(part.shape[1]) for b in _pieces(part.iloc[:, c])]
    if isinstance(part, pd.Series):
        return [pd.util.hash_pandas_object(part, index=False).to_numpy().astype("<u8").tobytes()]
    if isinstance(part, np.ndarray):
        if part.dtype.kind in "biuf":
            return [str(part.shape).encode(), part.astype("<f8").tobytes()]
        return [str(part.shape).encode(), *_pieces(pd.Series(part.ravel()))]
    return [repr(part).encode()]
