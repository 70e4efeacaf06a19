"""Confidence sets that need not be intervals: what a test does not reject, wherever that lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from cximpact.core.wording import number, with_unit

_LINE = (-math.inf, math.inf)


@dataclass(frozen=True, kw_only=True)
class ConfidenceSet:
    """All effects that a test does not reject.

    Parameters
    ----------
    pieces : tuple of (float, float)
        Intervals that make up the set, ascending; ends may be infinite.
    prob : float
        Confidence.
    """

    pieces: tuple[tuple[float, float], ...]
    prob: float

    @property
    def kind(self) -> str:
        """One of bounded, rays, half line, whole line and empty."""
        if not self.pieces:
            return "empty"
        if self.pieces == (_LINE,):
            return "whole line"
        if self.is_bounded:
            return "bounded"
        return "rays" if len(self.pieces) > 1 else "half line"

    @property
    def is_bounded(self) -> bool:
        """Whether the set has a least and a greatest effect."""
        return bool(self.pieces) and all(math.isfinite(x) for x in self.hull)

    @property
    def hull(self) -> tuple[float, float]:
        """The shortest interval that holds the set; not a number where it is empty."""
        if not self.pieces:
            return (math.nan, math.nan)
        return (self.pieces[0][0], self.pieces[-1][1])

    def contains(self, effect: float) -> bool:
        """Say whether an effect lies in the set.

        Parameters
        ----------
        effect : float
            The effect.

        Returns
        -------
        bool
            True where the test does not reject it.
        """
        return any(low <= effect <= high for low, high in self.pieces)

    def words(self, scale: str = "outcome") -> str:
        """Describe the set in words.

        Parameters
        ----------
        scale : str, default "outcome"
            Meaning of the numbers, as in `Estimand`.

        Returns
        -------
        str
            One sentence; it never makes an interval of what is none.
        """
        level = f"{100 * self.prob:g}%"
        if self.kind == "empty":
            return f"The {level} set is empty: no effect fits the design's assumptions."
        if self.kind == "whole line":
            return (
                f"The {level} set is the whole line: the data rule out no effect at all, as too "
                "few were moved."
            )
        if self.kind == "rays":
            inner = f"{number(100 * self.pieces[0][1])} and {number(100 * self.pieces[-1][0])}"
            if scale == "pp":
                between = f"{inner} percentage points"
            else:
                between = f"{number(self.pieces[0][1])} and {number(self.pieces[-1][0])}"
            return (
                f"The {level} set is two rays: effects between {between} are ruled out, all "
                "smaller and all greater ones are not."
            )
        parts = " or ".join(_piece(low, high, scale) for low, high in self.pieces)
        return f"The {level} set is {parts}."


class InvertedTest(Protocol):
    """Whatever gives a confidence set at any level."""

    def confidence_set(self, prob: float) -> ConfidenceSet:
        """Return the effects that are not rejected.

        Parameters
        ----------
        prob : float
            Confidence.

        Returns
        -------
        ConfidenceSet
            The set.
        """
        ...


def _piece(low: float, high: float, scale: str) -> str:
    if math.isinf(low):
        return f"everything up to {with_unit(high, scale)}"
    if math.isinf(high):
        return f"everything from {with_unit(low, scale)}"
    return f"{with_unit(low, scale)} to {with_unit(high, scale)}"
