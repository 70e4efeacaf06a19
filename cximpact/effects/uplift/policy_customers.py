"""Customers as a targeting policy sees them: estimated effects, and scores to value a list by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.claims import EFFECT_SCALES
from cximpact.core.errors import ConfigError, DataError, DesignError
from cximpact.core.validate import check_choice, check_vector
from cximpact.effects.uplift.policy_inputs import by_arm, not_negative


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredCustomers:
    """Customers with the estimated effect of each arm on each of them.

    Parameters
    ----------
    effect : array_like, shape (customer,) or (customer, arm)
        Estimated effect on the outcome, by which the list is chosen. It comes from models that
        did not see the customer's own outcome.
    pseudo_outcome : array_like, same shape, optional
        Doubly robust scores of these customers, by which the list is valued. None for customers
        whose outcome is not known yet.
    std_error : array_like, same shape, optional
        Standard error or posterior deviation of each effect.
    risk : array_like, shape (customer,), optional
        Risk score that a list of the riskiest would go by.
    ids : Series, Index or array_like, shape (customer,), optional
        Identifiers for the treatment list; the row number by default.
    groups : array_like, shape (customer,), optional
        Groups with a smallest or largest share of treated.
    eligible : array_like of bool, or mapping of rule to array_like of bool, optional
        Who may be contacted, as `allocate` takes it.
    weights, cluster : array_like, shape (customer,), optional
        Weights, and what is drawn together; for the value of the list.
    arms : sequence, default ("treated",)
        Labels of the arms.
    scale : {"outcome", "pp", "points", "money"}
        Meaning of the effects.

    Raises
    ------
    DesignError
        If the effects are the scores themselves.
    """

    effect: Any = field(repr=False)
    pseudo_outcome: Any = field(default=None, repr=False)
    std_error: Any = field(default=None, repr=False)
    risk: Any = field(default=None, repr=False)
    ids: Any = field(default=None, repr=False)
    groups: Any = field(default=None, repr=False)
    eligible: Any = field(default=None, repr=False)
    weights: Any = field(default=None, repr=False)
    cluster: Any = field(default=None, repr=False)
    arms: Sequence[Any] = ("treated",)
    scale: str = "outcome"

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", EFFECT_SCALES)
        effect = by_arm(self.effect, "effect")
        object.__setattr__(self, "effect", effect)
        object.__setattr__(self, "arms", tuple(self.arms))
        if len(self.arms) != effect.shape[1]:
            raise ConfigError(
                f"arms names {len(self.arms)} arms but effect has {effect.shape[1]} columns; "
                "expected one label a column."
            )
        for name in ("pseudo_outcome", "std_error"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _like(by_arm(getattr(self, name), name), self, name))
        if self.std_error is not None:
            not_negative(self.std_error, "std_error", "expected at least 0.")
        if self.risk is not None:
            risk = check_vector(self.risk, "risk")
            object.__setattr__(self, "risk", _like(risk[:, None], self, "risk", arms=1)[:, 0])
        if self.pseudo_outcome is not None and np.array_equal(effect, self.pseudo_outcome):
            raise DesignError(
                "effect and pseudo_outcome are the same numbers; a list chosen by the scores that "
                "value it looks good even where nothing works. Give effects from models that did "
                "not see the customer."
            )

    @property
    def n(self) -> int:
        """How many customers there are."""
        return len(self.effect)


def _like(
    array: np.ndarray, customers: ScoredCustomers, name: str, arms: int | None = None
) -> np.ndarray:
    expected = (customers.n, customers.effect.shape[1] if arms is None else arms)
    if array.shape != expected:
        raise DataError(
            f"{name} has the shape {array.shape}; expected {expected} as effect has it."
        )
    return array
