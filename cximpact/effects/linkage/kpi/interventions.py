"""What is done to a KPI: set it, shift it or scale it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, OverlapError, unknown_name
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import number, percent

KINDS = ("set", "shift", "scale")


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """What is done to a KPI of every customer.

    Parameters
    ----------
    kind : {"set", "shift", "scale"}
        Set it to a value, add an amount to it, or multiply it.
    amount : float
        The value, the amount or the factor.
    """

    kind: str
    amount: float

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", KINDS)
        check_number(self.amount, "amount")

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return what becomes of the values that there would be without it.

        Parameters
        ----------
        values : numpy.ndarray
            Values.

        Returns
        -------
        numpy.ndarray
            New values of the same shape.
        """
        if self.kind == "set":
            return np.full(values.shape, float(self.amount))
        return values + self.amount if self.kind == "shift" else values * self.amount

    def __str__(self) -> str:
        verb = {"set": "set to", "shift": "shifted by", "scale": "times"}[self.kind]
        return f"{verb} {self.amount:g}"


def set_to(value: float) -> Intervention:
    """Set a KPI to the same value for everybody.

    Parameters
    ----------
    value : float
        The value.

    Returns
    -------
    Intervention
        For `KpiModel.do`.
    """
    return Intervention(kind="set", amount=value)


def shift_by(amount: float) -> Intervention:
    """Add an amount to a KPI of everybody.

    Parameters
    ----------
    amount : float
        The amount, in the KPI's unit.

    Returns
    -------
    Intervention
        For `KpiModel.do`.
    """
    return Intervention(kind="shift", amount=amount)


def scale_by(factor: float) -> Intervention:
    """Multiply a KPI of everybody.

    Parameters
    ----------
    factor : float
        The factor; 0.9 takes off a tenth.

    Returns
    -------
    Intervention
        For `KpiModel.do`.
    """
    return Intervention(kind="scale", amount=factor)


def read_interventions(
    given: Mapping[str, Any], data: Mapping[str, np.ndarray], *, most_outside: float | None
) -> dict[str, Intervention]:
    """Read what is to be done, and refuse what the data know nothing about.

    Parameters
    ----------
    given : mapping of str to Intervention or float
        Node to what is done; a plain number sets it.
    data : mapping of str to numpy.ndarray
        Observed values of the nodes.
    most_outside : float or None
        Share of customers who may end up outside the observed range; None does not ask.

    Returns
    -------
    dict of str to Intervention
        What is done.

    Raises
    ------
    ConfigError
        If a node is unknown, computed or a category, or nothing is done.
    OverlapError
        If too many customers would leave the observed range.
    """
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"do is {given!r}; expected a mapping such as {{'hold': set_to(60)}}.")
    out = {}
    for name, what in given.items():
        if name not in data:
            raise unknown_name("node", name, list(data))
        action = what if isinstance(what, Intervention) else set_to(what)
        if most_outside is not None:
            _check_range(name, action, data[name], check_prob(most_outside, "most_outside"))
        out[name] = action
    return out


def _check_range(name: str, action: Intervention, values: np.ndarray, most: float) -> None:
    low, high = float(values.min()), float(values.max())
    after = action.apply(values)
    slack = 1e-9 * max(high - low, 1e-300)
    outside = float(np.mean((after < low - slack) | (after > high + slack)))
    if outside > most:
        raise OverlapError(
            f"do would bring {name!r} ({action}) outside its range in the data, {number(low)} to "
            f"{number(high)}, for {percent(outside)} of customers; nothing is known there. Choose "
            "a smaller change, or say most_outside=None and answer for the extrapolation."
        )
