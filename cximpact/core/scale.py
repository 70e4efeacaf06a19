"""The scale on which a survey question is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, ScaleError, join_names, rows_phrase
from cximpact.core.validate import check_number, check_vector

_MISSING_CODES = frozenset({-1, -8, -9, 66, 77, 88, 97, 98, 99, 777, 888, 998, 999, 9999})


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreScale:
    """A score scale: its answers, its classes of answers and its direction.

    Parameters
    ----------
    name : str
        Such as ``"NPS"``.
    low, high : float
        Smallest and largest answer.
    higher_is_better : bool
        Direction.
    step : float, default 1
        Distance between answers.
    bands : mapping of str to tuple of (low, high)
        Named classes of answers, both ends included, such as ``detractor: (0, 6)``.
    weights : mapping of str to float
        What an answer in each band adds to the score. Empty: the score is the mean answer.
    unit : str, default "score points"
        Unit of the score.
    score_range : tuple of float, optional
        Range of the score itself; -100 to 100 for NPS. The range of the answers by default.
    """

    name: str
    low: float
    high: float
    higher_is_better: bool
    step: float = 1.0
    bands: Mapping[str, tuple[float, float]] = MappingProxyType({})
    weights: Mapping[str, float] = MappingProxyType({})
    unit: str = "score points"
    score_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        low, high = check_number(self.low, "low"), check_number(self.high, "high")
        step = check_number(self.step, "step", low=0, open_low=True)
        if high <= low or abs((high - low) / step - round((high - low) / step)) > 1e-9:
            raise ConfigError(
                f"Scale {self.name!r} runs from {low:g} to {high:g} by {step:g}; "
                "expected low < high and a whole number of steps."
            )
        for band, ends in self.bands.items():
            start, end = _pair(ends, f"Band {band!r} of scale {self.name!r}")
            if not low <= start <= end <= high:
                raise ConfigError(
                    f"Band {band!r} of scale {self.name!r} is ({start:g}, {end:g}); "
                    f"expected an interval within {low:g} to {high:g}."
                )
        if unknown := sorted(self.weights.keys() - self.bands.keys()):
            raise ConfigError(
                f"Weights of scale {self.name!r} name unknown bands {join_names(unknown)}; "
                f"it has {join_names(list(self.bands))}."
            )
        for band, weight in self.weights.items():
            check_number(weight, f"weight of band {band!r}")
        if self.score_range is not None:
            bottom, top = _pair(self.score_range, f"score_range of scale {self.name!r}")
            if bottom >= top:
                raise ConfigError(f"score_range of scale {self.name!r} is {self.score_range}.")
        object.__setattr__(self, "bands", MappingProxyType(dict(self.bands)))
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))
        counted = sum((self.in_band(self.values, band).astype(int) for band in self.weights), 0)
        if np.max(counted) > 1:
            raise ConfigError(
                f"Bands {join_names(list(self.weights))} of scale {self.name!r} overlap; "
                "an answer can add only one weight to the score."
            )

    @property
    def values(self) -> np.ndarray:
        """All possible answers, shape (category,), ascending."""
        return self.low + self.step * np.arange(self.n_categories)

    @property
    def n_categories(self) -> int:
        """How many answers there are."""
        return round((self.high - self.low) / self.step) + 1

    @property
    def score_weights(self) -> np.ndarray:
        """What each answer adds to the score, shape (category,)."""
        if not self.weights:
            return self.values
        out = np.zeros(self.n_categories)
        for band, weight in self.weights.items():
            out[self.in_band(self.values, band)] = weight
        return out

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest possible score."""
        if self.score_range is not None:
            return self.score_range
        weights = self.score_weights
        return float(weights.min()), float(weights.max())

    def in_band(self, answers: ArrayLike, band: str) -> np.ndarray:
        """Say which answers lie in a band.

        Parameters
        ----------
        answers : array_like
            Answers on the scale.
        band : str
            Name of the band.

        Returns
        -------
        numpy.ndarray of bool
            Same shape as ``answers``.

        Raises
        ------
        ConfigError
            If the scale has no such band.
        """
        if band not in self.bands:
            raise ConfigError(f"Scale {self.name!r} has no band {band!r}; it has {[*self.bands]}.")
        start, end = self.bands[band]
        answers = np.asarray(answers, dtype=float)
        return (answers >= start - 1e-9) & (answers <= end + 1e-9)

    def check(self, answers: ArrayLike, name: str = "answer") -> np.ndarray:
        """Check complete answers against the scale.

        Parameters
        ----------
        answers : array_like, shape (n,)
            Answers without missing values.
        name : str, default "answer"
            How the message calls them.

        Returns
        -------
        numpy.ndarray, shape (n,)
            The answers as floats.

        Raises
        ------
        ScaleError
            If an answer lies outside the scale or between its steps.
        """
        array = check_vector(answers, name)
        outside = np.flatnonzero((array < self.low) | (array > self.high))
        if outside.size:
            hint = self.missing_code_hint(array[outside])
            raise ScaleError(
                f"{name} ranges from {array.min():g} to {array.max():g} but scale {self.name} "
                f"runs from {self.low:g} to {self.high:g}: {rows_phrase(outside)}.{hint}"
            )
        steps = (array - self.low) / self.step
        between = np.flatnonzero(np.abs(steps - np.round(steps)) > 1e-9)
        if between.size:
            raise ScaleError(
                f"{name} has values between the steps of scale {self.name} "
                f"({self.low:g} to {self.high:g} by {self.step:g}): {rows_phrase(between)}."
            )
        return array

    def missing_code_hint(self, answers: ArrayLike) -> str:
        """Point out values off the scale that are often codes for a missing answer.

        Parameters
        ----------
        answers : array_like
            Values that were found.

        Returns
        -------
        str
            A sentence, or nothing.
        """
        found = {float(v) for v in np.ravel(answers)} & _MISSING_CODES
        codes = sorted(v for v in found if not self.low <= v <= self.high)
        return f" {codes[0]:g} looks like a missing code: make it missing." if codes else ""

    def shift_hint(self, lowest: float, highest: float, n: int, n_lowest: int | None = None) -> str:
        """Say when answers on a scale from 0 look as if they were given on one from 1.

        Parameters
        ----------
        lowest, highest : float
            Smallest and largest answer that was found.
        n : int
            How many answers there are; below 100 the lack of zeros says little.
        n_lowest : int, optional
            How many gave the smallest answer. Fewer than 10 are a thin tail in which zeros may
            well be missing by chance.

        Returns
        -------
        str
            A sentence, or nothing.
        """
        if self.low != 0 or self.high < 2 or n < 100 or (lowest, highest) != (1, self.high):
            return ""
        if n_lowest is not None and n_lowest < 10:
            return ""
        return (
            f"{n} answers hold no 0 although scale {self.name} starts there: was the question "
            f"asked on a scale from 1 to {self.high:g}?"
        )

    def codes(self, answers: ArrayLike, name: str = "answer") -> np.ndarray:
        """Turn complete answers into category numbers from 0.

        Parameters
        ----------
        answers : array_like, shape (n,)
            Answers without missing values.
        name : str, default "answer"
            How the message calls them.

        Returns
        -------
        numpy.ndarray of int, shape (n,)
            0 for ``low`` up to ``n_categories - 1``.
        """
        return np.round((self.check(answers, name) - self.low) / self.step).astype(int)


def _pair(ends: object, name: str) -> tuple[float, float]:
    if not isinstance(ends, tuple | list) or len(cast("tuple[object, ...]", ends)) != 2:
        raise ConfigError(f"{name} is {ends!r}; expected a pair (low, high).")
    first, second = cast("tuple[object, object]", ends)
    return check_number(first, f"low of {name}"), check_number(second, f"high of {name}")
