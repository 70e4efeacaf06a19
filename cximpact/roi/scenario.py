"""Scenarios: what the world does without us, what all initiatives share, and where they overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, join_names
from cximpact.core.rng import spawn
from cximpact.core.validate import check_choice, check_number

RULES = ("non_response", "logit", "interaction")
_FACTOR_DRAWS = 4000


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlap:
    """Initiatives that reach the same customers, whose effects do not simply add.

    Where coverage is below 1, an effect counts as one on all customers times the coverage: who is
    reached by one is as likely as anybody to be reached by another.

    Parameters
    ----------
    initiatives : sequence of str
        Names; they share customers, mechanism, baseline and value.
    rule : {"non_response", "logit", "interaction"}
        ``"non_response"``: a customer is moved if any moves them, ``1 - prod(1 - tau)``.
        ``"logit"``: effects add on the logit of the baseline rate. ``"interaction"``: they add,
        plus ``matrix[i, j] tau_i tau_j`` for each pair; -1 is non-response for two.
    matrix : pandas.DataFrame, optional
        Symmetric, by name; for ``"interaction"``.
    """

    initiatives: Sequence[str]
    rule: str = "non_response"
    matrix: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "initiatives", tuple(self.initiatives))
        if len(set(self.initiatives)) < 2 or len(set(self.initiatives)) < len(self.initiatives):
            raise ConfigError(
                f"overlap names {join_names(self.initiatives)}; expected two or more, each once."
            )
        check_choice(self.rule, "overlap.rule", RULES)
        if (self.matrix is None) == (self.rule == "interaction"):
            raise ConfigError("overlap.matrix goes with rule='interaction', and only with it.")
        if self.matrix is not None:
            _check_matrix(self.matrix, self.initiatives)

    def combine(
        self, taus: Sequence[np.ndarray], names: Sequence[str], base: np.ndarray
    ) -> np.ndarray:
        """Return the joint effect of some of the initiatives.

        Parameters
        ----------
        taus : sequence of numpy.ndarray
            Effect of each, in percentage points as fractions.
        names : sequence of str
            Their names.
        base : numpy.ndarray
            Rate without any.

        Returns
        -------
        numpy.ndarray
            Joint effect.
        """
        if len(taus) < 2:
            return taus[0] if taus else np.zeros(())
        if self.rule == "non_response":
            rest = 1.0
            for tau in taus:
                rest = rest * (1 - tau)
            return np.asarray(1 - rest)
        if self.rule == "logit":
            with np.errstate(divide="ignore"):
                odds = [np.log(base + t) - np.log1p(-(base + t)) for t in taus]
                start = np.log(base) - np.log1p(-base)
            return 1 / (1 + np.exp(-(sum(odds) - (len(taus) - 1) * start))) - base
        total = np.asarray(sum(taus))
        for i, a in enumerate(names):
            for j in range(i):
                total = total + float(self.matrix.loc[a, names[j]]) * taus[i] * taus[j]  # type: ignore[union-attr, arg-type]
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """A state of the world in which initiatives are valued, always against doing nothing in it.

    Parameters
    ----------
    name : str, default "as planned"
        How tables call it.
    effect, value, cost : float, default 1
        Multiples of what was planned: an effect of 0.8 is a realisation haircut of 20 %.
    retention_drift : float, default 0
        Change of the retention without any initiative, a period, as a fraction: the status quo
        has a trend too.
    growth : float, default 0
        Growth of the number of customers a period, as a fraction.
    shared : mapping of str to float
        Common causes, such as the market, with the standard deviation of their logarithm: each
        multiplies the value of all initiatives by one factor a draw, with mean 1.
    overlaps : sequence of Overlap
        Groups of initiatives that reach the same customers.
    """

    name: str = "as planned"
    effect: float = 1.0
    value: float = 1.0
    cost: float = 1.0
    retention_drift: float = 0.0
    growth: float = 0.0
    shared: Mapping[str, float] = field(default_factory=dict)
    overlaps: Sequence[Overlap] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"scenario.name is {self.name!r}; expected a name.")
        for key in ("effect", "value", "cost"):
            check_number(getattr(self, key), f"scenario.{key}", low=0)
        check_number(self.retention_drift, "scenario.retention_drift", low=-1, high=1)
        check_number(self.growth, "scenario.growth", low=-1)
        spreads = {
            str(k): check_number(v, f"scenario.shared.{k}", low=0) for k, v in self.shared.items()
        }
        object.__setattr__(self, "shared", MappingProxyType(spreads))
        object.__setattr__(self, "overlaps", tuple(self.overlaps))
        named = [name for group in self.overlaps for name in group.initiatives]
        if twice := sorted({n for n in named if named.count(n) > 1}):
            raise ConfigError(
                f"overlaps name {join_names(twice)} in two groups; put all that overlap in one."
            )

    def words(self) -> str:
        """Say what differs from the plan.

        Returns
        -------
        str
            One sentence; empty as planned.
        """
        parts = [
            f"{what} {getattr(self, what):g} times as planned"
            for what in ("effect", "value", "cost")
            if getattr(self, what) != 1
        ]
        if self.retention_drift:
            parts.append(
                f"retention moves by {100 * self.retention_drift:g} points a period by itself"
            )
        if self.growth:
            parts.append(f"customers grow by {100 * self.growth:g}% a period")
        parts += [f"{name} moves all values alike (sd {sd:g})" for name, sd in self.shared.items()]
        return f"Scenario {self.name!r}: {'; '.join(parts)}." if parts else ""

    def factors(self, seed: int, size: int | None) -> dict[str, xr.DataArray]:
        """Draw what the initiatives share.

        Parameters
        ----------
        seed : int
            Seed of the simulation.
        size : int or None
            Draws.

        Returns
        -------
        dict of str to DataArray
            Lognormal factors with mean 1.
        """
        out = {}
        for name, spread in self.shared.items():
            (rng,) = spawn(seed, f"shared factor {name}")
            z = rng.standard_normal(size or _FACTOR_DRAWS)
            out[f"shared {name}"] = dr.from_array(
                np.exp(spread * z - spread**2 / 2), source=f"shared factor {name}:{seed}"
            )
        return out


def _check_matrix(matrix: pd.DataFrame, names: Sequence[str]) -> None:
    rows, columns = sorted(map(str, matrix.index)), sorted(map(str, matrix.columns))
    if rows != sorted(names) or columns != sorted(names):
        raise ConfigError(
            f"overlap.matrix is over {join_names(rows)}; expected {join_names(sorted(names))}."
        )
    values = matrix.loc[list(names), list(names)].to_numpy(dtype=float)
    apart = ~np.eye(len(names), dtype=bool)
    if not np.isfinite(values[apart]).all() or not np.allclose(values[apart], values.T[apart]):
        raise ConfigError("overlap.matrix is not symmetric, or has missing entries.")
