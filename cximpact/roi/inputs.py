"""The uncertain inputs of a simulation: where they enter, and what it is like to hold one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cximpact.roi.resolve import Resolved

_WORDS = {
    "tau": "effect",
    "one_off": "one-off cost",
    "recurring": "recurring cost",
    "per_treated": "cost per customer",
}
_SEGMENT = ("tau", "value", "baseline")


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """One uncertain input, wherever it enters.

    Parameters
    ----------
    name : str
        Such as ``"callback: effect"``; initiatives that share it are joined by a plus.
    values : numpy.ndarray, shape (sample,)
        Its draws.
    unit : str
        ``"pp"`` for a change of a rate; else empty.
    places : tuple of tuple
        Initiative, segment (-1 for a cost) and what it is there.
    """

    name: str
    values: np.ndarray
    unit: str
    places: tuple[tuple[int, int, str], ...]

    def held(self, items: Sequence[Resolved], value: float) -> list[Resolved]:
        """Return the initiatives with this input at one number, all else as drawn.

        Parameters
        ----------
        items : sequence of Resolved
            The initiatives.
        value : float
            The number.

        Returns
        -------
        list of Resolved
            New ones where it enters.
        """
        out = list(items)
        for i, k, what in self.places:
            if k < 0:
                out[i] = replace(out[i], costs={**out[i].costs, what: value})
                continue
            segments = list(out[i].segments)
            segments[k] = replace(segments[k], **{what: value})
            out[i] = replace(out[i], segments=tuple(segments))
        return out


def inputs_of(items: Sequence[Resolved]) -> list[Input]:
    """Collect everything that varies over the draws.

    Parameters
    ----------
    items : sequence of Resolved
        The initiatives of a simulation.

    Returns
    -------
    list of Input
        What several initiatives share is one input.
    """
    found: list[Input] = []
    for i, item in enumerate(items):
        for k, what, values in _parts(item):
            if values.ndim == 0 or np.ptp(values) == 0:
                continue
            name = item.initiative.name
            if k >= 0 and isinstance(item.initiative.n, Mapping):
                name += f"[{list(item.initiative.n)[k]}]"
            unit = (
                "pp" if what == "tau" and item.scale != "money" and item.scale != "outcome" else ""
            )
            one = Input(name=name, values=values, unit=unit, places=((i, k, what),))
            _add(found, one, what)
    return [replace(one, name=f"{one.name}: {_word(one)}") for one in found]


def _parts(item: Resolved) -> list[tuple[int, str, np.ndarray]]:
    segments = [
        (k, what, np.asarray(getattr(segment, what)))
        for k, segment in enumerate(item.segments)
        for what in _SEGMENT
    ]
    return segments + [(-1, kind, np.asarray(cost)) for kind, cost in item.costs.items()]


def _add(found: list[Input], one: Input, what: str) -> None:
    """Append an input, or the place of one that is there already."""
    for at, other in enumerate(found):
        if other.places[0][2] == what and np.array_equal(other.values, one.values):
            names = dict.fromkeys([*other.name.split(" + "), one.name])
            found[at] = replace(other, name=" + ".join(names), places=(*other.places, *one.places))
            return
    found.append(one)


def _word(one: Input) -> str:
    what = one.places[0][2]
    return _WORDS.get(what, what)
