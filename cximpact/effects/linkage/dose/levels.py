"""Levels of a score: single scores, or bands of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.validate import check_vector

MANY = 60
FEW = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """Which level each row has.

    Parameters
    ----------
    value : numpy.ndarray, shape (level,)
        Scores, or the lower ends of bands, in order.
    code : numpy.ndarray of int, shape (row,)
        Level of each row.
    """

    value: np.ndarray
    code: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        """How many levels there are."""
        return self.value.size

    @property
    def n(self) -> np.ndarray:
        """Rows of each level."""
        return np.bincount(self.code, minlength=self.size)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of levels with few rows."""
        few = np.flatnonzero(self.n < FEW)
        if not few.size:
            return ()
        named = ", ".join(f"{self.value[k]:g} ({self.n[k]})" for k in few)
        return (f"Few rows have these levels: {named}; bands= would join them with others.",)


def levels_of(score: np.ndarray, bands: Sequence[float] | None) -> Levels:
    """Sort scores into levels.

    Parameters
    ----------
    score : numpy.ndarray, shape (row,)
        Scores.
    bands : sequence of float, optional
        Lower ends of bands; every score is a level by default.

    Returns
    -------
    Levels
        At least two.

    Raises
    ------
    ConfigError, InsufficientDataError
        If scores are too many for levels, are below the first band, or there is one level.
    """
    if bands is None:
        value, code = np.unique(score, return_inverse=True)
        if value.size > MANY:
            raise ConfigError(
                f"the score has {value.size:,} different values; give the lower ends of bands, as "
                "in bands=[0, 7, 9]."
            )
    else:
        ends = np.unique(check_vector(bands, "bands"))
        if score.min() < ends[0]:
            raise ConfigError(
                f"bands begin at {ends[0]:g}, but scores go down to {score.min():g}; begin at or "
                "below the lowest score."
            )
        found = np.searchsorted(ends, score, side="right") - 1
        used, code = np.unique(found, return_inverse=True)
        value = ends[used]
    if value.size < 2:
        raise InsufficientDataError(
            f"all {score.size:,} rows are at one level ({value[0]:g}); expected at least two."
        )
    return Levels(value=value, code=code)
