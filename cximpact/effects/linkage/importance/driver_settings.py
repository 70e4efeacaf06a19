"""Settings of a search for drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_count, check_number

MEASURES = ("r2", "deviance")
DRAWS = {"r2": 400, "deviance": 50}


@dataclass(frozen=True, kw_only=True, eq=False)
class DriverSettings:
    """How drivers are looked for.

    Parameters
    ----------
    measure : {"r2", "deviance"}
        What is shared out: R2 of a linear regression, or for a 0/1 outcome the share of deviance
        that a logistic regression explains (McFadden's R2; at most 10 drivers).
    draws : int, optional
        Draws of the Bayesian bootstrap; 400 by default, 50 for ``"deviance"``.
    groups : mapping of str to sequence of str
        Ratings that count as one driver, by the name of the driver.
    collinear : float, default 0.9
        Ratings whose correlation is at least this strong become one driver, and so do ratings of
        which one can be told from the others exactly.
    orders : int, default 120
        Orders that are sampled in each draw where there are more than 15 drivers.
    max_drivers : int, default 5
        Most drivers that are selected.
    threshold : float, default 0.9
        Share of halves in which a driver must be chosen to be selected, from 0.6 to 0.9.
    pairs : int, default 50
        Pairs of halves.
    per_half : int, optional
        How many drivers are chosen in each half; ``max_drivers`` by default, but at most half of
        all drivers.

    Raises
    ------
    ConfigError
        If a setting is out of its range.
    """

    measure: str = "r2"
    draws: int | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    collinear: float = 0.9
    orders: int = 120
    max_drivers: int = 5
    threshold: float = 0.9
    pairs: int = 50
    per_half: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.measure, "measure", MEASURES)
        if self.draws is not None:
            check_count(self.draws, "draws", low=2)
        if not isinstance(self.groups, Mapping):
            raise ConfigError(
                f"groups is {self.groups!r}; expected a mapping from a name to its ratings."
            )
        check_number(self.collinear, "collinear", low=0.5, high=1)
        for name in ("orders", "max_drivers", "pairs"):
            check_count(getattr(self, name), name)
        check_number(self.threshold, "threshold", low=0.6, high=0.9)
        if self.per_half is not None:
            check_count(self.per_half, "per_half")

    @property
    def n_draws(self) -> int:
        """How many draws are taken."""
        return DRAWS[self.measure] if self.draws is None else self.draws

    def chosen_per_half(self, players: int) -> int:
        """Return how many drivers are chosen in each half.

        Parameters
        ----------
        players : int
            How many there are.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        ConfigError
            If ``per_half`` is not below the number of drivers.
        """
        if self.per_half is None:
            return max(1, min(self.max_drivers, players // 2))
        if self.per_half >= players:
            raise ConfigError(
                f"per_half is {self.per_half} of {players} drivers; choosing all tells nothing."
            )
        return self.per_half
