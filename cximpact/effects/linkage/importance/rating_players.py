"""Players: ratings that get a share of their own, or share one because they say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ConfigError, RankError, join_names
from cximpact.core.wording import number
from cximpact.data import frames
from cximpact.effects.linkage.importance.rating_columns import RatingColumns

_EXACT = 1e-9
_INVOLVED = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class Players:
    """Who shares out the explained variance, and their columns side by side.

    Parameters
    ----------
    names : tuple of str
        Drivers: ratings, or groups of them.
    ratings : tuple of tuple of str
        Ratings of each.
    columns : tuple of str
        Ratings and the columns that say where they are blank, driver by driver.
    edges : numpy.ndarray of int, shape (driver + 1,)
        Where the columns of each driver start.
    notes : tuple of str
        Which ratings were put together, and why.
    """

    names: tuple[str, ...]
    ratings: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = field(repr=False)
    edges: np.ndarray = field(repr=False)
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many drivers there are."""
        return len(self.names)

    def places(self, j: int) -> list[int]:
        """Return where the ratings of a driver stand among the columns.

        Parameters
        ----------
        j : int
            Number of the driver.

        Returns
        -------
        list of int
            Positions, without those of marks.
        """
        return [self.columns.index(name) for name in self.ratings[j]]


def make_players(
    data: RatingColumns, groups: Mapping[str, Sequence[str]], collinear: float
) -> Players:
    """Put ratings into groups where that was asked or where they say the same.

    Parameters
    ----------
    data : RatingColumns
        Ratings.
    groups : mapping of str to sequence of str
        Groups that were asked for.
    collinear : float
        Correlation from which ratings count as one.

    Returns
    -------
    Players
        In the order of the ratings.

    Raises
    ------
    ConfigError
        If a group names something else than ratings, or a rating twice.
    RankError
        If one driver is left.
    """
    owner = _asked(data.ratings, groups)
    x = np.column_stack([data.column(name) for name in data.ratings])
    labels = np.array([owner[name] for name in data.ratings], dtype=object)
    joined = _joined(_close(x, data.rows.weight, collinear), labels)
    members: dict[int, list[str]] = {}
    for name, root in zip(data.ratings, joined, strict=True):
        members.setdefault(root, []).append(name)
    names, notes = [], []
    for own in members.values():
        asked = list(dict.fromkeys(owner[name] for name in own))
        names.append(asked[0] if len(asked) == 1 else " + ".join(asked))
        if len(asked) > 1:
            notes.append(
                f"{join_names(asked)} say nearly the same (correlation {number(collinear)} or "
                "more, or one told exactly by the others) and share one driver."
            )
    if len(names) < 2:
        raise RankError(
            f"the ratings {join_names(data.ratings)} all say the same; there is one driver and "
            "nothing to compare."
        )
    blocks = [[c for name in own for c in (name, *data.marks[name])] for own in members.values()]
    return Players(
        names=tuple(names),
        ratings=tuple(tuple(own) for own in members.values()),
        columns=tuple(c for block in blocks for c in block),
        edges=np.cumsum([0, *map(len, blocks)]),
        notes=tuple(notes),
    )


def _asked(ratings: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Name the driver of each rating before anything is looked at."""
    owner = {name: name for name in ratings}
    seen: set[str] = set()
    for group, members in groups.items():
        own = frames.column_names(members, f"groups[{group!r}]")
        if strangers := [name for name in own if name not in owner]:
            raise ConfigError(
                f"groups[{group!r}] names {join_names(strangers)}; expected ratings among "
                f"{join_names(ratings)}."
            )
        if twice := [name for name in own if name in seen]:
            raise ConfigError(f"{join_names(twice)} is in two groups; put every rating in one.")
        if group in owner and group not in own:
            raise ConfigError(f"the group {group!r} is named like another rating; rename it.")
        seen.update(own)
        owner |= {name: str(group) for name in own}
    return owner


def _close(x: np.ndarray, weight: np.ndarray, collinear: float) -> np.ndarray:
    """Say of each pair of columns whether they are nearly or exactly dependent."""
    centered = x - np.average(x, axis=0, weights=weight)
    covariance = (centered * weight[:, None]).T @ centered
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / scale[:, None] / scale
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < _EXACT * len(values)]
    return (np.abs(correlation) >= collinear) | (np.abs(null @ null.T) > _INVOLVED)


def _joined(close: np.ndarray, labels: np.ndarray) -> list[int]:
    """Return for each column the number of the first that it is connected to."""
    linked = close | (labels[:, None] == labels)
    reach = linked | np.eye(len(linked), dtype=bool)
    while not np.array_equal(further := (reach.astype(int) @ reach.astype(int)) > 0, reach):
        reach = further
    return [int(row.argmax()) for row in reach]
