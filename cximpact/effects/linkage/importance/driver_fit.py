"""Rows of a search for drivers as columns of one scale, with all their sets of weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from scipy import linalg

from cximpact.core.errors import DtypeError
from cximpact.core.rng import spawn
from cximpact.effects.linkage.importance.deviance_shares import share_deviance
from cximpact.effects.linkage.importance.driver_settings import DriverSettings
from cximpact.effects.linkage.importance.rating_columns import RatingColumns
from cximpact.effects.linkage.importance.rating_players import Players
from cximpact.effects.linkage.importance.second_moments import weighted_means
from cximpact.effects.linkage.importance.shares import EXACT_PLAYERS, SharedVariance
from cximpact.effects.linkage.resampling import bootstrap_weights
from cximpact.scores.logit import fit_logit


@dataclass(frozen=True, kw_only=True, eq=False)
class DriverFit:
    """Columns of all rows side by side, and what is made of them.

    Parameters
    ----------
    data : RatingColumns
        Rows.
    players : Players
        Drivers and their columns.
    options : DriverSettings
        How to look for them.
    seed : int
        Randomness.
    """

    data: RatingColumns
    players: Players
    options: DriverSettings
    seed: int
    columns: np.ndarray = field(init=False, repr=False)
    center: np.ndarray = field(init=False, repr=False)
    scale: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = self.data.rows
        names = [*self.players.columns, self.data.outcome]
        raw = np.column_stack([rows.design, *(self.data.column(name) for name in names)])
        center = np.average(raw, axis=0, weights=rows.weight)
        spread = np.sqrt(np.average((raw - center) ** 2, axis=0, weights=rows.weight))
        scale = np.where(spread > 0, spread, 1.0)
        for name, value in (("columns", (raw - center) / scale), ("center", center),
                            ("scale", scale)):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def first(self) -> int:
        """How many columns are always in."""
        return len(self.data.rows.terms)

    def weights(self) -> Iterator[np.ndarray]:
        """Yield the weights as given, then those of the draws; the same each time.

        Yields
        ------
        numpy.ndarray, shape (set, row)
            Sets of weights.
        """
        rows = self.data.rows
        drawn = bootstrap_weights(
            rows.cluster, rows.weight, self.options.n_draws, rng=spawn(self.seed, "bootstrap")[0]
        )
        return chain([rows.weight[None]], drawn)

    def orders(self) -> int:
        """Return how many orders are sampled.

        Returns
        -------
        int
            0 where all are taken.
        """
        return self.options.orders if self.players.n > EXACT_PLAYERS else 0

    def performance(self, moments: np.ndarray) -> np.ndarray:
        """Return the mean rating of each driver among those who rated.

        Parameters
        ----------
        moments : numpy.ndarray, shape (draw, 1 + column, 1 + column)
            Second moments of the columns.

        Returns
        -------
        numpy.ndarray, shape (draw, driver)
            Means in points; of several ratings, the mean of their means.
        """
        mean = weighted_means(moments)[:, self.first :]
        mean = mean * self.scale[self.first :] + self.center[self.first :]
        at = {name: i for i, name in enumerate(self.players.columns)}
        out = []
        for own in self.players.ratings:
            parts = []
            for name in own:
                blank = sum((mean[:, at[m]] for m in self.data.marks[name]), np.zeros(len(mean)))
                fill = self.data.fills.get(name, 0.0)
                parts.append((mean[:, at[name]] - fill * blank) / (1 - blank))
            out.append(np.mean(parts, axis=0))
        return np.column_stack(out)

    def deviance(self) -> SharedVariance:
        """Share out the deviance of a 0/1 outcome.

        Returns
        -------
        SharedVariance
            Shares of deviance.

        Raises
        ------
        DtypeError
            If the outcome is not 0 and 1.
        SeparationError
            If ratings predict it perfectly.
        """
        y = self.data.column(self.data.outcome)
        if not np.isin(y, (0, 1)).all():
            raise DtypeError(
                f"Column {self.data.outcome!r} holds other values than 0 and 1; measure='deviance' "
                "is for yes and no. Take measure='r2'."
            )
        m, w = self.first, self.data.rows.weight
        design = np.column_stack([np.ones(y.size), self.columns[:, :m]])
        inside = self.columns[:, m:-1]
        full = np.column_stack([design, inside])
        r, pivot = linalg.qr(full * np.sqrt(w)[:, None], mode="r", pivoting=True)[-2:]
        size = np.abs(np.diag(r))
        kept = np.sort(pivot[: size.size][size > 1e-7 * size[0]])
        named = ["constant", *self.data.rows.terms, *self.players.columns]
        fit_logit(full[:, kept], w * y, w, [named[i] for i in kept])  # refuses separation by name
        return share_deviance(design, inside, self.players.edges, y, self.weights())
